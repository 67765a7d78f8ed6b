"""What a trained network depends on, in parts that can be compared: where all are equal, it need not be trained again.

Shapes: N training rows, M test rows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from hashlib import sha256
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

import pipelines
from pipelines.competition import Competition, Variant
from pipelines.features.frames import Features
from pipelines.hardware import has_bfloat16
from pipelines.runs.jobs.code import code_hash
from pipelines.runs.jobs.modules import CUT, modules_hash
from pipelines.submission.provenance import versions

if TYPE_CHECKING:
    from pipelines.training.fit import Job
    from pipelines.validation.crossval import Plan
    from pipelines.validation.splits import Fold

# What decides over a network once its rows are known. How they were read, split and made into features shows in them;
# groups of jobs, pools and scores come after it, or change its numbers by rounding only.
ROOMS = (
    "training", "training.checkpoint", "training.estimator", "training.learning_curves", "encoders", "models",
)  # fmt: skip
MODULES = (
    "hardware", "metrics", "competition", "validation.crossval", "validation.conditions", "validation.estimators",
    "validation.baselines", "settings.variants",
)  # fmt: skip
WORDS = {  # for a part that differs, the first that says most
    "versions": "Python or a package had another version", "device": "they were trained on another device",
    "data": "the data, or what add_features makes of them, are others", "chance": "the seed is another",
    "rows": "the folds hold other rows", "recipe": "the recipe is another", "code": "the competition's code is another",
    "pipelines": "the code in pipelines/ is another",
}  # fmt: skip

Parts = dict[str, str]


class Fingerprint:
    """The parts that each job of a run depends on; what many jobs share is looked at once."""

    def __init__(self, competition: Competition, features: Features, folds: "Sequence[Fold]", plan: "Plan") -> None:
        self.competition, self.features, self.folds, self.plan = competition, features, folds, plan
        self._rows = [_short(fold.train, fold.scored) for fold in folds]
        self._of_variants: dict[tuple[int, bool], Parts] = {}

    def parts(self, variant: Variant, job: "Job", *, pooled: bool = True) -> Parts:
        """Hashes, or plain words, by the name of what they are of; a baseline is not `pooled`."""
        of_variant = self._of_variants.setdefault((id(variant), pooled), {}) or self._variant(variant, pooled)
        self._of_variants[id(variant), pooled] = of_variant
        chance = _short(json.dumps([self.plan.seed, job.random_state]))
        return self._shared | of_variant | {"variant": job.variant, "rows": self._rows[job.fold], "chance": chance}

    @cached_property
    def _shared(self) -> Parts:
        return {"data": _data(self.features)} | _around()

    def _variant(self, variant: Variant, pooled: bool) -> Parts:
        number = self.competition.number
        recipe: dict[str, Any] = {"outputs": self.competition.n_outputs, "pooled": pooled}
        recipe |= {"number": None if number is None else asdict(number)}
        device = "cpu"
        if variant.make_model is not None:
            recipe |= asdict(variant.recipe)
            there = torch.device(self.plan.device)
            device = there.type + " with bfloat16" * (variant.recipe.bfloat16 and has_bfloat16(there))
        recipe = {"recipe": _short(json.dumps(recipe, sort_keys=True)), "device": device}
        return _code(self.competition, variant) | recipe


def code_parts(competition: Competition, variant: Variant) -> Parts:
    """Those parts that are code, as it is now: the variant's own, that around it, and versions."""
    return _code(competition, variant) | _around()


def _code(competition: Competition, variant: Variant) -> Parts:
    made_by: list[Any] = [variant.make_encoder, variant.make_model, variant.make_estimator]
    if variant.make_model is not None and variant.recipe.patience is not None:
        made_by.append(competition.metric)  # by which training is ended
    return {"code": code_hash(*made_by)}


def _around() -> Parts:
    names = tuple(sorted({*MODULES, *(f"{room}.{name}" for room in ROOMS for name in _modules(room))}))
    return {
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "pipelines": modules_hash(tuple(f"pipelines.{name}" for name in names)),
    }


def key_of(parts: Mapping[str, str]) -> str:
    """One hash of all parts."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def why_not(there: Mapping[str, str], wanted: Mapping[str, str]) -> str | None:
    """Why a network of those parts is not the one that is wanted, in words; None where no part differs."""
    part = next((part for part in WORDS if there.get(part) != wanted.get(part)), None)
    if part == "code" and "unknown-" in there.get(part, "")[:8] + wanted[part][:8]:
        return (
            f"{WORDS[part]}, or cannot be told from another: it names a lock, an open file, np.frompyfunc or the like"
        )
    if part in ("versions", "device"):
        gone = set(there.get(part, "").split(", ")) - set(wanted[part].split(", "))
        return f"{WORDS[part]} ({', '.join(sorted(gone))})"
    return part and WORDS[part]


def _modules(room: str) -> list[str]:
    folder = [f"{path}/{room.replace('.', '/')}" for path in pipelines.__path__]
    return [module.name for module in iter_modules(folder) if not module.ispkg]


def _short(*parts: Any) -> str:
    found = sha256()
    for part in parts:
        found.update(f"{len(part)} ".encode())  # where one ends and the next begins
        found.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).data)
    return found.hexdigest()[:CUT]


def _data(features: Features) -> str:
    """Everything that a model may learn from or predict: values, types, names, and what binds rows together."""
    found = sha256()
    for frame in (features.train, features.test):
        found.update(f"\n{frame.shape}".encode())
        for place, name in enumerate(frame.columns):
            column = frame.iloc[:, place]
            found.update(f"\n{name!r} {column.dtype}".encode("utf-8", "surrogatepass"))
            found.update(_bytes(column))
    for values in (features.y, features.units, features.groups, features.time):
        found.update(b"\n" if values is None else f"\n{values.dtype}".encode())
        found.update(b"" if values is None else np.ascontiguousarray(values).data)
    return found.hexdigest()[:CUT]


def _bytes(column: pd.Series) -> Any:
    """The values of a column; of texts and the like a hash of each."""
    if isinstance(column.dtype, np.dtype) and not column.dtype.hasobject:
        return np.ascontiguousarray(column.to_numpy()).view(np.uint8)
    kinds = column.dtype if isinstance(column.dtype, pd.CategoricalDtype) else None
    categories = (
        b"" if kinds is None else repr((kinds.ordered, list(kinds.categories))).encode("utf-8", "surrogatepass")
    )
    return pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes() + categories
