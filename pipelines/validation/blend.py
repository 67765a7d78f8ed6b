"""Several predictions of the same rows pooled into one, with weights that other rows have chosen.

Shapes: V variants, N training rows, M test rows, C classes, F folds.

The pool of probabilities is log-linear: proportional to the product of p_v ^ w_v, a weighted geometric mean.
The sum of the weights is an inverse temperature: below one it makes overconfident networks modest. With a
single variant the pool is temperature scaling. Source: Guo et al. 2017 (temperature); Genest & Zidek 1986.

The pool of numbers is linear: the mean of the truth, plus each variant's distance from it times w_v. A sum of weights
below one draws predictions that swing too far towards the mean, not towards zero. Source: Breiman 1996, "Stacked
regressions" (weights that are not negative).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax

from pipelines.competition import Loss, Number
from pipelines.metrics import FloatArray, IntArray
from pipelines.training.targets import Scale

SMALLEST = 1e-15  # as Kaggle clips
BEND = {"squared": 1.0, "absolute": 1e-2, "huber": 1.0}  # deviations of the target at which Huber's parabola ends


def blend(
    oof: FloatArray, test: FloatArray, y: IntArray, scored: list[IntArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pool `oof` (V, N, C) and `test` (F, V, M, C); `scored` holds the row numbers of each fold.

    A fold's weights are fitted on the other folds' out-of-fold rows, and its networks' test predictions
    are pooled with the same weights: what is scored on the fold is what predicts the test rows. The fold's labels
    reach its weights only by way of the other folds' networks, which have trained on them.

    Returns: out-of-fold (N, C), test (M, C) as the mean over folds, and the weights (F, V).
    """
    logs = np.clip(oof, SMALLEST, None)
    np.log(logs, out=logs)
    pooled_oof, pooled_test, weights = np.zeros_like(oof[0]), np.zeros_like(test[0, 0]), []
    for rows, of_fold in zip(scored, test, strict=True):
        others = np.setdiff1d(np.arange(len(y)), rows)
        weights.append(fit_weights(logs[:, others], y[others]))
        pooled_oof[rows] = pool(logs[:, rows], weights[-1])
        pooled_test += pool(np.log(np.clip(of_fold, SMALLEST, None)), weights[-1]) / len(scored)
    return pooled_oof, pooled_test, np.array(weights)


def pool(logs: FloatArray, weights: FloatArray) -> FloatArray:
    """Probabilities (N, C) of log-probabilities (V, N, C) and weights (V,)."""
    pooled: FloatArray = softmax(np.tensordot(weights, logs, axes=1), axis=-1)
    return pooled


def fit_weights(logs: FloatArray, y: IntArray) -> FloatArray:
    """Weights (V,), none negative, with the least log loss of the pool of `logs` (V, N, C); the problem is convex."""
    of_truth = logs[:, np.arange(len(y)), y]

    def loss_and_gradient(weights: FloatArray) -> tuple[float, FloatArray]:
        log_pool = log_softmax(np.tensordot(weights, logs, axes=1), axis=-1)
        loss = -float(log_pool[np.arange(len(y)), y].mean())
        expected = np.einsum("vnc,nc->v", logs, np.exp(log_pool)) / len(y)
        return loss, expected - of_truth.mean(axis=1)

    start = np.full(len(logs), 1 / len(logs))
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(logs))
    weights: FloatArray = found.x
    return weights


def blend_values(
    oof: FloatArray, test: FloatArray, y: FloatArray, scored: list[IntArray], loss: Loss
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As `blend`, for predicted numbers `oof` (V, N, 1) and `test` (F, V, M, 1) of `y` (N,), all as they are learned.

    Returns: out-of-fold (N, 1), test (M, 1) as the mean over folds, and the weights (F, V).
    """
    pooled_oof, pooled_test, weights = np.zeros_like(oof[0]), np.zeros_like(test[0, 0]), []
    for rows, of_fold in zip(scored, test, strict=True):
        others = np.setdiff1d(np.arange(len(y)), rows)
        scale = Scale.of(Number(), y[others])  # whose mean is the centre, and whose ends hold for the pool too
        weights.append(fit_linear(oof[:, others, 0] - scale.mean, y[others] - scale.mean, loss))
        pooled_oof[rows] = pool_values(oof[:, rows], weights[-1], scale)
        pooled_test += pool_values(of_fold, weights[-1], scale) / len(scored)
    return pooled_oof, pooled_test, np.array(weights)


def pool_values(said: FloatArray, weights: FloatArray, scale: Scale) -> FloatArray:
    """Numbers (N, 1) of those said by variants (V, N, 1), whose weights are (V,)."""
    return scale.within(scale.mean + np.tensordot(weights, said - scale.mean, axes=1))


@dataclass(frozen=True)
class Pool:
    """The pool of a cross-validation, for rows that come later: `weights` (F, V), and in each fold the others' scale.

    Without weights a single variant is taken as it is; there are scales only of numbers.
    """

    weights: FloatArray | None
    scales: Sequence[Scale] | None = None

    @classmethod
    def of_values(cls, weights: FloatArray, y: FloatArray, fold: IntArray) -> "Pool":
        """That of numbers `y` (N,), as they are learned, each scored by a `fold` (N,) from 0."""
        return cls(weights, [Scale.of(Number(), y[fold != number]) for number in range(len(weights))])

    def of_fold(self, number: int, said: FloatArray) -> FloatArray:
        """What a fold's models say of rows, (V, N, P) as they are learned, pooled: (N, P)."""
        if self.weights is None:
            return np.asarray(said[0])
        if self.scales is not None:
            return pool_values(said, self.weights[number], self.scales[number])
        return pool(np.log(np.clip(said, SMALLEST, None)), self.weights[number])

    def of_folds(self, said: FloatArray) -> FloatArray:
        """What all folds' models say of rows, (F, V, N, P), pooled: the mean over folds, (N, P)."""
        return np.asarray(np.mean([self.of_fold(number, each) for number, each in enumerate(said)], axis=0))


def fit_linear(views: FloatArray, y: FloatArray, loss: Loss) -> FloatArray:
    """Weights (V,), none negative, with the least loss of the weighted sum of `views` (V, N) from `y` (N,)."""
    weights: FloatArray = nnls(views.T, y)[0]
    bend = BEND[loss] * float(y.std())
    if loss == "squared" or bend == 0:
        return weights

    def loss_and_gradient(weights: FloatArray) -> tuple[float, FloatArray]:
        off = weights @ views - y
        slope = np.clip(off / bend, -1, 1)  # of Huber's loss: a parabola below the bend, a line beyond it
        each = np.where(np.abs(off) < bend, off**2 / (2 * bend), np.abs(off) - bend / 2)
        return float(each.mean()), views @ slope / len(y)

    found = minimize(loss_and_gradient, weights, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(views))
    best: FloatArray = found.x
    return best
