"""A variant or a baseline of a run that is not over: its models that are done, and what they say by now.

Shapes: N training rows, n scored rows of a fold, P predictions of a row: probabilities of the classes, or one value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from pipelines.metrics import FloatArray, IntArray

Which = tuple[int, int]  # fold and seed of a model


@dataclass(eq=False)
class Part:
    """A variant, or a baseline, which is not `pooled`: its models that are done, their losses, their score so far.

    `epochs` are those of each network, 0 of estimators; `losses` those of each network, also while it trains;
    `held_out` the same of rows held out, where it is known. `sums` (N, P) adds up what its models say, `times` (N,)
    counts them. `n_scored` rows are behind `score` and `se`.
    """

    name: str
    pooled: bool = True
    epochs: int = 0
    n_models: int = 0
    done: set[Which] = field(default_factory=set)
    losses: dict[Which, list[float]] = field(default_factory=dict)
    held_out: dict[Which, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    score: float | None = None
    se: float | None = None
    n_scored: int = 0
    sums: FloatArray | None = None
    times: IntArray | None = None
    heard: set[Which] = field(default_factory=set)

    @property
    def is_done(self) -> bool:
        """Whether none of its models is missing."""
        return len(self.done) == self.n_models

    @property
    def n_epochs(self) -> int:
        """Epochs of all its networks that are done; those that early stopping has saved count."""
        training = sum(min(len(losses), self.epochs) for which, losses in self.losses.items() if which not in self.done)
        return self.epochs * len(self.done) + training

    @property
    def curves(self) -> tuple[list[list[float]], list[list[float]]]:
        """Losses of training rows, and of rows held out: see `means`."""
        return means(self.losses), means(self.held_out)

    def add(self, which: Which, rows: IntArray, said: FloatArray, n_rows: int) -> bool:
        """Take what a model says of its scored rows (n, P) of all N; returns whether it is new."""
        self.done.add(which)
        if which in self.heard:
            return False
        self.heard.add(which)
        if self.sums is None or self.times is None:
            self.sums, self.times = np.zeros((n_rows, said.shape[1])), np.zeros(n_rows, dtype=np.int64)
        self.sums[rows] += said
        self.times[rows] += 1
        return True


def means(losses: Mapping[Which, Sequence[float]]) -> list[list[float]]:
    """For each fold that has begun the loss of each epoch, mean over the networks that got so far.

    >>> means({(0, 0): [2.0, 1.0], (0, 1): [4.0], (1, 0): [3.0]})
    [[3.0, 1.0], [3.0]]
    """
    of_folds: dict[int, list[Sequence[float]]] = {}
    for (fold, _seed), own in sorted(losses.items()):
        of_folds.setdefault(fold, []).append(own)
    return [[float(np.nanmean(epoch)) for epoch in zip_longest(*own, fillvalue=np.nan)] for own in of_folds.values()]


def mean_of(parts: Sequence[Part]) -> tuple[IntArray, FloatArray]:
    """Rows that are scored by now, and what is said of them: the mean over seeds, then over the parts that say it.

    >>> one, other = Part("one"), Part("other")
    >>> for seed, said in enumerate(([[1.0], [3.0]], [[2.0], [4.0]])):
    ...     new = one.add((0, seed), np.array([0, 2]), np.array(said), n_rows=4)
    >>> new = other.add((0, 0), np.array([2]), np.array([[0.5]]), n_rows=4)
    >>> mean_of([one, other, Part("neither")])
    (array([0, 2]), array([[1.5],
           [2. ]]))
    """
    heard = [(part.sums, part.times) for part in parts if part.sums is not None and part.times is not None]
    total = np.sum([sums / np.maximum(times, 1)[:, None] for sums, times in heard], axis=0)
    n_parts = np.sum([times > 0 for _, times in heard], axis=0)
    known = np.flatnonzero(n_parts)
    return known, total[known] / n_parts[known, None]
