"""The clock of a run that has minutes."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

WATCHED = 0.3  # seconds that tell how crowded the cores are


class OutOfTimeError(Exception):
    """The time for training is over."""


class Deadline:
    """So many minutes since it `began`, of which the last `reserve` seconds are for what comes after the training."""

    def __init__(self, minutes: float, clock: Callable[[], float] = time.monotonic, began: float | None = None) -> None:
        self.minutes, self.clock, self.began = minutes, clock, clock() if began is None else began
        self.reserve = 0.0
        self.slowness = 1.0  # how many seconds a core's second takes by now: others may compute beside this run

    @property
    def seconds(self) -> float:
        """All of them."""
        return 60 * self.minutes

    @property
    def ends(self) -> float:
        """When the time is over, by the clock."""
        return self.began + self.seconds

    @property
    def passed(self) -> float:
        """Seconds that are gone."""
        return self.clock() - self.began

    @property
    def left(self) -> float:
        """Seconds that are left to train."""
        return self.ends - self.reserve - self.clock()

    def check(self, needed: float = 0.0) -> None:
        """End what trains, or what would begin and takes about so many seconds.

        Raises: OutOfTimeError when no time is left for it.
        """
        if self.left <= needed:
            raise OutOfTimeError


def crowding(workers: int) -> float:
    """Seconds of the clock in which a core computes for one while so many threads do: others may compute beside them.

    It is looked at for a moment, and on its own: how long files took to come or torch to load says nothing of cores.
    """

    def compute(_thread: int) -> float:
        square, began, own = np.ones((256, 256)), time.perf_counter(), time.thread_time()
        while time.perf_counter() - began < WATCHED:
            square @ square  # numpy lets go of the interpreter meanwhile
        return (time.perf_counter() - began) / max(time.thread_time() - own, 1e-3)

    with ThreadPoolExecutor(workers) as pool:
        return float(np.mean(list(pool.map(compute, range(workers)))))
