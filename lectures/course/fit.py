"""What the lectures share: hand rows to the loop of `pipelines.training`, and draw the losses.

Shapes: N rows.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lectures.course.lecture import Setting
from pipelines.competition import Schedule
from pipelines.training import noise
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import Batches, Criterion, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Network = TypeVar("Network", bound=nn.Module)


def seeded(setting: Setting, make_model: Callable[[], Network]) -> Network:
    """A new model on the device, from the setting's seed; torch's own random state is left alone."""
    return noise.seeded(make_model, setting.seed).to(setting.device)


def one_batch(setting: Setting, *rows: Tensor) -> Batches:
    """All rows (inputs, ..., targets) in one batch on the device, as in the notes before lecture 8."""
    return [tuple(tensor.to(setting.device) for tensor in rows)]


def shuffled(setting: Setting, batch_size: int, *rows: Tensor) -> Batches:
    """Rows (inputs, ..., targets), N of each, on the device, in batches that are drawn anew in each epoch."""
    order = torch.Generator().manual_seed(setting.seed)
    batches = ShuffledBatches(len(rows[0]), batch_size, order, device=setting.device)
    return training_batches(TensorRows(*(tensor.to(setting.device) for tensor in rows)), batches)


def fit(
    setting: Setting,
    model: nn.Module,
    batches: Batches,
    criterion: Criterion,
    optimizer: Optimizer,
    epochs: int,
    *,
    name: str,
    schedule: Schedule = "constant",
    on_epoch: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train `model` by the shared loop; returns its loss after each epoch. `name` is that of the curve and the bar."""
    setting.progress(name, 0, epochs)

    def show(epoch: int, losses: list[float]) -> None:
        setting.curves.add(name, losses[0], epoch)
        setting.progress(name, epoch, epochs)
        on_epoch()

    [history] = train(model, batches, criterion, optimizer, epochs, schedule=schedule, on_epoch=show)
    return history.losses


def draw_losses(
    figure: "Figure", curves: dict[str, list[float]], title: str, loss: str, guessing: float | None = None
) -> None:
    """Loss by epoch, a line for each curve, and a broken one for what guessing costs."""
    from matplotlib.ticker import MaxNLocator

    axis = figure.subplots()
    for name, losses in curves.items():
        axis.plot(range(1, len(losses) + 1), losses, "o-" if len(losses) <= 20 else "-", markersize=4, label=name)
    if guessing is not None:
        axis.axhline(guessing, color="C7", linestyle="--", label="guessing by the shares of the classes")
        axis.set_ylim(bottom=0)
    axis.set(xlabel="epoch", ylabel=loss, title=title)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend()
