"""Lecture 5, linear regression with PyTorch: nn.Linear, a criterion, and eight optimizers side by side."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from pipelines.lectures.fit import fit, seeded
from pipelines.lectures.lecture import Gate, Lecture, Setting

X = torch.tensor([[1.0], [2.0], [3.0]])
Y = torch.tensor([[2.0], [4.0], [6.0]])
EPOCHS, COMPARED = 10_000, 300
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": lambda weights: torch.optim.SGD(weights, lr=0.01),
    "Adagrad": lambda weights: torch.optim.Adagrad(weights, lr=0.5),
    "Adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
    "Adamax": lambda weights: torch.optim.Adamax(weights, lr=0.1),
    "ASGD": lambda weights: torch.optim.ASGD(weights, lr=0.01),
    "LBFGS": lambda weights: torch.optim.LBFGS(weights, lr=0.1),
    "RMSprop": lambda weights: torch.optim.RMSprop(weights, lr=0.01),
    "Rprop": lambda weights: torch.optim.Rprop(weights, lr=0.01),
}


def train_with(setting: Setting, name: str, epochs: int) -> tuple[nn.Linear, list[float]]:
    """The model and its loss in each epoch; all optimizers start from the same weights."""
    model = seeded(setting, lambda: nn.Linear(1, 1))
    assert isinstance(model, nn.Linear)
    optimizer = OPTIMIZERS[name](model.parameters())
    history = fit(setting, model, (X, Y), nn.MSELoss(), optimizer, epochs, batch_size=3, name=f"05/{name}")
    return model, history.losses


def run(setting: Setting) -> Iterator[Gate]:
    """SGD to the end, then everybody for a while."""
    model, _ = train_with(setting, "SGD", EPOCHS)
    yield Gate.close(f"SGD, {EPOCHS} epochs: w", model.weight.item(), 2, 1e-2)
    yield Gate.close(f"SGD, {EPOCHS} epochs: b", model.bias.item(), 0, 1e-2)
    four = torch.tensor([[4.0]], device=setting.device)
    yield Gate.close("f(4)", model(four).item(), 8, 1e-2)
    losses = {name: train_with(setting, name, COMPARED)[1] for name in OPTIMIZERS}
    for name, of_name in losses.items():
        yield Gate.close(f"{name}, {COMPARED} epochs: loss", of_name[-1], 0, 0.05)
    _draw(setting, losses)


def _draw(setting: Setting, losses: dict[str, list[float]]) -> None:
    with setting.picture("05-optimizers") as figure:
        figure.set_size_inches(8, 5)
        axes = figure.add_subplot()
        for name, of_name in losses.items():
            axes.semilogy(of_name, label=name)
        axes.set(xlabel="epoch", ylabel="loss", title="Eight optimizers from the same start (learning rates differ)")
        axes.set_ylim(1e-9, 100)
        axes.legend(ncols=2)


LECTURE = Lecture(number="05", title="linear regression", run=run)
