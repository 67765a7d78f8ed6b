"""What earlier runs measured of a competition's variants, on the same rows: their seconds, and what they said.

Shapes: N training rows, P predictions of a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.competition import Competition
from pipelines.data.sources import Source
from pipelines.features.frames import Features
from pipelines.metrics import FloatArray
from pipelines.runs.history.choice import KeptRun, finished
from pipelines.runs.predictions import RowPredictions
from pipelines.runs.tensors import DamagedError
from pipelines.settings.knobs import Knobs
from pipelines.submission.record import VariantScore
from pipelines.validation.crossval import Plan
from pipelines.validation.results import settings_of


@dataclass(frozen=True)
class Earlier:
    """Seconds of one model of a fold, and what the variant said out of fold, (N, P), as it is learned, if it is there.

    The first is of that day's machine; the second the mean over that run's seeds.
    """

    seconds: float
    said: FloatArray | None = None


def measured_earlier(
    competition: Competition, features: Features, plan: Plan, knobs: Knobs, source: Source
) -> dict[str, Earlier]:
    """By the newest run of the same files, device and recipe that had a variant; few or none may be known."""
    found: dict[str, Earlier] = {}
    for run in [] if knobs.runs is None else finished(knobs.runs, competition.slug):
        if not _is_alike(run, plan, knobs, source):
            continue
        new = {
            each.name: _seconds_of_one(each) * _share(plan.folds) / _share(run.record.folds or plan.folds)
            for each in run.record.variants
            if each.name in plan.variants.keys() - found.keys() and each.seconds > 0
            and each.recipe == settings_of(plan.variants[each.name])
        }  # fmt: skip
        said = _said(run, competition, features) if new else {}
        found |= {name: Earlier(seconds, said.get(name)) for name, seconds in new.items()}
    return found


def _is_alike(run: KeptRun, plan: Plan, knobs: Knobs, source: Source) -> bool:
    """Whether it has learned from the same rows on the same device."""
    record = run.record
    hidden = (record.practice is not None, record.seed if knobs.practice else None)
    alike = hidden == (knobs.practice, knobs.seed if knobs.practice else None)
    return alike and record.device == plan.device and dict(record.inputs_sha256) == dict(source.hashes())


def _share(folds: int) -> float:
    """Of the rows, those that a fold's models learn from."""
    return (folds - 1) / folds


def _seconds_of_one(variant: VariantScore) -> float:
    of_seeds = variant.by_fold_and_seed
    drawn = any(variant.losses) or any(len(set(scores)) > 1 for scores in of_seeds)  # else one stands for all seeds
    models = sum(map(len, of_seeds)) if drawn else len(of_seeds)
    return variant.seconds / max(1, models)


def _said(run: KeptRun, competition: Competition, features: Features) -> Mapping[str, FloatArray]:
    try:
        kept = RowPredictions.load(run.folder.path)
    except DamagedError:
        return {}
    if not np.array_equal(kept.y, features.y):
        return {}
    number = competition.number
    return {name: oof if number is None else number.forward(oof) for name, oof in kept.variants.items()}
