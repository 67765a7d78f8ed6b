"""Tasks that compute side by side, each on one core."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

ONE_GENERATOR = threading.Lock()  # torch has one for all threads of the CPU: held by whoever sets or draws from it
Result = TypeVar("Result")
OnStep = Callable[..., None]


class StoppedError(Exception):
    """Another task has failed, or the user has interrupted: this one need not go on."""


def side_by_side(
    tasks: Sequence[Callable[[OnStep], Result]], workers: int, on_step: OnStep = lambda *_: None
) -> list[Result]:
    """Results of `tasks` in their order, up to `workers` at a time; each gets an `on_step` that is safe to call.

    Threads are enough, since torch lets go of the interpreter while it computes; and a core per task beats
    all cores on one: nobody waits for anybody inside a step. When a task fails the others stop when they
    next call `on_step`, and the failure is raised. With one worker the tasks run here, with the caller's threads.
    """
    if workers == 1 or len(tasks) == 1:
        return [task(on_step) for task in tasks]
    lock, stop = threading.Lock(), threading.Event()

    def step(*what: object) -> None:
        if stop.is_set():
            raise StoppedError
        with lock:
            on_step(*what)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(task, step) for task in tasks]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)
            return [future.result() for future in futures]
    finally:
        torch.set_num_threads(threads)
