"""What networks learn, and what their outputs mean: a class by cross entropy, a number by its distance.

Shapes: N rows, E networks of a stack, B batch, K answers to a row, C classes.

A number is learned on a scale of its own: transformed as the competition says, then standardised by the training rows
of the fold. `Scale` goes there and back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipelines.competition import Loss, Number
from pipelines.metrics import FloatArray, Target

BEYOND = 0.25  # share of the training rows' range that a prediction may lie outside of it
DISTANCES: dict[str, Callable[..., Tensor]] = {
    "squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.huber_loss,  # whose parabola ends at one deviation
}  # fmt: skip


def learned(y: Target, number: Number | None) -> Target:
    """What models learn of `y` (N,): the class codes, or the numbers of the file transformed."""
    return y if number is None else number.forward(y)


def criterion_of(number: Number | None) -> nn.Module:
    """What training makes small: cross entropy for classes (None), else the loss of the number."""
    return CrossEntropy() if number is None else Distance(number.loss)


class CrossEntropy(nn.Module):
    """Cross entropy of a network, (), or of each network of a stack, (E,): the mean over the batch.

    Outputs (B, C) with targets (B,) of class codes, or (B, C) of weighted one-hot rows; in a stack all with a leading
    E. Outputs (B, K, C) are K answers to each row, as a batch ensemble gives them: the mean of their losses.
    """

    takes_logits = True

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The loss of each network."""
        leading = target.ndim - target.is_floating_point()  # 1, or 2 in a stack
        answers = outputs.shape[leading] if outputs.ndim > leading + 1 else 1
        rows = target.flatten(0, leading - 1)
        rows = rows.repeat_interleave(answers, dim=0) if answers > 1 else rows
        loss = F.cross_entropy(outputs.flatten(0, -2), rows, reduction="none")
        return loss.view(*outputs.shape[: leading - 1], -1).mean(dim=-1)


class Distance(nn.Module):
    """Squared, absolute or Huber error of a network, (), or of each network of a stack, (E,): the mean over the batch.

    Outputs (B, 1) with targets (B, 1), or (B, 2) of values and weights; in a stack all with a leading E. Outputs
    (B, K, 1) are K answers to each row: the mean of their losses.

    >>> Distance("squared")(torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [4.0]]))
    tensor(2.5000)
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The loss of each network."""
        values, weight = target[..., :1], target[..., 1:]
        values = values.unsqueeze(-2) if outputs.ndim > target.ndim else values
        each = DISTANCES[self.loss](outputs.float(), values.expand_as(outputs), reduction="none")
        rows = each.flatten(target.ndim - 1).mean(dim=-1)
        return (rows * weight[..., 0] if weight.shape[-1] else rows).mean(dim=-1)

    def of_guessing(self, target: Tensor) -> float | None:
        """The least loss of a network (B, 1) that says the same for every row; None where it takes a search."""
        values = target.double()
        if target.shape[1:] != (1,) or self.loss == "huber":
            return None
        best = values.mean() if self.loss == "squared" else values.median()
        return float(self(best.expand_as(values), values))


@dataclass(frozen=True)
class Scale:
    """The scale on which the networks of a fold learn a number: transformed, less a `mean`, over a `deviation`.

    Predictions on the learned scale (transformed only) end at `low` and `high`: an exponential would make a slip of a
    network into a number without end.
    """

    number: Number
    mean: float
    deviation: float
    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def of(cls, number: Number, y: Target, weight: FloatArray | None = None) -> Self:
        """The scale of training rows `y` (N,), in the file's units; rows weigh 1 without `weight` (N,).

        Its ends lie a quarter of the rows' range beyond them; where no row is negative, at zero at the least.
        """
        learned = number.forward(y)
        low, high = float(learned.min()), float(learned.max())
        mean = float(np.average(learned, weights=weight))
        spread = float(np.sqrt(np.average((learned - mean) ** 2, weights=weight))) if low < high else 0.0
        margin = BEYOND * (high - low)
        lowest = low - margin if low < 0 else max(0.0, low - margin)
        return cls(number, mean, spread or 1.0, lowest, high + margin)

    def target(self, y: Target) -> Tensor:
        """What networks are given for values `y` (N,) in the file's units: float32 (N, 1)."""
        standardised = (self.number.forward(y) - self.mean) / self.deviation
        return torch.from_numpy(standardised.astype(np.float32))[:, None]

    def learned(self, outputs: Tensor) -> FloatArray:
        """Outputs (N, 1) of a network as predictions on the learned scale; float64 (N, 1)."""
        return self.within(outputs.cpu().double().numpy() * self.deviation + self.mean)

    def within(self, learned: FloatArray) -> FloatArray:
        """Predictions on the learned scale, none beyond its ends."""
        return np.clip(learned, self.low, self.high)

    def values(self, outputs: Tensor) -> FloatArray:
        """Outputs (N, 1) of a network as predictions in the file's units; float64 (N, 1)."""
        return self.number.inverse(self.learned(outputs))
