"""What it may be worth to train more, told by predictions that are there.

Shapes: N training rows, V variants, R rows that are looked at, P predictions of a row.

All of it is told by rows that have chosen the pool's weights, and a unit is chosen by what its first folds promise on
scored rows. That is a choice among few units by thousands of rows, as the pool's own weights are: what it adds to the
score by luck is far below the score's error. The pool that is scored has its cross-fitted weights all the same.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.competition import Competition
from pipelines.metrics import FloatArray, IntArray, Target
from pipelines.validation.blend import SMALLEST, fit_linear, fit_weights, pool

PRIOR = 0.01  # of the loss: what a variant that nobody has tried, or averaging many seeds of one, may take off it
LEAST = 1e-7  # of the loss: nothing is worth less, so that all time is used
ROWS = 5_000  # that are looked at


class Gains:
    """Reckons by the `said` of variants, (N, P) as they are learned, NaN where nothing is said, of the rows' `y` (N,).

    A loss is the mean log loss of the pool; of numbers the mean squared error, or the absolute one where that is
    learned, of the standardised target.
    """

    def __init__(self, competition: Competition, y: Target) -> None:
        self.competition = competition
        number = competition.number
        self.y = y if number is None else number.forward(y)
        self.spread = 1.0 if number is None else float(np.std(self.y)) or 1.0

    def loss(self, pooled: Mapping[str, FloatArray], rows: IntArray) -> float:
        """That of the pool of some variants on some rows, whose best weights it has."""
        views, y = np.stack([said[rows] for said in pooled.values()]), self.y[rows]
        number = self.competition.number
        if number is None:
            y = y.astype(np.int64, copy=False)
            logs = np.log(np.clip(views, SMALLEST, None))
            likely = pool(logs, fit_weights(logs, y))[np.arange(len(y)), y]
            return -float(np.log(np.clip(likely, SMALLEST, None)).mean())
        mean = y.mean()
        weights = fit_linear(views[:, :, 0] - mean, y - mean, number.loss)
        off = np.abs(weights @ (views[:, :, 0] - mean) - (y - mean)) / self.spread
        return float((off if number.loss == "absolute" else off**2).mean())

    def rows(self, *said: FloatArray) -> IntArray:
        """Rows of which all of these say something: some thousands of them, from all over."""
        known = np.flatnonzero(np.all([np.isfinite(each[:, 0]) for each in said], axis=0))
        return known[:: -(-len(known) // ROWS) or 1]

    def of_new(self, pooled: Mapping[str, FloatArray], new: FloatArray) -> float:
        """What a variant takes off the loss beside those that are pooled, by the rows that it has scored."""
        rows = self.rows(*pooled.values(), new)
        return self.loss(pooled, rows) - self.loss({**pooled, "": new}, rows)

    def of_averaging(
        self, pooled: Mapping[str, FloatArray], variant: str, alone: Sequence[FloatArray], n_seeds: int
    ) -> float:
        """What averaging many seeds of a variant takes off the loss beside one, told by `n_seeds` and some `alone`.

        The mean of S seeds differs from that of many by a S-th of what a single one does: from S seeds on to S' it is
        that times 1/S - 1/S'.
        """
        rows = self.rows(*pooled.values())
        of_one = [self.loss({**pooled, variant: said}, rows) for said in alone]
        return float(np.mean(of_one) - self.loss(pooled, rows)) / (1 - 1 / n_seeds)
