"""What a passenger's row says, before anything is learned.

`add_features` sees train and test passengers together and never the target: it may count who
travelled with whom, and cannot know who survived.
"""

import numpy as np
import pandas as pd

from pipelines.encoders import GroupMedianImputer, LeaveOneOutMean, TabularEncoder

TITLES = {
    "Mr": "Mr", "Mrs": "Mrs", "Mme": "Mrs", "Miss": "Miss", "Ms": "Miss", "Mlle": "Miss", "Master": "Master",
}  # fmt: skip
# What the network sees: a new column of `add_features` has to stand in one of these, or in the encoder.
NUMERIC = ("age_missing", "family_size", "ticket_size", "log_fare_per_person", "cabin_known")
CATEGORICAL = ("title", "sex_class", "deck", "Embarked")
MAX_PARCH = 6  # the largest value in the training file; Parch 9 occurs in the test file only


def add_features(passengers: pd.DataFrame) -> pd.DataFrame:
    """Columns that follow from the passengers' own rows and from who shares a ticket or a name.

    Missing stays missing where the encoder learns how to fill it (age, fare). A column reaches the network only if the
    encoder below names it.
    """
    p = passengers.copy()
    surname = p["Name"].str.partition(",")[0]
    title = p["Name"].str.extract(r",\s*([^.]+)\.")[0].str.strip()
    p["title"] = title.map(TITLES).fillna("rare")
    p["sex_class"] = p["Sex"] + p["Pclass"].astype(int).astype(str)
    p["age_missing"] = p["Age"].isna().astype(float)
    p["parch"] = p["Parch"].clip(upper=MAX_PARCH)
    p["family_size"] = p["SibSp"] + p["parch"] + 1
    p["ticket_size"] = p.groupby("Ticket")["Ticket"].transform("size")
    p["log_fare_per_person"] = np.log1p(p["Fare"] / p["ticket_size"])
    p["deck"] = p["Cabin"].str[0].fillna("none").replace("T", "none")  # one passenger, in train only
    p["cabin_known"] = p["Cabin"].notna().astype(float)
    p["Embarked"] = p["Embarked"].fillna("missing")
    return p.assign(**_woman_child_groups(p, surname))


def _woman_child_groups(p: pd.DataFrame, surname: pd.Series) -> dict[str, pd.Series]:
    """Names of the groups whose women and children share their fate; missing for grown men.

    One group are those who share surname, class and fare, another those who share a ticket.
    """
    woman_or_child = (p["Sex"] == "female") | (p["title"] == "Master")
    family = surname + "|" + p["Pclass"].astype(str) + "|" + p["Fare"].astype(str)
    family = family.where(p["family_size"] > 1)
    return {"family": family.where(woman_or_child), "party": p["Ticket"].where(woman_or_child)}


def make_encoder() -> TabularEncoder:
    """Numbers, categories, age by title and class, and the fate of the woman-child group."""
    return TabularEncoder(
        NUMERIC,
        CATEGORICAL,
        extra=(
            ("age", GroupMedianImputer(), ["Age", "title", "Pclass"]),
            ("fate", LeaveOneOutMean(unknown=0.5), ["family", "party"]),
        ),
    )
