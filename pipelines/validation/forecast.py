"""Where the public score should fall.

Shapes: N training rows, M test rows, F folds, C classes, K draws, P predictions of a row.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from pipelines.bootstrap import AT_A_TIME, one_by_one
from pipelines.competition import Competition
from pipelines.metrics import FloatArray, IntArray, Metric, Target
from pipelines.submission.record import Forecast
from pipelines.validation.baselines import ordinary

MOST_ROWS = 5_000  # of the test rows, that tell what averaging is worth
ROWS_DRAWN, DRAWS = 2_000, 200  # where classes are drawn
FEW_DRAWS = 8  # of numbers, whose first-order chance averages out over the folds, and for scores of one's own


def forecast(
    competition: Competition,
    y: Target,
    oof: FloatArray,
    baselines: Mapping[str, FloatArray],
    n_test: int,
    groups: IntArray | None = None,
) -> Forecast:
    """Public score to expect, with a 95 % interval that counts the chance in both row samples.

    In general: the cross-validated mean; the score's error counts once for the N scored rows and once, grown to their
    number, for the public test rows; rows of the same number in `groups` (N,) count as one. Where others'
    cross-validated and public scores on the same rows are known, their mean shift is added. What the rows themselves do
    to every model is in that shift; left are the spread of the shifts, and the sampling error of the difference to an
    ordinary model (logistic or ridge regression; where there is none, the baseline that told the rows).
    """
    metric = competition.metric
    n_public = max(1, round(competition.public_share * n_test))
    mean, variance, n_models = metric(y, oof), 0.0, 0
    published = competition.published
    known = None if published is None else baselines.get(published.baseline)
    if published is not None and known is not None and abs(metric(y, known) - published.score) < 5e-4:
        shifts = np.array([public - cv for cv, public in published.pairs])
        n_models, mean = len(shifts), mean + float(shifts.mean())
        variance = float(shifts.var(ddof=1)) * (1 + 1 / n_models)
        _, se = metric.difference(y, oof, baselines.get(ordinary(competition), known), groups)
    else:
        se = metric.se(y, oof, groups)
    error = math.sqrt(variance + se**2 * (1 + len(y) / n_public))
    return Forecast(mean, mean - 1.96 * error, mean + 1.96 * error, n_public, n_models, error)


def with_averaging(
    plain: Forecast, competition: Competition, y: Target, oof: FloatArray, of_folds: FloatArray
) -> Forecast:
    """The forecast with what `averaging_gain` adds to its mean.

    Where others' scores are known nothing is added: their own test rows were predicted by means, too, as a rule.
    """
    gain = 0.0 if plain.n_published else averaging_gain(competition, y, oof, of_folds)
    mean, low, high = (each + gain for each in (plain.mean, plain.low, plain.high))
    return replace(plain, mean=mean, low=low, high=high, averaging=gain)


def some_rows(n_rows: int, most: int = MOST_ROWS) -> IntArray:
    """Numbers of at most so many rows from all over a file."""
    return np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.int64)


def averaging_gain(competition: Competition, y: Target, oof: FloatArray, of_folds: FloatArray) -> float:
    """By how much the mean over folds, which predicts test rows, scores above one fold's models, which score a row.

    `of_folds` (F, M, P) is what each fold says of test rows, numbers as they are learned. No label of theirs is needed:
    the gain is how far the folds differ. Of squared errors it is their variance, whatever the truth is (Krogh &
    Vedelsby 1995); of other scores it is expected over truths that the mean holds for likely: classes by its
    probabilities, numbers by the residuals of `oof` (N, 1) of `y` (N,) around it, less what averaging takes from them.
    Seeds are averaged in both. 0 where the score cannot tell.
    """
    if len(of_folds) < 2 or of_folds.shape[1] == 0:
        return 0.0
    try:
        if competition.number is not None:
            expected = _of_numbers(competition, y, oof, of_folds)
        elif competition.metric.per_row is not None:
            expected = _of_classes(competition.metric, of_folds)
        else:
            expected = _of_drawn_classes(competition.metric, of_folds)
        gains = expected[0] - expected[1:].mean(axis=0)
    except (ArithmeticError, ValueError):  # a score of somebody's own that cannot score what is drawn
        return 0.0
    known = gains[np.isfinite(gains)]
    return float(known.mean()) if len(known) else 0.0


def _of_classes(metric: Metric, of_folds: FloatArray) -> FloatArray:
    """Expected scores (F + 1, 1) where the score is a mean over rows: that of the mean, then those of the folds."""
    truth = _distributions(of_folds)
    codes = [np.full(len(truth), code) for code in range(truth.shape[1])]
    rows = [[metric.of_rows(code, said) for code in codes] for said in _mean_first(of_folds)]
    expected: FloatArray = np.einsum("fcm,mc->f", np.array(rows), truth)
    return expected[:, None] / len(truth)


def _of_drawn_classes(metric: Metric, of_folds: FloatArray) -> FloatArray:
    """Scores (F + 1, K) on K draws of the classes: each row stands there once for each class, and counts 0 or 1."""
    of_folds = of_folds[:, some_rows(of_folds.shape[1], ROWS_DRAWN)]
    truth = _distributions(of_folds)
    n_rows, n_classes = truth.shape
    assert metric.score is not None
    make = metric.resampled or one_by_one(metric.score)
    codes = np.tile(np.arange(n_classes), n_rows)
    scorers = [make(codes, metric.given(np.repeat(said, n_classes, axis=0))) for said in _mean_first(of_folds)]
    n_draws = FEW_DRAWS if metric.resampled is None else DRAWS
    return np.concatenate([[score(counts) for score in scorers] for counts in _draws(truth, n_draws)], axis=1)


def _draws(truth: FloatArray, n_draws: int) -> Iterator[FloatArray]:
    """Which class each row has: 0 or 1 for each row's class and draw, (M * C, K) for so many draws at a time."""
    rng, upto = np.random.default_rng(0), np.cumsum(truth, axis=1)[:, :-1]
    at_a_time = max(1, min(n_draws, 10 * AT_A_TIME // truth.size))
    for start in range(0, n_draws, at_a_time):
        drawn = rng.random((min(at_a_time, n_draws - start), len(truth), 1))
        codes = (drawn > upto).sum(axis=2).T  # (M, K)
        yield (codes[:, None] == np.arange(truth.shape[1])[:, None]).reshape(truth.size, -1).astype(np.float64)


def _of_numbers(competition: Competition, y: Target, oof: FloatArray, of_folds: FloatArray) -> FloatArray:
    """Scores (F + 1, K) on K draws of the numbers, which stay within those of `y`."""
    number, rng = competition.number, np.random.default_rng(0)
    assert number is not None
    residuals, mean = number.forward(y) - number.forward(oof[:, 0]), of_folds.mean(axis=0)
    share = 1 - ((of_folds - mean) ** 2).mean() / max(float((residuals**2).mean()), 1e-300)
    said = [number.inverse(each) for each in _mean_first(of_folds)]
    scores = []
    for _ in range(FEW_DRAWS):
        drawn = mean[:, 0] + math.sqrt(max(share, 0.0)) * rng.choice(residuals, len(mean))
        truth = np.clip(number.inverse(drawn), y.min(), y.max())
        scores.append([competition.metric(truth, each) for each in said])
    return np.array(scores).T


def _mean_first(of_folds: FloatArray) -> FloatArray:
    return np.concatenate([of_folds.mean(axis=0)[None], of_folds])


def _distributions(of_folds: FloatArray) -> FloatArray:
    """The mean over folds (M, C), each row of which sums to one."""
    mean = np.clip(of_folds.mean(axis=0), 0, None)
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))
