"""How long to wait for Kaggle, and how often to ask again."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import tenacity

from pipelines.web.failures import NetworkError

T = TypeVar("T")
Say = Callable[[str], None]


def utc_now() -> datetime:
    """The time, whose date is the day that Kaggle counts by."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Time limits and waits, in seconds; `tries` counts the first one."""

    connect: float = 30.0  # for each step on the way to a connection, and for each block of bytes sent on it
    read: float = 30.0  # without a single byte
    tries: int = 6
    first_wait: float = 1.0
    longest_wait: float = 30.0
    deadline: float = 90.0  # of one request with its repetitions, or of a transfer without progress
    download_deadline: float = 6 * 3600.0
    first_poll: float = 2.0
    longest_poll: float = 30.0
    score_deadline: float = 20 * 60.0
    kernel_deadline: float = 24 * 3600.0  # Kaggle ends a session after 12 h; before it, one may wait in a queue
    log_seconds: float = 5.0  # of a log that is still being written
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now


def silent(_line: str) -> None:
    """Say nothing."""


def repeat(work: Callable[[], T], patience: Patience, say: Say, progress: Callable[[], int] = lambda: 0) -> T:
    """`work()`, again after each passing NetworkError, with growing waits and jitter.

    Retry-After is honoured; what would wait beyond the deadline is not waited for. Tries, waits and
    deadline count anew whenever `progress` has grown, so that a long download survives many small breaks.
    Raises: the last error.
    """
    seen, spent, since = progress(), 0, patience.clock()

    def wait(state: tenacity.RetryCallState) -> float:
        nonlocal seen, spent, since
        if progress() > seen:
            seen, spent, since = progress(), state.attempt_number - 1, patience.clock()
        asked = _failure(state).retry_after
        jitter = random.uniform(0, patience.first_wait)  # noqa: S311 it only spreads the load
        grown = patience.first_wait * 2.0 ** (state.attempt_number - spent - 1)
        return min(patience.longest_wait, grown + jitter) if asked is None else asked

    def stop(state: tenacity.RetryCallState) -> bool:
        too_late = patience.clock() + state.upcoming_sleep - since >= patience.deadline
        return too_late or state.attempt_number - spent >= patience.tries

    return tenacity.Retrying(
        sleep=patience.sleep,
        wait=wait,
        stop=stop,
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, NetworkError) and error.passing),
        before_sleep=lambda state: say(f"{_failure(state).message}; again in {state.upcoming_sleep:.0f} s"),
        reraise=True,
    )(work)


def _failure(state: tenacity.RetryCallState) -> NetworkError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, NetworkError), "only NetworkErrors are repeated"
    return error
