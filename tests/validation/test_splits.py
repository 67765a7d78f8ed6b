"""Folds part no group, are scored by earlier rows where rows have a time, and hold the classes in like shares."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, TimeSeriesSplit
from toys import QUICK, fitted_baselines, make_features, only, plan

from pipelines.competition import Recipe
from pipelines.encoders import LeaveOneOutMean, TabularEncoder
from pipelines.errors import DataError, DataWarning, UsageError
from pipelines.features.belonging import codes_of, group_codes, split_line, time_order, together
from pipelines.features.dealing import deal
from pipelines.features.frames import Features
from pipelines.models import MLP
from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.training.fit import Job
from pipelines.validation.blend import blend
from pipelines.validation.crossval import FoldEncoder, cross_validate
from pipelines.validation.results import Predictions, summarise
from pipelines.validation.splits import split


def grouped(rng, n_groups, n_rows, n_twins=0):
    """Numbers of groups, and twins: some rows that equal an earlier one, of whatever group."""
    groups, twins = rng.integers(n_groups, size=n_rows), np.arange(n_rows)
    for row in rng.choice(np.arange(1, n_rows), n_twins, replace=False):
        twins[row] = twins[rng.integers(row)]
    return groups, twins


# Before 1.8 the classes' counts were shuffled, but not the groups that they are of: groups went where others should.
SHUFFLES_COUNTS_ONLY = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 60), st.integers(2, 4), st.integers(0, 4), st.booleans())
def test_no_fold_parts_a_group_or_equal_rows(seed, n_groups, folds, n_twins, is_class):
    rng = np.random.default_rng(seed)
    groups, twins = grouped(rng, n_groups, 240, n_twins)
    y = rng.integers(0, 2, 240) if is_class else rng.normal(size=240)
    y[twins != np.arange(240)] = y[twins[twins != np.arange(240)]]
    found = split(y, folds, seed, twins, groups=groups)
    assert sorted(np.concatenate([fold.scored for fold in found])) == list(range(240))
    for fold in found:
        assert sorted([*fold.train, *fold.scored]) == list(range(240))
        for numbers in (groups, twins):
            assert not set(numbers[fold.train]) & set(numbers[fold.scored])
        assert len(fold.scored) > 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(12, 200), st.integers(2, 6))
def test_later_rows_are_scored_by_earlier_ones(seed, n_times, folds):
    rng = np.random.default_rng(seed)
    time = np.unique(rng.integers(n_times, size=240), return_inverse=True)[1]
    found = split(rng.normal(size=240), folds, 0, time=time)
    scored = np.concatenate([fold.scored for fold in found])
    assert len(found) == folds
    assert len(set(scored)) == len(scored)
    assert time[np.setdiff1d(np.arange(240), scored)].max() < time[scored].min()
    for fold in found:
        assert time[fold.train].max() < time[fold.scored].min()
        np.testing.assert_array_equal(fold.train, np.flatnonzero(time < time[fold.scored].min()))


def test_without_equal_times_the_blocks_are_scikit_learns():
    for n_rows in (23, 60, 61):
        theirs = TimeSeriesSplit(5).split(np.zeros(n_rows))
        order = np.random.default_rng(0).permutation(n_rows)
        for fold, (train, scored) in zip(split(np.zeros(n_rows), 5, 0, time=order), theirs, strict=True):
            assert set(order[fold.train]) == set(train)
            assert set(order[fold.scored]) == set(scored)


def test_a_few_times_of_many_rows_still_make_as_many_folds():
    time = np.repeat([0, 1, 2, 3], [1, 1, 1, 97])
    found = split(np.zeros(100), 3, 0, time=time)
    assert [fold.scored.tolist() for fold in found] == [[1], [2], list(range(3, 100))]


def test_an_earlier_row_that_equals_a_scored_one_is_not_learned_from():
    twins = np.array([0, 1, 2, 3, 0, 5])
    last = split(np.zeros(6), 2, 0, twins, time=np.arange(6))[1]
    assert (last.train.tolist(), last.scored.tolist()) == ([1, 2, 3], [4, 5])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 40), st.integers(2, 6), st.integers(2, 9), st.booleans())
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_groups_are_dealt_as_scikit_learn_does(seed, n_groups, folds, n_classes, is_pure):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(n_groups, size=80)])
    y = rng.integers(n_classes, size=n_groups)[groups] if is_pure else rng.integers(n_classes, size=len(groups))
    dealt = deal(y, groups * 7, folds, seed % 1000)
    order = np.random.RandomState(seed % 1000).permutation(n_groups)
    in_order = StratifiedGroupKFold(folds).split(y, y, np.argsort(order)[groups])
    for fold, (_, scored) in enumerate(in_order):
        np.testing.assert_array_equal(np.flatnonzero(dealt == fold), scored)
    if not SHUFFLES_COUNTS_ONLY:
        theirs = StratifiedGroupKFold(folds, shuffle=True, random_state=seed % 1000).split(y, y, groups)
        for fold, (_, scored) in enumerate(theirs):
            np.testing.assert_array_equal(np.flatnonzero(dealt == fold), scored)


def test_groups_are_dealt_alike_whatever_scikit_learn_is_installed():
    groups = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6])
    y = np.array([0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1])
    assert deal(y, groups, 3, 0).tolist() == [1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0, 1]
    assert deal(y, groups, 3, 2).tolist() == [0, 0, 2, 2, 2, 1, 0, 0, 1, 1, 1, 0]


def test_groups_are_stratified_and_folds_of_like_size():
    rng = np.random.default_rng(0)
    sizes = rng.geometric(0.3, 400)
    groups = np.repeat(np.arange(400), sizes)
    y = (rng.random(len(groups)) < np.repeat(rng.beta(0.5, 1.5, 400), sizes)).astype(np.int64)
    for fold in split(y, 5, 0, groups=groups):
        assert y[fold.scored].mean() == pytest.approx(y.mean(), abs=0.01)
        assert len(fold.scored) == pytest.approx(len(y) / 5, rel=0.02)


def test_numbers_are_stratified_by_their_order_and_groups_of_numbers_are_scikit_learns():
    rng = np.random.default_rng(0)
    y = rng.lognormal(sigma=2, size=500)
    found = split(y, 5, 3)
    tenths = np.argsort(np.argsort(y)) // 50
    for fold in found:
        assert np.bincount(tenths[fold.scored]).tolist() == [10] * 10
    assert len({tuple(fold.scored) for fold in (*found, *split(y, 5, 4))}) == 10
    groups = np.unique(rng.integers(60, size=500), return_index=True, return_inverse=True)
    first = groups[1][groups[2]]
    theirs = GroupKFold(5, shuffle=True, random_state=3).split(y, y, first)
    for fold, (train, scored) in zip(split(y, 5, 3, groups=first), theirs, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.scored, scored)


def test_equal_rows_tie_groups_together():
    assert together(np.array([0, 1, 0, 3, 4, 3]), np.array([5, 5, 6, 6, 7, 8])).tolist() == [0, 0, 0, 0, 4, 0]
    np.testing.assert_array_equal(together(np.arange(4), np.array([9, 3, 9, 3])), [0, 1, 0, 1])


FEW = {
    "groups of a class": (
        [0] * 20 + [1] * 6, {"groups": [*range(20), 20, 20, 21, 21, 22, 22]}, 5,
        "5 folds do not fit: the smallest class has rows in 3 groups\n.*choose --folds between 2 and 3",
    ),
    "one group of a class": (
        [0] * 20 + [1] * 6, {"groups": [*range(20), *[20] * 6]}, 5, "a class with rows in 1 group: each needs 2",
    ),
    "groups of numbers": (
        [0.5] * 20, {"groups": [0, 1, 2, 3] * 5}, 5,
        "5 folds do not fit: the training file has rows in 4 groups\n.*between 2 and 4",
    ),
    "numbers": ([0.5, 1.0, 2.0], {}, 5, "5 folds do not fit: the training file has 3 rows"),
    "equal numbers": ([0.5] * 9, {"twins": [0, 0, 0, 0, 4, 4, 4, 7, 7]}, 5, "the training file has 3 different rows"),
    "times": (
        [0.5] * 20, {"time": [0, 1, 2, 3, 4] * 4}, 5,
        "5 folds by time do not fit: the rows hold 5 times, and the first is never scored\n.*between 2 and 4",
    ),
    "two times": ([0.5] * 20, {"time": [0, 1] * 10}, 5, "no cross-validation by time of rows that hold 2 times"),
    "a class that comes late": (
        [0] * 15 + [1] * 5, {"time": range(20)}, 4, "fold 1 of 4 would learn from no row of class number 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FEW)
def test_what_does_not_fit_says_what_does(case):
    y, numbers, folds, told = FEW[case]
    with pytest.raises(DataError, match=told):
        split(np.array(y), folds, 0, **{name: np.array(each) for name, each in numbers.items()})


ROWS = pd.DataFrame({"PassengerId": ["0001_01", "0002_01", "0002_02", "0003_01"], "party": ["a", None, "a", None]})


def test_groups_are_a_column_or_a_function_of_the_rows(titanic):
    def party(rows):
        return rows["PassengerId"].str.partition("_")[0]

    assert group_codes(titanic, ROWS) is None
    by_function = replace(titanic, groups=party)
    assert group_codes(by_function, ROWS).tolist() == [0, 1, 1, 2]
    assert "folds by groups (party): 3 groups" in split_line(by_function, 5, np.array([0, 1, 1, 2]), None)
    by_column = replace(titanic, groups="party")
    with pytest.warns(DataWarning, match="groups of titanic: 2 rows have none; each is taken for a group of its own"):
        assert group_codes(by_column, ROWS).tolist() == [0, 1, 0, 2]
    assert codes_of(pd.Series([None, None])).tolist() == [0, 1]
    assert split_line(titanic, 5, None, None) == ""


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ("Partei", "groups='Partei' of titanic is no column of the training rows: PassengerId, party"),
        (lambda rows: rows["Partei"], r"groups of titanic fails: KeyError: 'Partei', tests/.*test_splits.py, line"),
        (lambda rows: rows["party"].dropna(), "groups of titanic gives 2 values for 4 rows"),
        (lambda rows: None, "groups of titanic gives NoneType for 4 rows"),
        (lambda rows: rows, "groups of titanic gives 4 values for 4 rows|one for each row is needed"),
    ],
)
def test_groups_that_cannot_be_told_are_named(titanic, groups, told):
    with pytest.raises(UsageError, match=told):
        group_codes(replace(titanic, groups=groups), ROWS)


@pytest.mark.parametrize(
    ("times", "places"),
    [
        ([3.5, -1.0, 3.5, 10.0], [1, 0, 1, 2]),
        (["2011-01-02 03:00:00", "2011-01-01", "2011-01-02 03:00:00", "2011-11-01"], [1, 0, 1, 2]),
        (["10", "9", "10", "11"], [1, 0, 1, 2]),
        (pd.to_datetime(["2011-01-02", "2011-01-01", "2011-01-02", "2012-01-01"]), [1, 0, 1, 2]),
    ],
)
def test_a_time_is_a_number_or_a_date(titanic, times, places):
    by_time = replace(titanic, time="when")
    order = time_order(by_time, ROWS.assign(when=times))
    assert order.tolist() == places
    assert split_line(by_time, 2, None, order).startswith("split: 2 folds by when: 3 times in 3 blocks")
    assert time_order(titanic, ROWS) is None


def test_a_time_that_is_none_is_told(titanic):
    for times, told in (
        (["2011-01-01", "soon", "x", "y"], "0002_01 holds 'soon'"),
        ([1, 2, None, 4], "0002_02 holds '?nan'?"),
    ):
        with pytest.raises(
            DataError,
            match=f"time='when' of titanic: the row of PassengerId {told}, which is neither a number nor a date",
        ):
            time_order(replace(titanic, time="when"), ROWS.assign(when=times))
    with pytest.raises(UsageError, match="time='when' of titanic is no column"):
        time_order(replace(titanic, time="when"), ROWS)
    with pytest.raises(UsageError, match="titanic has groups and time"):
        replace(titanic, time="when", groups="party")


def test_a_run_says_how_rows_are_split_and_practice_keeps_it(titanic, sample_folder):
    said = []
    knobs = Knobs(data=sample_folder, folds=3, seeds=1, epochs=1, device="cpu", practice=True)
    outcome = run(replace(titanic, groups="Ticket"), knobs, say=said.append)
    line = next(line for line in said if line.startswith("split: "))
    assert re.fullmatch(r"split: 3 folds by groups \(Ticket\): \d+ groups, none in two folds", line)
    assert outcome.record.practice.rows == pytest.approx(891 / 5, abs=5)
    assert outcome.record.leaks == []


def canary(n_groups=60, size=6, seed=0):
    """Labels dealt group by group; the features know the group, and otherwise nothing."""
    rng = np.random.default_rng(seed)
    places, groups = rng.normal(size=(n_groups, 8)), np.repeat(np.arange(n_groups), size)
    noisy = places[groups] + 0.05 * rng.normal(size=(len(groups), 8))
    train = pd.DataFrame(noisy, columns=[f"x{i}" for i in range(8)])
    return Features(train, rng.permutation(np.arange(n_groups) % 2)[groups], train[:20], groups=groups)


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn
def test_labels_of_groups_are_learned_by_heart_in_plain_folds_only(toy):
    features = canary()
    recipe = Recipe(epochs=25, batch_size=32, lr=2e-2, schedule="constant")
    by_heart = replace(
        toy.variants["network"], make_encoder=lambda: TabularEncoder(tuple(features.train)), recipe=recipe,
        make_model=lambda d, c: MLP([d, 64, c]),
    )  # fmt: skip
    by_heart = replace(toy, variants={"network": by_heart})
    plain, honest = (
        cross_validate(by_heart, given, plan(toy, variants=by_heart.variants, seeds=1))
        for given in (replace(features, groups=None), features)
    )
    assert plain.score > 0.9
    assert abs(honest.score - 0.5) < 2.5 * 0.5 / np.sqrt(60)
    assert honest.se > 1.8 * plain.se  # groups count, not rows
    assert honest.forecast.high - honest.forecast.low > 0.4


def test_early_stopping_parts_no_group_and_the_encoder_gets_the_groups(toy):
    features, got = canary(), []

    class Asking(TabularEncoder):
        def fit_transform(self, X, y=None, groups=None):
            got.append((X.index.to_numpy(), groups))
            return super().fit_transform(X, y)

    stopping = replace(only(toy, replace(QUICK, patience=2)), make_encoder=lambda: Asking(("x0",)))
    folds = split(features.y, 4, 0, groups=features.groups)
    rows, _ = FoldEncoder(features, folds, stopping, 0)(0)
    fitted, groups = got[0]
    stopped = np.setdiff1d(folds[0].train, fitted)
    assert len(stopped) == len(rows.held_out[1]) == pytest.approx(0.1 * len(folds[0].train), abs=6)
    assert not set(features.groups[fitted]) & set(features.groups[stopped])
    np.testing.assert_array_equal(groups, features.units[fitted])


def test_baselines_hand_the_groups_to_an_encoder_that_asks(toy):
    """The row's own group tells its label: known to a mean that leaves only the row itself out."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = canary()
    rows = pd.DataFrame({"group": features.groups.astype(str)})
    got = []

    class Watched(LeaveOneOutMean):
        def fit_transform(self, X, y, groups=None):
            got.append(groups)
            return super().fit_transform(X, y, groups)

    folds = split(features.y, 4, 0, groups=features.groups)
    models = {"mean": lambda: make_pipeline(Watched(), LogisticRegression())}
    fitted_baselines(toy, models, replace(features, train=rows), folds)
    np.testing.assert_array_equal(got[0], features.units[folds[0].train])
    known = LeaveOneOutMean().fit_transform(rows, features.y, features.groups)
    assert (known == 0.5).all()
    assert set(LeaveOneOutMean().fit_transform(rows, features.y)[:, 0]) == {0.0, 1.0}


