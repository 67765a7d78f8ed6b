"""The curves of several networks as one, and how far they lie apart.

Networks that stop early have shorter curves: their last loss goes on to the end of the longest. A mean of those alone
that still train would jump as the easy ones end.
"""

from collections.abc import Iterable, Sequence

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
    return [float(np.mean(epoch)) for epoch in _epochs(curves)]


def spread(curves: Sequence[Curve]) -> list[float]:
    """The standard deviation after each epoch; none of a network alone.

    >>> spread([[4.0, 2.0, 1.0], [2.0, 2.0]])
    [1.4142135623730951, 0.0, 0.7071067811865476]
    """
    epochs = _epochs(curves)
    return [float(np.std(epoch, ddof=1)) for epoch in epochs if len(epoch) > 1]


def _epochs(curves: Sequence[Curve]) -> list[tuple[float, ...]]:
    """The losses of all networks after each epoch, with the last ones of those that have ended."""
    there = [list(curve) for curve in curves if len(curve)]
    longest = max(map(len, there), default=0)
    return list(zip(*(curve + curve[-1:] * (longest - len(curve)) for curve in there), strict=True))


def if_any(of_folds: list[list[float]]) -> list[list[float]]:
    """Curves by fold; none at all where no fold has one."""
    return of_folds if any(of_folds) else []
