"""The one training loop: forward, backward, update (lecture 3 onwards).

Shapes: N rows, B batch, C classes, E members.

A batch is `(*inputs, target)`. Models return logits; the criterion supplies the non-linearity; logits
become probabilities once, in `predict_proba`. With members (`members.py`) everything carries a leading
axis E, the loss included; the loop does not know.
"""

import copy
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pipelines.competition import Schedule
from pipelines.errors import TrainingError, UsageError
from pipelines.training.checks import scoring, warn_if_still, watching

Criterion = Callable[[Tensor, Tensor], Tensor]
Batch = tuple[Tensor, ...] | list[Tensor]


class Batches(Protocol):
    """What the loop goes through each epoch; a DataLoader is one."""

    def __iter__(self) -> Any: ...
    def __len__(self) -> int: ...


def train_epoch(
    model: nn.Module,
    batches: Iterable[Batch],
    criterion: Criterion,
    optimizer: Optimizer,
    scheduler: LambdaLR | None = None,
    precision: AbstractContextManager[Any] | None = None,
) -> Tensor:
    """One pass over `batches`; returns the mean loss per row, () or (E,), still on the device.

    The criterion gives a mean over the batch; weighting it by the batch's rows makes a short last
    batch count for what it is.
    """
    model.train()
    precision = precision or nullcontext()
    total, seen = torch.zeros(()), 0
    for *inputs, target in batches:

        def closure() -> Tensor:  # LBFGS looks at several points before it moves; all others call it once
            optimizer.zero_grad(set_to_none=True)
            with precision:
                outputs = model(*inputs)  # noqa: B023 used up before the next batch
            loss = criterion(outputs.float(), target)  # noqa: B023  # forward
            loss.sum().backward()  # type: ignore[no-untyped-call]  # backward; members do not mix
            return loss

        loss: Tensor = optimizer.step(closure)  # type: ignore[arg-type, assignment]  # update
        if scheduler is not None:
            scheduler.step()
        rows = target.numel() // loss.numel()
        total = total + loss.detach() * rows
        seen += rows
    return total / seen


@dataclass(frozen=True)
class History:
    """Mean training loss per row and, with a monitor, the score of each epoch.

    `best_epoch` counts from 1 and is the last epoch where there was no monitor.
    """

    losses: list[float]
    scores: list[float]
    best_epoch: int


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """Early stopping: `score(model)` after each epoch, () or (E,), greater is better.

    A model (each member for itself) is done when `patience` epochs in a row were not better than its best.
    """

    score: Callable[[nn.Module], Tensor]
    patience: int


def train(
    model: nn.Module,
    batches: Batches,
    criterion: Criterion,
    optimizer: Optimizer,
    epochs: int,
    *,
    schedule: Schedule = "constant",
    precision: AbstractContextManager[Any] | None = None,
    monitor: Monitor | None = None,
    on_epoch: Callable[[int, list[float]], None] = lambda _epoch, _losses: None,
) -> list[History]:
    """Train for `epochs`, or until the monitor's patience ends; one history per member (one for a plain model).

    With a monitor the model ends with the weights of its best epoch (each member with its own best),
    without one with those of the last. `on_epoch` gets each epoch, counted from 1, and its losses, one per member.

    Raises: TrainingError when a loss is not finite, and for mistakes that `diagnosis.py` can tell.
    """
    scheduler = make_scheduler(optimizer, schedule, epochs * len(batches))
    losses: list[list[float]] = []
    best = None if monitor is None else Best(model, monitor)
    for epoch in range(1, epochs + 1):
        with watching(model, batches, criterion, optimizer) if epoch == 1 else nullcontext():
            loss = train_epoch(model, batches, criterion, optimizer, scheduler, precision)
        losses.append(loss.reshape(-1).tolist())  # the one time in an epoch that the host waits
        _refuse_divergence(losses[-1], epoch, best)
        on_epoch(epoch, losses[-1])
        if best is not None and not best.look(model, epoch):
            break
    if best is not None:
        best.restore(model)
    histories = [_history(member, list(own), best) for member, own in enumerate(zip(*losses, strict=True))]
    warn_if_still([history.losses for history in histories], batches, criterion)
    return histories


@runtime_checkable
class HasMembers(Protocol):
    """A model of E members that can copy the state of some of them."""

    def keep_members(self, best: dict[str, Tensor], improved: Tensor) -> None:
        """Copy the state of the members that `improved` (E,) marks into `best`."""


