"""The clock of a run that has minutes."""

import time
from collections.abc import Callable


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

    def check(self) -> None:
        """End what trains.

        Raises: OutOfTimeError when no time is left for it.
        """
        if self.left <= 0:
            raise OutOfTimeError
