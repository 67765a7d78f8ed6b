"""Lecture 12, one-hot and embedding: a lookup is what a product with a one-hot row does."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lectures.course.lecture import Gate, Gates, Lecture, Setting


def both_ways(weights: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """`one_hot(i) @ W` and `Embedding(i)` for weights (C, D) and indices (N,); two times (N, D).

    >>> product, lookup = both_ways(torch.eye(3), torch.tensor([2, 0]))
    >>> torch.equal(product, lookup)
    True
    """
    one_hot = F.one_hot(indices, len(weights)).to(weights.dtype)
    return one_hot @ weights, F.embedding(indices, weights)


def run(setting: Setting) -> Gates:
    """Values and gradients of both ways, for the letters of `hello`, are the same numbers."""
    torch.manual_seed(setting.seed)
    weights, indices = torch.randn(4, 10, requires_grad=True), torch.tensor([1, 0, 2, 2, 3])
    product, lookup = both_ways(weights, indices)
    setting.say(f"one-hot rows hold {len(indices)} x 4 numbers, the lookup keeps {len(indices)} row numbers")
    yield Gate.equal("one_hot(i) @ W and Embedding(i) equal", torch.equal(product, lookup), True)
    gradients = [torch.autograd.grad(way.square().sum(), weights)[0] for way in (product, lookup)]
    difference = (gradients[0] - gradients[1]).abs().max().item()
    yield Gate.at_most("their gradients, largest difference", difference, 1e-6)


LECTURE = Lecture(number="12-embedding", title="One-hot and embedding", title_zh="独热编码与嵌入", run=run)
