"""The embedded sample has the competition's columns, gaps and shares, and the same rows for the same seed."""

import functools
import io

import numpy as np
import pandas as pd
import pytest

from competitions.titanic.sample import make_sample

COLUMNS = [
    "PassengerId",
    "Survived",
    "Pclass",
    "Name",
    "Sex",
    "Age",
    "SibSp",
    "Parch",
    "Ticket",
    "Fare",
    "Cabin",
    "Embarked",
]
INTEGERS = ["PassengerId", "Survived", "Pclass", "SibSp", "Parch"]
REAL_SURVIVAL = {
    ("female", 1): 0.97,
    ("female", 2): 0.92,
    ("female", 3): 0.50,
    ("male", 1): 0.37,
    ("male", 2): 0.16,
    ("male", 3): 0.14,
}


@functools.cache
def through_csv(seed: int) -> dict[str, pd.DataFrame]:
    frames = make_sample(seed)
    return {name: pd.read_csv(io.StringIO(frame.to_csv(index=False))) for name, frame in frames.items()}


@pytest.fixture(scope="module")
def files() -> dict[str, pd.DataFrame]:
    return through_csv(0)


@pytest.fixture(scope="module")
def train(files):
    return files["train.csv"]


@pytest.fixture(scope="module")
def test(files):
    return files["test.csv"]


@pytest.fixture(scope="module")
def everyone(train, test):
    people = pd.concat([train, test], ignore_index=True)
    return people.assign(title=people["Name"].str.extract(r", ([A-Za-z]+)\. ", expand=False))


def fates_beside_companions(train, together):
    """Survival of each of the chosen persons, and the mean of the others of them with the same ticket."""
    chosen = train[together]
    party = chosen.groupby("Ticket")["Survived"]
    size = party.transform("size")
    others = (party.transform("sum") - chosen["Survived"]) / (size - 1).where(size > 1)
    return chosen["Survived"][size > 1], others[size > 1]


def test_files_have_the_names_columns_and_row_counts_of_the_competition(files):
    assert {name: frame.shape for name, frame in files.items()} == {
        "train.csv": (891, 12),
        "test.csv": (418, 11),
        "gender_submission.csv": (418, 2),
    }
    assert list(files["train.csv"]) == COLUMNS
    assert list(files["test.csv"]) == [name for name in COLUMNS if name != "Survived"]
    assert list(files["gender_submission.csv"]) == ["PassengerId", "Survived"]


@pytest.mark.parametrize("name", ["train.csv", "test.csv", "gender_submission.csv"])
def test_types_survive_csv(files, name):
    for column, values in files[name].items():
        if column in INTEGERS:
            assert values.dtype == np.int64, column
        elif column in ("Age", "Fare"):
            assert values.dtype == np.float64, column
        else:
            assert all(isinstance(value, str) for value in values.dropna()), column


def test_passenger_ids_run_on_from_train_to_test(files):
    assert files["train.csv"]["PassengerId"].tolist() == list(range(1, 892))
    assert files["test.csv"]["PassengerId"].tolist() == list(range(892, 1310))
    assert files["gender_submission.csv"]["PassengerId"].tolist() == list(range(892, 1310))


def test_gender_submission_lets_women_survive(files, test):
    women = test["Sex"] == "female"
    assert files["gender_submission.csv"]["Survived"].tolist() == women.astype(int).tolist()


def test_one_seed_makes_one_sample():
    first, second = make_sample(0), make_sample(0)
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, second[name])


def test_another_seed_makes_another_sample():
    first, second = through_csv(0), through_csv(1)
    for name, frame in first.items():
        assert not frame.equals(second[name]), name


def test_global_random_state_is_left_alone():
    np.random.seed(3)  # noqa: NPY002 - the global state is what is tested
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    make_sample(0)
    assert np.random.random() == expected  # noqa: NPY002


def test_missing_values_are_where_the_competition_has_them(train, test):
    for frame in (train, test):
        missing = frame.isna().mean()
        assert missing["Age"] == pytest.approx(0.20, abs=0.04)
        assert missing["Cabin"] == pytest.approx(0.775, abs=0.05)
    gaps = {"Age", "Cabin"}
    assert train.isna().sum().drop(gaps).loc[lambda n: n > 0].to_dict() == {"Embarked": 2}
    assert test.isna().sum().drop(gaps).loc[lambda n: n > 0].to_dict() == {"Fare": 1}
    assert test.loc[test["Fare"].isna(), "Pclass"].tolist() == [3]


def test_cabins_are_known_mostly_in_first_class(everyone):
    known = everyone["Cabin"].notna().groupby(everyone["Pclass"]).mean()
    assert known[1] > 0.65
    assert known[2] < 0.20
    assert known[3] < 0.08


