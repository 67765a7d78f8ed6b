"""Practice hides rows with their labels; nothing that trains sees either."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.audit import practice
from pipelines.data.sources import from_sample
from pipelines.data.tables import read
from pipelines.errors import DataError
from pipelines.metrics import accuracy, log_loss

QUICK = ["--folds", "3", "--seeds", "1", "--epochs", "15", "--device", "cpu"]


@pytest.fixture
def data(titanic):
    return read(titanic, from_sample(titanic))


def test_a_stratified_fifth_stands_in_the_place_of_the_test_rows(titanic, data):
    hidden = practice.hide(titanic, data, seed=3)
    ids = [frame["PassengerId"] for frame in (hidden.tables.train, hidden.tables.test)]
    assert set(ids[0]) | set(ids[1]) == set(data.train["PassengerId"])
    assert set(ids[0]) & set(ids[1]) == set()
    assert len(hidden.truth) == len(hidden.tables.test) == pytest.approx(len(data.train) / 5, abs=1)
    assert hidden.truth.mean() == pytest.approx(data.y.mean(), abs=0.005)
    by_id = pd.Series(data.y, index=data.train["PassengerId"])
    np.testing.assert_array_equal(by_id[ids[1]], hidden.truth)
    np.testing.assert_array_equal(by_id[ids[0]], hidden.tables.y)
    assert list(hidden.tables.test.columns) == list(data.test.columns)
    assert set(practice.hide(titanic, data, seed=4).tables.test["PassengerId"]) != set(ids[1])


def test_the_score_is_that_of_the_hidden_rows(titanic, data):
    hidden = practice.hide(titanic, data, seed=0)
    proba = np.random.default_rng(0).dirichlet([1, 1], len(hidden.truth))
    found = hidden.score(log_loss, proba)
    assert found.score == pytest.approx(sklearn_log_loss(hidden.truth, proba))
    assert found.se == pytest.approx(log_loss.per_row(hidden.truth, proba).std(ddof=1) / len(proba) ** 0.5)
    assert found.rows == len(hidden.truth)


def test_whole_groups_are_hidden_and_their_rows_are_not_counted_as_independent(titanic, data):
    hidden = practice.hide(replace(titanic, groups="Ticket"), data, seed=0)
    shown, tickets = hidden.tables.train["Ticket"], hidden.tables.test["Ticket"]
    assert not set(shown) & set(tickets)
    assert len(tickets) == pytest.approx(len(data.train) / 5, abs=5)
    assert hidden.truth.mean() == pytest.approx(data.y.mean(), abs=0.02)
    proba = np.random.default_rng(0).dirichlet([1, 1], len(hidden.truth))
    assert hidden.score(accuracy, proba).se == accuracy.se(hidden.truth, proba, pd.factorize(tickets)[0])
    assert hidden.score(accuracy, proba).se != accuracy.se(hidden.truth, proba)


def test_the_latest_rows_are_hidden(titanic, data):
    rows = data.train.assign(Fare=np.random.default_rng(0).permutation(len(data.train)))
    hidden = practice.hide(replace(titanic, time="Fare"), replace(data, train=rows), seed=0)
    assert hidden.tables.train["Fare"].max() < hidden.tables.test["Fare"].min()
    assert len(hidden.truth) == len(data.train) // 5


def test_what_others_published_holds_for_kaggles_test_rows_only(titanic):
    assert titanic.published is not None
    assert practice.without_published(titanic).published is None


def test_a_class_of_four_rows_cannot_be_hidden(titanic, data):
    y = data.y.copy()
    y[:] = 0
    y[:4] = 1
    with pytest.raises(DataError, match="the smallest class has 4 rows"):
        practice.hide(titanic, replace(data, y=y), seed=0)


def test_the_hidden_labels_reach_nothing_but_the_score(sample_folder, tmp_path, monkeypatch):
    """Other fates for the hidden rows: the same score out of fold, another one on the hidden rows."""
    monkeypatch.chdir(tmp_path)

    def run():
        done = CliRunner().invoke(app, ["cv", "titanic", "--practice", "--data", str(sample_folder), *QUICK, "--json"])
        assert done.exit_code == 0, done.output
        assert "practice, hidden rows" in done.stderr
        assert "forecast, hidden rows" in done.stderr
        assert "public score" not in done.stderr
        return json.loads(done.stdout)

    before = run()
    train = pd.read_csv(sample_folder / "train.csv")
    parts = practice.split(train["Survived"].to_numpy(), practice.PARTS, 0)
    monkeypatch.setattr(practice, "split", lambda *_, **_groups: parts)  # which rows are hidden depends on all fates
    hidden = parts[0][1]
    swapped = train["Survived"].where(~train.index.isin(hidden), 1 - train["Survived"])
    train.assign(Survived=swapped).to_csv(sample_folder / "train.csv", index=False)
    after = run()
    assert before["practice"]["rows"] == len(hidden)
    assert after["cv_mean"] == before["cv_mean"]
    assert after["practice"]["score"] == pytest.approx(1 - before["practice"]["score"])
    assert before["practice"]["score"] > 0.7
    assert not (tmp_path / "submissions").exists()
