"""Lecture 4, back-propagation: the chain rule by hand, and autograd, which does the same; then what a tensor holds.

# NOTE[DIFF]: the notes say that a tensor is data and gradient. Only leaves with `requires_grad` hold one.
"""

import torch
from torch import Tensor

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program


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
    """The lecture's two exercises, descent by autograd, and what tensors, leaves and graphs do."""
    yield Gate.close("dL/dw by hand (x=2, y=4, w=1)", by_hand(2, 4, 1)[0], -8, 1e-6)
    yield Gate.close("dL/dw by hand (x=1, y=2, w=1, b=2)", by_hand(1, 2, 1, 2)[0], 2, 1e-6)
    yield Gate.close("dL/db by hand (x=1, y=2, w=1, b=2)", by_hand(1, 2, 1, 2)[1], 2, 1e-6)
    exercises = ((2.0, 4.0, 1.0, 0.0), (1.0, 2.0, 1.0, 2.0), (3.0, -1.0, 0.5, 0.25))
    for name, index in (("w", 0), ("b", 1)):
        worst = max(abs(by_autograd(*numbers)[index] - by_hand(*numbers)[index]) for numbers in exercises)
        yield Gate.at_most(f"dL/d{name}, autograd and by hand, largest difference", worst, 1e-6)
    program = run_program(setting, "lecture_04_back_propagation")
    yield Gate.close("descent by autograd, 100 epochs: f(4)", program.forward(4).item(), 8, 1e-2)
    yield Gate.equal("gradients that nobody zeroes", without_zeroing(3), [-8.0, -16.0, -24.0])
    yield from _tensors(setting)


def _tensors(setting: Setting) -> Gates:
    tensors = run_program(setting, "lecture_04_tensors")
    leaves = tuple(each.is_leaf for each in (tensors.x, tensors.w, tensors.y_pred, tensors.loss))
    yield Gate.equal("leaves: x, w, y_pred, loss", leaves, (True, True, False, False))
    yield Gate.equal("dL/dw; x, which asked for none, has no gradient", (tensors.grad, tensors.x.grad), (-8.0, None))
    yield Gate.equal("a second backward is refused", "second time" in tensors.freed, True)
    yield Gate.equal("loss.item() is a plain number", (tensors.number, type(tensors.number).__name__), (4.0, "float"))
    yield Gate.equal("three losses added up: a graph is kept", tensors.kept.grad_fn is not None, True)
    yield Gate.equal("w.data changed before backward: a wrong gradient (right: 2)", tensors.by_data, 20.0)
    yield Gate.equal("changed through w.detach(): refused", "modified by an inplace" in tensors.by_detach, True)


LECTURE = Lecture(
    number="04", title="Back-propagation, by hand and by autograd", title_zh="反向传播：手算与 autograd", run=run
)
