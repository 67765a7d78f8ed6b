"""What averaging over folds is worth, without the labels of the rows that are averaged."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import roc_auc_score

from pipelines.competition import Number, Published
from pipelines.metrics import METRICS, Metric, accuracy, log_loss, mae, map_at, rmse, rmsle, roc_auc
from pipelines.submission.record import Forecast
from pipelines.validation.forecast import averaging_gain, forecast, some_rows, with_averaging


def simulated(n=4000, folds=5, noise=0.8, seed=0):
    """A truth, what is seen of it, and what each fold says: the logit of the truth with noise of its own."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=n)
    said = logit + noise * rng.normal(size=(folds, n))
    p = 1 / (1 + np.exp(-said))
    truth = 1 / (1 + np.exp(-logit))
    return np.stack([1 - p, p], axis=2), truth, (rng.random(n) < truth).astype(np.int64)


def true_gain(metric, y, of_folds):
    return metric(y, of_folds.mean(axis=0)) - np.mean([metric(y, each) for each in of_folds])


def test_of_log_loss_it_is_the_mean_divergence_from_the_mean(toy):
    of_folds, _, y = simulated()
    mean = of_folds.mean(axis=0)
    divergence = np.mean([entropy(mean, each, axis=1).mean() for each in of_folds])
    found = averaging_gain(replace(toy, metric=log_loss), y, mean, of_folds)
    assert found == pytest.approx(-divergence, rel=1e-9)
    assert found == pytest.approx(true_gain(log_loss, y, of_folds), rel=0.2)


@pytest.mark.parametrize(
    "metric", [accuracy, roc_auc, map_at(3), METRICS["f1"], METRICS["kappa"]], ids=lambda m: m.name
)
def test_of_other_scores_it_is_what_labels_would_have_shown(toy, metric):
    """Truths that the mean is right about: the gain on 300 of them, and that which needs none."""
    of_folds, _, y = simulated(n=1500)
    rng, mean = np.random.default_rng(1), of_folds.mean(axis=0)
    shown = [true_gain(metric, (rng.random(1500) < mean[:, 1]).astype(np.int64), of_folds) for _ in range(60)]
    found = averaging_gain(replace(toy, metric=metric), y, mean, of_folds)
    assert found == pytest.approx(np.mean(shown), abs=4 * np.std(shown) / np.sqrt(60))
    assert np.mean(shown) > 0.005 or metric.name == "MAP@3"