def test_shares_of_class_sex_and_port(train):
    shares = train["Pclass"].value_counts(normalize=True)
    assert [shares[pclass] for pclass in (1, 2, 3)] == pytest.approx([0.24, 0.21, 0.55], abs=0.03)
    assert (train["Sex"] == "male").mean() == pytest.approx(0.65, abs=0.03)
    ports = train["Embarked"].value_counts(normalize=True)
    assert [ports[port] for port in "SCQ"] == pytest.approx([0.72, 0.19, 0.09], abs=0.06)


def test_survival_by_sex_and_class(train):
    assert train["Survived"].mean() == pytest.approx(0.384, abs=0.03)
    rates = train.groupby(["Sex", "Pclass"])["Survived"].mean().to_dict()
    assert rates == pytest.approx(REAL_SURVIVAL, abs=0.06)


def test_guess_by_sex_alone_is_about_as_good_as_on_the_real_rows(train):
    accuracy = ((train["Sex"] == "female") == train["Survived"]).mean()
    assert 0.77 < accuracy < 0.81


def test_women_and_children_of_a_party_share_their_fate(train):
    together = (train["Sex"] == "female") | train["Name"].str.contains(", Master.", regex=False)
    fates, others = fates_beside_companions(train, together)
    assert len(fates) > 90
    assert np.corrcoef(fates, others)[0, 1] > 0.75
    men, other_men = fates_beside_companions(train, ~together)
    assert np.corrcoef(men, other_men)[0, 1] < 0.6


def test_parties_straddle_the_split(train, test):
    assert 0.25 < test["Ticket"].isin(train["Ticket"]).mean() < 0.45
    surnames = [frame["Name"].str.split(",").str[0] for frame in (train, test)]
    assert surnames[1].isin(surnames[0]).mean() > 0.25


def test_a_ticket_has_one_class_port_and_fare(everyone):
    shared = everyone.groupby("Ticket")[["Pclass", "Fare", "Embarked"]].nunique()
    assert shared.max().tolist() == [1, 1, 1]


def test_fares_fall_with_class_and_are_sometimes_zero(everyone):
    median = everyone.groupby("Pclass")["Fare"].median()
    assert median[1] > 2 * median[2] > 2 * median[3]
    assert 3 <= (everyone["Fare"] == 0).sum() <= 30
    assert everyone["Fare"].min() == 0


def test_values_found_in_one_file_only(train, test):
    assert 9 not in set(train["Parch"])
    assert 1 <= (test["Parch"] == 9).sum() <= 2
    assert train["Name"].str.contains(", Dona.", regex=False).sum() == 0
    assert test["Name"].str.contains(", Dona.", regex=False).sum() == 1
    assert (train["Cabin"] == "T").sum() == 1
    assert test["Cabin"].str.startswith("T", na=False).sum() == 0


def test_masters_are_young_boys_and_titles_agree_with_sex(everyone):
    masters = everyone[everyone["title"] == "Master"]
    assert len(masters) > 30
    assert masters["Age"].max() < 15
    sexes = everyone.groupby("title")["Sex"].unique().map(list).to_dict()
    assert sexes["Master"] == sexes["Mr"] == ["male"]
    assert sexes["Miss"] == sexes["Mrs"] == sexes["Dona"] == ["female"]
    assert {"Mr", "Mrs", "Miss", "Master", "Dr", "Rev"} <= set(sexes)


def test_names_hold_made_surnames_and_initials_only(everyone):
    single = r"[A-Z][a-z]+, [A-Z][a-z]+\. [A-Z]\. [A-Z]\."
    assert everyone["Name"].str.fullmatch(single + r"( \([A-Z]\. [A-Z][a-z]+\))?").all()
    assert everyone.loc[everyone["title"] == "Mrs", "Name"].str.endswith(")").all()


@pytest.mark.parametrize("seed", range(3))
def test_relatives_aboard_fit_the_party(seed):
    files = through_csv(seed)
    people = pd.concat([files["train.csv"], files["test.csv"]])
    party_size = people.groupby("Ticket")["Ticket"].transform("size")
    assert (people["SibSp"] + people["Parch"] < party_size).all()
    assert (people["SibSp"] + people["Parch"] > 0).mean() == pytest.approx(0.40, abs=0.07)
    wives = people[(people["SibSp"] == 1) & people["Name"].str.contains(", Mrs.", regex=False)]
    husbands = people[(people["SibSp"] == 1) & people["Name"].str.contains(", Mr.", regex=False)]
    assert wives["Ticket"].isin(husbands["Ticket"]).all()


@pytest.mark.parametrize("seed", range(1, 4))
def test_single_cases_come_with_every_seed(seed):
    files = through_csv(seed)
    train, test = files["train.csv"], files["test.csv"]
    assert train["Embarked"].isna().sum() == 2
    assert test["Fare"].isna().sum() == 1
    assert (test["Parch"] == 9).sum() == 2
    assert (train["Cabin"] == "T").sum() == 1
    assert test["Name"].str.contains(", Dona.", regex=False).sum() == 1
