"""K networks that share nearly all weights (TabM)."""

import math

import torch
from torch import Tensor, nn


class BatchEnsemble(nn.Module):
    """`tabm.TabM` with the manners of the other models.

    Inputs (B, n_features). In training logits (B, K, C), one answer for each of the K networks, each with
    a loss of its own; in evaluation (B, C), the logarithm of their mean probability. With one output, a number, it is
    (B, K, 1), and in evaluation (B, 1), their mean.
    `options` go to `TabM.make`: k, arch_type, n_blocks, d_block, dropout.
    Source: Gorishniy et al. 2024, "TabM: advancing tabular deep learning with parameter-efficient ensembling".
    """

    def __init__(self, n_features: int, n_classes: int, **options: object) -> None:
        from tabm import TabM

        super().__init__()
        self.networks = TabM.make(n_num_features=n_features, d_out=n_classes, **options)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of inputs (B, n_features)."""
        logits: Tensor = self.networks(inputs)
        if self.training:
            return logits
        if logits.shape[-1] == 1:
            return logits.mean(dim=1)
        return torch.log_softmax(logits.float(), dim=-1).logsumexp(dim=1) - math.log(logits.shape[1])
