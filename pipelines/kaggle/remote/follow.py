"""A kernel on its way: its states in words, its log as it grows, with patience; whatever ends this, it goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.kaggle.errors import AccessError, PendingError
from pipelines.kaggle.remote.kernels import LIVE, OVER, Kernels
from pipelines.kaggle.remote.ledger import Sent
from pipelines.web.failures import NetworkError
from pipelines.web.patience import Say

STALE = 5  # looks at which Kaggle may still tell the end of the version before, or nothing at all
IN_WORDS = {
    "QUEUED": "waiting for a machine", "NEW_SCRIPT": "not started yet", "RUNNING": "running",
    "CANCEL_REQUESTED": "being cancelled", "COMPLETE": "complete", "ERROR": "failed",
    "CANCEL_ACKNOWLEDGED": "cancelled",
}  # fmt: skip


@dataclass
class Log:
    """The lines of a kernel's log, each of which is said once."""

    say: Say
    lines: list[str]

    def grow(self, lines: list[str]) -> None:
        """Say what has come since; an answer always begins at the beginning."""
        for line in lines[len(self.lines) :]:
            self.say(f"  | {line}")
        if len(lines) > len(self.lines):
            self.lines = lines


def wait(kernels: Kernels, sent: Sent, ours: Callable[[], bool], say: Say, log: Log) -> tuple[str, str]:
    """The state in which the kernel has ended, and Kaggle's words; `ours` says whether the output there is of the job.

    Failures of the line that pass mean: not yet. Right after a push Kaggle may still tell of the version before.
    Raises: PendingError after the deadline; what `Kernels` raises.
    """
    patience = kernels.kaggle.patience
    pause, ends, before, live, odd = patience.first_poll, patience.clock() + patience.kernel_deadline, "", False, 0
    while True:
        status, message = _state(kernels, sent, may_lack=odd < STALE and not live)
        live = live or status in ("RUNNING", "CANCEL_REQUESTED")
        if status in OVER:
            if live or odd >= STALE or ours():
                say(f"on Kaggle: {IN_WORDS[status]}")
                return status, message
            status = ""
        odd += not status
        if status and status != before:
            say(f"on Kaggle: {IN_WORDS.get(status, status.lower())}")
            before, pause = status, patience.first_poll
        if status and status in LIVE[1:]:
            log.grow(kernels.log(sent.ref))
        if patience.clock() + pause > ends:
            raise PendingError(
                f"the run on Kaggle has not come to its end yet ({IN_WORDS.get(before, before.lower() or 'no state')})",
                f"it goes on there; later: {sent.command}",
                f"它仍在 Kaggle 上运行，请稍后再运行：{sent.command}",
            )
        patience.sleep(pause)
        pause = min(patience.longest_poll, pause * 1.5)


def _state(kernels: Kernels, sent: Sent, *, may_lack: bool) -> tuple[str, str]:
    """Its state now; empty where that is not known."""
    try:
        return kernels.state(sent.ref)
    except NetworkError as error:
        if not error.passing:
            raise
        kernels.kaggle.say(f"{error.message}; asking again later")
        return "", ""
    except AccessError:
        if not may_lack:
            raise
        return "", ""
