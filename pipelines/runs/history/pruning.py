"""Which runs need not be kept: not the best, not the newest, never submitted, and nobody works in them."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.runs.folder import RunFolder, folders
from pipelines.runs.history.choice import finished, ranked


@dataclass(frozen=True)
class Removed:
    """A run that was removed, and the bytes that are free now: files that other runs hold as well stay."""

    name: str
    n_bytes: int


def to_remove(root: Path, slug: str, keep: int, submitted: Mapping[str, float | None]) -> list[RunFolder]:
    """The runs that are neither among the `keep` best scores nor the newest, nor submitted, nor running, nor renamed.

    The oldest first. The newest is the newest folder of all, and the newest that has come to its end. `submitted` holds
    hashes of csvs.
    """
    runs, there = finished(root, slug), folders(root, slug)
    kept = {run.folder.name for run in ranked(runs, by_score=True)[:keep]} | {folder.name for folder in there[:1]}
    kept |= {run.folder.name for run in runs[:1]}
    kept |= {run.folder.name for run in runs if run.record.kaggle or (run.record.csv_sha256 or "") in submitted}
    mine = [run for run in reversed(there) if run.has_own_name and not run.path.is_symlink()]  # links lead to another's
    return [folder for folder in mine if folder.name not in kept and not folder.is_live]


def remove(runs: list[RunFolder]) -> Iterator[Removed]:
    """Remove the runs, each whole; one that has been taken up meanwhile stays.

    What an earlier removal could not finish goes too.
    """
    for folder in {run.path.parent for run in runs}:
        for left in folder.glob(".*.removed"):
            shutil.rmtree(left, ignore_errors=True)
    for run in runs:
        if not run.lock():
            continue
        try:
            n_bytes = sum(path.stat().st_size for path in run.path.rglob("*") if _only_here(path))
            gone = run.path.with_name(f".{run.name}.removed")  # first: half a run is none
            if os.name == "nt":  # which renames no folder with an open file in it
                run.unlock()
            run.path.rename(gone)
        finally:
            run.unlock()
        shutil.rmtree(gone)
        yield Removed(run.name, n_bytes)


def _only_here(path: Path) -> bool:
    """Whether a file is in this folder only: a run's finished networks are linked into the next one's, not copied."""
    return path.is_file() and path.stat().st_nlink == 1
