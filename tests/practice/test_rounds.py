"""Honest rounds: the forecast is made without the hidden rows' targets, and holds as often as it promises."""

import pickle
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import wrap_non_picklable_objects
from scipy.stats import binomtest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from pipelines.competition import Number, Variant
from pipelines.data.tables import Tables
from pipelines.encoders import TabularEncoder
from pipelines.errors import DataError
from pipelines.metrics import accuracy, log_loss, rmse
from pipelines.practice import rounds
from pipelines.practice.coverage import cover
from pipelines.practice.rounds import alone, deal, foretell, play, scored
from pipelines.validation.crossval import Plan


def made_rows(n=300, seed=0, number=False):
    """Rows of which one column tells the target, with chance; the id is the row's number."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"PassengerId": np.arange(n), "signal": rng.normal(size=n), "noise": rng.normal(size=n)})
    said = frame["signal"].to_numpy() + rng.normal(size=n)
    return Tables(frame, said if number else (said > 0).astype(np.int64), frame[:0], frame[:0])


def by(competition, make_estimator, **changes):
    """The competition with that estimator alone, on plain columns."""
    variant = Variant(make_encoder=lambda: TabularEncoder(("signal", "noise")), make_estimator=make_estimator)
    return replace(competition, variants={"network": variant}, add_features=None, **changes)


@pytest.fixture
def quick(titanic):
    return by(titanic, LogisticRegression, baselines={}, published=None)


def plan_of(competition, folds=4):
    return Plan(folds=folds, seeds=1, variants=dict(competition.variants))


def test_a_round_is_what_its_parts_are(quick):
    tables = made_rows()
    (found,) = play(quick, tables, plan_of(quick), [3])
    hidden = deal(quick, tables, 3)
    foretold = foretell(alone(quick), hidden.tables, replace(plan_of(quick), seed=3))
    assert (found.seed, found.rows) == (3, len(hidden.truth)) == (3, 60)
    assert found.outcome == np.mean(foretold.test.argmax(axis=1) == hidden.truth)
    assert (found.score, found.mean) == (foretold.score, foretold.forecast.mean)
    assert found.mean == found.score + found.averaging
    assert found.z == pytest.approx((found.outcome - found.mean) / foretold.forecast.error)
    p = found.score
    assert found.error == pytest.approx(np.sqrt(p * (1 - p) * (1 / 240 + 1 / 60)), rel=0.01)


def test_the_same_seed_is_the_same_round_and_another_one_another(quick):
    tables = made_rows()
    one, again, other = play(quick, tables, plan_of(quick), [0, 0, 1])
    assert replace(one, seconds=0) == replace(again, seconds=0)
    assert one.outcome != other.outcome


def test_of_groups_any_part_may_be_hidden(quick):
    tables = made_rows()
    tables = replace(tables, train=tables.train.assign(party=np.arange(300) // 3))
    parties = [set(deal(replace(quick, groups="party"), tables, seed).tables.test["party"]) for seed in range(3)]
    shown = [set(deal(replace(quick, groups="party"), tables, seed).tables.train["party"]) for seed in range(3)]
    assert [one & other for one, other in zip(parties, shown, strict=True)] == [set()] * 3
    assert parties[0] != parties[1] != parties[2]


def test_rounds_of_rows_that_have_a_time_end_earlier_and_earlier(quick):
    timed, tables = replace(quick, time="noise"), made_rows()
    for seed, n_left in ((0, 300), (1, 225), (2, 263), (3, 188)):
        hidden = deal(timed, tables, seed).tables
        assert len(hidden.train) + len(hidden.test) == n_left
        assert hidden.train["noise"].max() < hidden.test["noise"].min()
        everything = pd.concat([hidden.train, hidden.test])["noise"]
        assert everything.max() == np.sort(tables.train["noise"])[n_left - 1]
        assert len(hidden.test) == pytest.approx(n_left / 5, abs=1)


def test_a_round_that_cannot_be_dealt_says_so(quick):
    tables = made_rows(40)
    with pytest.raises(DataError, match="the smallest class has 4 rows"):
        list(play(quick, replace(tables, y=np.repeat([0, 1], [36, 4])), plan_of(quick), [0]))


def test_no_round_is_trained_where_a_later_one_cannot_be_dealt(quick, monkeypatch):
    """With several jobs, those that were finished when it came to that one would be lost."""
    dealt, trained = rounds.deal, []

    def last_one_refused(competition, tables, seed):
        if seed == 2:
            raise DataError("it cannot be dealt", "", "")
        return dealt(competition, tables, seed)

    monkeypatch.setattr(rounds, "deal", last_one_refused)
    monkeypatch.setattr(rounds, "foretell", lambda *_, **__: trained.append(1))
    with pytest.raises(DataError, match="it cannot be dealt"):
        list(play(quick, made_rows(), plan_of(quick), range(3)))
    assert trained == []


# nothing of the solution is reachable

WATCHING = {"on": False}
OPENED: list[str] = []
HANDED: list[bytes] = []


def _hear(event, args):
    if event == "open" and WATCHING["on"]:
        OPENED.append(str(args[0]))


def test_no_target_of_a_hidden_row_is_handed_over_and_no_file_is_opened(quick, tmp_path, monkeypatch):
    """Each target is a marker, since no two are the same: none is searched for in vain among those that are shown."""
    numbers = by(quick, LinearRegression, number=Number(), classes=(), metric=rmse, submit="values")
    tables, run = made_rows(number=True), rounds.cross_validate
    (tmp_path / "solution.csv").write_text("PassengerId,Survived\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        rounds, "cross_validate", lambda *all_of_it: HANDED.append(_bytes_of(all_of_it)) or run(*all_of_it)
    )
    sys.addaudithook(_hear)
    HANDED.clear()
    OPENED.clear()
    WATCHING["on"] = True
    try:
        played = list(play(numbers, tables, plan_of(numbers), range(3)))
    finally:
        WATCHING["on"] = False
    assert len(played) == len(HANDED) == 3
    for seed, handed in enumerate(HANDED):
        hidden = deal(numbers, tables, seed)
        assert all(_said_in(handed, value) for value in hidden.tables.y)
        assert not [value for value in hidden.truth if _said_in(handed, value)]
    assert not [name for name in OPENED if name.endswith(".csv") or str(tmp_path) in name]


def _bytes_of(handed):
    """What a round's whole pipeline is handed, with what its functions close over.

    A number is written to the highest byte first in a pickle, unless an array holds it.
    """
    return pickle.dumps(wrap_non_picklable_objects([handed], keep_wrapper=False))


def _said_in(handed, value):
    """Whether a number is in what was handed over: in an array, or alone."""
    return value.tobytes() in handed or struct.pack(">d", value) in handed


def test_the_markers_are_found_where_they_are_handed_over(quick):
    """The oracle of the test above: a solution among the features, or in a variant's function, would be seen."""
    numbers = by(quick, LinearRegression, number=Number(), classes=(), metric=rmse, submit="values")
    hidden = deal(numbers, made_rows(number=True), 0)
    leaked = hidden.tables.test.assign(solution=hidden.truth)
    assert all(_said_in(_bytes_of(leaked), value) for value in hidden.truth)
    array, numbers_alone, default = hidden.truth, tuple(hidden.truth.tolist()), hidden.truth.tolist()

    def reading(*rows, known=default):
        return rows, known

    for leak in (lambda *_: array, lambda *_: numbers_alone, reading):
        variant = replace(numbers.variants["network"], make_estimator=leak)
        plan = replace(plan_of(numbers), variants={"network": variant})
        leaks = (numbers, None, plan), (replace(numbers, add_features=leak), None, plan_of(numbers))
        assert all(_said_in(_bytes_of(handed), value) for handed in leaks for value in hidden.truth)
    clean = _bytes_of((numbers, None, plan_of(numbers)))
    assert not [value for value in hidden.truth if _said_in(clean, value)]


