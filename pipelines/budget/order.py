"""What is trained next: the usual variants, then units in the order of expected gain per second.

Shapes: N training rows, P predictions of a row.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.budget.candidates import Candidate, Piece, chosen, first_folds, more_seeds, seconds_of, unit
from pipelines.budget.deadline import Deadline
from pipelines.budget.gains import LEAST, PRIOR, Gains
from pipelines.budget.gathered import Gathered
from pipelines.metrics import FloatArray


class Order:
    """Knows of the `candidates` what is `gathered` of them, and corrects what it expects of them by what they take."""

    def __init__(
        self, candidates: Sequence[Candidate], gathered: Gathered, gains: Gains, deadline: Deadline, workers: int,
        n_folds: int,
    ) -> None:  # fmt: skip
        self.candidates, self.gathered, self.gains = candidates, gathered, gains
        self.deadline, self.workers, self.n_folds = deadline, workers, n_folds
        self._promised, self._averaging = dict[str, float](), dict[str, tuple[int, float]]()

    def next(self) -> list[Piece]:
        """What is trained next; nothing where nothing fits into the time that is left."""
        pooled = self.pooled()
        loss = max(self.gains.loss(pooled, self.gains.rows(*pooled.values())), 1e-12)
        options = list[Piece]()
        for each in self.candidates:
            n_seeds = self.gathered.n_seeds(each.name)
            if each.seconds is None or n_seeds >= each.n_seeds:
                continue
            option = self._first_unit(each, pooled, loss) if n_seeds == 0 else self._further(each, pooled, loss)
            options += [] if option is None else [option]
        new = [each for each in options if each.candidate.usual and not self.gathered.n_seeds(each.candidate.name)]
        return chosen(new or options, self.deadline.left, self.workers)

    def pooled(self) -> dict[str, FloatArray]:
        """What those variants say, (N, P), of which a unit is whole."""
        names = [each.name for each in self.candidates if self.gathered.n_seeds(each.name)]
        return {name: said for name in names if (said := self.gathered.said(name)) is not None}

    def learn(self, pieces: Sequence[Piece], seconds: float) -> None:
        """Correct what is known of seconds by what the pieces took.

        What another day's runs took tells how the variants compare: where such pieces take longer, all of them do.
        """
        expected = seconds_of(pieces, self.workers, margin=False)
        ratio = float(np.clip(seconds / expected, 0.1, 10)) if expected > 0 else 1.0
        trained = [piece.candidate for piece in pieces]
        if all(each.known == "earlier" for each in trained):
            trained += [each for each in self.candidates if each.known == "earlier" and each not in trained]
        for each in trained:
            each.seconds = (each.seconds or 0.0) * ratio
        for piece in pieces:
            piece.candidate.known = "measured"

    def _first_unit(self, candidate: Candidate, pooled: Mapping[str, FloatArray], loss: float) -> Piece | None:
        """A variant that is not pooled: worth what it promises by the folds that it has, or by an earlier run."""
        there = self.gathered.folds_of((candidate.name, 0))
        missing = [fold for fold in range(self.n_folds) if fold not in there]
        said = self.gathered.said(candidate.name) if there else candidate.said
        left, workers = self.deadline.left, self.workers
        if said is None:
            expected = float(np.mean([*self._promised.values()] or [PRIOR]))
            option = unit(candidate, missing, expected, left, workers)
            return option and first_folds(option, left, workers)
        gain = max(self.gains.of_new(pooled, said) / loss, LEAST)
        self._promised[candidate.name] = gain
        option = unit(candidate, missing, gain, left, workers)
        if option and there:
            candidate.why_left = f"after {len(there)} of its folds others promised more for their time"
        return option

    def _further(self, candidate: Candidate, pooled: Mapping[str, FloatArray], loss: float) -> Piece | None:
        """Further seeds of a variant that is pooled: worth what its seeds so far tell, or those of others."""
        name, n_seeds = candidate.name, self.gathered.n_seeds(candidate.name)
        if n_seeds > 1 and self._averaging.get(name, (0, 0.0))[0] != n_seeds:
            alone = [said for seed in (0, 1) if (said := self.gathered.said(name, seed)) is not None]
            self._averaging[name] = n_seeds, max(self.gains.of_averaging(pooled, name, alone, n_seeds) / loss, LEAST)
        known = [gain for _, gain in self._averaging.values()]
        gain = self._averaging[name][1] if name in self._averaging else float(np.mean(known or [PRIOR]))
        return more_seeds(candidate, n_seeds, self.n_folds, gain, self.deadline.left, self.workers)
