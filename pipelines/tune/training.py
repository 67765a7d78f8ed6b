"""Many candidates of one shape as one program, on one fold after the other.

Shapes: N rows, n scored rows, P predictions of a row.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.competition import Competition, Variant
from pipelines.errors import TrainingError
from pipelines.features.frames import Features
from pipelines.hardware import cores, memory_to_use, n_cores
from pipelines.metrics import FloatArray, IntArray, Target
from pipelines.settings.tuned import Candidate
from pipelines.training import loop
from pipelines.training.fit import Encoded, Group, Job, fit
from pipelines.validation.conditions import as_inputs
from pipelines.validation.crossval import FoldEncoder, random_state
from pipelines.validation.results import in_units
from pipelines.validation.splits import Fold

LEAST_STACK = 5  # networks of a program, see validation/groups
SHARE = 0.5  # of the memory that a run may use, for encoded rows that are kept
Said = dict[str, FloatArray]  # predictions (n, P) by the candidate's name


class OutOfTimeError(Exception):
    """The time is over in the middle of a training."""


@dataclass(frozen=True)
class Seen:
    """A fold's rows for networks, and its scored rows encoded."""

    encoded: Encoded
    scored: Tensor

    @property
    def n_bytes(self) -> int:
        """Bytes of all rows."""
        return sum(each.numel() * each.element_size() for each in (self.encoded.rows.inputs, self.scored))


class Trainer:
    """Trains variants on the `folds` of some rows, with so many seeds each; the same seeds for all of them.

    `clock` is asked before rows are encoded, and told of each epoch of a network; what it raises ends the training.
    """

    def __init__(
        self, competition: Competition, features: Features, folds: Sequence[Fold], seeds: int, seed: int, device: str,
    ) -> None:  # fmt: skip
        self.competition, self.features, self.folds = competition, features, folds
        self.seeds, self.seed, self.device = seeds, seed, torch.device(device)
        self._seen: dict[tuple[Any, int], Seen] = {}

    def score(self, folds: Sequence[int], said: Sequence[FloatArray]) -> float:
        """The metric of all scored rows of these folds together."""
        return self.competition.metric(self.truth(folds), np.concatenate(said))

    def truth(self, folds: Sequence[int]) -> Target:
        """The target of the scored rows of these folds."""
        return self.features.y[self.rows(folds)]

    def rows(self, folds: Sequence[int]) -> IntArray:
        """The scored rows of these folds."""
        return np.concatenate([self.folds[fold].scored for fold in folds])

    def candidates(
        self, candidates: Mapping[str, Candidate], folds: Sequence[int], clock: Callable[..., None]
    ) -> dict[int, Said]:
        """What candidates of one shape say of each fold's scored rows; those whose training fails are left out."""
        variants = {name: each.variant(self.competition) for name, each in candidates.items()}
        encoder = tuple(next(iter(candidates.values())).encoder.items())
        try:
            return self.variants(variants, folds, clock, encoder)
        except TrainingError:  # of all of them: late in a search often one alone
            return {fold: {} for fold in folds}

    def variants(
        self, variants: Mapping[str, Variant], folds: Sequence[int], clock: Callable[..., None], encoder: Any = None
    ) -> dict[int, Said]:
        """The same of variants that share an encoder, by which encoded rows are known.

        Raises: TrainingError where all of them fail.
        """
        first = next(iter(variants.values()))
        seen = {}
        for fold in folds:
            clock()  # rows may take long to encode
            seen[fold] = self._rows(first, fold, encoder)
        groups = [group for fold in folds for group in self._groups(variants, fold, seen[fold])]
        found: dict[int, Said] = {fold: {} for fold in folds}
        failed: list[TrainingError] = []
        workers = min(n_cores(), len(groups)) if self.device.type == "cpu" else 1
        with cores(max(1, workers), 1, clock) as (pool, step):
            tasks = [pool.submit(self._said, group, seen[group.jobs[0].fold], step, failed) for group in groups]
            for task in as_completed(tasks):
                for fold, said in task.result():
                    found[fold] |= said
        if failed and not any(found.values()):
            raise failed[0]
        return found

    def _rows(self, variant: Variant, fold: int, encoder: Any) -> Seen:
        if (encoder, fold) not in self._seen:
            encode = FoldEncoder(self.features, self.folds, variant, self.seed, self.competition.number)
            encoded = encode(fold)
            encoded = Encoded(replace(encoded.rows, watched=None), encoded.encoder)  # nobody looks on
            scored = as_inputs(encoded.encoder.transform(self.features.train.iloc[self.folds[fold].scored]))
            self._make_room()
            self._seen[encoder, fold] = Seen(encoded, scored)
        return self._seen[encoder, fold]

    def _make_room(self) -> None:
        most = SHARE * memory_to_use(torch.device("cpu"))
        while self._seen and sum(seen.n_bytes for seen in self._seen.values()) > most:
            del self._seen[next(iter(self._seen))]

    def _groups(self, variants: Mapping[str, Variant], fold: int, seen: Seen) -> list[Group]:
        names = list(variants)
        programs = n_cores() if self.device.type == "cpu" else 1
        size = max(ceil(len(names) / programs), ceil(LEAST_STACK / self.seeds))
        first = variants[names[0]]
        assert first.make_model is not None
        return [
            Group(
                jobs=tuple(
                    Job(name, fold, number, random_state(self.seed, fold, number))
                    for name in names[start : start + size]
                    for number in range(self.seeds)
                ),
                encode=lambda _fold: seen.encoded, make_model=first.make_model, n_outputs=self.competition.n_outputs,
                recipe=first.recipe, metric=self.competition.metric, device=self.device,
                number=self.competition.number, variants=variants,
            )
            for start in range(0, len(names), size)
        ]  # fmt: skip

    def _said(
        self, group: Group, seen: Seen, step: Callable[..., None], failed: list[TrainingError]
    ) -> list[tuple[int, Said]]:
        """Train a group; of one whose loss is no number halves are tried, until those that fail stand alone."""
        names, fold = list(dict.fromkeys(job.variant for job in group.jobs)), group.jobs[0].fold
        try:
            networks = fit(group, step).networks
        except TrainingError as error:
            if len(names) == 1:
                failed.append(error)
                return []
            halves = names[: len(names) // 2], names[len(names) // 2 :]
            parts = [tuple(job for job in group.jobs if job.variant in half) for half in halves]
            each = [self._said(replace(group, jobs=jobs), seen, step, failed) for jobs in parts]
            return [said for half in each for said in half]
        scored = seen.scored.to(self.device)
        said: dict[str, list[FloatArray]] = {name: [] for name in names}
        for job, trained in networks.items():
            said[job.variant].append(loop.predict(trained.model, scored, trained.scale))
        means = {name: in_units(self.competition, np.mean(each, axis=0)) for name, each in said.items()}
        return [(fold, means)]
