"""The folder of a search: `runs/<slug>/tune-<variant>-<key>`, the same for all searches of the same question.

Its name tells data, code and space, so that whoever asks the same goes on, or joins, and whoever asks another begins
anew and is told why.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from pkgutil import iter_modules

import pipelines
from pipelines.competition import Competition
from pipelines.features.frames import Features
from pipelines.files import write_whole
from pipelines.runs.jobs.code import code_hash
from pipelines.runs.jobs.fingerprint import WORDS, Fingerprint, key_of, why_not
from pipelines.runs.jobs.modules import modules_hash
from pipelines.training.fit import Job
from pipelines.tune.nested import outer_folds
from pipelines.tune.space import Space
from pipelines.validation.crossval import Plan

MANIFEST = "tune.json"
DECIDING = ("nested", "search", "space", "study", "training")  # modules of this room
OWN_WORDS = {
    "space": "what is searched, or how many folds and seeds, is another", "metric": "the metric is another",
    "search": "the code of the search is another",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What a search is of, in parts that can be compared."""

    slug: str
    base: str
    parts: Mapping[str, str]

    @property
    def name(self) -> str:
        """The folder's."""
        return f"tune-{re.sub(r'[^A-Za-z0-9_]+', '-', self.base)}-{key_of(self.parts)[:8]}"


def question(competition: Competition, features: Features, plan: Plan, space: Space, outer_seeds: int) -> Question:
    """What is asked: the rows and how they are parted, the code, the device, the space; `plan` is that of a search.

    With `outer_seeds` networks on an outer fold, default and tuned; those of another preset are no match for them.
    """
    variant = competition.variants[space.base]
    told = Fingerprint(competition, features, outer_folds(features, plan.seed), plan)
    parts = told.parts(variant, Job(space.base, 0, 0))
    searched = json.dumps([space.to_plain(), plan.folds, plan.seeds, outer_seeds], sort_keys=True, default=str)
    names = [each.name for each in iter_modules([f"{path}/tune" for path in pipelines.__path__])]
    modules = tuple(f"pipelines.tune.{name}" for name in names if name in DECIDING)
    parts |= {
        "space": sha256(searched.encode()).hexdigest()[:24], "metric": code_hash(competition.metric),
        "search": modules_hash(modules),
    }  # fmt: skip
    return Question(competition.slug, space.base, parts)


def opened(root: Path, asked: Question) -> tuple[Path, str]:
    """The folder of the question, made where it is not there, and why it is new where others have been asked before."""
    folder = root / asked.slug / asked.name
    if (folder / MANIFEST).exists():
        return folder, ""
    before = [_manifest(path) for path in (root / asked.slug).glob(f"tune-*/{MANIFEST}")]
    write_whole(folder / MANIFEST, f"{json.dumps({'base': asked.base, 'parts': asked.parts}, indent=1)}\n".encode())
    nearest = max(before, key=lambda each: (each.in_common(asked), each.time), default=None)
    return folder, "" if nearest is None else _why(nearest, asked)


@dataclass(frozen=True)
class Before:
    """Another search: its folder's name, when it was begun, what it is of; no parts where that cannot be read."""

    name: str
    time: float
    base: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)

    def in_common(self, asked: Question) -> tuple[bool, int]:
        """Whether it is around the same network, and how many parts it shares with what is asked."""
        return self.base == asked.base, sum(self.parts.get(name) == part for name, part in asked.parts.items())


def _manifest(path: Path) -> Before:
    time = path.stat().st_mtime
    try:
        there = json.loads(path.read_bytes())
        return Before(path.parent.name, time, str(there["base"]), dict(there["parts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Before(path.parent.name, time)


def _why(before: Before, asked: Question) -> str:
    """Why another search is not the one that is asked for."""
    parts = before.parts
    if not parts:
        return f"{before.name} cannot be read"
    if before.base != asked.base:
        return f"{before.name} is a search around {before.base}"
    own = next((words for part, words in OWN_WORDS.items() if parts.get(part) != asked.parts[part]), None)
    said = why_not({name: parts.get(name, "") for name in WORDS}, {name: asked.parts[name] for name in WORDS})
    return f"not that of {before.name}: {said or own or 'it is of another kind'}"
