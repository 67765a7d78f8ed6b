"""Lecture 4, back-propagation: the chain rule by hand, and autograd, which does the same.

# NOTE[DIFF]: the notes say that a tensor is data and gradient. Only leaves with `requires_grad` hold one.
"""

import torch
from torch import Tensor

from lectures.course.lecture import Gate, Gates, Lecture, Setting

ROWS = ((1.0, 2.0), (2.0, 4.0), (3.0, 6.0))  # hours, points


def by_hand(x: float, y: float, w: float, b: float = 0.0) -> tuple[float, float]:
    """dL/dw and dL/db of L = (x w + b - y)^2: backwards through square, difference, sum and product."""
    residual = x * w + b - y
    d_residual = 2 * residual  # of the square
    return d_residual * x, d_residual


def by_autograd(x: float, y: float, w: float, b: float = 0.0) -> tuple[float, float]:
    """The same two numbers, found by torch."""
    weight, bias = (torch.tensor(value, requires_grad=True) for value in (w, b))
    loss = (x * weight + bias - y) ** 2
    loss.backward()
    return _gradient(weight).item(), _gradient(bias).item()


def descend(epochs: int, lr: float = 0.01) -> Tensor:
    """The weight of y = w x after each epoch over ROWS, (epochs,), from w = 1, an update per row.

    The three lines of the shared loop, forward, backward and update, before anything is built around them.
    """
    weight, after = torch.tensor(1.0, requires_grad=True), []
    for _ in range(epochs):
        for x, y in ROWS:
            loss = (x * weight - y) ** 2
            loss.backward()
            # NOTE[DIFF]: the notes write w.data = w.data - ...; that hides mistakes from autograd.
            with torch.no_grad():
                weight -= lr * _gradient(weight)
            weight.grad = None  # or it adds up, see `without_zeroing`
        after.append(weight.detach().clone())
    return torch.stack(after)


def second_backward() -> str:
    """What torch says when the graph is walked twice: it is freed after the first time."""
    weight = torch.tensor(1.0, requires_grad=True)
    loss = (2 * weight - 4) ** 2
    loss.backward()
    try:
        loss.backward()
    except RuntimeError as error:
        return str(error)
    return "no error"


def without_zeroing(n: int) -> list[float]:
    """The gradient after each of `n` backward passes that nobody zeroes in between: it adds up."""
    weight = torch.tensor(1.0, requires_grad=True)
    seen = []
    for _ in range(n):
        ((2 * weight - 4) ** 2).backward()
        seen.append(_gradient(weight).item())
    return seen


def _gradient(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad


def run(setting: Setting) -> Gates:
    """The lecture's two exercises, descent by autograd, and two mistakes."""
    yield Gate.close("x=2, y=4, w=1: dL/dw by hand", by_hand(2, 4, 1)[0], -8, 1e-6)
    yield Gate.close("x=1, y=2, w=1, b=2: dL/dw by hand", by_hand(1, 2, 1, 2)[0], 2, 1e-6)
    yield Gate.close("x=1, y=2, w=1, b=2: dL/db by hand", by_hand(1, 2, 1, 2)[1], 2, 1e-6)
    exercises = ((2.0, 4.0, 1.0, 0.0), (1.0, 2.0, 1.0, 2.0), (3.0, -1.0, 0.5, 0.25))
    for name, index in (("w", 0), ("b", 1)):
        worst = max(abs(by_autograd(*numbers)[index] - by_hand(*numbers)[index]) for numbers in exercises)
        yield Gate.at_most(f"dL/d{name}, autograd and by hand, largest difference", worst, 1e-6)
    yield Gate.close("descent by autograd, 100 epochs: f(4)", 4 * descend(100)[-1].item(), 8, 1e-2)
    message = second_backward()
    setting.say(f"a second backward: {message.split('.')[0]}")
    yield Gate.equal("a second backward is refused", "second time" in message, True)
    yield Gate.equal("gradients that nobody zeroes", without_zeroing(3), [-8.0, -16.0, -24.0])


LECTURE = Lecture(
    number="04", title="Back-propagation, by hand and by autograd", title_zh="反向传播：手算与 autograd", run=run
)
