"""Titanic: 891 passengers with their fate, 418 without; the share of correct labels counts."""

import pandera.pandas as pa
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from torch import nn

from competitions.titanic.features import add_features, make_encoder
from competitions.titanic.sample import make_sample
from pipelines.competition import Competition, Published, Recipe, Variant
from pipelines.metrics import accuracy
from pipelines.models import MLP

SCHEMA = pa.DataFrameSchema(
    {
        "Pclass": pa.Column(float, pa.Check.isin([1, 2, 3])),
        "Name": pa.Column(str, pa.Check.str_matches(r"[^,]+, .+\.", error="a name such as 'Kelly, Mr. James'")),
        "Sex": pa.Column(str, pa.Check.isin(["male", "female"])),
        "Age": pa.Column(float, pa.Check.in_range(0, 120), nullable=True),
        "SibSp": pa.Column(float, pa.Check.isin(list(range(21)), error="a whole number from 0 to 20")),
        "Parch": pa.Column(float, pa.Check.isin(list(range(21)), error="a whole number from 0 to 20")),
        "Ticket": pa.Column(str, pa.Check.str_matches(r"(?!'|.*\d\.\d).", error="a ticket such as 'PC 17599'")),
        "Fare": pa.Column(float, pa.Check.in_range(0, 1000), nullable=True),
        "Cabin": pa.Column(str, pa.Check.str_matches(r"[A-GT]\d*( [A-GT]\d*)*$", error="cabins (C85)"), nullable=True),
        "Embarked": pa.Column(str, pa.Check.isin(["S", "C", "Q"]), nullable=True),
    }
)


def make_model(n_features: int, n_classes: int) -> nn.Module:
    """Two hidden layers, as in lecture 7, with dropout."""
    return MLP([n_features, 64, 32, n_classes], activation="silu", dropout=0.4)


def make_trees() -> HistGradientBoostingClassifier:
    """Few, small and slow trees, for few rows; none of their chance is left to a seed."""
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=8, early_stopping=False, random_state=0
    )


def sex_only() -> object:
    """The rule of gender_submission.csv, learned: each sex shares its majority's fate."""
    return make_pipeline(make_column_transformer((OneHotEncoder(), ["Sex"])), LogisticRegression())


# Cross-validated and public accuracy of trained models that were published with both: two logistic
# regressions, XGBoost, CatBoost, a 2 x 64 network, TabM, RealMLP, AutoGluon, a RuleFit and MLP blend.
PUBLISHED = Published(
    baseline="sex only",
    score=0.7868,
    pairs=(
        (0.827, 0.770), (0.845, 0.778), (0.840, 0.784), (0.847, 0.780), (0.844, 0.789),
        (0.840, 0.787), (0.837, 0.789), (0.815, 0.773), (0.854, 0.797),
    ),
)  # fmt: skip

COMPETITION = Competition(
    slug="titanic",
    id_column="PassengerId",
    target="Survived",
    classes=(0, 1),
    metric=accuracy,
    submit="labels",
    sample_submission="gender_submission.csv",
    schema=SCHEMA,
    add_features=add_features,
    variants={
        "network": Variant(
            make_encoder=make_encoder,
            make_model=make_model,
            recipe=Recipe(epochs=60, batch_size=64, lr=2e-3, weight_decay=1e-2, schedule="one-cycle"),
        ),
        "hist-gradient-boosting": Variant(make_encoder=make_encoder, make_estimator=make_trees),
    },
    baselines={"sex only": sex_only},
    published=PUBLISHED,
    make_sample=make_sample,
)
