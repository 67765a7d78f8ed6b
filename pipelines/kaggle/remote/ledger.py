"""What was sent to Kaggle from here: one event a line in `runs/kaggle.jsonl`, so that a killed command goes on."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.errors import HomeworkError
from pipelines.kaggle.remote.script import Job, job_from, quoted

NAME, LOCK = "kaggle.jsonl", ".kaggle.lock"


@dataclass
class Sent:
    """A job that was sent, or was going to be: `version` is None where it is not known whether it arrived.

    `here` are the options that say where its files lie on this machine; they do not travel.
    """

    job: Job
    ref: str
    version: int | None = None
    here: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        """What follows it from here, and brings it back."""
        return " ".join([self.job.command, *map(quoted, self.here)])


def staging_of(runs: Path, sent: Sent) -> Path:
    """Where lies what has been fetched of a job so far."""
    return runs / sent.job.slug / f".kaggle-{sent.job.id}"


class RemoteLedger:
    """The ledger of a folder of runs."""

    def __init__(self, runs: Path) -> None:
        self.runs, self.path = runs, runs / NAME

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One command at a time follows the kernel.

        Raises: HomeworkError where another does.
        """
        from filelock import FileLock, Timeout

        self.runs.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.runs / LOCK, timeout=0):
                yield
        except Timeout:
            raise HomeworkError(
                f"another command follows the run on Kaggle from {self.runs} already",
                "wait until it is done, or end it (the run on Kaggle goes on); then run the same command again",
                "另一个命令正在跟踪 Kaggle 上的运行：请等它结束，或先结束它（Kaggle 上的运行不受影响），再运行同一命令",
            ) from None

    def sending(self, job: Job, ref: str, here: list[str]) -> Sent:
        """Written before a push: if its answer is lost, the id tells whether it arrived."""
        self._append("sending", job.id, ref=ref, job=asdict(job), here=here)
        return Sent(job, ref, here=here)

    def pushed(self, sent: Sent, ref: str, version: int | None) -> None:
        """Kaggle has it; under another name than was asked for, it may be."""
        sent.ref, sent.version = ref, version or 0
        self._append("pushed", sent.job.id, ref=ref, version=sent.version)

    def closed(self, sent: Sent, why: str, *, leave: bool = False) -> None:
        """Nothing more is to be done for it: it was brought back, failed, or never arrived.

        What was fetched of it goes, unless asked to `leave` it.
        """
        self._append("closed", sent.job.id, why=why)
        if not leave:
            shutil.rmtree(staging_of(self.runs, sent), ignore_errors=True)

    def open(self) -> Sent | None:
        """The job that was sent last, if it is not closed; torn and foreign lines are passed over."""
        found: dict[str, Sent] = {}
        for event in self._events():
            with suppress(KeyError, TypeError, ValueError):
                if event["event"] == "sending":
                    here = [str(word) for word in event.get("here", [])]
                    found[event["id"]] = Sent(job_from(event["job"]), _ref(event["ref"]), here=here)
                elif event["event"] == "pushed":
                    found[event["id"]].ref = _ref(event["ref"])
                    found[event["id"]].version = int(event["version"])
                elif event["event"] == "closed":
                    del found[event["id"]]
        return list(found.values())[-1] if found else None

    def _events(self) -> Iterator[dict[str, Any]]:
        for line in self.path.read_bytes().splitlines() if self.path.is_file() else []:
            with suppress(ValueError, RecursionError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event

    def _append(self, event: str, ident: str, **facts: Any) -> None:
        """Write one line, on the disk before this returns."""
        line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, "id": ident, **facts}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.is_file() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("ab") as file:
            file.write((b"\n" if torn else b"") + json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ref(value: Any) -> str:
    """`owner/name` of a kernel; ValueError for whatever is none."""
    if not re.fullmatch(r"[\w-]+/[\w-]+", str(value)):
        raise ValueError(f"{value!r} is no kernel")
    return str(value)
