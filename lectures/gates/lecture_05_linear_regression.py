"""Lecture 5, linear regression with PyTorch: nn.Linear, a criterion, and eight optimizers side by side."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lectures.course.fit import fit, one_batch, seeded
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program

X = torch.tensor([[1.0], [2.0], [3.0]])
Y = torch.tensor([[2.0], [4.0], [6.0]])
COMPARED = 1_000
# Each with a learning rate that suits it: the steps of Adam and its kin have the length of the rate, whatever
# the gradient; those of SGD grow with the gradient. At 0.01, the lecture's rate, SGD takes the 10,000 epochs.
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "Adagrad": lambda weights: torch.optim.Adagrad(weights, lr=1.0),
    "Adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
    "Adamax": lambda weights: torch.optim.Adamax(weights, lr=0.3),
    "ASGD": lambda weights: torch.optim.ASGD(weights, lr=0.1),
    "LBFGS": lambda weights: torch.optim.LBFGS(weights, lr=1.0),
    "RMSprop": lambda weights: torch.optim.RMSprop(weights, lr=0.01, alpha=0.9),  # by 0.99 it swings out again
    "Rprop": lambda weights: torch.optim.Rprop(weights, lr=0.01),
}


def train_with(
    setting: Setting, name: str, make_optimizer: Callable[[Any], Optimizer], epochs: int
) -> tuple[nn.Linear, list[float]]:
    """The model and its loss in each epoch; all optimizers start from the same weights."""
    model = seeded(setting, lambda: nn.Linear(1, 1))
    optimizer = make_optimizer(model.parameters())
    if isinstance(optimizer, torch.optim.LBFGS):
        return model, by_closure(setting, model, optimizer, epochs, f"05/{name}")
    return model, fit(setting, model, one_batch(setting, X, Y), nn.MSELoss(), optimizer, epochs, name=f"05/{name}")


def by_closure(setting: Setting, model: nn.Module, optimizer: Optimizer, epochs: int, name: str) -> list[float]:
    """As `fit`, for an optimizer that asks for the loss and its gradient itself, as often as it likes."""
    criterion, inputs, target = nn.MSELoss(), X.to(setting.device), Y.to(setting.device)
    losses = []

    # NOTE: one step of LBFGS looks at the loss at several weights. So it is handed the way to it: zero, forward,
    # backward. The shared loop, which goes that way once a step, has no closure for the sake of this one optimizer.
    def closure() -> float:
        optimizer.zero_grad()
        loss: Tensor = criterion(model(inputs), target)
        loss.backward()
        return loss.item()

    for epoch in range(1, epochs + 1):
        losses.append(optimizer.step(closure))  # the first of the losses, that before the step
        setting.curves.add(name, losses[-1], epoch)
        setting.progress(name, epoch, epochs)
    return losses


def miss(model: nn.Linear) -> float:
    """How far the weight is from 2 or the bias from 0, whichever is farther."""
    return max(abs(model.weight.item() - 2), abs(model.bias.item()))


def run(setting: Setting) -> Gates:
    """The program to its end, then every optimizer for a while, by the shared loop."""
    program = run_program(setting, "lecture_05_linear_regression")
    yield Gate.close(f"SGD, {len(program.losses)} epochs: w", program.model.linear.weight.item(), 2, 1e-2)
    yield Gate.close(f"SGD, {len(program.losses)} epochs: b", program.model.linear.bias.item(), 0, 1e-2)
    yield Gate.close("f(4)", program.y_test.item(), 8, 1e-2)
    losses = {}
    setting.say(f"{len(OPTIMIZERS)} optimizers from the same start, trained by the shared loop, LBFGS by a closure:")
    for name, make_optimizer in OPTIMIZERS.items():
        model, losses[name] = train_with(setting, name, make_optimizer, COMPARED)
        yield Gate.at_most(f"{name}, {COMPARED} epochs: |w - 2|, |b|", miss(model), 1e-2)
    _draw(setting, losses)


def _draw(setting: Setting, losses: dict[str, list[float]]) -> None:
    with setting.picture("05-optimizers") as figure:
        axes = figure.add_subplot()
        for n, (name, of_name) in enumerate(losses.items()):
            axes.semilogy(range(1, COMPARED + 1), of_name, linestyle="-" if n % 2 else "--", label=name)
        axes.set_xscale("log")
        axes.set(xlabel="epoch", ylabel="loss", title="Eight optimizers from the same start (learning rates differ)")
        axes.set_ylim(1e-10, 1000)
        axes.legend(ncols=2)


LECTURE = Lecture(number="05", title="Linear regression, eight optimizers", title_zh="线性回归，八种优化器", run=run)
