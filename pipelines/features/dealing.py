"""Groups dealt to folds, so that each holds the classes in like shares.

Shapes: N rows, G groups, C classes, F folds.
"""

import numpy as np

from pipelines.metrics import FloatArray, IntArray, Target

CLOSE = (1e-5, 1e-8)  # relative and absolute, in which two spreads are the same


def deal(y: Target, groups: IntArray, folds: int, seed: int) -> IntArray:
    """The fold of each row: that of scikit-learn's `StratifiedGroupKFold(folds, shuffle=True)`, many times as fast.

    One group after the other, the most uneven first, goes where the classes' shares then differ least between folds;
    where that is no matter, to the fold of fewest rows. `y` are class codes (N,), `groups` numbers (N,). scikit-learn
    before 1.8 shuffles the groups' counts without the groups, and deals otherwise.
    """
    _, code, n_of_class = np.unique(y, return_inverse=True, return_counts=True)
    units, unit = np.unique(groups, return_inverse=True)
    order = np.arange(len(units))
    np.random.RandomState(seed).shuffle(order)
    counts = np.zeros((len(units), len(n_of_class)))
    np.add.at(counts, (unit, code), 1)
    fold_of, held = np.empty(len(units), dtype=np.int64), np.zeros((folds, len(n_of_class)))
    for group in order[np.argsort(-np.std(counts[order], axis=1), kind="stable")]:
        fold = _best(held, counts[group], n_of_class)
        held[fold] += counts[group]
        fold_of[group] = fold
    return np.asarray(fold_of[unit])


def _best(held: FloatArray, more: FloatArray, n_of_class: IntArray) -> int:
    """The fold that `more` rows of each class (C,) go to, where folds hold (F, C)."""
    tried = np.repeat(held[None], len(held), axis=0)  # (F, F, C): the folds, if each got them
    each = np.arange(len(held))
    tried[each, each] += more
    shares = tried / n_of_class
    off = shares - shares.sum(axis=1, keepdims=True) / len(held)
    spreads = np.sqrt((off * off).sum(axis=1) / len(held)).mean(axis=1).tolist()
    n_rows, best = held.sum(axis=1).tolist(), 0
    for fold in range(1, len(held)):
        close = abs(spreads[fold] - spreads[best]) <= CLOSE[1] + CLOSE[0] * abs(spreads[best])
        if spreads[fold] < spreads[best] or (close and n_rows[fold] < n_rows[best]):
            best = fold
    return best
