"""What the lectures share: hand rows to the loop of `pipelines.training`, and draw the losses.

Shapes: N rows, C classes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lectures.lecture import Setting
from pipelines.competition import Schedule
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import Batches, History, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fit(
    setting: Setting,
    model: nn.Module,
    rows: tuple[Tensor, ...],
    criterion: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    epochs: int,
    *,
    batch_size: int | None = None,
    schedule: Schedule = "constant",
    name: str = "loss",
    **options: Any,
) -> History:
    """Train `model` on `rows` (inputs, ..., targets), all on the device; `name` is that of the curve and the bar.

    Without a `batch_size` all rows are one batch, as in the notes before lecture 8.
    """
    on_device = tuple(tensor.to(setting.device) for tensor in rows)
    batches: Batches = [on_device]
    if batch_size is not None:
        generator = torch.Generator().manual_seed(setting.seed)
        order = ShuffledBatches(len(on_device[0]), batch_size, generator, device=setting.device)
        batches = training_batches(TensorRows(*on_device), order)

    setting.progress(name, 0, epochs)

    def show(epoch: int, losses: list[float]) -> None:
        setting.curves.add(name, losses[0], epoch)
        setting.progress(name, epoch, epochs)

    [history] = train(model, batches, criterion, optimizer, epochs, schedule=schedule, on_epoch=show, **options)
    return history


def seeded(setting: Setting, make_model: Callable[[], nn.Module]) -> nn.Module:
    """A new model on the device, from the setting's seed; torch's own random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(setting.seed)
        return make_model().to(setting.device)


def loss_of_guessing(target: Tensor) -> float:
    """Cross entropy of saying for every row how frequent the classes of target (N,) are.

    >>> round(loss_of_guessing(torch.tensor([0, 1, 1, 0])), 4)  # ln 2
    0.6931
    """
    return float(torch.special.entr(target.bincount() / len(target)).sum())


def draw_losses(
    figure: "Figure", curves: dict[str, list[float]], title: str, loss: str, guessing: float | None = None
) -> None:
    """Loss by epoch, a line for each curve, and a broken one for what guessing costs."""
    from matplotlib.ticker import MaxNLocator

    axis = figure.subplots()
    for name, losses in curves.items():
        axis.plot(range(1, len(losses) + 1), losses, "o-" if len(losses) <= 20 else "-", markersize=4, label=name)
    if guessing is not None:
        axis.axhline(guessing, color="gray", linestyle="--", label="guessing by the shares of the classes")
        axis.set_ylim(bottom=0)
    axis.set(xlabel="epoch", ylabel=loss, title=title)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend()
    axis.grid(alpha=0.3)
