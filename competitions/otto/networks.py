"""Networks of Otto's own: TabM on piecewise-linear embeddings of places among quantiles."""

import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from torch import Tensor, nn

from competitions.otto.features import BINS
from pipelines.models import BatchEnsemble

D_EMBEDDING = 20  # numbers that a feature becomes


class PiecesOfPlaces(PiecewiseLinearEmbeddings):  # type: ignore[misc]
    """Places (B, D) of 0 to `n_bins` to embeddings (B, D, d_embedding): linear in each bin.

    The bins are the same for all features, since places count them (`features.Places`). What is linear over all bins
    is learned of standardised places: as they are, those of rows with few zeros are too large, others too small.
    """

    def __init__(self, n_features: int, n_bins: int, d_embedding: int) -> None:
        super().__init__([torch.arange(n_bins + 1.0)] * n_features, d_embedding, activation=False, version="B")
        self.standardise = nn.BatchNorm1d(n_features, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings of places (B, D)."""
        embedded: Tensor = self.linear0(self.standardise(x)) + self.linear(self.impl(x))
        return embedded


def make_tabm_of_places(width: int, k: int, dropout: float, n_features: int, n_classes: int) -> nn.Module:
    """TabM of that width, `k` networks in one, two blocks, on embedded places (B, n_features)."""
    pieces = PiecesOfPlaces(n_features, BINS, D_EMBEDDING)
    return BatchEnsemble(n_features, n_classes, k=k, num_embeddings=pieces, n_blocks=2, d_block=width, dropout=dropout)
