"""The one training loop: forward, backward, update (lecture 3 onwards).

Shapes: B batch, C classes.

A batch is `(*inputs, target)`. Models return logits; the criterion supplies the non-linearity; logits
become probabilities once, in `predict_proba`.
"""

import copy
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pipelines.competition import Schedule
from pipelines.errors import TrainingError, UsageError

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
    """One pass over `batches`; returns the mean loss per row, still on the device.

    Weighting each batch's mean by its rows makes a short last batch count for what it is.
    """
    model.train()
    precision = precision or nullcontext()
    total, seen = torch.zeros(()), 0
    for *inputs, target in batches:
        optimizer.zero_grad(set_to_none=True)
        with precision:
            outputs = model(*inputs)
        loss = criterion(outputs.float(), target)  # forward
        loss.backward()  # type: ignore[no-untyped-call]  # backward
        optimizer.step()  # update
        if scheduler is not None:
            scheduler.step()
        total = total + loss.detach() * len(target)
        seen += len(target)
    return total / seen


@dataclass
class History:
    """Mean training loss per row and, with a monitor, the score of each epoch; both start at epoch 1."""

    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_epoch: int = 0


def train(
    model: nn.Module,
    batches: Batches,
    criterion: Criterion,
    optimizer: Optimizer,
    epochs: int,
    *,
    schedule: Schedule = "constant",
    monitor: Callable[[nn.Module], float] | None = None,
    patience: int = 10,
) -> History:
    """Train for `epochs`, or until `patience` epochs in a row bring no better score.

    `monitor(model)` scores the model after each epoch, greater is better; at the end the model holds
    the weights of its best epoch. Without a monitor it holds those of the last.
    """
    scheduler = make_scheduler(optimizer, schedule, epochs * len(batches))
    precision = mixed_precision(next(model.parameters()).device)
    history, best = History(best_epoch=epochs), None
    for epoch in range(1, epochs + 1):
        loss = float(train_epoch(model, batches, criterion, optimizer, scheduler, precision))
        history.losses.append(loss)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {epoch}",
                "lower the learning rate, and look for huge values among the inputs",
                "请降低学习率，并检查输入中是否有过大的数值",
            )
        if monitor is None:
            continue
        history.scores.append(monitor(model))
        if best is None or history.scores[-1] > history.scores[history.best_epoch - 1]:
            history.best_epoch, best = epoch, copy.deepcopy(model.state_dict())
        elif epoch - history.best_epoch >= patience:
            break
    if best is not None:
        model.load_state_dict(best)
    return history


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
    return predict_logits(model, inputs).cpu().double().softmax(dim=1)


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 autocast on CUDA devices that have it; elsewhere nothing."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises: UsageError when the device is not there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name.partition(":")[0], False):
        there = ", ".join(kind for kind, ok in available.items() if ok)
        raise UsageError(
            f"device {name!r} is not available here; available: {there}",
            "leave --device out, or use --device cpu",
            "请去掉 --device，或使用 --device cpu",
        )
    return torch.device(name)
