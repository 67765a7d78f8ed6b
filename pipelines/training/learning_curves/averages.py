"""The curves of several networks as one, and how far they lie apart.

Networks that stop early have shorter curves: an epoch counts those that were still training.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

import numpy as np

Curve = Sequence[float]


def of_folds(curves: Iterable[tuple[int, Sequence[Curve]]], n_folds: int) -> list[list[Curve]]:
    """The curves of each fold's networks, out of pieces (fold, curves)."""
    by_fold: list[list[Curve]] = [[] for _ in range(n_folds)]
    for fold, own in curves:
        by_fold[fold] += own
    return by_fold


def mean(curves: Sequence[Curve]) -> list[float]:
    """The mean after each epoch.

    >>> mean([[4.0, 2.0, 1.0], [2.0, 1.0]])
    [3.0, 1.5, 1.0]
    """
    return [float(np.nanmean(epoch)) for epoch in zip_longest(*curves, fillvalue=np.nan)]


def spread(curves: Sequence[Curve]) -> list[float]:
    """The standard deviation after each epoch, as long as two networks or more were training.

    >>> spread([[4.0, 2.0, 1.0], [2.0, 2.0]])
    [1.4142135623730951, 0.0]
    """
    epochs = [[loss for loss in epoch if loss is not None] for epoch in zip_longest(*curves)]
    return [float(np.std(epoch, ddof=1)) for epoch in epochs if len(epoch) > 1]


def if_any(of_folds: list[list[float]]) -> list[list[float]]:
    """Curves by fold; none at all where no fold has one."""
    return of_folds if any(of_folds) else []
