"""Blocks with shortcuts (lecture 11 and its homework): residual in six variants, and dense.

Shapes: B batch, C channels, H and W pixels. Source: He et al., Deep Residual Learning (2016) and Identity
Mappings in Deep Residual Networks (2016), figures 2 and 4; Huang et al., DenseNet (2017).
"""

import torch
from torch import Tensor, nn

VARIANTS = ("original", "pre-activation", "constant scaling", "1x1 convolution", "dropout", "gated", "no shortcut")


class ResidualBlock(nn.Module):
    """`relu(x + F(x))` with two 3 x 3 convolutions in F, and the variants of Identity Mappings.

    - original: the lecture's block; with `norm` a batch norm behind each convolution, as in the paper
    - pre-activation: norm and ReLU before each convolution, nothing behind the sum
    - constant scaling: 0.5 x + 0.5 F(x)
    - 1x1 convolution: the shortcut is a convolution of kernel 1
    - dropout: half of the shortcut is left out in training
    - gated: (1 - g) x + g F(x) with g = sigmoid of a 1 x 1 convolution of x
    - no shortcut: F(x) alone, to see what the shortcut does

    NOTE[DIFF]: the notes ask for the same channels. x and F(x) must agree in their whole shape, not in channels
    only: where `out_channels` or `stride` changes it, a 1 x 1 convolution brings x to the new shape first.

    >>> ResidualBlock(16, out_channels=32, stride=2)(torch.zeros(2, 16, 12, 12)).shape
    torch.Size([2, 32, 6, 6])
    """

    def __init__(
        self,
        channels: int,
        variant: str = "original",
        *,
        norm: bool = False,
        out_channels: int | None = None,
        stride: int = 1,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
        super().__init__()
        out = out_channels or channels
        self.variant = variant
        self.branch = _branch(channels, out, stride, norm=norm, before=variant == "pre-activation")
        changes = out != channels or stride != 1
        project = changes or variant == "1x1 convolution"
        self.shortcut = nn.Conv2d(channels, out, 1, stride) if project else nn.Identity()
        self.dropout = nn.Dropout(0.5) if variant == "dropout" else nn.Identity()
        self.gate = nn.Conv2d(channels, out, 1, stride) if variant == "gated" else None
        if self.gate is not None:
            nn.init.constant_(self.gate.bias, -2.0)  # type: ignore[arg-type]  # begins near the identity, g = 0.12

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, out_channels, H / stride, W / stride)."""
        outputs = self._sum(inputs, self.branch(inputs))
        return outputs if self.variant == "pre-activation" else torch.relu(outputs)

    def _sum(self, inputs: Tensor, branch: Tensor) -> Tensor:
        if self.variant == "no shortcut":
            return branch
        shortcut: Tensor = self.dropout(self.shortcut(inputs))
        if self.variant == "constant scaling":
            return 0.5 * shortcut + 0.5 * branch
        if self.gate is not None:
            gate = torch.sigmoid(self.gate(inputs))
            return (1 - gate) * shortcut + gate * branch
        return shortcut + branch


def _branch(channels: int, out: int, stride: int, *, norm: bool, before: bool) -> nn.Sequential:
    """F: two convolutions, norm and ReLU `before` each, or behind it; then the last ReLU waits for the sum."""
    first = nn.Conv2d(channels, out, 3, stride, padding=1, bias=not norm or before)
    second = nn.Conv2d(out, out, 3, padding=1, bias=not norm or before)
    if before:
        return nn.Sequential(*_norm(channels, norm), nn.ReLU(), first, *_norm(out, norm), nn.ReLU(), second)
    return nn.Sequential(first, *_norm(out, norm), nn.ReLU(), second, *_norm(out, norm))


def _norm(channels: int, norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if norm else []


class DenseBlock(nn.Module):
    """Each layer sees all maps before it and adds `growth` of its own; a 1 x 1 convolution returns to C channels.

    (B, C, H, W) to (B, C, H, W), so that it can take a residual block's place. A layer is norm (if wanted),
    ReLU, 3 x 3 convolution.

    >>> DenseBlock(16, growth=8, n_layers=3)(torch.zeros(2, 16, 12, 12)).shape
    torch.Size([2, 16, 12, 12])
    """

    def __init__(self, channels: int, growth: int, n_layers: int = 3, *, norm: bool = False) -> None:
        super().__init__()
        widths = [channels + growth * n for n in range(n_layers + 1)]
        self.layers = nn.ModuleList(
            nn.Sequential(*_norm(width, norm), nn.ReLU(), nn.Conv2d(width, growth, 3, padding=1))
            for width in widths[:-1]
        )
        self.transition = nn.Conv2d(widths[-1], channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H, W)."""
        maps = inputs
        for layer in self.layers:
            maps = torch.cat([maps, layer(maps)], dim=1)
        outputs: Tensor = self.transition(maps)
        return outputs
