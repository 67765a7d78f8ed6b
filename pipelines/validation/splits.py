"""Folds: which rows train, and which are scored by networks that have not seen them.

Shapes: N rows.

Rows are dealt at random, stratified by the target; or by groups, of which none is parted; or by time, and later rows
are scored by earlier ones. Rows that are equal (twins) stay together.
"""

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedKFold

from pipelines.features.belonging import together
from pipelines.features.dealing import deal
from pipelines.metrics import IntArray, Target
from pipelines.training.early_stopping import strata
from pipelines.validation.conditions import refuse_few, refuse_few_times, refuse_unseen_classes


class Fold(NamedTuple):
    """Row numbers: `train` may be learned from, `scored` may not be seen before they are predicted."""

    train: IntArray
    scored: IntArray


def split(
    y: Target,
    folds: int,
    seed: int,
    twins: IntArray | None = None,
    *,
    groups: IntArray | None = None,
    time: IntArray | None = None,
) -> list[Fold]:
    """Folds of rows with the target `y` (N,): class codes, or values; no row is scored twice.

    `twins` (N,) holds for each row the first that equals it: such rows stay in one fold. So do those of one number in
    `groups` (N,). With `time` (N,), whole numbers in order, each fold is scored by the rows before it; the rows
    before the first of `folds` blocks of equal size are never scored. Otherwise every row is.

    Raises: DataError when there are fewer different rows, groups or times than that takes.
    """
    twins = np.arange(len(y)) if twins is None else twins
    if time is not None:
        return _by_time(y, folds, twins, time)
    if groups is not None:
        return _by_groups(y, folds, seed, together(twins, groups))
    first, is_class = np.unique(twins), y.dtype.kind != "f"
    counts = np.bincount(y[first]) if is_class else np.array([len(first)])
    refuse_few(counts, folds, "different rows" if len(first) < len(y) else "rows", of_class=is_class)
    fold_of = np.empty(len(y), dtype=np.int64)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(first, strata(y[first], folds))
    for fold, (_, scored) in enumerate(parts):
        fold_of[first[scored]] = fold
    return _folds(fold_of[twins], folds)


def _by_groups(y: Target, folds: int, seed: int, units: IntArray) -> list[Fold]:
    """Whole units, dealt so that the folds are of like size and hold the classes in like shares."""
    is_class = y.dtype.kind != "f"
    of_class = y.astype(np.int64, copy=False) if is_class else np.zeros(len(y), dtype=np.int64)
    counts = np.bincount(np.unique(np.column_stack([of_class, units]), axis=0)[:, 0])
    refuse_few(counts, folds, "groups", of_class=is_class)
    if is_class:
        found = _folds(deal(of_class, units, folds, seed), folds)
    else:
        parts = GroupKFold(folds, shuffle=True, random_state=seed).split(units, y, units)
        found = [Fold(train, scored) for train, scored in parts]
    refuse_unseen_classes(y, [fold.train for fold in found])
    return found


def _folds(fold_of: IntArray, folds: int) -> list[Fold]:
    return [Fold(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]


def _by_time(y: Target, folds: int, twins: IntArray, time: IntArray) -> list[Fold]:
    """Blocks as scikit-learn's TimeSeriesSplit has them, moved to where a new time begins."""
    times, before = np.unique(np.sort(time), return_index=True)  # how many rows are before each time
    refuse_few_times(len(times), folds)
    starts = [0]  # of the blocks, among the times
    for block in range(folds):
        start = np.searchsorted(before, len(y) - (folds - block) * (len(y) // (folds + 1)))
        starts.append(int(np.clip(start, starts[-1] + 1, len(times) - folds + block)))
    block_of = np.searchsorted(times[starts], time, side="right") - 1
    found = []
    for block in range(1, folds + 1):
        train, scored = np.flatnonzero(block_of < block), np.flatnonzero(block_of == block)
        found.append(Fold(train[~np.isin(twins[train], twins[scored])], scored))
    refuse_unseen_classes(y, [fold.train for fold in found])
    return found
