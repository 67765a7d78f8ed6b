"""The one training loop: forward, backward, update (lecture 3 onwards).

Shapes: N rows, B batch, C classes, P outputs of a row, E networks that train as one.

A batch is `(*inputs, target)`. Models return logits; the criterion supplies the non-linearity; logits become
probabilities once, in `predict_proba`. Where the target is a number, models return it standardised.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pipelines.competition import Schedule
from pipelines.hardware import rows_at_a_time
from pipelines.metrics import FloatArray
from pipelines.settings.allowed import SCHEDULE, allowed, whole
from pipelines.training.checkpoint.epochs import Checkpoint, Training, epochs_to_go
from pipelines.training.checks import refuse_divergence, warn_if_still, warn_of_old_gradients, watching
from pipelines.training.early_stopping import Best, Monitor
from pipelines.training.learning_curves.watch import ROWS_AT_A_TIME, Watch
from pipelines.training.targets import Scale

Criterion = Callable[[Tensor, Tensor], Tensor]


class Batches(Protocol):
    """What the loop goes through each epoch; a DataLoader is one."""

    def __iter__(self) -> Any: ...
    def __len__(self) -> int: ...


def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, ...] | list[Tensor]],
    criterion: Criterion,
    optimizer: Optimizer,
    scheduler: LambdaLR | None = None,
) -> Tensor:
    """One pass over `batches`; returns the mean loss per row, still on the device.

    The criterion gives a mean over the batch; weighting it by the size of the target makes a short last batch count for
    what it is. A stack's criterion gives a loss for each network: their sum has each network's own gradients.
    """
    model.train()
    total, seen = torch.zeros(()), 0
    for *inputs, target in batches:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(*inputs), target)  # forward
        loss.sum().backward()  # backward
        optimizer.step()  # update
        if scheduler is not None:
            scheduler.step()
        total = total + loss.detach() * target.numel()
        seen += target.numel()
    return total / seen


@dataclass(frozen=True)
class History:
    """Mean training loss per row; with a monitor the score of each epoch, with a watch the loss of rows held out.

    `best_epoch` counts from 1 and is the last epoch where there was no monitor.
    """

    losses: list[float]
    scores: list[float]
    best_epoch: int
    held_out: list[float] = field(default_factory=list)


def train(
    model: nn.Module,
    batches: Batches,
    criterion: Criterion,
    optimizer: Optimizer,
    epochs: int,
    *,
    schedule: Schedule = "constant",
    monitor: Monitor | None = None,
    watch: Watch | None = None,
    on_epoch: Callable[[int, list[float]], None] = lambda _epoch, _losses: None,
    checkpoint: Checkpoint | None = None,
) -> list[History]:
    """Train for `epochs`, or until the monitor's patience ends; one history, or one for each network of a stack.

    With a monitor the model ends with the weights of its best epoch, else of the last. A `watch` looks on. `on_epoch`
    gets each epoch, counted from 1, and its losses, one per network. With a `checkpoint` it goes on from what was kept.

    Raises: TrainingError when a loss is not finite, and for mistakes that `checks.py` can tell.
    """
    epochs = allowed("train", "epochs", epochs, whole(1))
    scheduler = make_scheduler(optimizer, schedule, epochs * len(batches))
    losses: list[list[float]] = []
    best = None if monitor is None else Best(model, monitor)
    state = Training(model, batches, optimizer, scheduler, best, losses, watch)
    with watching(model, batches, criterion, optimizer):
        for epoch in epochs_to_go(epochs, state, checkpoint, on_epoch):
            loss = train_epoch(model, batches, criterion, optimizer, scheduler)
            if epoch == 1:
                warn_of_old_gradients(optimizer)
            losses.append(loss.reshape(-1).tolist())  # the one time in an epoch that the host waits
            refuse_divergence(losses[-1], epoch, None if best is None else best.training())
            if best is not None:
                best.look(model, epoch)  # when nobody has patience left, no epoch is to go
            if watch is not None:
                watch.look(epoch)
            on_epoch(epoch, losses[-1])
    if best is not None:
        best.restore(model)
    histories = [_history(i, list(own), best, watch) for i, own in enumerate(zip(*losses, strict=True))]
    warn_if_still([history.losses for history in histories], batches, criterion)
    return histories


def _history(i: int, losses: list[float], best: Best | None, watch: Watch | None) -> History:
    """A network's own history: in a stack it ends where the network's patience ended."""
    ended = len(losses) if best is None else best.ended(i)
    scores, best_epoch = ([], ended) if best is None else (best.scores_of(i)[:ended], int(best.epoch[i]))
    return History(losses[:ended], scores, best_epoch, [] if watch is None else watch.curve(i, ended))


def make_scheduler(optimizer: Optimizer, schedule: Schedule, n_steps: int) -> LambdaLR:
    """Factor on the learning rate, step by step.

    `cosine` falls from 1 to 0 along half a cosine; `one-cycle` rises linearly over the first 30 % of
    the steps, then falls likewise. Source: Loshchilov & Hutter 2017; Smith & Topin 2019.
    """
    allowed("make_scheduler", "schedule", schedule, SCHEDULE)
    rise = max(1, round(0.3 * n_steps)) if schedule == "one-cycle" else 0

    def factor(step: int) -> float:
        if schedule == "constant":
            return 1.0
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, n_steps - rise)))

    return LambdaLR(optimizer, factor)


def predict_logits(model: nn.Module, inputs: Tensor, batch_size: int | None = None) -> Tensor:
    """Logits (N, C), or values (N, 1), of inputs (N, ...), without gradients, dropout or batch statistics."""
    model.eval()
    batch_size = batch_size or rows_at_a_time(model, inputs, ROWS_AT_A_TIME)
    with torch.inference_mode():
        return torch.cat([model(part.clone()).float() for part in torch.split(inputs, batch_size)])


def predict_proba(model: nn.Module, inputs: Tensor) -> Tensor:
    """Probabilities (N, C) in float64 on the CPU; rows sum to one."""
    return predict_logits(model, inputs).cpu().double().softmax(dim=-1)


def predict(model: nn.Module, inputs: Tensor, scale: Scale | None = None) -> FloatArray:
    """Predictions (N, P) in float64: probabilities; with a `scale` the numbers (N, 1), no longer standardised."""
    if scale is None:
        proba: FloatArray = predict_proba(model, inputs).numpy()
        return proba
    return scale.learned(predict_logits(model, inputs))
