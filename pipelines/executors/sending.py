"""A task packed for elsewhere, what is large in it by name; what comes of it is put by who keeps it.

What is packed and unpacked is pickled: both ends have to trust each other.
"""

import io
import pickle
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import cloudpickle
import numpy as np
import pandas as pd

from pipelines.hardware import StoppedError
from pipelines.training.fit import Group, Job

if TYPE_CHECKING:
    from pipelines.validation.results import Finished

LARGE = 2**16  # bytes of an array, or of a frame, above which it goes there once
STEP = "step"  # the name of what is called after each epoch


class Store(Protocol):
    """Puts values where all workers find them."""

    def put(self, name: str, value: Any) -> None:
        """Bring a value there, once."""


class Large:
    """Names of large values that are in a store; each is brought there when it is met first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[int, tuple[str, Any]] = {}  # with the value, so that its id is given to no other
        self._lock = threading.Lock()

    def name_of(self, value: Any) -> str | None:
        """The name of a value; None of one that is not large."""
        if not isinstance(value, np.ndarray | pd.DataFrame) or _n_bytes(value) < LARGE:
            return None
        with self._lock:
            if id(value) not in self._names:
                name = f"large-{len(self._names)}"
                self._store.put(name, value)
                self._names[id(value)] = name, value
            return self._names[id(value)][0]


def _n_bytes(value: "np.ndarray[Any, Any] | pd.DataFrame") -> int:
    return value.nbytes if isinstance(value, np.ndarray) else int(value.memory_usage().sum())


class Carried:
    """What a task finds and puts in place of the run's keep: it holds both, and can be sent."""

    def __init__(self, there: "Mapping[Job, Finished]") -> None:
        self.there = dict(there)
        self.new: list[dict[str, Any]] = []  # what `Keep.put` is to be called with

    def checkpoint(self, _jobs: Sequence[Job]) -> None:
        """A training elsewhere is kept when it is finished: one process writes."""

    def find(self, jobs: Sequence[Job], *, pooled: bool = True) -> "dict[Job, Finished]":  # noqa: ARG002 one kind a task
        """Those of the jobs that are finished."""
        return {job: self.there[job] for job in jobs if job in self.there}

    def put(self, finished: "Sequence[Finished]", encoders: Any, models: Any, *, pooled: bool = True) -> None:
        """Hold what is finished."""
        self.new.append({"finished": finished, "encoders": encoders, "models": models, "pooled": pooled})
        self.there |= {each.job: each for each in finished}


@dataclass(frozen=True)
class Task:
    """What is done elsewhere: `function(value, keep, *more)`, with a `Carried` for keep."""

    function: Callable[..., Any]
    value: Any
    more: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Done:
    """What came of a task: what is to be put, warnings, and the error that ended it, if one did."""

    new: list[dict[str, Any]] = field(default_factory=list)
    warned: list[tuple[Warning, type[Warning], str, int]] = field(default_factory=list)
    error: BaseException | None = None


def packed(value: Any, names: Callable[[Any], str | None] = lambda _value: None) -> tuple[bytes, list[str]]:
    """A value as bytes, and the names of what is left out of them; functions without a name go as what they are."""
    file, found = io.BytesIO(), dict[str, None]()

    class Packer(cloudpickle.CloudPickler):  # type: ignore[misc]
        def persistent_id(self, each: Any) -> str | None:
            name = names(each)
            if name is not None:
                found[name] = None
            return name

    Packer(file).dump(value)
    return file.getvalue(), list(found)


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, load: Callable[[str], Any]) -> None:
        super().__init__(file)
        self._load = load

    def persistent_load(self, name: str) -> Any:
        return self._load(name)


def unpacked(data: bytes, load: Callable[[str], Any]) -> Any:
    """What was packed; `load` finds what has a name."""
    return _Unpacker(io.BytesIO(data), load).load()


class Steps:
    """What tasks tell after each epoch, one at a time; nothing more of jobs that are finished, or when all is stopped.

    Raises: StoppedError when all is stopped.
    """

    def __init__(self, on_step: Callable[..., None]) -> None:
        self._on_step, self._lock, self._finished = on_step, threading.Lock(), set[Job]()
        self.stopped = threading.Event()

    def __call__(self, job: Job, *what: Any) -> None:
        """Hear of one."""
        with self._lock:
            if self.stopped.is_set():
                raise StoppedError
            if job not in self._finished:
                self._on_step(job, *what)

    def finish(self, jobs: Sequence[Job]) -> None:
        """Hear that these are finished: what is on its way comes too late."""
        with self._lock:
            self._finished.update(jobs)


Run = Callable[[bytes, list[str], str, Steps], Done]  # a task, the names in it, its own name, who hears of epochs


class Sender:
    """In the place of a pool of threads: each waits for a task that is done elsewhere, and has put what comes back."""

    def __init__(self, waiting: ThreadPoolExecutor, run: Run, large: Large, steps: Steps) -> None:
        self._waiting, self._run, self._large, self._steps = waiting, run, large, steps

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """As a pool does; what the keep among the `args` finds is not sent."""
        value, keep, *more = args
        return self._waiting.submit(self._send, function, value, keep, tuple(more))

    def _send(self, function: Callable[..., Any], value: Any, keep: Any, more: tuple[Any, ...]) -> Any:
        wanted = value.jobs if isinstance(value, Group) else value.jobs[:1]  # a fit is kept as its first job
        carried = Carried(keep.find(wanted, pooled=getattr(value, "pooled", True)))
        if any(job not in carried.there for job in wanted):
            missing = tuple(job for job in value.jobs if job not in carried.there)
            task, names = packed(Task(function, replace(value, jobs=missing), more), self._name_of)
            done = self._run(task, [name for name in names if name != STEP], name_of(value, missing), self._steps)
            self._take(done, keep, carried)
        return function(value, carried, *more)  # which finds all

    def _name_of(self, value: Any) -> str | None:
        return STEP if value is self._steps else self._large.name_of(value)

    def _take(self, done: Done, keep: Any, carried: Carried) -> None:
        for message, category, file, line in done.warned:
            warnings.warn_explicit(message, category, file, line)
        if done.error is not None:
            raise done.error
        for each in done.new:
            self._steps.finish([finished.job for finished in each["finished"]])
            keep.put(**each)
            carried.put(**each)


def name_of(value: Any, jobs: Sequence[Job]) -> str:
    """A task in a few words."""
    first = jobs[0]
    if isinstance(value, Group) and len(jobs) > 1:
        return f"{first.variant}, {len(jobs)} networks"
    return f"{first.variant}, fold {first.fold + 1}, seed {first.seed + 1}"
