"""Otto: 61,878 products with their line, 144,368 without; the log loss of nine probabilities counts."""

from dataclasses import replace
from functools import partial

import pandera.pandas as pa
from rtdl_num_embeddings import PeriodicEmbeddings
from torch import nn

from competitions.otto.features import add_features, make_counts_encoder, make_encoder, make_pieces_encoder
from competitions.otto.sample import CLASSES, FEATURES, make_sample
from pipelines.competition import Competition, Preset, Recipe, Variant
from pipelines.metrics import log_loss
from pipelines.models import MLP, BatchEnsemble, ResidualMLP

SCHEMA = pa.DataFrameSchema({name: pa.Column(float, pa.Check.ge(0)) for name in FEATURES})
RECIPE = Recipe(epochs=20, batch_size=512, lr=3e-3, weight_decay=1e-2, schedule="one-cycle", bfloat16=True)


def make_model(n_features: int, n_classes: int) -> nn.Module:
    """Three wide layers with batch norm: the softmax lecture's network, grown."""
    return MLP([n_features, 512, 512, 512, n_classes], norm="batch", dropout=0.4, input_dropout=0.1)


def make_pyramid(n_features: int, n_classes: int) -> nn.Module:
    """Wide layers without batch norm, which stand counts that nobody has scaled."""
    return MLP([n_features, 1000, 800, 500, n_classes], dropout=0.25)


def make_residual(n_features: int, n_classes: int) -> nn.Module:
    """Corrections added to corrections."""
    return ResidualMLP(n_features, n_classes, width=256, hidden=512, n_blocks=3, dropout=0.4, input_dropout=0.1)


def make_periodic(n_features: int, n_classes: int) -> nn.Module:
    """Each feature first becomes eight learned waves."""
    waves = PeriodicEmbeddings(n_features, 8, n_frequencies=16, frequency_init_scale=0.1, lite=True)
    return nn.Sequential(waves, nn.Flatten(), MLP([n_features * 8, 512, 512, n_classes], norm="batch", dropout=0.4))


def make_batch_ensemble(n_features: int, n_classes: int) -> nn.Module:
    """Eight networks that share their weights but for scales at the input."""
    return BatchEnsemble(n_features, n_classes, k=8, arch_type="tabm-mini", n_blocks=2, d_block=384, dropout=0.2)


# Members are trained for their average: each alone is overconfident, the pool makes up for it (LOG.md, 2026-11-23).
VARIANTS = {
    "pieces": Variant(make_encoder=make_pieces_encoder, make_model=make_model, recipe=RECIPE),
    "counts": Variant(
        make_encoder=make_counts_encoder, make_model=make_pyramid, recipe=replace(RECIPE, epochs=25, lr=1e-3)
    ),
    "residual": Variant(make_encoder=make_encoder, make_model=make_residual, recipe=RECIPE),
    "periodic": Variant(make_encoder=make_encoder, make_model=make_periodic, recipe=RECIPE),
    "tf-idf": Variant(make_encoder=partial(make_encoder, "tf-idf"), make_model=make_model, recipe=RECIPE),
    "root": Variant(make_encoder=partial(make_encoder, "root"), make_model=make_model, recipe=RECIPE),
    "tabm": Variant(
        make_encoder=make_pieces_encoder, make_model=make_batch_ensemble, recipe=replace(RECIPE, epochs=12)
    ),
}
POOLED = ("pieces", "counts", "residual", "periodic")  # the others add nothing to these (LOG.md, 2026-11-23)

COMPETITION = Competition(
    slug="otto-group-product-classification-challenge",
    id_column="id",
    target="target",
    classes=CLASSES,
    metric=log_loss,
    submit="probabilities",
    sample_submission="sampleSubmission.csv",
    schema=SCHEMA,
    add_features=add_features,
    make_encoder=make_encoder,
    make_model=make_model,
    recipe=RECIPE,
    variants=VARIANTS,
    presets={
        "fast": Preset(folds=5, seeds=1, variants=POOLED),
        "best": Preset(folds=5, seeds=4, variants=POOLED),
    },
    make_sample=make_sample,
)
