"""What the features say of passengers, and what they cannot know."""

import numpy as np
import pandas as pd
import pytest

from competitions.titanic.features import add_features, make_encoder


def passenger(**changes):
    row = {
        "Pclass": 3.0, "Name": "Doe, Mr. A", "Sex": "male", "Age": 30.0, "SibSp": 0.0, "Parch": 0.0,
        "Ticket": "1", "Fare": 8.0, "Cabin": None, "Embarked": "S",
    }  # fmt: skip
    return row | changes


@pytest.fixture
def features():
    def go(*rows):
        return add_features(pd.DataFrame([passenger(**row) for row in rows]))

    return go


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Doe, Mr. A", "Mr"), ("Doe, Mrs. A (B C)", "Mrs"), ("Doe, Mlle. A", "Miss"), ("Doe, Master. A", "Master"),
        ("Doe y Roe, Dona. A", "rare"), ("Doe, the Countess. of (A)", "rare"), ("no comma", "rare"),
    ],
)  # fmt: skip
def test_titles(features, name, title):
    assert features({"Name": name})["title"].tolist() == [title]


def test_family_ticket_and_fare(features):
    out = features({"SibSp": 1, "Parch": 2, "Ticket": "T", "Fare": 30.0}, {"Ticket": "T", "Fare": 30.0}, {})
    assert out["family_size"].tolist() == [4, 1, 1]
    assert out["ticket_size"].tolist() == [2, 2, 1]
    assert out["log_fare_per_person"].tolist() == pytest.approx(np.log1p([15, 15, 8]).tolist())


def test_what_only_the_test_file_has(features):
    out = features({"Parch": 9, "Name": "Roe, Dona. A", "Sex": "female"}, {"Fare": np.nan}, {"Cabin": "T1"}, {"Age": 1})
    assert out["parch"].tolist() == [6, 0, 0, 0]
    encoder = make_encoder()
    encoder.fit(out.iloc[[3, 3]].assign(Cabin=[None, "C1"]), np.array([0, 1]))
    assert np.isfinite(encoder.transform(out)).all()


def test_gaps_and_decks(features):
    out = features({"Age": np.nan, "Embarked": None, "Cabin": "B58 B60"}, {})
    assert out["age_missing"].tolist() == [1, 0]
    assert out["Embarked"].tolist() == ["missing", "S"]
    assert out["deck"].tolist() == ["B", "none"]


def test_groups_hold_women_and_children_only(features):
    out = features(
        {"Name": "Doe, Mrs. A", "Sex": "female", "Ticket": "T", "SibSp": 1},
        {"Name": "Doe, Master. B", "Ticket": "T", "SibSp": 1, "Age": 3},
        {"Name": "Doe, Mr. C", "Ticket": "T", "SibSp": 1},
    )
    assert out["party"].isna().tolist() == [False, False, True]
    assert out["family"].nunique() == 1
    assert out["family"].isna().tolist() == [False, False, True]


def test_features_leave_their_input_alone_and_do_not_depend_on_row_order(titanic, sample_files):
    from pipelines.data.sources import Source
    from pipelines.data.tables import read

    test = read(titanic, Source("folder", "", sample_files)).test
    before = test.copy()
    once = add_features(test)
    pd.testing.assert_frame_equal(test, before)
    shuffled = add_features(test.sample(frac=1, random_state=0)).loc[once.index]
    pd.testing.assert_frame_equal(shuffled, once)


@pytest.mark.real_data
def test_on_the_real_files(titanic, real_data):
    from pipelines.data.sources import locate
    from pipelines.data.tables import read
    from pipelines.features.frames import make_features

    raw = read(titanic, locate(titanic, real_data / "titanic"))
    assert (len(raw.train), int(raw.y.sum()), len(raw.test)) == (891, 342, 418)
    features = make_features(titanic, raw)
    row = features.test[raw.test["PassengerId"] == 1044]
    assert row["Fare"].isna().all()
    assert features.test["parch"].max() == 6
    encoded = make_encoder().fit(features.train, raw.y).transform(features.test)
    assert np.isfinite(encoded).all()
    shared = raw.test["Ticket"].isin(set(raw.train["Ticket"])).mean()
    assert shared == pytest.approx(0.36, abs=0.01)
