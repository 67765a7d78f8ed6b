"""Otto: 61,878 products with their line, 144,368 without; the log loss of nine probabilities counts."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pandera.pandas as pa
from rtdl_num_embeddings import PeriodicEmbeddings
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from torch import nn

from competitions.otto.features import (
    make_counts_encoder,
    make_encoder,
    make_pieces_encoder,
    make_places_encoder,
    make_two_views_encoder,
)
from competitions.otto.networks import TabMOfPlaces
from competitions.otto.sample import CLASSES, FEATURES, make_sample
from pipelines.competition import Competition, Preset, Recipe, Variant
from pipelines.metrics import log_loss
from pipelines.models import MLP, BatchEnsemble, ResidualMLP

MakeModel = Callable[[int, int], nn.Module]  # (n_features, n_classes) -> network

COUNT = pa.Check(lambda x: (x >= 0) & (x % 1 == 0), error="a whole number, 0 or more")
# float32 holds whole numbers up to 2^24, in half of the memory; in int16 the square of a count of 182 would overflow.
SCHEMA = pa.DataFrameSchema({name: pa.Column("float32", COUNT) for name in FEATURES})
RECIPE = Recipe(epochs=20, batch_size=512, lr=3e-3, weight_decay=1e-2, schedule="one-cycle", bfloat16=True)


def mlp(*hidden: int, dropout: float, input_dropout: float = 0.1) -> MakeModel:
    """Hidden layers of these widths, each with batch norm: the softmax lecture's network, grown."""
    return partial(make_mlp, hidden, dropout, input_dropout)


def make_mlp(
    hidden: tuple[int, ...], dropout: float, input_dropout: float, n_features: int, n_classes: int
) -> nn.Module:
    """A network of these widths."""
    return MLP([n_features, *hidden, n_classes], norm="batch", dropout=dropout, input_dropout=input_dropout)


def residual(width: int, hidden: int, n_blocks: int, dropout: float, input_dropout: float) -> MakeModel:
    """Corrections added to corrections."""
    return partial(
        ResidualMLP, width=width, hidden=hidden, n_blocks=n_blocks, dropout=dropout, input_dropout=input_dropout
    )


def make_periodic(n_features: int, n_classes: int) -> nn.Module:
    """Each feature first becomes eight learned waves."""
    waves = PeriodicEmbeddings(n_features, 8, n_frequencies=16, frequency_init_scale=0.1, lite=True)
    return nn.Sequential(waves, nn.Flatten(), MLP([n_features * 8, 512, 512, n_classes], norm="batch", dropout=0.4))


def make_batch_ensemble(n_features: int, n_classes: int) -> nn.Module:
    """Eight networks that share their weights but for scales at the input."""
    return BatchEnsemble(n_features, n_classes, k=8, arch_type="tabm-mini", n_blocks=2, d_block=384, dropout=0.2)


def tabm_of_places(width: int, k: int, dropout: float = 0.12) -> MakeModel:
    """So many networks in one, on piecewise-linear embeddings."""
    return partial(TabMOfPlaces, width, k, dropout)


def make_trees() -> HistGradientBoostingClassifier:
    """Boosted trees on the counts as they are; none of their chance is left to a seed."""
    return HistGradientBoostingClassifier(
        learning_rate=0.15, max_iter=300, max_features=0.3, l2_regularization=10.0, early_stopping=False, random_state=0
    )


def variant(make_encoder: Callable[[], Any], make_model: MakeModel, epochs: int) -> Variant:
    """An encoder and a network, trained by Otto's recipe for so many epochs."""
    return Variant(make_encoder=make_encoder, make_model=make_model, recipe=replace(RECIPE, epochs=epochs))


def logistic_regression() -> Pipeline:
    """On the logs of the counts, which are few."""
    return make_pipeline(make_encoder(), LogisticRegression(max_iter=2000))


# Members are trained for their average: each alone is overconfident, the pool makes up for it (LOG.md, 2026-11-24).
VARIANTS = {
    "pieces": variant(make_pieces_encoder, mlp(384, 384, dropout=0.4), 16),
    "residual": variant(make_pieces_encoder, residual(192, 256, 2, dropout=0.3, input_dropout=0.1), 15),
    "two-views": variant(make_two_views_encoder, mlp(384, 256, dropout=0.3), 15),
    "wide-residual": variant(make_pieces_encoder, residual(256, 384, 3, dropout=0.35, input_dropout=0.15), 20),
    "wide-two-views": variant(make_two_views_encoder, mlp(512, 512, dropout=0.4), 20),
    "periodic": variant(make_encoder, make_periodic, 20),
    "counts": variant(make_counts_encoder, mlp(400, 400, dropout=0.25, input_dropout=0.0), 15),
    "tabm": variant(make_pieces_encoder, make_batch_ensemble, 12),
    "wide-tabm": variant(make_places_encoder, tabm_of_places(1008, k=32), 50),  # as published; hours on a CPU
    "hist-gradient-boosting": Variant(make_estimator=make_trees),
}
FAST = ("pieces", "residual", "two-views")
GPU = ("wide-tabm", "wide-residual", "wide-two-views", "periodic", "hist-gradient-boosting")
BEST = ("pieces", "wide-residual", "wide-two-views", "periodic", "hist-gradient-boosting")

COMPETITION = Competition(
    slug="otto-group-product-classification-challenge",
    id_column="id",
    target="target",
    classes=CLASSES,
    metric=log_loss,
    submit="probabilities",
    sample_submission="sampleSubmission.csv",
    schema=SCHEMA,
    variants=VARIANTS,
    baselines={"logistic regression": logistic_regression},
    presets={
        "fast": Preset(folds=5, seeds=1, variants=FAST),
        "best": Preset(folds=5, seeds=2, variants=BEST),
        "gpu": Preset(folds=5, seeds=2, variants=GPU, gpu=True),
    },
    make_sample=make_sample,
)
