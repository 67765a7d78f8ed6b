"""Convolutional networks (lectures 10 and 11): plain, Inception, residual, dense.

Shapes: B batch, C channels, H and W pixels. Images are (B, C, H, W); all sizes behind them are computed
from the shape (C, H, W) of one image.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]


def n_outputs(layers: nn.Module, shape: Shape) -> int:
    """How many numbers `layers` make of one image of `shape`: what the linear layer behind them takes.

    Raises: ValueError when the layers do not take such an image.

    >>> n_outputs(nn.Sequential(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2)), (1, 28, 28))
    1440
    """
    # NOTE[DIFF]: the notes write Linear(512, 10), which holds for 28 x 28 pixels only.
    mode = layers.training
    try:
        with torch.no_grad():
            outputs: Tensor = layers.eval()(torch.zeros(1, *shape))
            return outputs.numel()
    except RuntimeError as error:
        raise ValueError(f"the layers do not take images of {shape} (too small? give padding): {error}") from None
    finally:
        layers.train(mode)


class ImageClassifier(nn.Module):
    """Layers that look at an image, then linear layers: images (B, C, H, W) to logits (B, classes).

    `hidden` are the widths between the flattened features and the logits.
    """

    def __init__(self, features: nn.Module, shape: Shape, n_classes: int, hidden: Sequence[int] = ()) -> None:
        super().__init__()
        self.features = features
        widths = [n_outputs(features, shape), *hidden, n_classes]
        head: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            head += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.head = nn.Sequential(*head[:-1])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, C, H, W)."""
        # NOTE[DIFF]: the notes' x.view(batch_size, -1) breaks at a last batch that is shorter.
        logits: Tensor = self.head(self.features(images).flatten(1))
        return logits


class ConvNet(ImageClassifier):
    """Convolution, ReLU and 2 x 2 pooling for each number in `channels`, then linear layers (lecture 10).

    As it stands it is the notes' network: 10 and 20 channels, kernel 5, one linear layer.

    >>> ConvNet((1, 28, 28), 10).head
    Sequential(
      (0): Linear(in_features=320, out_features=10, bias=True)
    )
    """

    def __init__(
        self,
        shape: Shape,
        n_classes: int,
        channels: Sequence[int] = (10, 20),
        *,
        kernel: int = 5,
        padding: int = 0,
        hidden: Sequence[int] = (),
    ) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise([shape[0], *channels]):
            layers += [nn.Conv2d(n_in, n_out, kernel, padding=padding), nn.MaxPool2d(2), nn.ReLU()]
        super().__init__(nn.Sequential(*layers), shape, n_classes, hidden)


class Inception(nn.Module):
    """Four branches side by side, 16 + 24 + 24 + 24 = 88 channels out (lecture 11; Szegedy et al. 2015).

    >>> Inception(10)(torch.zeros(2, 10, 12, 12)).shape
    torch.Size([2, 88, 12, 12])
    """

    out_channels = 88

    def __init__(self, channels: int) -> None:
        super().__init__()
        conv = partial(nn.Conv2d, padding="same")
        self.branches = nn.ModuleList(
            [
                conv(channels, 16, 1),
                nn.Sequential(conv(channels, 16, 1), conv(16, 24, 5)),
                nn.Sequential(conv(channels, 16, 1), conv(16, 24, 3), conv(24, 24, 3)),
                nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv(channels, 24, 1)),
            ]
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 88, H, W)."""
        return torch.cat([branch(inputs) for branch in self.branches], dim=1)


def inception_net(shape: Shape, n_classes: int, *, padding: int = 0) -> ImageClassifier:
    """The notes' network of lecture 11: convolution, Inception, convolution, Inception, one linear layer."""
    features = nn.Sequential(
        nn.Conv2d(shape[0], 10, 5, padding=padding),
        nn.MaxPool2d(2),
        nn.ReLU(),
        Inception(10),
        nn.Conv2d(Inception.out_channels, 20, 5, padding=padding),
        nn.MaxPool2d(2),
        nn.ReLU(),
        Inception(20),
    )
    return ImageClassifier(features, shape, n_classes)


def residual_net(
    shape: Shape, n_classes: int, block: Callable[[int], nn.Module], *, padding: int = 0
) -> ImageClassifier:
    """The notes' CnnNet of lecture 11: convolutions of 16 and 32 channels, a block of each width behind them.

    `block(channels)` makes the block: `ResidualBlock`, one of its variants, or anything that keeps the shape.
    """
    features = nn.Sequential(
        nn.Conv2d(shape[0], 16, 5, padding=padding),
        nn.MaxPool2d(2),
        nn.ReLU(),
        block(16),
        nn.Conv2d(16, 32, 5, padding=padding),
        nn.MaxPool2d(2),
        nn.ReLU(),
        block(32),
    )
    return ImageClassifier(features, shape, n_classes)
