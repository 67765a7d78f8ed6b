"""Kaggle's metrics, to the digit.

Shapes: N rows, C classes, P predictions of a row: the classes' probabilities, or one value.

A metric is a function of all rows. Where it is a mean over rows its standard error, and that of the paired difference
of two models, come from the rows' values; else from a bootstrap. Rows of one group are drawn, and counted, together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.settings.allowed import Checked

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Target = NDArray[np.int64] | NDArray[np.float64]  # class codes, or values
PerRow = Callable[[Target, FloatArray], FloatArray]
DRAWS = 500  # of the bootstrap


@dataclass(frozen=True)
class Metric(Checked):
    """A score of predictions against the truth.

    Either `per_row(y, p)`, whose mean is the score, or `score(y, p)` of all rows. Both take the truth (N,), class codes
    or values, and what the metric is `of`: "labels", predicted class codes (N,); "probabilities" (N, C); or "values"
    (N,).
    """

    name: str
    per_row: PerRow | None = None
    greater_is_better: bool = True
    score: Callable[[Target, FloatArray], float] | None = None
    of: Literal["labels", "probabilities", "values"] = "probabilities"

    def __call__(self, y: Target, predictions: FloatArray) -> float:
        """The score of predictions (N, P) against the truth (N,)."""
        given = self.given(predictions)
        if self.score is not None:
            return float(self.score(y, given))
        assert self.per_row is not None
        return float(self.per_row(y, given).mean())

    def given(self, predictions: FloatArray) -> FloatArray:
        """What the metric's function gets of predictions (N, P)."""
        if self.of == "labels":
            return np.asarray(predictions.argmax(axis=1))
        return predictions.reshape(-1) if self.of == "values" else predictions

    def se(self, y: Target, predictions: FloatArray, groups: IntArray | None = None) -> float:
        """Standard error of the score; rows of the same number in `groups` (N,) are not independent."""
        if self.per_row is not None:
            return standard_error(self.per_row(y, self.given(predictions)), groups)
        return spread([self(y[rows], predictions[rows]) for rows in draws(len(y), groups)])

    def difference(
        self, y: Target, ours: FloatArray, other: FloatArray, groups: IntArray | None = None
    ) -> tuple[float, float]:
        """How much better `ours` (N, P) is than `other`, and the standard error of that, both on the same rows."""
        gain = self.gain(self(y, ours), self(y, other))
        if self.per_row is not None:
            per_row = self.per_row(y, self.given(ours)) - self.per_row(y, self.given(other))
            return self.gain(float(per_row.mean()), 0.0), standard_error(per_row, groups)
        gains = [self(y[rows], ours[rows]) - self(y[rows], other[rows]) for rows in draws(len(y), groups)]
        return gain, spread(gains)

    def gain(self, score: float, other: float) -> float:
        """How much better `score` is than `other`: positive is better, whatever the metric."""
        return score - other if self.greater_is_better else other - score


def draws(n_rows: int, groups: IntArray | None = None) -> list[IntArray]:
    """Row numbers of the bootstrap's samples: as many rows as there are, or as many groups, with replacement."""
    rng = np.random.default_rng(0)
    if groups is None:
        return [rng.integers(n_rows, size=n_rows) for _ in range(DRAWS)]
    order, starts = np.argsort(groups, kind="stable"), np.unique(np.sort(groups), return_index=True)[1]
    members = np.split(order, starts[1:])
    return [np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))]) for _ in range(DRAWS)]


def spread(scores: list[float]) -> float:
    """Standard deviation of the samples' scores; NaN where too few can be scored."""
    known = np.array([score for score in scores if np.isfinite(score)])
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def standard_error(per_row: FloatArray, groups: IntArray | None = None) -> float:
    """Standard error of the mean of (N,) values, independent but for those of one group; NaN for one value."""
    if groups is not None:
        off = np.bincount(np.unique(groups, return_inverse=True)[1], per_row - per_row.mean())
        n = len(off)
        return float(np.sqrt(n / (n - 1) * (off**2).sum()) / len(per_row)) if n > 1 else float("nan")
    if len(per_row) < 2:
        return float("nan")
    return float(per_row.std(ddof=1) / np.sqrt(len(per_row)))


def correct(y: Target, labels: FloatArray) -> FloatArray:
    """1.0 where the predicted class is the true one, else 0.0; shape (N,)."""
    return np.asarray(labels == y, dtype=np.float64)


def negative_log_likelihood(y: Target, proba: FloatArray) -> FloatArray:
    """Minus the log-probability of the true class, as Kaggle computes it; shape (N,).

    Rows are rescaled to sum to one, then probabilities are clipped to [1e-15, 1 - 1e-15].
    Source: the evaluation page of the Otto Group Product Classification Challenge.
    """
    p = proba / proba.sum(axis=1, keepdims=True)
    p_true = p[np.arange(len(y)), y]
    return np.asarray(-np.log(np.clip(p_true, 1e-15, 1 - 1e-15)), dtype=np.float64)


accuracy = Metric("accuracy", correct, greater_is_better=True, of="labels")
log_loss = Metric("log loss", negative_log_likelihood, greater_is_better=False)
