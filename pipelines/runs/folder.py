"""The folder of a run: a name that is taken once, a lock while the run lives, a record when it has come to its end."""

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pipelines.files import link
from pipelines.files.locks import claim, is_locked, remove_abandoned
from pipelines.settings.tuned import FILE as TUNED_FILE
from pipelines.settings.tuned import PICTURE as SEARCH_PICTURE
from pipelines.submission.record import Record, RecordError

RECORD, PLAN, LOG, PICTURE, LOCK = "record.json", "plan.json", "log.txt", "training.png", ".lock"
PREDICTIONS, REPORT = "predictions.safetensors", "report.html"
IDEA = "idea.py"  # of a run of `try`: what was put into the competition
NAME = re.compile(r"\d{8}-\d{6}-.+")  # when it began, in UTC, and what it is

opened_here: list["RunFolder"] = []  # by this process


class RunFolder:
    """What a run leaves lies at `path`; one without `record.json` has not come to its end, or is still running."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def name(self) -> str:
        """When the run began, and what it is: `20261126-101010-fast`."""
        return self.path.name

    @property
    def has_own_name(self) -> bool:
        """Whether it is called as it was when it was made, as far as that can be told."""
        return NAME.fullmatch(self.name) is not None

    @property
    def slug(self) -> str:
        """The competition's."""
        return self.path.parent.name

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to its end: the record is written last."""
        return (self.path / RECORD).exists()

    @property
    def is_live(self) -> bool:
        """Whether a process works in it."""
        return self._descriptor is not None or is_locked(self.path / LOCK)

    def record(self) -> Record:
        """What the run found out.

        Raises: RecordError where it has not come to its end, or the record cannot be read.
        """
        return Record.load(self.path / RECORD)

    def plan(self) -> dict[str, Any]:
        """What the run wants, as `plan.json` says; empty where that cannot be read."""
        try:
            plan = json.loads((self.path / PLAN).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return plan if isinstance(plan, dict) else {}

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the plan; each has `variant`, `fold`, `seed`, `pooled` and `key`."""
        jobs = self.plan().get("jobs")
        fields = {"variant": str, "fold": int, "seed": int, "pooled": bool, "key": str}
        return [
            job
            for job in (jobs if isinstance(jobs, list) else [])
            if isinstance(job, dict) and all(isinstance(job.get(name), kind) for name, kind in fields.items())
        ]

    def networks(self) -> list[Path]:
        """The files of finished networks, estimators and baselines."""
        return sorted(self.path.glob("networks/*.safetensors"))

    def lock(self) -> bool:
        """Take the folder for this process; False where another has it."""
        remove_abandoned(self.path / LOCK)  # whose owner is gone
        try:
            self._descriptor = claim(self.path / LOCK)
        except OSError:  # another was quicker, or has removed the folder
            return False
        opened_here.append(self)
        return True

    def unlock(self) -> None:
        """Give the folder back."""
        if self._descriptor is None:
            return
        if os.name == "nt":  # which removes no file that is open
            os.close(self._descriptor)
        (self.path / LOCK).unlink(missing_ok=True)
        if os.name != "nt":
            os.close(self._descriptor)
        self._descriptor = None

    def leave(self, picture: Path) -> None:
        """Put in the picture of the training, if there is one."""
        if picture.exists():
            (self.path / PICTURE).unlink(missing_ok=True)
            link(picture, self.path / PICTURE)

    def remove_if_empty(self) -> None:
        """Remove a folder in which nothing was finished, or got so far that it was kept."""
        if not self.networks() and not any(self.path.glob("unfinished/*")) and not self.is_finished:
            self.remove_leftovers()
            for name in (PLAN, IDEA, TUNED_FILE, SEARCH_PICTURE, LOG, REPORT):
                (self.path / name).unlink(missing_ok=True)
            self.unlock()
            with suppress(OSError):  # something of somebody else's is in it
                (self.path / "networks").rmdir()
            with suppress(OSError):
                self.path.rmdir()

    def remove_leftovers(self) -> None:
        """Remove files that a killed run had begun to write."""
        for part in self.path.rglob(".*.part"):
            remove_abandoned(part)


def new_folder(root: Path, slug: str, what: str, taken: Callable[[str], bool] = lambda _name: False) -> RunFolder:
    """A new, locked folder `<time>-<what>`, or with `-2` and so on after it; none whose name is `taken` elsewhere."""
    stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{what}"
    for number in count(1):
        folder = RunFolder(root / slug / f"{stem}{f'-{number}' * (number > 1)}")
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.path.mkdir()
        except FileExistsError:
            continue
        if not taken(folder.name) and folder.lock():
            return folder
        with suppress(OSError):  # another has taken it
            folder.path.rmdir()
    raise AssertionError("numbers end")


def folders(root: Path, slug: str) -> list[RunFolder]:
    """All runs of a competition, the newest first; whoever has made a run may give its folder another name."""
    found = [RunFolder(path) for path in (root / slug).glob("[!.]*") if path.is_dir()]
    runs = [run for run in found if run.has_own_name or run.is_finished or (run.path / PLAN).exists()]
    return sorted(runs, key=lambda run: (began(run), run.name), reverse=True)


def began(run: RunFolder) -> str:
    """The time in a run's name; of one that has another name that in its record, or of its plan."""
    if run.has_own_name:
        return run.name
    try:
        return run.record().run or ""
    except RecordError:
        plan = run.path / PLAN
        return f"{datetime.fromtimestamp(plan.stat().st_mtime, UTC):%Y%m%d-%H%M%S}" if plan.exists() else ""
