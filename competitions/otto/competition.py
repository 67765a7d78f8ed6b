"""Otto: 61,878 products with their line, 144,368 without; the log loss of nine probabilities counts."""

import pandera.pandas as pa
from torch import nn

from competitions.otto.features import add_features, make_encoder
from competitions.otto.sample import CLASSES, FEATURES, make_sample
from pipelines.competition import Competition, Preset, Recipe
from pipelines.metrics import log_loss
from pipelines.models import MLP

SCHEMA = pa.DataFrameSchema({name: pa.Column(float, pa.Check.ge(0)) for name in FEATURES})


def make_model(n_features: int, n_classes: int) -> nn.Module:
    """Three wide layers with batch norm: the softmax lecture's network, grown."""
    return MLP([n_features, 512, 512, 512, n_classes], norm="batch", dropout=0.4, input_dropout=0.1)


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
    recipe=Recipe(epochs=20, batch_size=512, lr=3e-3, weight_decay=1e-2, schedule="one-cycle", bfloat16=True),
    presets={"fast": Preset(folds=5, seeds=3), "best": Preset(folds=5, seeds=10)},
    make_sample=make_sample,
)