def numbers_of(n=2000, folds=5, noise=0.4, seed=0):
    """Numbers, of which a part can be known: out of fold and by each fold, with noise of its own."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=n)
    y = known + 0.7 * rng.normal(size=n)
    of_folds = (known + noise * rng.normal(size=(folds, n)))[:, :, None]
    return y, (known + noise * rng.normal(size=n))[:, None], of_folds


def test_of_squared_errors_it_is_the_variance_whatever_the_truth_is(number_toy):
    y, oof, of_folds = numbers_of()
    squared = Metric("MSE", lambda y, p: (y - p) ** 2, greater_is_better=False, of="values")
    found = averaging_gain(replace(number_toy, metric=squared), y, oof, of_folds)
    variance = ((of_folds - of_folds.mean(axis=0)) ** 2).mean()
    assert found == pytest.approx(-variance, rel=0.02)
    assert true_gain(squared, y, of_folds) == pytest.approx(-variance, rel=1e-9)


@pytest.mark.parametrize("metric", [rmse, mae, METRICS["r2"]], ids=lambda metric: metric.name)
def test_of_other_errors_of_numbers_it_is_what_the_truth_shows(number_toy, metric):
    y, oof, of_folds = numbers_of()
    found = averaging_gain(replace(number_toy, metric=metric), y, oof, of_folds)
    assert found == pytest.approx(true_gain(metric, y, of_folds), rel=0.1)


def test_numbers_are_averaged_as_they_are_learned(number_toy):
    y, oof, of_folds = numbers_of()
    logs = replace(number_toy, metric=rmsle, number=Number(transform="log1p"))
    found = averaging_gain(logs, np.expm1(y + 9), np.expm1(oof + 9), of_folds + 9)
    assert found == pytest.approx(averaging_gain(replace(number_toy, metric=rmse), y, oof, of_folds), rel=0.02)


def test_nothing_is_gained_where_nothing_is_averaged_or_nothing_differs(toy):
    of_folds, _, y = simulated(n=100)
    for same in (of_folds[:1], np.repeat(of_folds[:1], 5, axis=0), of_folds[:, :0]):
        for metric in (accuracy, log_loss, roc_auc):
            gain = averaging_gain(replace(toy, metric=metric), y, of_folds[0], same)
            assert gain == pytest.approx(0, abs=1e-12)


def test_a_score_of_somebodys_own_counts_too_and_one_that_cannot_score_says_nothing(toy):
    of_folds, _, y = simulated(n=400)

    def area(y, proba):
        return roc_auc_score(y, proba[:, 1])

    def never(_y, _proba):
        raise ValueError("no")

    own = averaging_gain(replace(toy, metric=Metric("own", score=area)), y, of_folds[0], of_folds)
    ours = averaging_gain(replace(toy, metric=roc_auc), y, of_folds[0], of_folds)
    assert own == pytest.approx(ours, abs=0.01)
    assert own > 0.01
    assert averaging_gain(replace(toy, metric=Metric("never", score=never)), y, of_folds[0], of_folds) == 0
    wrong = Metric("wrong", per_row=lambda y, proba: 1 / 0)
    assert averaging_gain(replace(toy, metric=wrong), y, of_folds[0], of_folds) == 0


def test_it_moves_the_mean_and_the_bounds_and_is_said_but_not_beside_published_shifts(toy):
    of_folds, _, y = simulated(n=500)
    mean = of_folds.mean(axis=0)
    losses = replace(toy, metric=log_loss, submit="probabilities")
    plain = forecast(losses, y, mean, {}, 100)
    found = with_averaging(plain, losses, y, mean, of_folds)
    gain = averaging_gain(losses, y, mean, of_folds)
    assert gain < -0.01
    assert (found.averaging, found.mean, found.error) == (gain, plain.mean + gain, plain.error)
    assert (found.low, found.high) == (plain.low + gain, plain.high + gain)
    published = Published(baseline="rule", score=log_loss(y, of_folds[1]), pairs=((0.5, 0.6), (0.4, 0.6)))
    shifted = forecast(replace(losses, published=published), y, mean, {"rule": of_folds[1]}, 100)
    assert with_averaging(shifted, losses, y, mean, of_folds) == shifted


def test_intervals_are_normal_and_older_forecasts_have_them_too(toy):
    y = np.tile([0, 1], 200)
    found = forecast(toy, y, np.eye(2)[np.where(np.arange(400) % 5, y, 1 - y)], {}, 100)
    assert found.interval(0.95) == (pytest.approx(found.low, abs=1e-5), pytest.approx(found.high, abs=1e-5))
    low, high = found.interval(0.5)
    assert (high - low) / 2 == pytest.approx(0.67449 * found.error)
    older = Forecast(found.mean, found.low, found.high, 100)
    assert older.error is None
    assert older.se == pytest.approx(found.error)
    assert older.interval(0.8) == pytest.approx(found.interval(0.8))


def test_the_same_rows_say_the_same_to_the_byte(toy):
    of_folds, _, y = simulated(n=300)
    competition = replace(toy, metric=roc_auc)
    assert averaging_gain(competition, y, of_folds[0], of_folds) == averaging_gain(
        competition, y, of_folds[0], of_folds
    )


def test_a_sample_is_from_all_over_the_file():
    assert some_rows(3).tolist() == [0, 1, 2]
    assert some_rows(100, 5).tolist() == [0, 24, 49, 74, 99]
    assert len(np.unique(some_rows(144_368))) == 5_000