class Best:
    """The best state so far and the score of each epoch, for each member on its own."""

    def __init__(self, model: nn.Module, monitor: Monitor) -> None:
        self.monitor = monitor
        self.state = copy.deepcopy(weights_and_buffers(model))
        self.scores: list[Tensor] = []
        self.epoch = torch.zeros(0, dtype=torch.long)  # of each member's best score; (E,)

    def look(self, model: nn.Module, epoch: int) -> bool:
        """Score the model, keep what is better than before; False when nobody has patience left."""
        with scoring(model):
            score = self.monitor.score(model).reshape(-1).cpu()
        if not self.scores:
            self.score = torch.full_like(score, -math.inf)
            self.epoch = torch.zeros(len(score), dtype=torch.long)
        self.scores.append(score)
        alive = epoch - self.epoch.clamp(min=1) <= self.monitor.patience
        improved = alive & (score > self.score)
        self.score = torch.where(improved, score, self.score)
        self.epoch[improved] = epoch
        self._keep(model, improved)
        return bool((epoch - self.epoch < self.monitor.patience).any())

    def _keep(self, model: nn.Module, improved: Tensor) -> None:
        if isinstance(model, HasMembers):
            model.keep_members(self.state, improved)
        elif improved:
            self.state = copy.deepcopy(weights_and_buffers(model))

    def restore(self, model: nn.Module) -> None:
        """Give the model its best state back."""
        for name, tensor in weights_and_buffers(model).items():
            tensor.copy_(self.state[name])

    def training(self) -> list[bool]:
        """Which members have patience left: what the others do is not theirs any more."""
        seen = len(self.scores)
        return [seen - int(epoch) < self.monitor.patience for epoch in self.epoch]


def weights_and_buffers(model: nn.Module) -> dict[str, Tensor]:
    """Everything that training changes, by name, detached: buffers too that no state dict shows."""
    return {name: tensor.detach() for name, tensor in (*model.named_parameters(), *model.named_buffers())}


def _refuse_divergence(losses: list[float], epoch: int, best: Best | None) -> None:
    training = (best.training() if best is not None else None) or [True] * len(losses)  # all, before the first score
    wrong = [i for i, loss in enumerate(losses) if training[i] and not math.isfinite(loss)]
    if wrong:
        which = f" of network {wrong[0] + 1} of {len(losses)}" if len(losses) > 1 else ""
        raise TrainingError(
            f"the loss{which} is {losses[wrong[0]]} in epoch {epoch}",
            "lower the learning rate, and look for huge values among the inputs",
            "请降低学习率，并检查输入中是否有过大的数值",
        )


def _history(member: int, losses: list[float], best: Best | None) -> History:
    """A member's own history: in a stack it ends where the member's patience ended."""
    if best is None:
        return History(losses, [], len(losses))
    epoch = int(best.epoch[member])
    ended = min(len(losses), epoch + best.monitor.patience)
    return History(losses[:ended], [float(score[member]) for score in best.scores[:ended]], epoch)


def make_scheduler(optimizer: Optimizer, schedule: Schedule, n_steps: int) -> LambdaLR:
    """Factor on the learning rate, step by step.

    `cosine` falls from 1 to 0 along half a cosine; `one-cycle` rises linearly over the first 30 % of
    the steps, then falls likewise. Source: Loshchilov & Hutter 2017; Smith & Topin 2019.
    """
    rise = max(1, round(0.3 * n_steps)) if schedule == "one-cycle" else 0

    def factor(step: int) -> float:
        if schedule == "constant":
            return 1.0
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, n_steps - rise)))

    return LambdaLR(optimizer, factor)


def predict_logits(model: nn.Module, inputs: Tensor, batch_size: int = 8192) -> Tensor:
    """Logits (N, C) of inputs (N, ...), without gradients, dropout or batch statistics."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(part).float() for part in torch.split(inputs, batch_size)])


def predict_proba(model: nn.Module, inputs: Tensor) -> Tensor:
    """Probabilities (N, C) in float64 on the CPU; rows sum to one."""
    return predict_logits(model, inputs).cpu().double().softmax(dim=-1)


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 autocast on CUDA devices and CPUs that have it; elsewhere nothing."""
    cpu_has_it = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)  # there is no public way to ask
    cuda = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    cpu = device.type == "cpu" and cpu_has_it()
    return torch.autocast(device.type, dtype=torch.bfloat16) if cuda or cpu else nullcontext()


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises: UsageError when the device is not there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind, _, number = name.partition(":")
    count = {"cuda": torch.cuda.device_count()}.get(kind, 1)
    if not available.get(kind, False) or (number and not (number.isdecimal() and int(number) < count)):
        there = ", ".join(kind for kind, ok in available.items() if ok)
        raise UsageError(
            f"device {name!r} is not available here; available: {there}",
            "leave --device out, or use --device cpu",
            "请去掉 --device，或使用 --device cpu",
        )
    return torch.device(name)
