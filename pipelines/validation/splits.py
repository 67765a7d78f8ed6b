"""Folds: which rows train, and which are scored by networks that have not seen them.

Shapes: N rows.
"""

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from pipelines.metrics import IntArray, Target
from pipelines.validation.conditions import refuse_few


class Fold(NamedTuple):
    """Row numbers: `train` may be learned from, `scored` may not be seen before they are predicted."""

    train: IntArray
    scored: IntArray


def split(y: Target, folds: int, seed: int, twins: IntArray | None = None) -> list[Fold]:
    """Stratified folds of rows with the class codes `y` (N,); each row is scored once.

    Rows that are equal stay in one fold: `twins` (N,) holds for each row the first that equals it.

    Raises: DataError when a class has fewer different rows than there are folds.
    """
    first = np.arange(len(y)) if twins is None else np.unique(twins)
    of_number = y.dtype.kind == "f"
    if not of_number:
        refuse_few(np.bincount(y[first]), folds, different=len(first) < len(y))
    fold_of = np.empty(len(y), dtype=np.int64)
    kind = KFold if of_number else StratifiedKFold
    parts = kind(folds, shuffle=True, random_state=seed).split(first, y[first])
    for fold, (_, scored) in enumerate(parts):
        fold_of[first[scored]] = fold
    fold_of = fold_of if twins is None else fold_of[twins]
    return [Fold(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]
