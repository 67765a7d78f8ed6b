"""Networks of Otto's own: TabM on piecewise-linear embeddings of places among quantiles."""

import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from torch import Tensor, nn

from competitions.otto.features import BINS
from pipelines.models import BatchEnsemble

D_EMBEDDING = 20  # numbers that a feature becomes


class PiecesOfPlaces(PiecewiseLinearEmbeddings):  # type: ignore[misc]
    """Numbers and their places, 0 to `n_bins`, side by side (B, 2 D), to embeddings (B, D, d_embedding).

    An embedding is linear in the number, and has a slope of its own for each bin of its place. The bins are the same
    for all features, since places count them (`features.Places`): the network need not know where they lie.
    """

    def __init__(self, n_features: int, n_bins: int, d_embedding: int) -> None:
        super().__init__([torch.arange(n_bins + 1.0)] * n_features, d_embedding, activation=False, version="B")

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings of numbers and places (B, 2 D)."""
        numbers, places = x.chunk(2, dim=-1)
        embedded: Tensor = self.linear0(numbers) + self.linear(self.impl(places))
        return embedded


class TabMOfPlaces(nn.Module):
    """TabM, `k` networks of two blocks in one, on embedded numbers and places (B, n_features)."""

    def __init__(self, width: int, k: int, dropout: float, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.pieces = PiecesOfPlaces(n_features // 2, BINS, D_EMBEDDING)
        self.networks = BatchEnsemble(
            n_features // 2 * D_EMBEDDING, n_classes, k=k, n_blocks=2, d_block=width, dropout=dropout,
            start_scaling_init="normal",
        )  # fmt: skip

    def forward(self, inputs: Tensor) -> Tensor:
        """In training logits (B, k, C), a loss for each; in evaluation (B, C)."""
        logits: Tensor = self.networks(self.pieces(inputs).flatten(1))
        return logits
