"""Networks as a reader of the lectures knows them: inputs (B, ...) in, logits (B, C) out."""

from pipelines.models.linear import SoftmaxRegression
from pipelines.models.mlp import MLP

__all__ = ["MLP", "SoftmaxRegression"]
