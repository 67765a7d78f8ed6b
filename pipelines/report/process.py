"""The command line as a process: streams that may be closed, signals that end it, and how it leaves."""

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from pipelines.language.catalogue import translated

INTERRUPTED = 130  # exit code
PATIENCE = 3  # signals, of which the last one ends the process where it stands


class Unread(io.TextIOWrapper):
    """In the place of a stream that was closed, or whose reader went away: takes text and forgets it."""

    def __init__(self, reason: OSError | None = None) -> None:
        nowhere = Path(os.devnull).open("wb")  # noqa: SIM115 as long as the process
        super().__init__(nowhere, encoding="utf-8", errors="replace", write_through=True)
        self.reason = reason

    def __del__(self) -> None:
        self.close()


def write_line(name: str, line: str) -> None:
    """Write a line to `sys.stdout` or `sys.stderr`, by name; where that fails, the stream becomes `Unread`.

    Raises: OSError, the first time that it fails; KeyboardInterrupt after a signal that an import did not pass on.
    """
    if signals.count and not signals.told:
        raise KeyboardInterrupt
    stream = getattr(sys, name)
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except OSError as error:
        error.filename = {"stdout": "standard output", "stderr": "standard error"}[name]
        setattr(sys, name, Unread(error))
        with contextlib.suppress(OSError, ValueError):  # what is left in its buffer must go somewhere in the end
            os.dup2(sys.__dict__[name].fileno(), stream.fileno())
        raise


class _Signals:
    """What a signal does: end the command as Ctrl-C does; once its end is being told, nothing more."""

    def __init__(self) -> None:
        self.count, self.told = 0, False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.told:
            return
        self.count += 1
        if self.count >= PATIENCE:
            with contextlib.suppress(OSError):
                os.write(2, b"\x1b[?25hinterrupted\n" if os.isatty(2) else b"interrupted\n")  # shows the cursor
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt


signals = _Signals()


@contextlib.contextmanager
def well_behaved() -> Iterator[None]:
    """Open streams that are closed, show what a console can, let SIGTERM and SIGHUP end as Ctrl-C does.

    A signal that the parent wants to be ignored (`nohup`, `&`) is. What was interrupted leaves at once: threads of
    the pool that are still training would make the interpreter's own way out crash.
    """
    for name in ("stdin", "stdout", "stderr"):  # in this order: each takes the lowest descriptor that is free
        if getattr(sys, name) is None:
            nothing = Path(os.devnull).open(encoding="utf-8") if name == "stdin" else Unread()  # noqa: SIM115
            setattr(sys, name, nothing)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with _handlers():
        try:
            yield
        except SystemExit as end:
            if end.code != INTERRUPTED:
                raise
            if not signals.told:  # it came before the command had begun
                with contextlib.suppress(OSError):
                    os.write(2, f"{translated('interrupted; nothing was written')}\n".encode())
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(INTERRUPTED)


@contextlib.contextmanager
def _handlers() -> Iterator[None]:
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names if threading.current_thread() is threading.main_thread()]
    before = {number: signal.getsignal(number) for number in numbers}
    ours = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    signals.count, signals.told = 0, False
    for number in ours:
        signal.signal(number, signals)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
