"""Is the tuned network better than the default? Told by rows that the search has not seen.

Shapes: N rows, n rows of an outer fold, P predictions of a row.

The rows are parted in outer folds. On the rows outside of each a search of its own chooses; then default and tuned
network train on these rows, with the same seeds, and are scored on the fold. What is measured is the search, not one
recipe: each fold may find another.
Source: Cawley & Talbot 2010, "On over-fitting in model selection and subsequent selection bias in performance
evaluation".
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipelines.competition import Competition
from pipelines.errors import DataError
from pipelines.features.frames import Features
from pipelines.metrics import FloatArray, IntArray
from pipelines.runs import tensors
from pipelines.runs.history.compare import SURE, Paired, Part, chance_of
from pipelines.runs.tensors import DamagedError
from pipelines.settings.tuned import Candidate
from pipelines.validation.splits import Fold, split

OUTER = 3  # folds, each with a search of its own


@dataclass(frozen=True)
class Gain:
    """How much better the tuned network is, in the metric's own direction, with its standard error `se`.

    `p` is how often two that are equally good would differ as much; `folds` the same of each outer fold.
    """

    gain: float
    se: float
    p: float
    rows: int
    default: float
    tuned: float
    folds: Sequence[Part]

    @property
    def verdict(self) -> str:
        """In words.

        >>> Gain(0.01, 0.002, 0.001, 900, 0.8, 0.81, ()).verdict, Gain(0.0, 0.01, 0.9, 90, 0.8, 0.8, ()).verdict
        ('helps', 'not told apart')
        """
        if math.isnan(self.p) or self.p >= SURE:
            return "not told apart"
        return "helps" if self.gain > 0 else "hurts"


def outer_folds(features: Features, seed: int) -> list[Fold]:
    """Outer folds: dealt as those of a run, by groups or by time where rows have them."""
    return dealt(features, OUTER, seed)


def dealt(features: Features, folds: int, seed: int) -> list[Fold]:
    """Folds of these rows, as a run has them."""
    return split(features.y, folds, seed, features.twins, groups=features.groups, time=features.time)


def folds_that_fit(slug: str, features: Features, most: int, seed: int) -> int:
    """How many folds a candidate has, `most` at most: as many as fit in the rows outside of each outer fold, too.

    Raises: DataError where there are no outer folds, or not even 2 fit outside of one.
    """
    why = ""
    try:
        outer = outer_folds(features, seed)
        for folds in range(most, 1, -1):
            try:
                for part in (features, *(part_of(features, fold.train) for fold in outer)):
                    dealt(part, folds, seed)
            except DataError as error:
                why = error.message
            else:
                return folds
    except DataError as error:
        why = error.message
    raise DataError(
        f"a search parts the rows in {OUTER} outer folds, and those outside of each in 2 at least; these are too few: "
        f"{why}",
        f"a search needs more rows (of each class), groups or times than these; train without one: "
        f"python -m pipelines run {slug}",
        f"搜索需要更多的行（每个类别都要有）、组或时间；可不搜索，直接训练：python -m pipelines run {slug}",
    )


def part_of(features: Features, rows: IntArray) -> Features:
    """The features of some of the training rows: all that a search sees."""
    as_read = features.rows
    return Features(
        features.train.iloc[rows], features.y[rows], features.test.iloc[:0],
        None if as_read is None else as_read.iloc[rows],
        None if features.groups is None else features.groups[rows],
        None if features.time is None else features.time[rows],
    )  # fmt: skip


def gain_of(
    competition: Competition, features: Features, folds: Mapping[int, Fold],
    said: Mapping[int, tuple[FloatArray, FloatArray]],
) -> Gain | None:  # fmt: skip
    """The paired difference on the rows of the outer folds of which (default, tuned) have said something."""
    done = [fold for fold in folds if fold in said]
    if not done:
        return None
    metric, units = competition.metric, features.dependent
    rows = np.concatenate([folds[fold].scored for fold in done])
    default, tuned = (np.concatenate([said[fold][which] for fold in done]) for which in (0, 1))
    paired = Paired(
        [], features.y[rows], default, tuned, None, None if units is None else units[rows], []
    )  # fmt: skip
    gain, se = metric.difference(paired.y, tuned, default, paired.units)
    parts = []
    for fold in done:
        own = folds[fold].scored
        of_units = None if units is None else units[own]
        parts.append(
            Part(str(fold + 1), len(own), *metric.difference(features.y[own], said[fold][1], said[fold][0], of_units))
        )
    p = chance_of(metric, paired, gain, se)
    return Gain(gain, se, p, len(rows), metric(paired.y, default), metric(paired.y, tuned), parts)


class Outside:
    """What networks have said of the rows of the outer folds, kept in the folder of the search."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, fold: int, candidate: Candidate | None) -> tuple[FloatArray, float] | None:
        """What that candidate has said, or the default (None), and its seconds; None where it has said nothing yet."""
        try:
            found, about = tensors.load(self._path(fold, candidate))
        except DamagedError:
            return None
        fits = about.get("candidate") == _about(candidate)["candidate"]
        return (found["said"].numpy(), float(about.get("seconds", 0.0))) if fits else None

    def keep(self, fold: int, candidate: Candidate | None, said: FloatArray, seconds: float) -> None:
        """Write it down, in the place of what another candidate has said."""
        about = {**_about(candidate), "seconds": seconds}
        tensors.save(self._path(fold, candidate), {"said": said}, about)

    def _path(self, fold: int, candidate: Candidate | None) -> Path:
        return self.folder / f"outer-{fold + 1}-{'default' if candidate is None else 'tuned'}.safetensors"


def _about(candidate: Candidate | None) -> dict[str, object]:
    return {"candidate": None if candidate is None else json.loads(json.dumps(asdict(candidate)))}
