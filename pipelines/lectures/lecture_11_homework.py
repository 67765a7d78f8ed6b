"""Lecture 11, homework: the residual blocks of "Identity mappings in deep residual networks", compared.

Every block stands in the same network and is trained alike, with as many seeds as `SEEDS`; nothing is
chosen by the test images.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from pipelines.lectures.data import Split, mnist
from pipelines.lectures.fit import accuracy_on_test
from pipelines.lectures.lecture import Gate, Lecture, Setting, at_least
from pipelines.lectures.lecture_10_cnn import gate, image_size, kernel_for, train_images
from pipelines.models.cnn import VARIANTS, DenseBlock, ResidualBlock, residual_net

EPOCHS, SEEDS = 2, 2
BLOCKS: dict[str, Callable[[int], nn.Module]] = {
    **{variant: partial(ResidualBlock, variant=variant) for variant in VARIANTS},
    "dense": DenseBlock,
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    n_parameters: int
    epoch_seconds: float
    accuracies: list[float]
    gradients: list[float]  # mean absolute gradient of each convolution, first to last, before training

    @property
    def line(self) -> str:
        """The row for people."""
        mean = statistics.mean(self.accuracies)
        sd = statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else float("nan")
        return f"{self.name:<18}{self.n_parameters:>10}{self.epoch_seconds:>12.1f}{mean:>12.4f} ± {sd:.4f}"


def measure(setting: Setting, split: Split, name: str) -> Row:
    """Train the network with this block once for each seed."""
    make_model = partial(residual_net, image_size(split), block=BLOCKS[name], kernel=kernel_for(split))
    accuracies, seconds = [], []
    for seed in range(setting.seed, setting.seed + SEEDS):
        started = time.perf_counter()
        own = replace(setting, seed=seed)
        model, losses = train_images(own, split, make_model, f"11-homework/{name}/{seed}", EPOCHS)
        seconds.append((time.perf_counter() - started) / len(losses))
        accuracies.append(accuracy_on_test(own, model, split))
    n_parameters = sum(weight.numel() for weight in model.parameters())
    return Row(name, n_parameters, statistics.mean(seconds), accuracies, gradient_flow(split, BLOCKS[name]))


def gradient_flow(split: Split, block: Callable[[int], nn.Module], n_blocks: int = 12) -> list[float]:
    """Mean absolute gradient of the first convolution of each of `n_blocks` blocks in a row, untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        deep = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), *[block(8) for _ in range(n_blocks)], nn.Flatten())
        inputs = split.inputs[:64]
        outputs: Tensor = deep(inputs)
        head = nn.Linear(outputs.shape[1], 10)
    loss = nn.functional.cross_entropy(head(outputs), split.targets[:64])
    first = [next(w for w in one.parameters() if w.ndim == 4) for one in list(deep)[1:-1]]
    return [float(gradient.abs().mean()) for gradient in torch.autograd.grad(loss, first)]


def plain(channels: int) -> nn.Module:
    """Two convolutions without a shortcut, to compare with."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


def run(setting: Setting) -> Iterator[Gate]:
    """One row for each block."""
    split = mnist(setting)
    setting.say(f"{'block':<18}{'parameters':>10}{'s / epoch':>12}{'accuracy, mean ± sd over seeds':>34}")
    rows = []
    for name in BLOCKS:
        rows.append(measure(setting, split, name))
        setting.say(rows[-1].line)
        mean = statistics.mean(rows[-1].accuracies)
        yield at_least(f"{name} block, test accuracy, mean of {SEEDS} seeds", mean, gate(split, 0.985))
    _draw(setting, {"no shortcut": gradient_flow(split, plain)} | {row.name: row.gradients for row in rows})


def _draw(setting: Setting, flows: dict[str, list[float]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5))
    axes = figure.add_subplot()
    for name, flow in flows.items():
        style = {"color": "black", "linewidth": 3} if name == "no shortcut" else {"marker": "o", "markersize": 4}
        axes.semilogy(range(1, len(flow) + 1), flow, label=name, **style)  # type: ignore[arg-type]
    axes.set(xlabel="block, from the input", ylabel="mean |gradient| of its first convolution")
    axes.set_title("Gradient flow through 12 untrained blocks: without shortcuts little reaches the input")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    setting.save("11-gradient-flow", figure)


LECTURE = Lecture(number="11-homework", title="residual blocks compared", run=run)
