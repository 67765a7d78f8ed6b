import numpy as np
import pytest
import toys
from scipy.special import expit, ndtr
from sklearn.linear_model import LogisticRegression

from pipelines.competition import Variant
from pipelines.features.frames import Features
from pipelines.ideas.chance import LEVEL, best_of_useless, errors_needed, level_of, outcome
from pipelines.metrics import accuracy, log_loss
from pipelines.runs.history.compare import compare
from pipelines.runs.predictions import RowPredictions
from pipelines.validation.crossval import cross_validate
from pipelines.validation.splits import split


def test_the_chance_that_is_taken_adds_up_to_the_level_however_many_ideas_there_are():
    assert sum(level_of(number) for number in range(1, 100_000)) == pytest.approx(LEVEL, rel=1e-4)
    assert level_of(1) == LEVEL / 2  # of one side: the first idea is held against 1.96 errors
    assert errors_needed(1) == pytest.approx(1.96, abs=0.001)
    assert ndtr(-errors_needed(7)) == pytest.approx(level_of(7))


def test_the_best_of_useless_ones_is_the_expected_largest_of_normal_numbers():
    drawn = np.random.default_rng(0).normal(size=(20_000, 50))
    for n in (2, 12, 50):
        assert best_of_useless(n) == pytest.approx(drawn[:, :n].max(axis=1).mean(), abs=0.04)
    assert best_of_useless(1) == 0.0


def test_an_outcome_is_told_by_its_side_and_by_its_number():
    assert outcome(0.1, 0.04, 1) == "helps"
    assert outcome(-0.1, 0.04, 1) == "hurts"
    assert outcome(0.1, 0.04, 2) == "not told apart"
    assert outcome(0.1, float("nan"), 1) == "not told apart"


def said(y, fold, p):
    oof = np.stack([1 - p, p], axis=1)
    return RowPredictions(ids=[str(i) for i in range(len(y))], y=y, fold=fold, oof=oof, test_ids=[], test=oof[:0])


def logistic(X, y, steps=5):
    """Weights of a logistic regression with a small penalty, by Newton's method."""
    weights = np.zeros(X.shape[1])
    for _ in range(steps):
        p = expit(X @ weights)
        weights -= np.linalg.solve((X.T * (p * (1 - p))) @ X + np.eye(len(weights)), X.T @ (p - y) + weights)
    return weights


def out_of_fold(X, y, fold):
    p = np.empty(len(y))
    for each in np.unique(fold):
        p[fold == each] = expit(X[fold == each] @ logistic(X[fold != each], y[fold != each]))
    return said(y, fold, p)


@pytest.mark.parametrize("metric", [log_loss, accuracy])
def test_useless_features_hardly_ever_help_at_any_point_of_a_series(metric):
    """12 series of 12 features of nothing but noise; without the correction some series find one that helps."""
    false, uncorrected = 0, 0
    for series in range(12):
        rng = np.random.default_rng(series)
        X = np.c_[rng.normal(size=(200, 2)), np.ones(200)]
        y, fold = (X[:, 0] + rng.logistic(size=200) > 0).astype(np.int64), rng.permutation(200) % 3
        plain = out_of_fold(X, y, fold)
        found = [compare(metric, plain, out_of_fold(np.c_[X, rng.normal(size=200)], y, fold)) for _ in range(12)]
        false += any(outcome(each.gain, each.p, n) == "helps" for n, each in enumerate(found, 1))
        uncorrected += any(each.gain > each.se for each in found)
    assert false <= 1
    assert uncorrected >= 2


def test_a_feature_that_tells_something_helps_even_as_the_twentieth(toy):
    """By the cross-validation itself, with an estimator."""
    features = toys.make_features(n=300)
    plan = toys.plan(toy, folds=3, seeds=1, variants={"linear": Variant(make_estimator=LogisticRegression)})
    folds = split(features.y, 3, 0, features.twins)
    fold = np.empty(300, dtype=np.int64)
    for number, each in enumerate(folds):
        fold[each.scored] = number
    shuffled = features.train.assign(signal=np.random.default_rng(0).permutation(features.train["signal"]))
    without = Features(shuffled, features.y, features.test)
    both = [said(features.y, fold, cross_validate(toy, each, plan).oof[:, 1]) for each in (without, features)]
    found = compare(accuracy, *both)
    assert outcome(found.gain, found.p, 20) == "helps"
    assert [part.rows for part in found.folds] == [100, 100, 100]
