"""What another process does with a task: unpack it, do it, pack what came of it."""

import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import cloudpickle
import torch

from pipelines.errors import HomeworkWarning
from pipelines.executors.sending import STEP, Carried, Done, Task, packed, unpacked
from pipelines.hardware import blas_on_one_thread, keep_freed_memory, openmp_on_one_thread
from pipelines.training.fit import Group, Job, Trained

EVERY = 0.2  # seconds at least between two reports of epochs
_heard = threading.local()
_process = ExitStack()  # what is entered for as long as this process lives

Steps = list[
    tuple[Any, ...]
]  # of epochs: variant, fold, seed, random state, epoch, loss, that of rows held out or None


class Reporter:
    """What a task calls after each epoch; some at a time go to `send`, as plain values."""

    def __init__(self, send: Callable[[Steps], None]) -> None:
        self._send, self._steps, self._sent = send, Steps(), 0.0

    def __call__(self, job: Job, epoch: int, loss: float) -> None:
        """Hear of one."""
        which = (job.variant, job.fold, job.seed, job.random_state)
        self._steps.append((*which, epoch, float(loss), getattr(loss, "held_out", None)))
        if time.monotonic() - self._sent >= EVERY:
            self.flush()

    def flush(self) -> None:
        """Send what has not been sent."""
        if self._steps:
            self._send(self._steps)
        self._steps, self._sent = [], time.monotonic()


def perform(
    task: bytes, load: Callable[[str], Any], send: Callable[[Steps], None], threads: int, device: str | None = None
) -> bytes:
    """Do a task with so many threads; what came of it, a `Done`, as bytes. `device` is in place of a group's own."""
    begin(threads)
    report = Reporter(send)
    with _warnings_heard() as warned:
        try:
            given: Task = unpacked(task, lambda name: report if name == STEP else load(name))
            value, keep = given.value, Carried({})
            if device is not None and isinstance(value, Group):
                value = replace(value, device=torch.device(device))
            given.function(value, keep, *given.more)
            report.flush()
            done = Done(keep.new, [])
            _to_the_cpu(keep.new)
        except Exception as error:
            done = Done(error=_sendable(error))
    data, _ = packed(replace(done, warned=warned))
    return data


def begin(threads: int) -> None:
    """Set this thread's number of threads, and what is set once for the whole process."""
    _once()
    openmp_on_one_thread()
    torch.set_num_threads(threads)  # second, as in `hardware.cores`


@cache
def _once() -> None:
    keep_freed_memory()
    _process.enter_context(blas_on_one_thread())
    show = warnings.showwarning

    def hear(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
        heard = getattr(_heard, "warned", None)
        if heard is None:
            show(message, category, filename, lineno, file, line)
        else:
            heard.append(
                (message if _comes_through(message) else UserWarning(str(message)), category, filename, lineno)
            )

    warnings.showwarning = hear
    warnings.simplefilter("always", HomeworkWarning)  # who gets them says each once


@contextmanager
def _warnings_heard() -> Iterator[list[Any]]:
    """What this thread warns of; `catch_warnings` would take that of the process's other threads, too."""
    warned: list[Any] = []
    _heard.warned = warned
    try:
        yield warned
    finally:
        _heard.warned = None


def _to_the_cpu(new: Sequence[dict[str, Any]]) -> None:
    """Networks leave their GPU: the process that gets them may see another one."""
    for model in (model for each in new for model in each["models"].values()):
        if isinstance(model, Trained):
            model.model.cpu()


def _sendable(error: Exception) -> Exception:
    """The error with the way that it came; in words where it cannot be sent."""
    way = "".join(traceback.format_exception(error))
    sent = error if _comes_through(error) else RuntimeError(f"{type(error).__name__}: {error}")
    sent.add_note(f"in another process:\n{way}")
    return sent


def _comes_through(value: Any) -> bool:
    try:
        cloudpickle.loads(cloudpickle.dumps(value))
    except Exception:  # whatever its class does
        return False
    return True
