"""Networks as a reader of the lectures knows them: inputs (B, ...) in, logits (B, C) or values (B, 1) out."""

from pipelines.models.batch_ensemble import BatchEnsemble
from pipelines.models.cnn import ConvNet, ImageClassifier, Inception, inception_net, residual_net
from pipelines.models.mlp import MLP
from pipelines.models.residual import DenseBlock, ResidualBlock
from pipelines.models.residual_mlp import ResidualMLP
from pipelines.models.rnn import RNN, EmbeddingRNN, NameClassifier, RNNCell

__all__ = [
    "MLP",
    "RNN",
    "BatchEnsemble",
    "ConvNet",
    "DenseBlock",
    "EmbeddingRNN",
    "ImageClassifier",
    "Inception",
    "NameClassifier",
    "RNNCell",
    "ResidualBlock",
    "ResidualMLP",
    "inception_net",
    "residual_net",
]
