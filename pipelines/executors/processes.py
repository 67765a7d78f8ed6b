"""Processes of this computer, each of which computes one task at a time: joblib's loky; one for each GPU, if asked."""

import os
import pickle
import queue
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any

import cloudpickle

from pipelines.errors import NoRoomError
from pipelines.executors.faults import deadly
from pipelines.executors.orphans import end_with
from pipelines.executors.sending import Done, Large, Sender, Steps
from pipelines.executors.threads import THREADS, Executor, Pool
from pipelines.executors.working import perform
from pipelines.files import full_disk_told
from pipelines.files.locks import claim, remove_abandoned
from pipelines.hardware import StoppedError
from pipelines.training.fit import Job
from pipelines.training.learning_curves.watch import EpochLoss

TRIES = 3  # of a task whose process ends
WAIT = 0.1  # seconds between two looks whether a process has come to its end
GONE = 10.0  # seconds in which loky has to say what became of a task whose process is gone
PREFIX, LOCK = "kaggle-homework-", ".lock"  # of a folder of large values; the file in it that its process locks
_channel: list[Any] = []  # in a worker: where epochs are told


class Processes(Executor):
    """So many processes; with `devices` they train on these in turn, in place of a group's own.

    A process that is killed costs its task, which another one begins anew.
    """

    def __init__(self, workers: int, devices: tuple[str, ...] = ()) -> None:
        self._workers, self.devices = workers, devices
        self._entered, self._files, self._free = 0, Files(), queue.SimpleQueue[Process | str | None]()
        self._started, self._lock = set[Process](), threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process it begins anew."""
        return Processes, (self._workers, self.devices)

    @property
    def workers(self) -> int:
        """How many processes."""
        return self._workers

    @property
    def for_fits(self) -> Executor:
        """Beside GPUs estimators are fitted by threads: they need the cores."""
        return THREADS if any(device != "cpu" for device in self.devices) else self

    def __enter__(self) -> "Processes":
        self._entered += 1
        if self._entered == 1:
            self._free = queue.SimpleQueue()
            for i in range(self._workers):
                self._free.put(self.devices[i % len(self.devices)] if self.devices else None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes, and remove what was written for them."""
        self._entered -= 1
        if self._entered == 0:
            self._end()
            self._files.remove()

    @contextmanager
    def open(
        self, workers: int, threads: int, on_step: Callable[..., None] = lambda *_: None
    ) -> Iterator[tuple[Pool, Callable[..., None]]]:
        """A pool; processes begin when they are needed, and stay until the executor is left."""
        steps = Steps(on_step)
        with self:
            waiting = ThreadPoolExecutor(workers)
            try:
                yield Sender(waiting, partial(self._run, threads), self._files.large, steps), steps
            except BaseException:  # tasks may still run
                steps.stopped.set()
                self._end(idle=False)
                raise
            finally:
                waiting.shutdown(cancel_futures=True)

    def _run(self, threads: int, task: bytes, _names: list[str], name: str, steps: Steps) -> Done:
        place = self._free.get()
        try:
            for _ in range(TRIES):
                place = self._process(place, steps)
                try:
                    return place.run(task, threads, steps)
                except ProcessLookupError:
                    place = place.device
            raise deadly(name, TRIES)
        finally:
            self._free.put(place)

    def _process(self, place: "Process | str | None", steps: Steps) -> "Process":
        """The process of a place that is free; a new one where there is none yet, or no more."""
        with self._lock:
            if steps.stopped.is_set():
                raise StoppedError
            self._started = {each for each in self._started if not each.ended}
            if not isinstance(place, Process) or place not in self._started:
                place = Process(self._files.folder, place.device if isinstance(place, Process) else place)
                self._started.add(place)
            place.busy = True
            return place

    def _end(self, *, idle: bool = True) -> None:
        """End processes that compute, and those that are idle too."""
        with self._lock:
            ended = {process for process in self._started if idle or process.busy}
            self._started -= ended
        for process in ended:
            process.end()


