"""Softmax regression (lecture 9); with two classes it is logistic regression (lecture 6)."""

from torch import Tensor, nn


class SoftmaxRegression(nn.Module):
    """One linear layer: inputs (B, D) to logits (B, C).

    The criterion supplies the softmax; `nn.CrossEntropyLoss` of two logits is the binary cross
    entropy of their difference, so logistic regression is the case C = 2.

    >>> import torch
    >>> SoftmaxRegression(4, 3)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, C) of inputs (B, D)."""
        logits: Tensor = self.linear(inputs)
        return logits
