"""Workers of a Dask scheduler: on this computer (`local:4`), or on others (`tcp://host:8786`, `tls://host:8786`).

What goes there and comes back is pickled: whoever can reach the scheduler can run code on its workers and here.
"""

import logging
import pickle
import queue
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any

import dask
from distributed import Client, KilledWorker, LocalCluster, get_worker
from distributed.client import ClosedClientError

from pipelines.errors import HomeworkError
from pipelines.executors import faults
from pipelines.executors.faults import LOCAL
from pipelines.executors.processes import TRIES, hand_on
from pipelines.executors.sending import Done, Large, Sender, Steps, packed
from pipelines.executors.threads import Executor, Pool
from pipelines.executors.watch import Watch
from pipelines.executors.working import perform
from pipelines.hardware import StoppedError
from pipelines.submission.provenance import identity

CONNECT = 5.0  # seconds in which a scheduler has to answer
WORKERS = 30.0  # the same, for a first worker, and for another one where all are gone
BEGIN = 120.0  # the same, for a scheduler and workers that are started here, on a computer that has much to do
END = 10.0  # the same, for those that were started here to end
MOST_TASKS = 1000  # that wait at the same time, each in a thread


class Cluster(Executor):
    """A scheduler and whoever works for it; what others than ours have in `local:4` is a number of workers.

    `folder` is that of the competition's code, which workers need as it is here.
    """

    def __init__(self, address: str, folder: str, *, connect: float = CONNECT, workers: float = WORKERS) -> None:
        self.address, self.here = address, address.startswith(LOCAL)
        self._folder, self._connect, self._patience = folder, connect, workers
        self._entered = 0
        self._cluster: Any = None
        self._client: Any = None
        self._topic = f"kaggle-homework-{uuid.uuid4().hex}"

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process it begins anew."""
        return Cluster, (self.address, self._folder)

    @property
    def workers(self) -> int:
        """How many tasks its workers do at the same time, by now."""
        if self.here:
            return int(self.address.removeprefix(LOCAL))
        known = self.client.scheduler_info(n_workers=-1)["workers"]
        return max(1, sum(int(each["nthreads"]) for each in known.values()))

    @property
    def client(self) -> Any:
        """The connection to the scheduler; the executor has to be entered."""
        assert self._client is not None
        return self._client

    def __enter__(self) -> "Cluster":
        self._entered += 1
        if self._entered == 1:
            quieten()
            try:
                self._begin()
            except BaseException:
                self.__exit__(None, None, None)
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the scheduler; end the workers that were started here."""
        self._entered -= 1
        if self._entered == 0:
            for each in (self._client, self._cluster):
                if each is not None:
                    with suppress(Exception):  # it is gone already
                        each.close(timeout=END)
            self._client = self._cluster = None

    def _begin(self) -> None:
        connect = BEGIN if self.here else self._connect
        with dask.config.set({"distributed.comm.timeouts.connect": connect}):
            if self.here:
                with ctrl_c_ignored():
                    self._cluster = LocalCluster(
                        n_workers=self.workers, threads_per_worker=1, processes=True, host="127.0.0.1", memory_limit=0,
                        dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
                    )  # fmt: skip
            try:
                self._client = connected(self._cluster or self.address, connect)
            except (OSError, TimeoutError, ValueError) as error:
                raise faults.unreachable(self.address, _in_a_line(error)) from None
        with self._told_if_lost():
            try:
                self.client.wait_for_workers(1, timeout=self._patience)
            except TimeoutError:
                raise faults.idle(self.address, self._patience) from None
            refuse_others(self.client.run(identity, self._folder, on_error="return"), identity(self._folder))
        self._scattered: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._large, self._lock = Large(self), threading.Lock()

    @contextmanager
    def _told_if_lost(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ClosedClientError, CancelledError) as error:
            if isinstance(error, HomeworkError):
                raise
            raise faults.lost(self.address) from None

    def put(self, name: str, value: Any) -> None:
        """Bring a value to all workers that are there."""
        self._values[name], self._scattered[name] = value, self._bring(value)

    @contextmanager
    def open(
        self, workers: int, threads: int, on_step: Callable[..., None] = lambda *_: None
    ) -> Iterator[tuple[Pool, Callable[..., None]]]:
        """A pool: all tasks go to the scheduler, which deals them out; here on as many `workers` as memory allows."""
        steps = Steps(on_step)
        with self:
            waiting = ThreadPoolExecutor(workers if self.here else MOST_TASKS)
            self._running: set[Any] = set()
            deserted = faults.deserted(self.address, self._patience)
            watch = Watch(self._has_workers, self._patience, deserted, partial(self._stop, steps))
            self.client.subscribe_topic(self._topic, partial(_hear, steps, watch))
            watch.start()
            try:
                yield Sender(waiting, partial(self._run, threads), self._large, steps), steps
            except BaseException:
                self._stop(steps)
                raise
            finally:
                waiting.shutdown(cancel_futures=True)
                watch.end()
                if watch.error is not None:  # it is why tasks were stopped
                    raise watch.error from None

    def _stop(self, steps: Steps) -> None:
        steps.stopped.set()
        with suppress(Exception), self._lock:
            self.client.cancel(list(self._running))

    def _has_workers(self) -> bool:
        """Whether there is a worker; those that were started here are begun anew by Dask."""
        try:
            return self.here or bool(self.client.nthreads())
        except Exception:  # the scheduler is gone, as each task says
            return True

    def _run(self, threads: int, task: bytes, names: list[str], name: str, steps: Steps) -> Done:
        for _ in range(TRIES):
            with self._lock:
                if steps.stopped.is_set():
                    raise StoppedError
                things = {each: self._thing(each) for each in names}
                future = self.client.submit(
                    _work, task, things, self._topic, (self._folder, identity(self._folder)), threads,
                    key=f"{name}-{uuid.uuid4().hex}", pure=False,
                )  # fmt: skip
                self._running.add(future)
            try:
                done: Done = pickle.loads(future.result())  # noqa: S301 see above
            except KilledWorker as error:
                raise faults.deadly(name, error.allowed_failures + 1) from None
            except (CancelledError, ClosedClientError, OSError):  # stopped; or its data, or the scheduler, are gone
                if steps.stopped.is_set():
                    raise StoppedError from None
                if self.client.status != "running":
                    raise faults.lost(self.address) from None
            else:
                return done
            finally:
                with self._lock:
                    self._running.discard(future)
        raise faults.deadly(name, TRIES)

    def _thing(self, name: str) -> Any:
        """What is large, as it lies with the workers; brought anew where the last worker that had it is gone."""
        if self._scattered[name].status != "finished":
            self._scattered[name] = self._bring(self._values[name])
        return self._scattered[name]

    def _bring(self, value: Any) -> Any:
        with self._told_if_lost():
            try:
                return self.client.scatter(value, broadcast=True, timeout=self._patience)
            except TimeoutError:  # there has been nobody to take it
                raise faults.deserted(self.address, self._patience) from None


