"""Metrics against scikit-learn, hand-computed cases and Kaggle's clipping; their errors against known formulas."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import poisson, rankdata
from sklearn import metrics as sk

from pipelines import bootstrap, metrics
from pipelines.audit.practice import Hidden
from pipelines.bootstrap import n_draws, one_by_one, samples, standard_error
from pipelines.errors import UsageError
from pipelines.metrics import METRICS, Metric, accuracy, f1, in_python, log_loss, mae, map_at, rmse, rmsle, roc_auc
from pipelines.validation.baselines import compare
from pipelines.validation.forecast import forecast

RESAMPLED = [name for name, metric in METRICS.items() if metric.resampled is not None]


def made(of, n=200, n_classes=4, seed=0):
    """The truth and predictions (N, P) that know something of it; probabilities are rounded, so that some are equal."""
    rng = np.random.default_rng(seed)
    if of == "values":
        y = rng.lognormal(size=n)
        return y, (y * rng.lognormal(sigma=0.4, size=n))[:, None]
    y = rng.integers(n_classes, size=n)
    proba = rng.dirichlet(np.ones(n_classes), n) + 0.4 * np.eye(n_classes)[y]
    proba = np.round(proba / proba.sum(axis=1, keepdims=True), 2)
    return y, proba


def made_for(name, **changes):
    n_classes = 2 if name == "f1" else 4
    return made(METRICS[name].of, **{"n_classes": n_classes} | changes)


LABELS = {
    "accuracy": sk.accuracy_score,
    "balanced-accuracy": sk.balanced_accuracy_score,
    "f1": sk.f1_score,
    "f1-macro": lambda y, labels: sk.f1_score(y, labels, average="macro"),
    "kappa": lambda y, labels: sk.cohen_kappa_score(y, labels, weights="quadratic"),
    "mcc": sk.matthews_corrcoef,
}
VALUES = {
    "rmse": lambda y, p: sk.mean_squared_error(y, p) ** 0.5,
    "rmsle": lambda y, p: sk.mean_squared_log_error(y, p) ** 0.5,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
}


@pytest.mark.parametrize("name", LABELS)
def test_metrics_of_labels_equal_scikit_learns(name):
    y, proba = made_for(name)
    assert METRICS[name](y, proba) == pytest.approx(LABELS[name](y, proba.argmax(axis=1)), rel=1e-12)


@pytest.mark.parametrize("name", VALUES)
def test_metrics_of_values_equal_scikit_learns(name):
    y, values = made("values")
    assert METRICS[name](y, values) == pytest.approx(VALUES[name](y, values[:, 0]), rel=1e-12)


def test_log_loss_equals_scikit_learns():
    y, proba = made("probabilities")
    proba = (proba + 0.01) / (proba + 0.01).sum(axis=1, keepdims=True)
    assert log_loss(y, proba) == pytest.approx(sk.log_loss(y, proba), rel=1e-12)


def test_auc_equals_scikit_learns():
    y, proba = made("probabilities", n_classes=2)
    assert roc_auc(y, proba) == pytest.approx(sk.roc_auc_score(y, proba[:, 1]), rel=1e-12)
    y, proba = made("probabilities")
    proba /= proba.sum(axis=1, keepdims=True)
    assert roc_auc(y, proba) == pytest.approx(sk.roc_auc_score(y, proba, multi_class="ovr"), rel=1e-12)


def test_log_loss_rescales_rows():
    y = np.array([0, 1])
    assert log_loss(y, np.array([[2.0, 2.0], [1.0, 3.0]])) == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)


def test_a_confident_miss_costs_what_kaggle_takes_for_it():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(-np.log(1e-15))
    assert log_loss(np.array([0]), np.array([[1.0, 0.0]])) == pytest.approx(1e-15, rel=0.2)


def test_map_counts_the_rank_of_the_true_class():
    """First, second, fourth, and second of two that are equal, where the class before it ranks first."""
    proba = np.array([[0.7, 0.2, 0.1, 0.0], [0.7, 0.2, 0.1, 0.0], [0.7, 0.2, 0.1, 0.0], [0.1, 0.4, 0.4, 0.1]])
    y = np.array([0, 1, 3, 2])
    np.testing.assert_array_equal(map_at(3).per_row(y, proba), [1, 1 / 2, 0, 1 / 2])
    np.testing.assert_array_equal(map_at(12).per_row(y, proba), [1, 1 / 2, 1 / 4, 1 / 2])
    assert map_at(1)(y, proba) == accuracy(y, proba) == 1 / 4


def test_kappa_is_of_codes_also_where_a_class_between_is_not_there():
    """Ratings 0 and 3 of four: a miss by three weighs 9, whatever else is in the rows."""
    y, labels = np.array([0, 0, 3, 3, 0]), np.array([0, 3, 3, 2, 0])
    observed, by_chance = 9 + 1, (3 * 1 * 4 + 3 * 2 * 9 + 2 * 2 * 9 + 2 * 1 * 1) / 5
    assert METRICS["kappa"](y, np.eye(4)[labels]) == pytest.approx(1 - observed / by_chance)


def test_logs_are_of_values_that_are_raised_to_nothing():
    y = np.array([0.0, 1.0])
    assert rmsle(y, np.array([[-5.0], [1.0]])) == 0
    assert rmsle(y, np.array([[-5.0], [3.0]])) == pytest.approx(np.log(2) / np.sqrt(2))
    np.testing.assert_array_equal(rmsle.given(np.array([[-5.0], [3.0]])), [0, 3])
    np.testing.assert_array_equal(rmse.given(np.array([[-5.0], [3.0]])), [-5, 3])


def test_gain_is_positive_when_better():
    assert accuracy.gain(0.9, 0.8) == pytest.approx(0.1)
    assert log_loss.gain(0.4, 0.5) == pytest.approx(0.1)


@pytest.mark.parametrize("name", METRICS)
def test_a_better_prediction_gains_whatever_is_better(name):
    metric = METRICS[name]
    y, ours = made_for(name)
    if metric.of == "values":
        worse = ours[np.random.default_rng(1).permutation(len(y))]
    else:
        worse = np.random.default_rng(1).dirichlet(np.ones(ours.shape[1]), len(y))
    gain, se = metric.difference(y, ours + 1e-3, worse)
    assert gain > 2 * se > 0
    assert metric.difference(y, worse, ours + 1e-3) == pytest.approx((-gain, se), rel=0.1)


def test_one_class_alone_has_no_auc_and_nobody_is_warned():
    y, proba = np.zeros(20, dtype=np.int64), made("probabilities", n=20, n_classes=2)[1]
    for metric in (roc_auc, METRICS["kappa"]):
        assert np.isnan(metric(y, np.eye(2)[y]))
        assert np.isnan(metric.se(y, np.eye(2)[y]))
    assert np.isnan(roc_auc.difference(y, proba, proba)).all()
    assert f1(y, np.eye(2)[y]) == METRICS["mcc"](y, np.eye(2)[y]) == 0
    assert np.isnan(METRICS["r2"](np.array([1.0]), np.array([[1.0]])))
    for name in RESAMPLED:
        y, predictions = made_for(name, n=1)
        METRICS[name](y, predictions)
        assert not METRICS[name].se(y, predictions) > 0


def test_samples_without_the_class_are_passed_over():
    """One row of 40 is of the class: 36 % of the samples lack it."""
    y, proba = made("probabilities", n=40, n_classes=2)
    y[:] = np.arange(40) == 17
    scores = roc_auc.of_samples(y, [proba])[0]
    assert np.isnan(scores).mean() == pytest.approx((1 - 1 / 40) ** 40, abs=0.03)
    assert roc_auc.se(y, proba) == pytest.approx(np.nanstd(scores, ddof=1))
    own = Metric("own", score=lambda y, p: sk.roc_auc_score(y, p[:, 1]))
    assert own.se(y, proba) == pytest.approx(roc_auc.se(y, proba), rel=0.2)


@pytest.mark.parametrize("groups", [None, np.arange(200) // 3], ids=["rows", "groups"])
@pytest.mark.parametrize("name", RESAMPLED)
def test_samples_are_scored_as_their_rows_are(name, groups):
    metric = METRICS[name]
    y, predictions = made_for(name)
    given = metric.given(predictions)
    counts = np.concatenate([np.ones((200, 1)), *samples(200, 5, groups)], axis=1)
    found = metric.resampled(y, given)(counts)
    assert found[0] == pytest.approx(metric(y, predictions), rel=1e-9)
    np.testing.assert_allclose(found, one_by_one(metric.score)(y, given)(counts), rtol=1e-9)


def test_samples_are_rows_or_whole_groups_the_same_each_time():
    groups = np.array([5, 5, 7, 7, 7, 9])
    counts = np.concatenate(list(samples(6, 300, groups)), axis=1)
    assert counts.shape == (6, 300)
    assert (counts[0] == counts[1]).all()
    assert (counts[2] == counts[4]).all()
    rows = np.concatenate(list(samples(6, 30_000)), axis=1)
    shares = np.bincount(rows.astype(np.int64).ravel()) / rows.size
    np.testing.assert_allclose(shares, poisson.pmf(np.arange(len(shares)), 1), atol=0.004)
    np.testing.assert_allclose(np.cov(rows), np.eye(6), atol=0.03)
    kinds = np.concatenate(list(samples(2, 3000, times=np.array([4, 40]))), axis=1)
    np.testing.assert_allclose([kinds.mean(axis=1), kinds.var(axis=1)], [[4, 40], [4, 40]], rtol=0.1)
    np.testing.assert_array_equal(rows, np.concatenate(list(samples(6, 30_000)), axis=1))


def test_many_rows_are_drawn_less_often():
    assert [n_draws(n, quick=True) for n in (1, 50_000, 100_000, 10**7)] == [2000, 2000, 1000, 400]
    assert [n_draws(n, quick=False) for n in (1, 50_000, 100_000, 10**7)] == [200, 200, 200, 100]


def test_standard_error_of_a_share():
    per_row = np.repeat([1.0, 0.0], [75, 25])
    assert standard_error(per_row) == pytest.approx(np.sqrt(0.75 * 0.25 / 99))
    assert np.isnan(standard_error(np.array([1.0])))


def test_rows_that_come_four_times_count_once():
    y, proba = made("labels")
    four = np.repeat(np.arange(200), 4)
    assert accuracy.se(y[four], proba[four], four) == pytest.approx(accuracy.se(y, proba), rel=1e-9)
    assert accuracy.se(y[four], proba[four]) == pytest.approx(accuracy.se(y, proba) / 2, rel=0.01)
    ours, other = proba[four], made("labels", seed=1)[1][four]
    for metric in (accuracy, roc_auc):
        alone = metric.difference(y, ours[::4], other[::4])
        assert metric.difference(y[four], ours, other, four) == pytest.approx(alone, rel=1e-9)


def test_every_error_of_a_run_counts_rows_of_a_group_as_one(titanic):
    """Each row stands there four times: all errors are twice what they seem."""
    y, ours = made("probabilities", n=300, n_classes=2)
    other = made("probabilities", n=300, n_classes=2, seed=1)[1]
    y, ours, other = (np.repeat(each, 4, axis=0) for each in (y, ours, other))
    groups = np.repeat(np.arange(300), 4)
    for metric in (accuracy, roc_auc):
        own = replace(titanic, metric=metric, published=None)
        apart, together = ([
            forecast(own, y, ours, {}, 400, each), compare(own, y, "other", ours, other, each),
            Hidden(None, y, each).score(metric, ours),
        ] for each in (None, groups))  # fmt: skip
        errors = [(f.high - f.low, b.se, b.gain_se, h.se) for f, b, h in (apart, together)]
        np.testing.assert_allclose(np.divide(errors[1], errors[0]), 2, rtol=0.1)


# The bootstrap against errors that are known


def delong(y, *scores):
    """Covariance of the AUCs of several scores, of one class against the rest. Source: DeLong et al. 1988."""
    positive, negative = [], []
    for score in scores:
        of_pos, of_neg = score[y == 1], score[y == 0]
        together = rankdata(np.concatenate([of_pos, of_neg]))
        positive.append((together[: len(of_pos)] - rankdata(of_pos)) / len(of_neg))
        negative.append(1 - (together[len(of_pos) :] - rankdata(of_neg)) / len(of_pos))
    return np.cov(positive) / (y == 1).sum() + np.cov(negative) / (y == 0).sum()


@pytest.mark.parametrize(("n", "seed"), [(400, 0), (1000, 1), (3000, 2)])
def test_auc_against_delong(n, seed):
    y, ours = made("probabilities", n=n, n_classes=2, seed=seed)
    other = 0.5 * ours + 0.5 * np.random.default_rng(9).dirichlet([1, 1], n)
    covariance = delong(y, ours[:, 1], other[:, 1])
    gain, se = roc_auc.difference(y, ours, other)
    assert gain == pytest.approx(sk.roc_auc_score(y, ours[:, 1]) - sk.roc_auc_score(y, other[:, 1]))
    assert roc_auc.se(y, ours) == pytest.approx(covariance[0, 0] ** 0.5, rel=0.05)
    assert se == pytest.approx((covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]) ** 0.5, rel=0.05)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("groups", [None, np.arange(3000) // 4], ids=["rows", "groups"])
def test_auc_of_many_rows_has_its_error_from_each_rows_influence(n_classes, groups, monkeypatch):
    """As the bootstrap has it; of two classes as DeLong's formula has it."""
    y, ours = made("probabilities", n=3000, n_classes=n_classes)
    other = 0.5 * ours + 0.5 * np.random.default_rng(9).dirichlet(np.ones(n_classes), 3000)
    ours[:, 0] = ours[:, 0].round(1)  # ties
    drawn = roc_auc.se(y, ours, groups), roc_auc.difference(y, ours, other, groups)[1]
    monkeypatch.setattr(bootstrap, "MANY", 100)
    known = roc_auc.se(y, ours, groups), roc_auc.difference(y, ours, other, groups)[1]
    np.testing.assert_allclose(known, drawn, rtol=0.05)
    if n_classes == 2 and groups is None:
        assert known[0] == pytest.approx(delong(y, ours[:, 1])[()] ** 0.5, rel=1e-3)


