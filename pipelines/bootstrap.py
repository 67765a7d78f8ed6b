"""The bootstrap: how far a score would differ on other rows, told by samples of the rows that there are.

Shapes: N rows, G groups, K samples at a time, C classes, P predictions of a row.

A sample is as many rows as there are, drawn with replacement; what tells it is how often each row is in it, `counts`
(N, K). scikit-learn scores one sample at a time and sorts it anew; the functions below score K, sorted once: the error
of an AUC of 10,000 rows takes 1 s in place of 20. Source: Efron & Tibshirani 1993, chapters 6 and 8.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipelines.metrics import FloatArray, IntArray, Target

DRAWS = 2000  # samples: their deviation is off by 1 / sqrt(2 * 2000), 1.6 %
DRAWN_ROWS = 10**8  # of all samples together, about; many rows are drawn less often
SLOW_DRAWS, SLOW_ROWS = 400, 2 * 10**7  # the same for a score of somebody's own, which may take long
LEAST_DRAWS = 200
CELLS = 10**6  # rows times samples that are scored at a time


def n_draws(n_rows: int, *, quick: bool) -> int:
    """How many samples of so many rows are drawn.

    >>> n_draws(891, quick=True), n_draws(100_000, quick=True), n_draws(100_000, quick=False)
    (2000, 1000, 200)
    """
    draws, rows = (DRAWS, DRAWN_ROWS) if quick else (SLOW_DRAWS, SLOW_ROWS)
    return max(LEAST_DRAWS, min(draws, rows // n_rows))


def samples(n_rows: int, n_samples: int, groups: "IntArray | None" = None) -> Iterator["FloatArray"]:
    """How often each row is in each sample, (N, K) at a time; rows of the same number in `groups` (N,) come together.

    The same samples each time: what two models say is compared on the same ones.
    """
    rng = np.random.default_rng(0)
    group_of = None if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = n_rows if group_of is None else int(group_of.max()) + 1
    at_a_time = max(1, min(100, CELLS // n_rows))
    for start in range(0, n_samples, at_a_time):
        k = min(at_a_time, n_samples - start)
        drawn = rng.integers(n_units, size=(k, n_units)) * k + np.arange(k)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=n_units * k).reshape(n_units, k).astype(np.float64)
        yield counts if group_of is None else counts[group_of]


def one_by_one(
    score: Callable[["Target", "FloatArray"], float],
) -> Callable[["Target", "FloatArray", "FloatArray"], "FloatArray"]:
    """Score samples with a function of a sample's rows; NaN for a sample that it cannot score."""

    def scores(y: "Target", given: "FloatArray", counts: "FloatArray") -> "FloatArray":
        found = np.full(counts.shape[1], np.nan)
        for i, times in enumerate(counts.T.astype(np.int64)):
            rows = np.repeat(np.arange(len(y)), times)
            try:
                found[i] = score(y[rows], given[rows])
            except (ArithmeticError, ValueError):  # as where a class is not in the sample
                continue
        return found

    return scores


