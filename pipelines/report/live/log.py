"""`log.txt` in a run's folder: what was said, and how far it had come; it grows as the run goes on."""

import errno
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pipelines.pages.words import Words
from pipelines.report import console
from pipelines.report.console import STEERING, complain
from pipelines.report.live.progress import line_of
from pipelines.report.live.so_far import SoFar
from pipelines.runs.folder import LOG

EVERY = 10.0  # seconds at least between two lines of how far it has come


class Log:
    """Takes lines, English ones: each is in the file, whole, when the call returns.

    Those before there is a folder wait for it.

    A file that cannot be written ends the log, with one warning, and not the run.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.path: Path | None = None
        self._clock, self._again = clock, clock() + EVERY
        self._waiting: list[str] = []
        self._ended = False
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Write a line."""
        with self._lock:
            self._waiting.append(STEERING.sub("", line))
            self._write_waiting()

    def hear(self, so_far: SoFar) -> None:
        """Learn where the run is kept, and write now and then how far it has come."""
        if self.path is None and so_far.folder is not None:
            with self._lock:
                self.path = so_far.folder / LOG
                self._write_waiting()
        if self._clock() >= self._again and not so_far.is_over:
            self._again = self._clock() + EVERY
            self(f"{datetime.now(UTC):%H:%M:%S} {line_of(so_far, Words())}")

    def _write_waiting(self) -> None:
        path = self.path
        if path is None or self._ended or not self._waiting:
            return
        text = "".join(f"{line}\n" for line in self._waiting)
        self._waiting.clear()
        try:
            _append(path, text.encode("utf-8", "replace"))
        except OSError as error:
            self._ended = True
            if path.parent.exists():  # else the run was removed: nothing was finished
                complain(f"warning: the log ends here, {path}: {error.strerror or error}; the run goes on")


def saying(log: Log, *, silent: bool, aside: bool = False) -> Callable[[str], None]:
    """What says a line to the log and, unless `silent`, to the person: on stderr where it is said `aside`."""

    def say(line: str) -> None:
        log(line)
        if not silent:
            console.say(line, err=aside)

    return say


def _append(path: Path, data: bytes) -> None:
    """Add whole lines to a file, by one call that a kill does not halve; it is opened each time, and never left open.

    Raises: OSError; then nothing was added.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, data) < len(data):  # what is left of a disk
            os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)
