"""Kaggle's metrics, to the digit.

Shapes: N rows, C classes.

Every metric here is a mean over rows, so that one function per metric gives the score, its standard
error and the paired difference of two models.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.settings.allowed import Checked

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Metric(Checked):
    """A score that is a mean over rows.

    `per_row(y, proba)` takes true class codes (N,) and probabilities (N, C) and gives (N,) values.
    """

    name: str
    per_row: Callable[[IntArray, FloatArray], FloatArray]
    greater_is_better: bool

    def __call__(self, y: IntArray, proba: FloatArray) -> float:
        """The score of probabilities (N, C) against true class codes (N,)."""
        return float(self.per_row(y, proba).mean())

    def gain(self, score: float, other: float) -> float:
        """How much better `score` is than `other`: positive is better, whatever the metric."""
        return score - other if self.greater_is_better else other - score


def standard_error(per_row: FloatArray) -> float:
    """Standard error of the mean of (N,) independent values; NaN for one value."""
    if len(per_row) < 2:
        return float("nan")
    return float(per_row.std(ddof=1) / np.sqrt(len(per_row)))


def correct(y: IntArray, proba: FloatArray) -> FloatArray:
    """1.0 where the most probable class is the true one, else 0.0; shape (N,)."""
    return np.asarray(proba.argmax(axis=1) == y, dtype=np.float64)


def negative_log_likelihood(y: IntArray, proba: FloatArray) -> FloatArray:
    """Minus the log-probability of the true class, as Kaggle computes it; shape (N,).

    Rows are rescaled to sum to one, then probabilities are clipped to [1e-15, 1 - 1e-15].
    Source: the evaluation page of the Otto Group Product Classification Challenge.
    """
    p = proba / proba.sum(axis=1, keepdims=True)
    p_true = p[np.arange(len(y)), y]
    return np.asarray(-np.log(np.clip(p_true, 1e-15, 1 - 1e-15)), dtype=np.float64)


accuracy = Metric("accuracy", correct, greater_is_better=True)
log_loss = Metric("log loss", negative_log_likelihood, greater_is_better=False)