# the promise, where the truth is known


@pytest.mark.parametrize("metric", [accuracy, log_loss], ids=lambda metric: metric.name)
def test_intervals_hold_as_often_as_they_promise_where_rows_are_new_each_time(quick, metric):
    """Logistic regression of rows that it is the truth of: 40 data sets, a round of each, so rounds are independent."""
    known = replace(quick, metric=metric, submit="labels" if metric is accuracy else "probabilities")
    found = []
    for seed in range(40):
        hidden = deal(known, made_rows(200, seed), seed)
        foretold = foretell(alone(known), hidden.tables, replace(plan_of(known, folds=3), seed=seed))
        found.append(scored(known, seed, hidden, foretold))
    coverage = cover(found)
    for each in coverage.held:
        assert binomtest(each.held, 40, each.level).pvalue > 0.01
    assert abs(coverage.z_mean) < 3 * coverage.z_mean_se
    assert coverage.z_sd_low < 1 < coverage.z_sd_high
    assert coverage.verdict == "holds"


def test_trees_that_overfit_are_forecast_by_their_mean(quick):
    """Each fold's tree learns all chance by heart; the mean of four is better: the forecast knows it."""
    trees = by(
        quick, lambda: DecisionTreeRegressor(random_state=0), number=Number(), classes=(), metric=rmse, submit="values"
    )
    played = list(play(trees, made_rows(number=True), plan_of(trees), range(12)))
    off = np.array([[each.outcome - each.score, each.outcome - each.mean] for each in played])
    plain, counted = off.mean(axis=0) / (off.std(axis=0, ddof=1) / np.sqrt(12))
    assert plain < -3
    assert abs(counted) < 3


@pytest.mark.slow
def test_rounds_in_processes_are_the_rounds_in_sequence(titanic):
    from pipelines.data.sources import from_sample
    from pipelines.data.tables import read

    tables = read(titanic, from_sample(titanic))
    trees = titanic.variants["hist-gradient-boosting"]
    plan = Plan(folds=2, seeds=1, variants={"hist-gradient-boosting": trees})
    one_by_one = list(play(titanic, tables, plan, range(3)))
    at_once = sorted(play(titanic, tables, plan, range(3), jobs=2), key=lambda each: each.seed)
    assert [replace(each, seconds=0) for each in at_once] == [replace(each, seconds=0) for each in one_by_one]
    assert not Path("runs").exists()
