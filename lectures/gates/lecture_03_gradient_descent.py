"""Lecture 3, gradient descent: all rows, one row, a few rows at a time; by hand and by the shared loop."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from lectures.course.fit import fit, one_batch
from lectures.course.lecture import Gate, Gates, Lecture, Setting

X = np.array([1.0, 2.0, 3.0])
Y = np.array([2.0, 4.0, 6.0])


def descend(batches: Sequence[slice], epochs: int, lr: float = 0.01, w: float = 1.0) -> tuple[list[float], list[float]]:
    """Weights and costs after each epoch of y = w x; an epoch goes once through `batches`.

    The reported cost is the mean of the costs met before each update, as in the lecture.
    """
    weights, costs = [], []
    for _ in range(epochs):
        met = []
        for batch in batches:
            error = w * X[batch] - Y[batch]
            met.append((error**2).mean())
            w -= lr * (2 * X[batch] * error).mean()
        weights.append(float(w))
        costs.append(float(np.mean(met)))
    return weights, costs


def by_the_loop(setting: Setting, epochs: int) -> list[float]:
    """The costs of the same batch descent by nn.Linear, autograd and `training.train`."""
    model = nn.Linear(1, 1, bias=False).to(setting.device)
    nn.init.ones_(model.weight)
    rows = one_batch(setting, *(torch.from_numpy(values[:, None]).float() for values in (X, Y)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return fit(setting, model, rows, nn.MSELoss(), optimizer, epochs, name="03/cost")


def run(setting: Setting) -> Gates:
    """Three ways to descend."""
    ways = {
        "batch": descend([slice(0, 3)], 100),
        "stochastic": descend([slice(i, i + 1) for i in range(3)], 100),
        "mini-batch": descend([slice(0, 2), slice(2, 3)], 100),
    }
    _draw(setting, ways)
    weights, costs = ways["batch"]  # the notes give two decimals
    yield Gate.close("batch, epoch 0: w", weights[0], 1.09, 0.005)
    yield Gate.close("batch, epoch 0: cost", costs[0], 4.67, 0.005)
    yield Gate.close("batch, epoch 10: w", weights[10], 1.66, 0.005)
    yield Gate.close("batch, epoch 10: cost", costs[10], 0.66, 0.005)
    yield Gate.close("batch, epoch 99: w", weights[99], 2.00, 0.005)
    for name, (of_way, _) in ways.items():
        yield Gate.close(f"{name}: f(4)", 4 * of_way[-1], 8, 0.01)
    difference = np.abs(np.array(by_the_loop(setting, 100)) - costs).max()
    yield Gate.close("shared loop less by hand, any epoch's cost", float(difference), 0, 1e-5)


def _draw(setting: Setting, ways: dict[str, tuple[list[float], list[float]]]) -> None:
    with setting.picture("03-descent", (7, 4.5)) as figure:
        axes = figure.add_subplot()
        for (name, (_, costs)), updates in zip(ways.items(), (1, 3, 2), strict=True):
            axes.semilogy(costs, label=f"{name}: {updates} update{'s' * (updates > 1)} per epoch")
        axes.set(xlabel="epoch", ylabel="cost", title="More updates per epoch, faster descent (no noise in these rows)")
        axes.legend()


LECTURE = Lecture(
    number="03",
    title="Gradient descent: batch, stochastic, mini-batch",
    title_zh="梯度下降：批量、随机、小批量",
    run=run,
)
