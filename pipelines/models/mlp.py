"""Multi-layer perceptron (lectures 7 to 9); without hidden layers it is softmax regression (lectures 6 and 9)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
}  # fmt: skip
NORMS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class MLP(nn.Module):
    """Linear layers of the given widths; between two of them norm, activation and dropout.

    Inputs (B, widths[0]) to logits (B, widths[-1]). `input_dropout` acts on the inputs themselves.

    >>> MLP([25, 64, 32, 2], dropout=0.4)
    MLP(
      (layers): Sequential(
        (0): Linear(in_features=25, out_features=64, bias=True)
        (1): ReLU()
        (2): Dropout(p=0.4, inplace=False)
        (3): Linear(in_features=64, out_features=32, bias=True)
        (4): ReLU()
        (5): Dropout(p=0.4, inplace=False)
        (6): Linear(in_features=32, out_features=2, bias=True)
      )
    )
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        activation: str = "relu",
        norm: Literal["batch", "layer"] | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        if len(widths) < 2:
            raise ValueError(f"widths must hold at least inputs and classes, got {list(widths)}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        if norm is not None and norm not in NORMS:
            raise ValueError(f"norm must be None or one of {', '.join(NORMS)}, got {norm!r}")
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(input_dropout)] if input_dropout else []
        for n_in, n_out in pairwise(widths[:-1]):
            layers.append(nn.Linear(n_in, n_out, bias=norm != "batch"))  # batch norm would subtract it again
            layers += [NORMS[norm](n_out)] if norm else []
            layers.append(ACTIVATIONS[activation]())
            layers += [nn.Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, C) of inputs (B, D)."""
        logits: Tensor = self.layers(inputs)
        return logits
