"""The epochs that are left of a training, and when its state is handed over to be kept."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pipelines.errors import TrainingWarning
from pipelines.training.checkpoint.attributes import Attributes
from pipelines.training.checkpoint.state import form_of, go_on, state_of, why_other
from pipelines.training.early_stopping import Best

if TYPE_CHECKING:
    from pipelines.training.fit import Job
    from pipelines.training.learning_curves.watch import Watch

SECONDS = 30.0  # between two checkpoints: a training that is stopped loses about these, and the epoch that it was in
SECONDS_TO_END = 5.0  # the same where it ends: others of its group may follow, and be stopped
SHARE = 0.005  # of the time, for checkpoints: what is slow to write is written less often


@dataclass(frozen=True)
class Training:
    """What the loop trains with, and the losses of each epoch so far, a number per network; who looks on."""

    model: nn.Module
    batches: object
    optimizer: Optimizer
    scheduler: LambdaLR
    best: Best | None
    losses: list[list[float]]
    watch: "Watch | None" = None

    @property
    def out_of_patience(self) -> bool:
        """Whether no network may become better any more."""
        return self.best is not None and bool(self.best.scores) and not any(self.best.training())


class Checkpoint(Protocol):
    """Where the state of one training is kept."""

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was saved last, on the CPU; None where there is nothing that fits."""

    def save(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Keep tensors by name, and what they are about, which JSON holds.

        The tensors are those that are trained: they are copied or written before it returns.
        """


CheckpointOf = Callable[["Sequence[Job]"], Checkpoint | None]  # where networks that train together are kept


def epochs_to_go(
    epochs: int,
    training: Training,
    checkpoint: Checkpoint | None,
    on_epoch: Callable[[int, list[float]], None],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[int]:
    """The epochs that are left, counted from 1: to the last of `epochs`, or until nobody has patience.

    With a checkpoint the training first becomes what was saved, if that fits, and `on_epoch` hears of the epochs
    before. After an epoch, when `SECONDS` have passed, its state is saved; never in the middle of one, nor when an
    error ends it.
    """
    keeper = None if checkpoint is None else Keeper(checkpoint, training, epochs, clock)
    for epoch, losses in enumerate(training.losses, start=1):
        on_epoch(epoch, losses)
    for epoch in range(len(training.losses) + 1, epochs + 1):
        if training.out_of_patience:
            break
        yield epoch
        if keeper is not None:
            keeper.epoch_ended(last=training.out_of_patience or epoch == epochs)


class Keeper:
    """Brings a training to where it was, and saves it when it is time."""

    def __init__(self, checkpoint: Checkpoint, training: Training, epochs: int, clock: Callable[[], float]) -> None:
        self.checkpoint, self.training, self.clock = checkpoint, training, clock
        self.attributes, self.form = Attributes(training.model), form_of(training, epochs)
        saved = checkpoint.load()
        if saved is not None:
            reason = why_other(self.form, saved[1])
            if reason is None:
                go_on(training, *saved)
            else:
                _say(
                    f"a training that was stopped does not go on: {reason}",
                    "it begins anew; nothing is to be done",
                    "将从头开始训练，无需处理",
                )
        self.saved_at, self.pause = clock(), SECONDS

    def epoch_ended(self, *, last: bool) -> None:
        """Save the state, if it is time and nothing of it is hidden."""
        now = self.clock()
        if now - self.saved_at < (min(SECONDS_TO_END, self.pause) if last else self.pause):
            return
        hidden = self.attributes.hidden(self.training.model)
        if hidden is None:
            self.checkpoint.save(*state_of(self.training, self.form, self.attributes))
            self.saved_at = self.clock()
            self.pause = max(SECONDS, (self.saved_at - now) / SHARE)
        elif self.pause < math.inf:
            self.pause = math.inf
            _say(
                f"the training is not kept while it goes on: {hidden}",
                "if it is stopped it begins anew; what forward changes can be kept as a number, or a buffer: "
                "self.register_buffer(name, tensor)",
                "若中断则从头开始；forward 中改变的内容可存为数字或 buffer：self.register_buffer(name, tensor)",
            )


def _say(message: str, hint: str, hint_zh: str) -> None:
    warnings.warn(TrainingWarning(message, hint, hint_zh), stacklevel=4)
