"""Networks as a reader of the lectures knows them: inputs (B, ...) in, logits (B, C) out."""

from pipelines.models.batch_ensemble import BatchEnsemble
from pipelines.models.linear import SoftmaxRegression
from pipelines.models.mlp import MLP
from pipelines.models.residual_mlp import ResidualMLP

__all__ = ["MLP", "BatchEnsemble", "ResidualMLP", "SoftmaxRegression"]