@pytest.mark.parametrize("groups", [None, np.arange(2000) // 4], ids=["rows", "groups"])
@pytest.mark.parametrize("seed", range(3))
def test_rmse_against_the_delta_method(seed, groups):
    """Rows of a group share a part of their error."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=2000)
    values = (y + 0.5 * rng.normal(size=2000) + 0.5 * np.repeat(rng.normal(size=500), 4))[:, None]
    squares = (y - values[:, 0]) ** 2
    known = standard_error(squares, groups) / (2 * np.sqrt(squares.mean()))
    assert rmse.se(y, values, groups) == pytest.approx(known, rel=0.05)


@pytest.mark.parametrize("groups", [None, np.arange(1500) // 5], ids=["rows", "groups"])
@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_of_a_mean_against_its_own_error(seed, groups):
    y, ours = made("labels", n=1500, seed=seed)
    ours, other = (predictions + np.repeat(np.eye(4)[y[::5]], 5, axis=0) / 4 for predictions in (ours, ours[::-1]))
    shares = replace(
        accuracy, per_row=None, score=sk.accuracy_score,
        resampled=lambda y, labels: lambda counts: (labels == y) @ counts / counts.sum(axis=0),
    )  # fmt: skip
    assert shares.se(y, ours, groups) == pytest.approx(accuracy.se(y, ours, groups), rel=0.05)
    assert shares.difference(y, ours, other, groups) == pytest.approx(
        accuracy.difference(y, ours, other, groups), rel=0.05
    )


def test_an_own_score_has_an_error_too():
    """Fewer samples, since nobody knows how long it takes."""
    y, values = made("values", n=500)
    own = Metric("own", score=lambda y, p: np.sqrt(np.mean((y - p) ** 2)), greater_is_better=False, of="values")
    assert own(y, values) == pytest.approx(rmse(y, values))
    assert own.se(y, values) == pytest.approx(rmse.se(y, values), rel=0.15)


def test_samples_of_a_score_that_takes_long_are_scored_once():
    """A run asks for the error of its predictions, and compares them with each baseline."""
    y, values = made("values", n=300)
    other, calls = values[::-1].copy(), []

    def slow(y, p):
        calls.append(len(y))
        return float(np.abs(y - p).mean())

    own = Metric("own", score=slow, greater_is_better=False, of="values")
    se, (_, se_of_gain) = own.se(y, values), own.difference(y, values, other)
    assert len(calls) == 2 * n_draws(300, quick=False) + 2
    assert (own.se(y, values), own.difference(y, values, other)[1]) == (se, se_of_gain)
    assert len(calls) == 2 * n_draws(300, quick=False) + 4
    assert own.se(y, values, np.arange(300) // 2) != se
    calls.clear()
    assert own.se(y[:100], values[:100], rough=True) == pytest.approx(own.se(y[:100], values[:100]), rel=0.35)
    assert len(calls) == n_draws(100, quick=False, rough=True) + n_draws(100, quick=False)


# What is not a metric, and what is where


@pytest.mark.parametrize("functions", [{}, {"score": sk.accuracy_score, "per_row": np.equal}], ids=["none", "two"])
def test_a_metric_is_one_function(functions):
    which = "both" if functions else "neither"
    with pytest.raises(UsageError, match=f"Metric: own has {which} per_row and score\n  what to do: give one function"):
        Metric("own", **functions)


def test_f1_of_two_classes_is_not_of_four():
    y, proba = made("labels")
    with pytest.raises(UsageError, match="F1 is of two classes, and there are 4\n  what to do: choose f1_macro"):
        f1(y, proba)


def test_a_metric_that_fails_is_told_with_its_line():
    def strange(y, values):
        raise KeyError("Fare")

    line = strange.__code__.co_firstlineno + 1
    with pytest.raises(UsageError, match=f"the metric own fails: KeyError: 'Fare', tests/test_metrics.py, line {line}"):
        Metric("own", strange)(np.zeros(3), np.zeros((3, 1)))


def test_per_row_may_say_yes_and_no():
    own = Metric("own", lambda y, labels: y == labels, of="labels")
    y, proba = made("labels")
    assert own.difference(y, proba, proba[::-1]) == accuracy.difference(y, proba, proba[::-1])


@pytest.mark.parametrize("short", METRICS)
def test_a_metric_is_found_by_what_python_calls_it(short):
    name, expression = in_python(short)
    found = eval(expression, {name: getattr(metrics, name)})
    y, predictions = made_for(short)
    assert (found.name, found(y, predictions)) == (METRICS[short].name, METRICS[short](y, predictions))


def test_nothing_here_warns_on_rows_without_some_classes():
    """As in a fold of groups: classes that are said and not there, and the other way round."""
    y = np.array([0, 0, 2, 2, 2])
    proba = np.eye(4)[[0, 1, 2, 3, 2]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {name: METRICS[name](y, proba) for name in METRICS if name != "f1" and METRICS[name].of != "values"}
        errors = [METRICS[name].se(y, proba) for name in found]
    assert np.isfinite(list(found.values())).all()
    assert np.isfinite(errors).all()
    assert found["balanced-accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert mae(np.array([1.0]), np.array([[3.0]])) == 2
