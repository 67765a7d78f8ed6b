"""What the lectures share: hand rows to the loop of `pipelines.training`.

Shapes: N rows, C classes.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pipelines.competition import Schedule
from pipelines.lectures.lecture import Setting
from pipelines.loaders import ShuffledBatches, TensorRows, training_batches
from pipelines.training import History, train


def fit(
    setting: Setting,
    model: nn.Module,
    rows: tuple[Tensor, ...],
    criterion: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    epochs: int,
    *,
    batch_size: int,
    schedule: Schedule = "constant",
    name: str = "loss",
    **options: Any,
) -> History:
    """Train `model` on `rows` (inputs, ..., targets), all on the device; `name` is that of the curve."""
    on_device = TensorRows(*(tensor.to(setting.device) for tensor in rows))
    order = ShuffledBatches(len(on_device), batch_size, torch.Generator().manual_seed(setting.seed))
    batches = training_batches(on_device, order)

    def show(epoch: int, losses: list[float]) -> None:
        setting.curves.add(name, losses[0], epoch)

    [history] = train(model, batches, criterion, optimizer, epochs, schedule=schedule, on_epoch=show, **options)
    return history


def seeded(setting: Setting, make_model: Callable[[], nn.Module]) -> nn.Module:
    """A new model on the device, from the setting's seed; torch's own random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(setting.seed)
        return make_model().to(setting.device)