def spread(scores: "FloatArray") -> float:
    """Standard deviation of the samples' scores, of those that could be scored; NaN where they are too few."""
    known = scores[np.isfinite(scores)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def standard_error(per_row: "FloatArray", groups: "IntArray | None" = None) -> float:
    """Standard error of the mean of (N,) values, independent but for those of one group; NaN for one value."""
    if groups is not None:
        off = np.bincount(np.unique(groups, return_inverse=True)[1], per_row - per_row.mean())
        n = len(off)
        return float(np.sqrt(n / (n - 1) * (off**2).sum()) / len(per_row)) if n > 1 else float("nan")
    if len(per_row) < 2:
        return float("nan")
    return float(per_row.std(ddof=1) / np.sqrt(len(per_row)))


def share(part: "FloatArray", of: "FloatArray") -> "FloatArray":
    """One divided by the other; NaN where there is nothing to divide by."""
    return np.divide(part, of, out=np.full(np.broadcast_shapes(part.shape, of.shape), np.nan), where=of > 0)


def mean_of_known(values: "FloatArray") -> "FloatArray":
    """Mean over the first axis, of what is not NaN; NaN where nothing is."""
    return share(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


def areas(y: "Target", proba: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """ROC AUC of K samples: of the last of two classes, else the mean over the classes, each against the rest; (K,)."""
    classes = [1] if proba.shape[1] == 2 else range(proba.shape[1])
    return mean_of_known(np.stack([area(y == each, proba[:, each], counts) for each in classes]))


def area(is_class: "FloatArray", score: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Share of pairs, one row of the class and one that is not, whose scores are in this order; ties count half."""
    rows, others = np.flatnonzero(is_class), np.flatnonzero(~is_class)
    others = others[np.argsort(score[others])]
    passed = np.zeros((len(others) + 1, counts.shape[1]))  # how many others have one of the lowest scores
    np.cumsum(counts[others], axis=0, out=passed[1:])
    below, upto = (passed[np.searchsorted(score[others], score[rows], side)] for side in ("left", "right"))
    pairs = counts[rows].sum(axis=0) * passed[-1]
    return share((counts[rows] * (below + upto)).sum(axis=0) / 2, pairs)


def tables(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Confusion matrices of K samples, (C, C, K): rows of each class, by the class that was said."""
    n = 1 + max(1, int(y.max()), int(labels.max()))
    cells = y * n + labels
    order = np.argsort(cells, kind="stable")
    found, starts = np.unique(cells[order], return_index=True)
    table = np.zeros((n * n, counts.shape[1]))
    table[found.astype(np.int64)] = np.add.reduceat(counts[order], starts, axis=0)
    return table.reshape(n, n, -1)


def hits(table: "FloatArray") -> "FloatArray":
    """How many rows of each class were said to be of it; (C, K)."""
    return np.einsum("iik->ik", table)


def balanced_accuracies(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Mean of the classes' recalls, of each sample; (K,)."""
    table = tables(y, labels, counts)
    return mean_of_known(share(hits(table), table.sum(axis=1)))


def f1_of_classes(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """F1 of each class in each sample, (C, K); NaN for a class that neither is there nor was said."""
    table = tables(y, labels, counts)
    return share(2 * hits(table), table.sum(axis=0) + table.sum(axis=1))


def f1_of_last(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """F1 of the last of two classes in each sample, 0 where no row is, or was said to be, of it; (K,)."""
    return np.nan_to_num(f1_of_classes(y, labels, counts)[1])


def mean_f1(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Mean of the classes' F1 in each sample; (K,)."""
    return mean_of_known(f1_of_classes(y, labels, counts))


def kappas(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Quadratic weighted kappa of each sample; (K,)."""
    table = tables(y, labels, counts)
    codes = np.arange(len(table))
    weight = (codes[:, None] - codes).astype(np.float64) ** 2
    by_chance = np.einsum("ij,ik,jk->k", weight, table.sum(axis=1), table.sum(axis=0))
    return 1 - share(np.einsum("ij,ijk->k", weight, table) * counts.sum(axis=0), by_chance)


def matthews(y: "Target", labels: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Matthews' correlation of each sample, 0 where all rows are, or were said to be, of one class; (K,)."""
    table, n = tables(y, labels, counts), counts.sum(axis=0)
    there, said = table.sum(axis=1), table.sum(axis=0)
    spreads = (n**2 - (there**2).sum(axis=0)) * (n**2 - (said**2).sum(axis=0))
    return np.nan_to_num(share(hits(table).sum(axis=0) * n - (there * said).sum(axis=0), np.sqrt(spreads)))


def root_mean_squares(y: "Target", values: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Root of the mean squared error of each sample; (K,)."""
    return np.sqrt((y - values) ** 2 @ counts / counts.sum(axis=0))


def root_mean_squares_of_logs(y: "Target", values: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Root of the mean squared error of log(1 + value) of each sample; (K,)."""
    return root_mean_squares(np.log1p(y), np.log1p(values), counts)


def r_squares(y: "Target", values: "FloatArray", counts: "FloatArray") -> "FloatArray":
    """Explained share of the variance of each sample; (K,)."""
    off, n = y - y.mean(), counts.sum(axis=0)
    return 1 - share((y - values) ** 2 @ counts, off**2 @ counts - (off @ counts) ** 2 / n)
