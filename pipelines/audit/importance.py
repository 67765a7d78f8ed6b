"""What matters: how much worse the scored rows are predicted when a column is permuted among them.

Shapes: N training rows, n scored rows of a fold, V variants, P predictions of a row, F folds, R repeats, D columns.

Each fold's own models predict rows that they have not seen, with one column's values dealt anew among these. What they
lose is what that column tells them and no other does: of two columns that say the same either may seem useless. Columns
that go together are therefore permuted together as well. Source: Breiman 2001; Fisher, Rudin & Dominici 2019.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.competition import Competition
from pipelines.features.frames import Features
from pipelines.metrics import FloatArray, IntArray
from pipelines.submission.record import Importance
from pipelines.validation.blend import Pool
from pipelines.validation.results import in_units

REPEATS = 5
MANY, FEWER = 100, 1  # columns from which each is permuted so few times
MOST_ROWS = 2_000  # of a fold that are permuted
ROWS_AT_ONCE = 20_000
ALIKE = 0.9  # Spearman's correlation, or Cramér's V, from which columns are one group
FEW_VALUES = 50  # that make a column one of categories
Said = Callable[[int, pd.DataFrame], FloatArray]  # a fold, rows of features (n, D) -> (V, n, P)


@dataclass(frozen=True)
class Scored:
    """What scores permuted rows: the competition, its features, the fold of each row (N,), and the run's pool."""

    competition: Competition
    features: Features
    fold: IntArray
    pool: Pool


def importances(scored: Scored, said: Said, seed: int = 0) -> list[Importance]:
    """How much the metric loses by each column and each group of columns alike, the greatest loss first.

    A loss is the mean over folds and repeats; its standard error is over folds, whose means differ by their rows, by
    their models and by the permutations.
    """
    columns = [(name,) for name in scored.features.train.columns]
    groups = [*columns, *alike(scored.features.train)]
    losses = np.stack([_losses(scored, said, fold, groups, seed) for fold in range(int(scored.fold.max()) + 1)])
    found = []
    for group, of_folds in zip(groups, losses.mean(axis=2).T, strict=True):
        known = of_folds[np.isfinite(of_folds)]  # AUC needs two classes in a fold
        se = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
        mean = float(known.mean()) if len(known) else float("nan")
        found.append(Importance(" + ".join(map(str, group)), [str(name) for name in group], mean, se))
    return sorted(found, key=lambda each: -np.nan_to_num(each.loss, nan=-np.inf))


def _losses(scored: Scored, said: Said, fold: int, groups: Sequence[tuple[str, ...]], seed: int) -> FloatArray:
    """What a fold's score loses by each group of columns, each repeat; (groups, R)."""
    rng = np.random.default_rng([seed, fold])
    rows = np.flatnonzero(scored.fold == fold)
    rows = np.sort(rng.permutation(rows)[:MOST_ROWS])
    frame, y = scored.features.train.iloc[rows].reset_index(drop=True), scored.features.y[rows]
    n_repeats, metric = REPEATS if len(groups) <= MANY else FEWER, scored.competition.metric
    orders = [rng.permutation(len(rows)) for _ in range(n_repeats)]
    permuted = [(group, order) for group in groups for order in orders]
    base, gains = metric(y, _pooled(scored, fold, said(fold, frame))), []
    at_once = max(1, ROWS_AT_ONCE // len(rows))
    for start in range(0, len(permuted), at_once):
        part = permuted[start : start + at_once]
        together = pd.concat([_permuted(frame, *each) for each in part], ignore_index=True)
        pooled = _pooled(scored, fold, said(fold, together))
        gains += [metric.gain(base, metric(y, each)) for each in np.split(pooled, len(part))]
    return np.array(gains).reshape(len(groups), n_repeats)


def _pooled(scored: Scored, fold: int, said: FloatArray) -> FloatArray:
    return in_units(scored.competition, scored.pool.of_fold(fold, said))


def _permuted(frame: pd.DataFrame, columns: tuple[str, ...], order: IntArray) -> pd.DataFrame:
    shuffled = frame.copy(deep=False)
    for name in columns:
        shuffled[name] = frame[name].iloc[order].set_axis(frame.index)
    return shuffled


def alike(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Groups of columns that say nearly the same: numbers by Spearman's correlation, categories by Cramér's V.

    >>> cm = np.array([1.0, 2.0, 3.0, 5.0])
    >>> alike(pd.DataFrame({"cm": np.tile(cm, 5), "inch": np.tile(cm / 2.54, 5), "other": np.repeat(np.arange(5), 4)}))
    [('cm', 'inch')]
    """
    names, frame = list(frame.columns), frame.iloc[:: max(1, len(frame) // MOST_ROWS)]
    pairs = [*_numbers_alike(frame), *_categories_alike(frame)]
    if not pairs:
        return []
    one, other = np.array(pairs).T
    graph = coo_array((np.ones(len(pairs)), (one, other)), shape=(len(names), len(names)))
    group_of = connected_components(graph, directed=False)[1]
    groups = [tuple(names[i] for i in np.flatnonzero(group_of == group)) for group in np.unique(group_of)]
    return [group for group in groups if len(group) > 1]


def _numbers_alike(frame: pd.DataFrame) -> Iterator[tuple[int, int]]:
    numbers = [i for i in range(frame.shape[1]) if frame.dtypes.iloc[i].kind in "iuf"]
    if len(numbers) > 1:
        correlations = np.abs(np.nan_to_num(frame.iloc[:, numbers].corr(method="spearman").to_numpy()))
        for a, b in np.argwhere(np.triu(correlations, 1) > ALIKE):
            yield numbers[a], numbers[b]


def _categories_alike(frame: pd.DataFrame) -> Iterator[tuple[int, int]]:
    codes, few = {}, [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "iuf"]
    for i in few if frame.shape[1] > MANY else range(frame.shape[1]):
        found, values = pd.factorize(frame.iloc[:, i], use_na_sentinel=False)
        if 2 <= len(values) <= FEW_VALUES:
            codes[i] = found
    for (a, one), (b, other) in combinations(codes.items(), 2):
        if cramers_v(one, other) > ALIKE:
            yield a, b


def cramers_v(one: IntArray, other: IntArray) -> float:
    """How far two columns of category codes (N,) tell each other: 0 not at all, 1 wholly.

    >>> round(cramers_v(np.array([0, 0, 1, 1]), np.array([5, 5, 3, 3])), 3)
    1.0
    """
    rows, columns = (np.unique(codes, return_inverse=True)[1] for codes in (one, other))
    shape = int(rows.max()) + 1, int(columns.max()) + 1
    if min(shape) < 2:
        return 0.0
    table = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape) / len(one)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (min(shape) - 1)))
