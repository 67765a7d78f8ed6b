"""Where a number came from: versions, commit, memory; the record that says so."""

import os
import platform
import subprocess
import sys
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.competition import Competition
from pipelines.data.sources import Source
from pipelines.settings.knobs import Knobs
from pipelines.submission.record import Record

if TYPE_CHECKING:
    from pipelines.validation.crossval import Plan
    from pipelines.validation.results import CVResult

PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "scipy", "rtdl_num_embeddings", "tabm")
ROOT = Path(__file__).resolve().parents[2]
PROJECT = "kaggle-homework"
CUT = 12  # hexadecimal digits of the hash that are shown


def make_record(
    competition: Competition, knobs: Knobs, plan: "Plan", source: Source, result: "CVResult", leaks: list[str],
    run: str | None,
) -> Record:  # fmt: skip
    """What the run found out; the csv's hash and the seconds are filled in when they are known."""
    return Record(
        slug=competition.slug, data=source.kind, where=source.where, inputs_sha256=source.hashes(),
        metric=competition.metric.name, cv_mean=result.score, cv_se=result.se, fold_scores=result.fold_scores,
        fold_se=result.fold_se, variants=result.variants, baselines=result.baselines, forecast=result.forecast,
        folds=plan.folds, seeds=None if result.budget else plan.seeds, seed=plan.seed, preset=knobs.what,
        device=plan.device, versions=versions(), git_commit=git_commit(), peak_memory_mb=peak_memory_mb(), leaks=leaks,
        run=run, note=knobs.note, budget=result.budget,
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that the numbers depend on."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}


@cache
def identity(folder: str) -> dict[str, str]:
    """Versions by name, the project's with a hash of its code and of the competition's `folder`, if there is one.

    Networks of other versions are others, and so may be their form.
    """
    try:
        number = version(PROJECT)
    except PackageNotFoundError:  # run from its folder, not installed
        number = "not installed"
    places = [ROOT / "pipelines", *([ROOT / "competitions" / folder] if folder else [])]
    return {PROJECT: f"{number} (code {code_hash(*places)})", **versions()}


def code_hash(*folders: Path) -> str:
    """A hash of all Python files in folders; how a system ends lines is left out."""
    found = sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found.update(f"\n{folder.name}/{path.relative_to(folder).as_posix()}\n".encode())
            found.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()[:CUT]


def git_commit(file: Path = Path(__file__)) -> str | None:
    """The commit of this source tree, with `-dirty` after it if files differ.

    None outside git, and where the repository around `file` is another program's: one that a copy of this tree, or an
    environment that it is installed in, lies in, or that a git hook has named in the environment.
    """
    try:
        top = _git(file.parent, "rev-parse", "--show-toplevel")
        if not file.resolve().parents[2].samefile(top):
            return None
        _git(file.parent, "ls-files", "--error-unmatch", file.name)
        return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *command: str) -> str:
    around = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(  # noqa: S603 fixed commands
        ["git", *command],  # noqa: S607 wherever it is installed
        capture_output=True, encoding="utf-8", errors="surrogateescape", check=True, cwd=folder, timeout=10, env=around,
    )  # fmt: skip
    return done.stdout.strip()


def peak_memory_mb() -> float | None:
    """The largest resident memory of this process so far, in 10^6 bytes; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
