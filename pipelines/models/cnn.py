"""Convolutional networks (lectures 10 and 11): plain, Inception, residual in several variants, dense.

Shapes: B batch, K channels, H x W pixels. Each network takes (B, 1, H, W) and finds the size of its last
layer from the H and W that it is made for.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Variant = Literal["original", "pre-activation", "constant scaling", "1x1 shortcut", "dropout shortcut", "gated"]
VARIANTS: tuple[Variant, ...] = (
    "original", "pre-activation", "constant scaling", "1x1 shortcut", "dropout shortcut", "gated",
)  # fmt: skip


def with_head(body: nn.Module, size: tuple[int, int], n_classes: int) -> nn.Sequential:
    """The body, flattened, and one linear layer for the number of features that the body really gives.

    # NOTE[DIFF]: the notes write Linear(512, 10), which holds for 28 x 28 only, and `view(batch_size, -1)`,
    # which breaks on the last batch.
    """
    body.eval()
    with torch.no_grad():
        n_features = body(torch.zeros(1, 1, *size)).numel()
    return nn.Sequential(body.train(), nn.Flatten(), nn.Linear(n_features, n_classes))


def cnn(size: tuple[int, int], n_classes: int = 10, *, kernel: int = 5) -> nn.Sequential:
    """The notes' network: convolutions of 10 and 20 channels, each pooled, and one linear layer."""
    body = nn.Sequential(
        nn.Conv2d(1, 10, kernel), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, kernel), nn.MaxPool2d(2), nn.ReLU()
    )
    return with_head(body, size, n_classes)


def deep_cnn(size: tuple[int, int], n_classes: int = 10) -> nn.Sequential:
    """Three convolutions of kernel 3 that keep the size, each with batch norm and pooled."""
    layers: list[nn.Module] = []
    for n_in, n_out in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)]
    return with_head(nn.Sequential(*layers), size, n_classes)


class Inception(nn.Module):
    """Four branches side by side, 24 + 16 + 24 + 24 = 88 channels out: (B, K, H, W) to (B, 88, H, W)."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.pooled = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), nn.Conv2d(n_in, 24, 1))
        self.one = nn.Conv2d(n_in, 16, 1)
        self.five = nn.Sequential(nn.Conv2d(n_in, 16, 1), nn.Conv2d(16, 24, 5, padding=2))
        self.twice_three = nn.Sequential(
            nn.Conv2d(n_in, 16, 1), nn.Conv2d(16, 24, 3, padding=1), nn.Conv2d(24, 24, 3, padding=1)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """All branches, one after another along the channels."""
        return torch.cat([branch(inputs) for branch in (self.pooled, self.one, self.five, self.twice_three)], dim=1)


def inception_net(size: tuple[int, int], n_classes: int = 10, *, kernel: int = 5) -> nn.Sequential:
    """The notes' network of two convolutions, an Inception block after each."""
    body = nn.Sequential(
        nn.Conv2d(1, 10, kernel), nn.MaxPool2d(2), nn.ReLU(), Inception(10),
        nn.Conv2d(88, 20, kernel), nn.MaxPool2d(2), nn.ReLU(), Inception(20),
    )  # fmt: skip
    return with_head(body, size, n_classes)


class ResidualBlock(nn.Module):
    """Two convolutions whose output is added to the input; (B, K, H, W) stays (B, K, H, W).

    # NOTE[DIFF]: the notes ask for equal channels. What is added must have the whole shape in common.

    Source: He et al. 2016, "Identity mappings in deep residual networks", figures 2 and 4.
    """

    def __init__(self, channels: int, variant: Variant = "original") -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
        super().__init__()
        self.variant = variant
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2 if variant == "pre-activation" else 0))
        if variant in ("1x1 shortcut", "gated"):
            self.one = nn.Conv2d(channels, channels, 1)
        if variant == "gated":
            nn.init.constant_(self.one.bias, -2.0)  # type: ignore[arg-type]  # at first the gate lets the input by

    def forward(self, inputs: Tensor) -> Tensor:
        """Shortcut plus branch."""
        first, second = self.convolutions
        if self.variant == "pre-activation":
            hidden = first(F.relu(self.norms[0](inputs)))
            return inputs + second(F.relu(self.norms[1](hidden)))  # nothing between one block's sum and the next
        branch: Tensor = second(F.relu(first(inputs)))
        return F.relu(self._sum(inputs, branch))

    def _sum(self, inputs: Tensor, branch: Tensor) -> Tensor:
        if self.variant == "constant scaling":
            return 0.5 * inputs + 0.5 * branch
        if self.variant == "1x1 shortcut":
            return torch.as_tensor(self.one(inputs)) + branch
        if self.variant == "dropout shortcut":
            return F.dropout(inputs, 0.5, self.training) + branch
        if self.variant == "gated":
            gate = torch.sigmoid(self.one(inputs))
            return (1 - gate) * inputs + gate * branch
        return inputs + branch


class DenseBlock(nn.Module):
    """Three convolutions, each of which sees all outputs before it; a 1 x 1 convolution brings K channels back.

    Source: Huang et al. 2017, "Densely connected convolutional networks".
    """

    def __init__(self, channels: int, growth: int = 12) -> None:
        super().__init__()
        widths = [channels + i * growth for i in range(4)]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, growth, 3, padding=1))
            for width in widths[:3]
        )
        self.transition = nn.Conv2d(widths[3], channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K, H, W) to (B, K, H, W)."""
        features = inputs
        for layer in self.layers:
            features = torch.cat([features, layer(features)], dim=1)
        outputs: Tensor = self.transition(features)
        return outputs


def residual_net(
    size: tuple[int, int],
    n_classes: int = 10,
    *,
    block: Callable[[int], nn.Module] = ResidualBlock,
    kernel: int = 5,
) -> nn.Sequential:
    """The notes' CnnNet: convolutions of 16 and 32 channels, each pooled, and a block after each."""
    body = nn.Sequential(
        nn.Conv2d(1, 16, kernel), nn.ReLU(), nn.MaxPool2d(2), block(16),
        nn.Conv2d(16, 32, kernel), nn.ReLU(), nn.MaxPool2d(2), block(32),
    )  # fmt: skip
    return with_head(body, size, n_classes)
