"""The bootstrap: how far a score would differ on other rows, told by samples of the rows that there are.

Shapes: N rows, K samples at a time, C classes, P predictions of a row.

What tells a sample is how often each row is in it, `counts` (N, K): independent, and one on average (Poisson).
scikit-learn scores one sample at a time, and sorts it anew. The functions below look at the rows once and return what
scores K samples: the error of an AUC of 10,000 rows takes a second in place of twenty.
Sources: Efron & Tibshirani 1993, chapters 6 and 8; Hanley & MacGibbon 2006 (counts that are Poisson).
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.metrics import FloatArray, IntArray, Target

    Scorer = Callable[[FloatArray], FloatArray]  # counts (N, K) -> scores (K,)

# Samples at most, at least, and values in all of them; a deviation of n scores is off by 1 / sqrt(2 n), of 2000 1.6 %.
QUICK = (2000, 400, 10**8)
SLOW = (200, 100, 2 * 10**7)  # for a score of somebody's own, which may take long
ROUGH = (50, 25, 10**7)  # the same, one of many that matter little
MANY = 50_000  # values, from which errors come from each row's influence where that is known
AT_A_TIME = 80_000  # counts, which a core's own memory holds
FINE = 2**16  # parts of a probability of one
MOST_REMEMBERED = 16  # samples' scores: of our predictions, and of a few baselines'
REMEMBERED: "dict[object, tuple[object, FloatArray]]" = {}


def n_draws(n_values: int, *, quick: bool, rough: bool = False) -> int:
    """How many samples are drawn of so many values: the more values, the fewer; `rough` ones save what takes long.

    >>> n_draws(891, quick=True), n_draws(100_000, quick=True), n_draws(100_000, quick=False)
    (2000, 1000, 200)
    >>> n_draws(891, quick=True, rough=True), n_draws(891, quick=False, rough=True)
    (2000, 50)
    """
    most, least, in_all = QUICK if quick else ROUGH if rough else SLOW
    return max(least, min(most, in_all // n_values))


def samples(
    n_rows: int, n_samples: int, groups: "IntArray | None" = None, times: "IntArray | None" = None
) -> Iterator["FloatArray"]:
    """How often each row is in each sample, (N, K) at a time; rows of the same number in `groups` (N,) come together.

    `times` (N,) is for rows of which there are many each. The same samples each time: what two models say is compared
    on the same ones.
    """
    rng = np.random.default_rng(0)
    group_of = None if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = n_rows if group_of is None else int(group_of.max()) + 1
    up_to = np.exp(-1) * np.cumsum(1 / np.cumprod([1, *range(1, 12)]))  # probability of 0, of 1 at most, ...
    poisson = np.searchsorted(up_to, (np.arange(FINE) + 0.5) / FINE).astype(np.float64)
    at_a_time = max(1, min(50, AT_A_TIME // n_rows))
    for start in range(0, n_samples, at_a_time):
        shape = n_units, min(at_a_time, n_samples - start)
        if times is not None:
            yield rng.poisson(times[:, None], shape).astype(np.float64)
            continue
        counts = poisson[rng.integers(FINE, size=shape, dtype=np.uint16)]  # six times as quick as rng.poisson
        yield counts if group_of is None else counts.take(group_of, axis=0)


def one_by_one(score: Callable[["Target", "FloatArray"], float]) -> Callable[["Target", "FloatArray"], "Scorer"]:
    """Score samples with a function of a sample's rows; NaN for a sample that it cannot score."""

    def score_of(y: "Target", given: "FloatArray") -> float:
        try:
            return float(score(y, given)) if len(y) else float("nan")
        except (ArithmeticError, ValueError):  # as where a class is not in the sample
            return float("nan")

    def scores(y: "Target", given: "FloatArray", counts: "FloatArray") -> "FloatArray":
        rows = [np.repeat(np.arange(len(y)), times) for times in counts.T.astype(np.int64)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.array([score_of(y[drawn], given[drawn]) for drawn in rows])

    return lambda y, given: lambda counts: scores(y, given, counts)


class Drawing(NamedTuple):
    """How many samples are drawn of the rows, and how: see `samples`."""

    n_samples: int
    groups: "IntArray | None" = None
    times: "IntArray | None" = None


def scores_of(
    score: object, make: Callable[["Target", "FloatArray"], "Scorer"], y: "Target", given: "FloatArray", drawn: Drawing
) -> "FloatArray":
    """What samples of the rows score, (n_samples,), by what `make(y, given)` returns.

    Remembered by the function `score`: a run compares the same predictions with several others, and asks for their own
    error too.
    """
    hashed = hashlib.sha256()
    for each in (y, given, *drawn[1:]):
        hashed.update(b"-" if each is None else f"{each.dtype}{each.shape}".encode() + each.tobytes())
    key = id(score), drawn.n_samples, hashed.digest()
    held = REMEMBERED.get(key)
    if held is None:
        scores = make(y, given)
        found = np.concatenate([scores(counts) for counts in samples(len(y), *drawn)])
        for oldest in list(REMEMBERED)[: 1 - MOST_REMEMBERED]:
            REMEMBERED.pop(oldest, None)
        held = REMEMBERED[key] = score, found  # the function too, so that no other gets its id
    return held[1]


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
    out: FloatArray = np.full(np.broadcast_shapes(part.shape, of.shape), np.nan)
    return np.asarray(np.divide(part, of, out=out, where=of > 0))


def mean_of_known(values: "FloatArray") -> "FloatArray":
    """Mean over the first axis, of what is not NaN; NaN where nothing is."""
    return share(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


def areas(y: "Target", proba: "FloatArray") -> "Scorer":
    """ROC AUC: of the last of two classes, else the mean over the classes, each against the rest."""
    classes = [1] if proba.shape[1] == 2 else range(proba.shape[1])
    of_classes = [area(y == each, proba[:, each]) for each in classes]
    return lambda counts: mean_of_known(np.stack([scores(counts) for scores in of_classes]))


def area(is_class: "NDArray[np.bool_]", score: "FloatArray") -> "Scorer":
    """Share of pairs, a row of the class and another, whose scores are in this order; equal ones count half."""
    order = np.argsort(score)
    rows, others = order[is_class[order]], order[~is_class[order]]
    below, upto = (np.searchsorted(score[others], score[rows], side) for side in ("left", "right"))
    tied = bool((below < upto).any())

    def scores(counts: "FloatArray") -> "FloatArray":
        of_rows = counts.take(rows, axis=0)
        passed = np.zeros((len(others) + 1, counts.shape[1]))  # how many others have one of the lowest scores
        np.cumsum(counts.take(others, axis=0), axis=0, out=passed[1:])
        won = passed.take(below, axis=0)
        if tied:
            won = (won + passed.take(upto, axis=0)) / 2
        return share(np.einsum("nk,nk->k", of_rows, won), of_rows.sum(axis=0) * passed[-1])

    return scores


def influence_on_areas(y: "Target", proba: "FloatArray") -> "FloatArray":
    """How far each row (N,) moves what `areas` scores: DeLong's components, each times the rows over those of its kind.

    Source: DeLong, DeLong & Clarke-Pearson 1988.
    """
    classes = [1] if proba.shape[1] == 2 else np.unique(y)
    return np.asarray(np.mean([_influence_on_area(y == each, proba[:, each]) for each in classes], axis=0))


def _influence_on_area(is_class: "NDArray[np.bool_]", score: "FloatArray") -> "FloatArray":
    right = np.empty(len(score))  # share of the other kind that a row is on the right side of
    for kind in (True, False):
        others = np.sort(score[is_class != kind])
        below, upto = (np.searchsorted(others, score[is_class == kind], side) for side in ("left", "right"))
        passed = share((below + upto) / 2, np.array(float(len(others))))
        right[is_class == kind] = passed if kind else 1 - passed
    of_kind = np.where(is_class, is_class.sum(), (~is_class).sum())
    return np.asarray((right - right[is_class].mean()) * len(score) / of_kind)


def tables(y: "Target", labels: "FloatArray") -> "Scorer":
    """Confusion matrices, (C, C, K): rows of each class, by the class that was said."""
    n = 1 + max(1, int(y.max()), int(labels.max()))
    cells = (y * n + labels).astype(np.int64)
    order = np.argsort(cells, kind="stable")
    found, starts = np.unique(cells[order], return_index=True)

    def table_of(counts: "FloatArray") -> "FloatArray":
        table = np.zeros((n * n, counts.shape[1]))
        table[found] = np.add.reduceat(counts.take(order, axis=0), starts, axis=0)
        return np.asarray(table.reshape(n, n, -1))

    return table_of


def hits(table: "FloatArray") -> "FloatArray":
    """How many rows of each class were said to be of it; (C, K)."""
    return np.asarray(np.einsum("iik->ik", table))


def f1_of_classes(table: "FloatArray") -> "FloatArray":
    """F1 of each class, (C, K); NaN for a class that neither is there nor was said."""
    return share(2 * hits(table), table.sum(axis=0) + table.sum(axis=1))


def balanced_accuracies(y: "Target", labels: "FloatArray") -> "Scorer":
    """Mean of the classes' recalls."""
    table_of = tables(y, labels)

    def scores(counts: "FloatArray") -> "FloatArray":
        table = table_of(counts)
        return mean_of_known(share(hits(table), table.sum(axis=1)))

    return scores


def f1_of_last(y: "Target", labels: "FloatArray") -> "Scorer":
    """F1 of the last of two classes, 0 where no row is, or was said to be, of it."""
    table_of = tables(y, labels)
    return lambda counts: np.nan_to_num(f1_of_classes(table_of(counts))[1])


def mean_f1(y: "Target", labels: "FloatArray") -> "Scorer":
    """Mean of the classes' F1."""
    table_of = tables(y, labels)
    return lambda counts: mean_of_known(f1_of_classes(table_of(counts)))


def kappas(y: "Target", labels: "FloatArray") -> "Scorer":
    """Quadratic weighted kappa."""
    table_of = tables(y, labels)

    def scores(counts: "FloatArray") -> "FloatArray":
        table = table_of(counts)
        codes = np.arange(len(table))
        weight = (codes[:, None] - codes).astype(np.float64) ** 2
        by_chance = np.einsum("ij,ik,jk->k", weight, table.sum(axis=1), table.sum(axis=0))
        return 1 - share(np.einsum("ij,ijk->k", weight, table) * counts.sum(axis=0), by_chance)

    return scores


def matthews(y: "Target", labels: "FloatArray") -> "Scorer":
    """Matthews' correlation, 0 where all rows are, or were said to be, of one class."""
    table_of = tables(y, labels)

    def scores(counts: "FloatArray") -> "FloatArray":
        table, n = table_of(counts), counts.sum(axis=0)
        there, said = table.sum(axis=1), table.sum(axis=0)
        spreads = (n**2 - (there**2).sum(axis=0)) * (n**2 - (said**2).sum(axis=0))
        return np.nan_to_num(share(hits(table).sum(axis=0) * n - (there * said).sum(axis=0), np.sqrt(spreads)))

    return scores


def root_mean_squares(y: "Target", values: "FloatArray") -> "Scorer":
    """Root of the mean squared error."""
    squares = (y - values) ** 2
    return lambda counts: np.sqrt(share(squares @ counts, counts.sum(axis=0)))


def root_mean_squares_of_logs(y: "Target", values: "FloatArray") -> "Scorer":
    """Root of the mean squared error of log(1 + value)."""
    return root_mean_squares(np.log1p(y), np.log1p(values))


def r_squares(y: "Target", values: "FloatArray") -> "Scorer":
    """Share of the variance that is explained."""
    squares, off = (y - values) ** 2, y - y.mean()

    def scores(counts: "FloatArray") -> "FloatArray":
        variance = off**2 @ counts - share((off @ counts) ** 2, counts.sum(axis=0))
        return 1 - share(squares @ counts, variance)

    return scores