def connected(to: Any, seconds: float) -> Client:
    """A connection to a scheduler; one that takes it and then says nothing would be waited for for ever.

    Raises: OSError, TimeoutError; ValueError for an address that cannot be.
    """
    came = queue.SimpleQueue[Client | Exception]()

    def connect() -> None:
        try:
            came.put(Client(to, timeout=seconds, set_as_default=False))
        except Exception as error:
            came.put(error)

    threading.Thread(target=connect, daemon=True, name="connects to a scheduler").start()
    try:
        found = came.get(timeout=1.5 * seconds)
    except queue.Empty:
        raise TimeoutError(f"it has said nothing within {1.5 * seconds:g} s") from None
    if isinstance(found, Exception):
        raise found
    return found


@contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """Processes that begin in the block ignore Ctrl-C, which is for this one: it ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def quieten() -> None:
    """What goes wrong is said in our words; Dask gives each of its loggers a level of its own."""
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def refuse_others(said: dict[str, Any], ours: dict[str, str]) -> None:
    """Refuse workers of another version; `said` has what each says, or the error.

    Raises: UsageError.
    """
    for worker, theirs in said.items():
        if isinstance(theirs, BaseException):
            raise faults.without_project(worker, theirs)
        if theirs != ours:
            raise faults.foreign(worker, theirs, ours)


def _hear(steps: Steps, watch: Watch, event: tuple[float, Any]) -> None:
    """Hand on what was told; in Dask's own thread, where an error would be heard by nobody."""
    try:
        hand_on(event[1], steps)
    except StoppedError:
        pass  # the run has been ended, which whoever ended it tells
    except BaseException as error:
        watch.fail(error)


def _in_a_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _work(task: bytes, things: dict[str, Any], topic: str, wanted: tuple[str, dict[str, str]], threads: int) -> bytes:
    """What a worker does with a task; one that came later is asked for its versions before it looks at it."""
    worker = get_worker()
    key, (folder, ours) = worker.get_current_task(), wanted
    try:
        refuse_others({worker.address: identity(folder)}, ours)
    except HomeworkError as error:
        return packed(Done(error=error))[0]

    def send(told: Any) -> None:
        state = worker.state.tasks.get(key)
        if state is None or state.state == "cancelled":  # whoever wanted it does not any more
            raise StoppedError
        worker.log_event(topic, told)

    return perform(task, things.__getitem__, send, threads)