def test_rows_before_the_first_block_are_left_out_of_every_score(toy):
    features = replace(make_features(), time=np.arange(300) // 2)
    variants = {"network": only(toy, QUICK), "other": only(toy, replace(QUICK, epochs=5))}
    two = replace(toy, variants=variants)
    result = cross_validate(two, features, plan(two, variants=variants, seeds=1))
    folds = split(features.y, 4, 0, time=features.time)
    known = np.concatenate([fold.scored for fold in folds])
    assert known.tolist() == list(range(60, 300))
    assert np.isnan(result.oof[:60]).all()
    assert not np.isnan(result.oof[60:]).any()
    y = features.y[known]
    assert result.score == np.mean(result.oof[known].argmax(axis=1) == y)
    assert np.average(result.fold_scores, weights=[len(fold.scored) for fold in folds]) == pytest.approx(result.score)
    assert 0.75 < result.score < 0.9
    blind = result.baselines[0]
    assert blind.name == "majority class"
    assert blind.gain == pytest.approx(result.score - blind.score)
    assert np.isfinite([result.se, *result.fold_se, result.forecast.low, blind.gain_se]).all()
    assert all(np.isfinite(variant.score) for variant in result.variants)


def test_the_last_fold_alone_predicts_the_test_rows_of_later_times(toy):
    """Each fold says something else of the test rows."""
    y = np.tile([0, 1], 30)
    says = [np.tile([1 - share, share], (60, 1)) for share in (0.1, 0.2, 0.3, 0.4)]
    for time, expected in ((np.arange(60), 0.4), (None, 0.25)):
        folds = split(y, 4, 0, time=time)
        of_folds = [
            Predictions([Job("network", k, 0)], says[k][None, fold.scored], says[k][:5], [[1.0]], "", 0.0)
            for k, fold in enumerate(folds)
        ]
        result = summarise(toy, y, toy.variants, folds, of_folds, {})
        np.testing.assert_allclose(result.test, np.tile([1 - expected, expected], (5, 1)))
        assert int(np.isnan(result.oof).any(axis=1).sum()) == (12 if time is not None else 0)


def test_no_label_of_a_fold_reaches_its_weights_where_groups_are_kept():
    """Other labels for whole groups change the weights of the folds that they are not in, and of these alone."""
    features = canary()
    folds = split(features.y, 4, 0, groups=features.groups)
    rng = np.random.default_rng(0)
    oof, test = 0.3 * np.eye(2)[features.y] + 0.7 * rng.dirichlet([1, 1], (2, 360)), rng.dirichlet([1, 1], (4, 2, 5))
    scored = [fold.scored for fold in folds]
    weights = blend(oof, test, features.y, scored)[2]
    for k, fold in enumerate(folds):
        of_fold = np.isin(features.groups, np.unique(features.groups[fold.scored])[:5])
        turned = blend(oof, test, np.where(of_fold, 1 - features.y, features.y), scored)[2]
        np.testing.assert_array_equal(turned[k], weights[k])
        assert all((turned[other] != weights[other]).any() for other in range(4) if other != k)
