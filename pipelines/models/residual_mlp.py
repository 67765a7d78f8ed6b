"""Residual network for tables: the idea of lecture 11 without convolutions."""

from torch import Tensor, nn


class ResidualMLP(nn.Module):
    """A linear layer, then blocks that add a correction to their input, then a linear layer.

    Inputs (B, n_features) to logits (B, n_classes). A block normalises, widens to `hidden`, and narrows
    back to `width`. Source: Gorishniy et al. 2021, "Revisiting deep learning models for tabular data".

    >>> model = ResidualMLP(95, 9, width=256, hidden=512, n_blocks=3)
    >>> sum(weight.numel() for weight in model.parameters())
    817673
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        width: int,
        hidden: int,
        n_blocks: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Dropout(input_dropout), nn.Linear(n_features, width))
        self.blocks = nn.ModuleList(_block(width, hidden, dropout) for _ in range(n_blocks))
        self.head = nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, n_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, n_classes) of inputs (B, n_features)."""
        hidden = self.stem(inputs)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        logits: Tensor = self.head(hidden)
        return logits


def _block(width: int, hidden: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm1d(width),
        nn.Linear(width, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, width),
        nn.Dropout(dropout / 2),
    )
