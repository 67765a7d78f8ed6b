"""Finished rounds, kept: a file for all that were played with the same data, options and code, a line for each.

What they came to is `practice.json` beside it, which a run's report shows.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pipelines
from pipelines.competition import Competition
from pipelines.data.sources import Source
from pipelines.files import write_whole
from pipelines.practice.coverage import Coverage
from pipelines.practice.rounds import Round, alone
from pipelines.runs.jobs.code import code_hash
from pipelines.runs.jobs.fingerprint import code_parts
from pipelines.runs.jobs.modules import modules_hash
from pipelines.submission.plain import from_plain
from pipelines.validation.crossval import Plan

ROOMS = ("data", "features", "validation")  # beside those that decide over a network
MODULES = ("audit.practice", "bootstrap", "metrics", "practice.rounds", "submission.record")
NAME = "practice.json"


def key_of(competition: Competition, plan: Plan, source: Source) -> str:
    """A hash of data, options and code: rounds with the same one, and the same seed, would come out the same."""
    played = alone(competition)
    names = sorted({*MODULES, *(f"{room}.{name}" for room in ROOMS for name in _modules(room))})
    recipes = {name: asdict(variant.recipe) for name, variant in plan.variants.items()}
    parts = {
        "files": source.hashes(), "folds": plan.folds, "seeds": plan.seeds, "recipes": recipes, "device": plan.device,
        "variants": {name: code_parts(played, variant) for name, variant in plan.variants.items()},
        "competition": code_hash(
            played.add_features, played.groups, played.time, played.metric, played.number, played.classes
        ),
        "pipelines": modules_hash(tuple(f"pipelines.{name}" for name in names)),
    }  # fmt: skip
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _modules(room: str) -> list[str]:
    folder = [f"{path}/{room}" for path in pipelines.__path__]
    return [module.name for module in iter_modules(folder) if not module.ispkg]


class Kept:
    """The rounds of one key in a folder."""

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / f"rounds-{key}.jsonl"

    def rounds(self) -> dict[int, Round]:
        """Those that are whole, by seed; a line that was being written when the power went is no round."""
        lines = self.path.read_bytes().split(b"\n") if self.path.is_file() else []
        found = {}
        for line in lines:
            try:
                played: Round = from_plain(Round, json.loads(line), "")
            except (ValueError, RecursionError):
                continue
            found[played.seed] = played
        return found

    def add(self, played: Round) -> None:
        """Append a round, on the disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            torn = file.read(1) not in (b"", b"\n")
            file.write(b"\n" * torn + json.dumps(asdict(played)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, kw_only=True)
class Practice:
    """What all rounds came to: of which competition, how it was trained, `coverage`, and the `rounds` by seed."""

    slug: str
    data: str  # folder, kaggle or sample
    metric: str
    greater_is_better: bool
    key: str
    options: Mapping[str, Any]
    by_time: bool  # rounds end earlier and earlier, and hide the latest rows before their end
    coverage: Coverage
    rounds: list[Round]
    unpublished: bool = False  # `run` shifts its forecast as published models were; the one that is judged here is not

    def to_json(self) -> str:
        """Plain JSON; what is not known, as the spread of one round, is null."""
        value = asdict(self)
        for held, each in zip(value["coverage"]["held"], self.coverage.held, strict=True):
            held["share"] = each.share if each.rounds else None
        for plain, played in zip(value["rounds"], self.rounds, strict=True):
            plain["z"] = played.z
        return json.dumps(_mapped(value, lambda each: None if _unknown(each) else each), indent=1)

    def save(self, folder: Path) -> tuple["Practice", Path] | None:
        """Write it as `practice.json`, whole or not at all.

        What it takes the place of goes beside it under its key, if it is of other rounds or of more; that is returned
        with its path.
        """
        before, aside = None, None
        with suppress(OSError, ValueError):
            before = Practice.load(folder)
        if before is not None and (before.key != self.key or not _seeds(before) <= _seeds(self)):
            aside = before, folder / f"practice-{before.key}-{len(before.rounds)}.json"
            write_whole(aside[1], f"{before.to_json()}\n".encode())
        write_whole(folder / NAME, f"{self.to_json()}\n".encode())
        return aside

    @classmethod
    def load(cls, folder: Path) -> "Practice":
        """That of a folder.

        Raises: FileNotFoundError; ValueError for a file of another form.
        """
        try:
            value = json.loads((folder / NAME).read_bytes())
            for part in ("coverage", "rounds") if isinstance(value, dict) else ():
                value[part] = _mapped(value.get(part), lambda each: math.nan if each is None else each)
            found: Practice = from_plain(cls, value, "")
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return found


def _seeds(practice: Practice) -> set[int]:
    return {each.seed for each in practice.rounds}


def _unknown(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Plain values with each that holds no others changed."""
    if isinstance(value, dict):
        return {name: _mapped(each, change) for name, each in value.items()}
    return [_mapped(each, change) for each in value] if isinstance(value, list) else change(value)


def in_order(rounds: Mapping[int, Round], seeds: Iterable[int]) -> list[Round]:
    """The rounds of these seeds that are finished, in the order of the seeds."""
    return [rounds[seed] for seed in seeds if seed in rounds]
