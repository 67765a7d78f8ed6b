"""Lecture 12, one-hot and embedding: a lookup is what a product with a one-hot row does; the program spells by it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program


def both_ways(weights: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """`one_hot(i) @ W` and `Embedding(i)` for weights (C, D) and indices (N,); two times (N, D).

    >>> product, lookup = both_ways(torch.eye(3), torch.tensor([2, 0]))
    >>> torch.equal(product, lookup)
    True
    """
    one_hot = F.one_hot(indices, len(weights)).to(weights.dtype)
    return one_hot @ weights, F.embedding(indices, weights)


def run(setting: Setting) -> Gates:
    """The program; then values and gradients of both ways, which are the same numbers."""
    program = run_program(setting, "lecture_12_embedding", picture="12-embedding-program")
    yield Gate.equal(f"hello after {len(program.words)} epochs, with an embedding", program.words[-1], "ohlol")
    letters = program.x_data[0]
    weights = program.W.detach().requires_grad_()
    product, lookup = both_ways(weights, letters)
    setting.say(f"one-hot rows hold {len(letters)} x 4 numbers, the lookup keeps {len(letters)} row numbers")
    yield Gate.equal("one_hot(i) @ W and Embedding(i) equal", torch.equal(product, lookup), True)
    gradients = [torch.autograd.grad(way.square().sum(), weights)[0] for way in (product, lookup)]
    difference = (gradients[0] - gradients[1]).abs().max().item()
    yield Gate.at_most("their gradients, largest difference", difference, 1e-6)


LECTURE = Lecture(number="12-embedding", title="One-hot and embedding", title_zh="独热与嵌入", run=run)
