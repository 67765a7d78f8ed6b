"""What the lectures share: hand rows to the loop of `pipelines.training`, and draw the losses.

Shapes: N rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lectures.course.lecture import Setting
from pipelines.competition import Schedule
from pipelines.training import noise
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import Batches, Criterion, train

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

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
    figure: "FigureBase",
    curves: Mapping[str, Sequence[float]],
    title: str,
    loss: str,
    guessing: float | None = None,
    test: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Loss by epoch, a line for each curve, and a broken one for what guessing costs.

    `test` are the losses of rows held out, by the names of the curves: a broken line of the curve's colour.
    """
    axis = figure.subplots()
    for name, losses in curves.items():
        [line] = axis.plot(range(1, len(losses) + 1), losses, **_marked(losses), label=name)
        held_out = (test or {}).get(name, [])
        if held_out:
            style = _marked(held_out) | {"linestyle": "--", "color": line.get_color()}
            both = "test" if name == "training" else f"{name}, test"
            axis.plot(range(1, len(held_out) + 1), held_out, **style, markerfacecolor="none", label=both)
    if guessing is not None:
        axis.axhline(guessing, color="C7", linestyle="--", label="guessing by the shares of the classes")
        axis.set_ylim(bottom=0)
    axis.set(ylabel=loss, title=title)
    _epochs_below(axis)


def draw_accuracies(figure: "FigureBase", curves: Mapping[str, Sequence[float]], title: str, ylabel: str) -> None:
    """Accuracy in per cent by epoch, a line for each curve."""
    axis = figure.subplots()
    for name, shares in curves.items():
        axis.plot(range(1, len(shares) + 1), [100 * each for each in shares], **_marked(shares), label=name)
    axis.set(ylabel=ylabel, title=title)
    _epochs_below(axis)


def _marked(values: Sequence[float]) -> dict[str, Any]:
    """Each epoch a point, where there are few."""
    return {"linestyle": "-", "marker": "o" if len(values) <= 20 else "", "markersize": 4}


def _epochs_below(axis: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend()
