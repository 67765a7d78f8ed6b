"""The folder of a search: `runs/<slug>/tune-<variant>-<key>`, the same for all searches of the same question.

Its name tells data, code and space, so that whoever asks the same goes on, or joins, and whoever asks another begins
anew and is told why.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
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
    before = [path for path in (root / asked.slug).glob(f"tune-*/{MANIFEST}") if path.parent != folder]
    if (folder / MANIFEST).exists():
        return folder, ""
    newest = max(before, key=lambda path: path.stat().st_mtime, default=None)
    write_whole(folder / MANIFEST, f"{json.dumps({'base': asked.base, 'parts': asked.parts}, indent=1)}\n".encode())
    return folder, "" if newest is None else _why(newest, asked)


def _why(manifest: Path, asked: Question) -> str:
    """Why the newest other search is not the one that is asked for."""
    try:
        there = json.loads(manifest.read_bytes())
        parts, base = dict(there["parts"]), str(there["base"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{manifest.parent.name} cannot be read"
    if base != asked.base:
        return f"{manifest.parent.name} is a search around {base}"
    own = next((words for part, words in OWN_WORDS.items() if parts.get(part) != asked.parts[part]), None)
    said = why_not({name: parts.get(name, "") for name in WORDS}, {name: asked.parts[name] for name in WORDS})
    return f"not that of {manifest.parent.name}: {said or own or 'it is of another kind'}"
