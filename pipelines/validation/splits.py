"""Folds: which rows train, and which are scored by networks that have not seen them.

Shapes: N rows.
"""

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from pipelines.errors import DataError
from pipelines.metrics import IntArray


class Fold(NamedTuple):
    """Row numbers: `train` may be learned from, `scored` may not be seen before they are predicted."""

    train: IntArray
    scored: IntArray


def split(y: IntArray, folds: int, seed: int) -> list[Fold]:
    """Stratified folds of rows with the class codes `y` (N,); each row is scored once.

    Raises: DataError when a class has fewer rows than there are folds.
    """
    smallest = int(np.bincount(y).min())
    if not 2 <= folds <= smallest:
        raise DataError(
            f"{folds} folds do not fit: the smallest class has {smallest} rows",
            f"choose --folds between 2 and {smallest}",
            f"请将 --folds 设为 2 到 {smallest} 之间",
        )
    return [Fold(*rows) for rows in StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y)]
