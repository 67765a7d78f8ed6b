"""Digit Recognizer: 42,000 images of 28 x 28 pixels with their digit, 28,000 without; accuracy counts."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pandera.pandas as pa
import torch
from sklearn.preprocessing import FunctionTransformer
from torch import Tensor, nn

from competitions.digit_recognizer.sample import make_sample
from pipelines.competition import Competition, Preset, Recipe, Variant
from pipelines.metrics import accuracy
from pipelines.models import ConvNet, ResidualBlock, residual_net

SHAPE = (1, 28, 28)


class OnPixels(nn.Module):
    """A network of images (B, 1, 28, 28) that is given their pixels as bytes (B, 784)."""

    def __init__(self, images: nn.Module) -> None:
        super().__init__()
        self.images = images.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (B, 10); bytes become floats here, on the device."""
        logits: Tensor = self.images(pixels.float().div(255).view(-1, *SHAPE))
        return logits


def make_convolutions(_n_pixels: int, n_classes: int) -> nn.Module:
    """Lecture 10: two convolutions with pooling, wider than the notes', and two linear layers."""
    return OnPixels(ConvNet(SHAPE, n_classes, (32, 64), kernel=3, padding=1, hidden=(128,)))


def make_residual(_n_pixels: int, n_classes: int) -> nn.Module:
    """Lecture 11: a residual block behind each convolution."""
    return OnPixels(residual_net(SHAPE, n_classes, ResidualBlock, padding=2))


def as_bytes(rows: pd.DataFrame) -> np.ndarray:
    """Pixels as they are, uint8 (N, 784)."""
    return rows.to_numpy(dtype=np.uint8)


def network(make_model: Callable[[int, int], nn.Module], epochs: int) -> Variant:
    """A network on the pixels."""
    recipe = Recipe(epochs=epochs, batch_size=128, lr=3e-3, weight_decay=1e-2)
    return Variant(make_encoder=partial(FunctionTransformer, as_bytes), make_model=make_model, recipe=recipe)


COMPETITION = Competition(
    slug="digit-recognizer",
    id_column=None,  # rows are numbered from 1
    sample_id="ImageId",
    target="label",
    classes=tuple(range(10)),
    metric=accuracy,
    submit="labels",
    sample_submission="sample_submission.csv",
    sample_columns=("Label",),
    schema=pa.DataFrameSchema({r"pixel\d+": pa.Column("uint8", regex=True)}),
    variants={
        "convolutions": network(make_convolutions, 5),
        "residual": network(make_residual, 6),
    },
    presets={
        "fast": Preset(folds=3, seeds=1, variants=("convolutions", "residual")),
        "best": Preset(folds=5, seeds=2, variants=("convolutions", "residual")),
    },
    baselines={"logistic regression": None},  # it would get pixels as they are, 0 to 255
    make_sample=make_sample,
)
