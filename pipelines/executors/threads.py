"""What an executor is; the one that everybody has: threads of this process, a core for each."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, Self

from pipelines.hardware import cores


class Pool(Protocol):
    """Takes tasks; a task may be done elsewhere, all that is kept is kept here."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """What `function(value, keep, *more)` is going to return; the value has `jobs`: it is a `Group` or a `Fit`."""


class Executor:
    """Where tasks are done: here, by threads of this process.

    To be entered where several pools are opened one after the other: what computes elsewhere lives until it is left.
    """

    here = True  # on this computer, whose memory bounds how many tasks there are at a time
    devices: tuple[str, ...] = ()  # that its tasks train on in turn, in place of their own

    @property
    def workers(self) -> int | None:
        """How many tasks it does at the same time; None where this computer's cores say so."""
        return None

    @property
    def for_fits(self) -> "Executor":
        """Where estimators are fitted, which know of no GPU."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what computes elsewhere; here there is nothing."""

    @contextmanager
    def open(
        self, workers: int, threads: int, on_step: Callable[..., None] = lambda *_: None
    ) -> Iterator[tuple[Pool, Callable[..., None]]]:
        """A pool for so many tasks at a time, of so many threads each, and an `on_step` that they may call.

        When the block ends, in whatever way, tasks that still run stop.
        """
        with cores(workers, threads, on_step) as (pool, step):
            yield pool, step


THREADS = Executor()