class Files:
    """What is large, in files of a folder of its own that only this user reads.

    A process that is killed leaves its folder: its workers remove it, or whoever makes such a folder next.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._descriptor = -1
        self.large = Large(self)

    @property
    def folder(self) -> Path:
        """Where they are; made when it is needed.

        Raises: NoRoomError.
        """
        if self._folder is None:
            temporary = temporary_folder()
            for lock in temporary.glob(f"{PREFIX}*/{LOCK}"):
                if not lock.parent.is_symlink() and remove_abandoned(lock):
                    shutil.rmtree(lock.parent, ignore_errors=True)
            with full_disk_told(temporary):
                made = Path(tempfile.mkdtemp(prefix=PREFIX))
                try:
                    self._descriptor = claim(made / LOCK)
                except OSError:
                    shutil.rmtree(made, ignore_errors=True)
                    raise
            self._folder = made
        return self._folder

    def put(self, name: str, value: Any) -> None:
        """Write a value.

        Raises: NoRoomError.
        """
        with full_disk_told(self.folder), (self.folder / name).open("wb") as file:
            cloudpickle.dump(value, file)

    def remove(self) -> None:
        """Remove all, and begin anew."""
        if self._folder is not None:
            os.close(self._descriptor)  # first: Windows removes no open file
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self.large = None, Large(self)


def temporary_folder() -> Path:
    """The system's folder for temporary files.

    Raises: NoRoomError where none can be written to: all are tried with a file.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise NoRoomError("no folder for temporary files has room, or may be written to") from error


class Process:
    """One process: loky's pool of one, so that one that is killed takes no other task with it."""

    def __init__(self, folder: Path, device: str | None) -> None:
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.backend.context import get_context

        self.device, self.busy, self.ended = device, False, False
        self._folder, self._context = folder, get_context("loky")
        self._told, theirs = self._context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            1, context=self._context, initializer=_begin, initargs=(theirs, os.getpid(), str(folder)), timeout=None
        )
        self._begun, self._theirs = self._pool.submit(os.getpid), theirs

    def run(self, task: bytes, threads: int, steps: Steps) -> Done:
        """What comes of a task.

        Raises: ProcessLookupError where the process ends before it; StoppedError where all is stopped.
        """
        from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        try:
            self._begun.result()
            self._theirs.close()  # else the end of the process would not show in what it was telling
            came = self._wait(self._submit(task, threads), steps)
        except (BrokenProcessPool, ShutdownExecutorError, ProcessLookupError) as error:
            self.end()
            raise (StoppedError if steps.stopped.is_set() else ProcessLookupError)(str(error)) from None
        except BaseException:  # whoever hears of epochs has had enough
            self.end()
            raise
        finally:
            self.busy = False
        done: Done = pickle.loads(came)  # noqa: S301 of a process of our own
        return done

    def _submit(self, task: bytes, threads: int) -> Future[bytes]:
        try:
            future: Future[bytes] = self._pool.submit(_work, task, str(self._folder), threads, self.device)
        except OSError as error:  # the process has left; loky's new one would need what has been closed here
            raise ProcessLookupError(str(error)) from None
        return future

    def _wait(self, future: Future[bytes], steps: Steps) -> bytes:
        """What a task returns; a process that leaves unseen by loky would be waited for for ever."""
        while not future.done() and self._hear(steps, WAIT):
            pass
        self._hear(steps, 0)
        try:
            return future.result(timeout=GONE)
        except TimeoutError as error:
            raise ProcessLookupError(str(error)) from None

    def _hear(self, steps: Steps, seconds: float) -> bool:
        """Hand on what the process tells of epochs, if it does so within some seconds; False where it is gone."""
        while True:
            try:
                if not self._told.poll(seconds):
                    return True
                told = self._told.recv()
            except (EOFError, OSError):
                return False
            hand_on(told, steps)  # an `OSError` of whoever hears of it is none of the process
            seconds = 0

    def end(self) -> None:
        """Kill it, whatever it does."""
        self.ended = True
        self._pool.shutdown(wait=True, kill_workers=True)


def hand_on(told: Any, steps: Steps) -> None:
    """Tell of epochs that come as plain values."""
    for variant, fold, seed, random_state, epoch, loss, held_out in told:
        steps(Job(variant, fold, seed, random_state), epoch, EpochLoss.of(loss, held_out))


def _begin(channel: Any, parent: int, folder: str) -> None:
    """Begin a process: Ctrl-C is for the one that it works for, which ends it."""
    from joblib.externals.loky import process_executor

    # joblib has no option for it: it takes what is kept here for a leak, and ends whoever has 300 MB of it
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent, folder)
    _channel[:] = [channel]


def _work(task: bytes, folder: str, threads: int, device: str | None) -> bytes:
    return perform(task, partial(_loaded, folder), _channel[0].send, threads, device)


@cache
def _loaded(folder: str, name: str) -> Any:
    """What is large, read once."""
    return pickle.loads(Path(folder, name).read_bytes())  # noqa: S301 written by this process's own parent
