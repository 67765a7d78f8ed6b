"""What is finished of a run that has minutes, by units: one seed of one variant in all folds.

Shapes: N training rows, M test rows, n scored rows, P predictions of a row.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.competition import Competition
from pipelines.metrics import FloatArray
from pipelines.training.checkpoint.epochs import Checkpoint
from pipelines.training.fit import Group, Job
from pipelines.validation.results import Finished, Keep, Predictions
from pipelines.validation.splits import Fold

if TYPE_CHECKING:
    from pipelines.features.frames import Features
    from pipelines.validation.crossval import Plan
    from pipelines.validation.estimators import Fit

Unit = tuple[str, int]  # variant and seed


class Gathered(Keep):
    """Hands everything on to what keeps a run, and holds what whole units say; units are pooled in order of seeds.

    A unit of which a fold is missing is held apart: it counts for nothing but what it may be worth.
    """

    def __init__(self, keep: Keep, folds: Sequence[Fold], n_rows: int) -> None:
        self._keep, self._folds, self._n_rows = keep, folds, n_rows
        self._apart: dict[Unit, dict[int, Finished]] = {}
        self._whole: dict[str, dict[int, list[Predictions]]] = {}  # the first seed's, and those of all others
        self._lock = threading.Lock()

    def begin(
        self, competition: Competition, features: "Features", folds: Sequence[Fold], plan: "Plan", fits: "Sequence[Fit]"
    ) -> None:
        """Hand it on."""
        self._keep.begin(competition, features, folds, plan, fits)

    def want(self, fits: "Sequence[Fit]") -> None:
        """Hand it on."""
        self._keep.want(fits)

    def expect(self, groups: Sequence[Group]) -> None:
        """Hand it on."""
        self._keep.expect(groups)

    def checkpoint(self, jobs: Sequence[Job]) -> Checkpoint | None:
        """Where networks that train together are kept before they are finished."""
        return self._keep.checkpoint(jobs)

    def find(self, jobs: Sequence[Job], *, pooled: bool = True) -> dict[Job, Finished]:
        """Those of the jobs that are finished, by this run or others."""
        found = self._keep.find(jobs, pooled=pooled)
        self._hear(list(found.values()), pooled=pooled)
        return found

    def put(
        self, finished: Sequence[Finished], encoders: Mapping[int, Any], models: Mapping[Job, Any], *,
        pooled: bool = True,
    ) -> None:  # fmt: skip
        """Take jobs that were finished together."""
        self._keep.put(finished, encoders, models, pooled=pooled)
        self._hear(finished, pooled=pooled)

    def _hear(self, finished: Sequence[Finished], *, pooled: bool) -> None:
        with self._lock:
            for each in finished if pooled else ():
                job = each.job
                if job.seed >= self.n_seeds(job.variant):
                    self._apart.setdefault((job.variant, job.seed), {})[job.fold] = each

    def n_seeds(self, variant: str) -> int:
        """How many units of a variant are whole."""
        of_folds = self._whole.get(variant)
        return 0 if of_folds is None else sum(len(each.jobs) for each in of_folds[0])

    def folds_of(self, unit: Unit) -> set[int]:
        """The folds of a unit that are finished; empty of one that is pooled."""
        return set(self._apart.get(unit, ()))

    def pool(self, variant: str) -> int:
        """Pool the units of a variant that are whole by now; returns how many seeds it has then."""
        with self._lock:
            while len(self._apart.get((variant, self.n_seeds(variant)), ())) == len(self._folds):
                of_folds = self._apart.pop((variant, self.n_seeds(variant)))
                whole = self._whole.setdefault(variant, {})
                for fold in range(len(self._folds)):
                    one, there = Predictions.of([of_folds[fold]]), whole.setdefault(fold, [])
                    there[1:] = [there[1].and_of(one)] if len(there) > 1 else [one] * len(there)
                    there[:1] = there[:1] or [one]
            return self.n_seeds(variant)

    @property
    def predictions(self) -> list[Predictions]:
        """Of each variant and fold what the models of whole units say; added up as `Predictions.of` does."""
        of_folds = [each for of_variant in self._whole.values() for each in of_variant.values()]
        return [first.and_of(others[0]) if others else first for first, *others in of_folds]

    def said(self, variant: str, seed: int | None = None) -> FloatArray | None:
        """What is said of the training rows (N, P), NaN where nothing is yet: mean over whole units, or of one seed.

        Of a variant without a whole unit it is what the folds say that are finished; None where there is none.
        """
        if variant in self._whole:
            whole = self._whole[variant].items()
            of_folds = {fold: np.concatenate([each.scored for each in there]) for fold, there in whole}
        else:
            of_folds = {fold: each.scored[None] for fold, each in self._apart.get((variant, 0), {}).items()}
        if not of_folds:
            return None
        out = np.full((self._n_rows, next(iter(of_folds.values())).shape[-1]), np.nan)
        for fold, scored in of_folds.items():
            out[self._folds[fold].scored] = scored.mean(axis=0) if seed is None else scored[seed]
        return out
