"""What a competition has to say about itself: one frozen value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pipelines.settings.allowed import Checked
from pipelines.settings.contradictions import refuse_contradictions, refuse_half_variant, refuse_unknown_variants

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa
    from torch import nn

    from pipelines.metrics import FloatArray, Metric, Target

Frames = dict[str, "pd.DataFrame"]
Schedule = Literal["constant", "cosine", "one-cycle"]
Loss = Literal["squared", "absolute", "huber"]


@dataclass(frozen=True, kw_only=True)
class Recipe(Checked):
    """How one network is trained; the optimizer is AdamW.

    `schedule` moves the learning rate over all steps. `patience` epochs without a better score end the training
    early and the best weights are kept; the score is taken on `validation_fraction` of the training rows, split off
    for it. None trains all epochs on all training rows. `bfloat16` multiplies matrices in that format on processors
    and GPUs that have it; the weights stay float32.
    """

    epochs: int = 60
    batch_size: int = 64
    lr: float = 2e-3
    weight_decay: float = 1e-2
    schedule: Schedule = "one-cycle"
    patience: int | None = None
    validation_fraction: float = 0.1
    bfloat16: bool = False


@dataclass(frozen=True, kw_only=True)
class Variant(Checked):
    """One way from features to predictions: a network with its encoder and recipe, or an estimator of scikit-learn's.

    Factories, not instances: each fold gets a new encoder, a new network or estimator. A classifier predicts
    probabilities, a regressor the number as it is learned (`Number.forward`). Without an encoder an estimator gets the
    feature frame as it is. A `random_state` that is None is set, for each fold and seed another; where none is left
    to set, one fit in each fold stands for all seeds. Bytes (uint8) that an encoder gives stay bytes until the network
    makes floats of them. Early stopping of an estimator's own splits off rows at random, and parts groups: give it a
    number of iterations (HistGradientBoosting: `early_stopping=False`).
    """

    make_encoder: Callable[[], Any] | None = None  # scikit-learn transformer, fitted on the training fold
    make_model: "Callable[[int, int], nn.Module] | None" = None  # (n_features, n_outputs) -> logits, or values
    make_estimator: Callable[[], Any] | None = None  # scikit-learn classifier or regressor
    recipe: Recipe = field(default_factory=Recipe)  # of a network

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_half_variant(self)


@dataclass(frozen=True, kw_only=True)
class Preset(Checked):
    """How many networks or estimators are averaged: `folds` x `seeds` of each of the `variants`."""

    folds: int
    seeds: int
    variants: tuple[str, ...] = ("network",)
    gpu: bool = False  # made for one: without, it takes hours, which a run says


@dataclass(frozen=True, kw_only=True)
class Published(Checked):
    """What others' models showed of these very rows: `pairs` of (cross-validated, public) scores.

    They hold for Kaggle's own rows, which are recognised by the cross-validated `score` of `baseline`.
    """

    baseline: str
    score: float
    pairs: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Number(Checked):
    """A target that is a number: what is learned is its `transform`, standardised inside the fold.

    Predictions are turned back. `loss` is what training makes small.
    """

    transform: Literal["identity", "log1p"] = "identity"
    loss: Loss = "squared"

    def forward(self, y: "Target") -> "FloatArray":
        """Target values as they are learned."""
        import numpy as np  # here, for `--help` does not wait for it

        values = np.asarray(y, dtype=np.float64)
        return np.log1p(values) if self.transform == "log1p" else values

    def inverse(self, learned: "FloatArray") -> "FloatArray":
        """Target values of what was learned."""
        import numpy as np

        return np.expm1(learned) if self.transform == "log1p" else learned


@dataclass(frozen=True, kw_only=True)
class Competition(Checked):
    """Everything that is special about one competition.

    The target is one of `classes`, or a `number`. Rows are split at random, stratified, unless they belong together
    (`groups`: a column, or a function of the training or test rows, id included, that names each row's group) or come
    one after the other (`time`: the column that says when).
    """

    slug: str  # as in kaggle.com/competitions/<slug>
    id_column: str | None  # None where train and test files have none: rows are numbered from 1, or 0
    target: str
    drop_unlabelled: bool = False  # leave training rows without a target out, with a word; else they are an error
    classes: tuple[int | str | bool, ...] = ()  # target values; their order is the order of probabilities
    number: Number | None = None
    metric: "Metric"
    submit: Literal["labels", "probabilities", "ranked", "values"]
    sample_submission: str  # file name of Kaggle's example of a submission
    sample_id: str | None = None  # its id column, where it is not called `id_column`
    sample_columns: tuple[str, ...] = ()  # its other columns, in the order of classes; else the target, or the classes
    train_file: str = "train.csv"
    test_file: str = "test.csv"
    tables: tuple[str, ...] = ()  # further files, handed to add_features by their stems: stores.csv as stores=
    schema: "pa.DataFrameSchema"  # every column of the test file but the id: type, range, may it be missing
    add_features: "Callable[..., pd.DataFrame] | None" = None  # train and test rows together, id too, never the target
    groups: "str | Callable[[pd.DataFrame], pd.Series] | None" = None
    time: str | None = None
    variants: Mapping[str, Variant]  # networks and estimators, of which presets name some
    make_sample: "Callable[[], Frames]"  # file name -> made rows, for a machine without the data
    presets: Mapping[str, Preset] = field(
        default_factory=lambda: {"fast": Preset(folds=10, seeds=5), "best": Preset(folds=10, seeds=20)}
    )
    baselines: Mapping[str, Callable[[], Any] | None] = field(default_factory=dict)  # on feature frames; None: left out
    public_share: float = 1.0  # share of the test rows behind the public score
    published: Published | None = None  # how others' public scores differed from their cross-validation

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_contradictions(self)
        refuse_unknown_variants(self.presets, self.variants)

    @property
    def url(self) -> str:
        """The competition's page."""
        return f"https://www.kaggle.com/competitions/{self.slug}"

    @property
    def files(self) -> tuple[str, ...]:
        """The file names that every run reads: training rows, test rows, example of a submission, further tables."""
        return (self.train_file, self.test_file, self.sample_submission, *self.tables)

    @property
    def key(self) -> str:
        """The id column of checked frames, which number the rows where the files do not."""
        return self.id_column or self.sample_id or "id"

    @property
    def n_outputs(self) -> int:
        """How many numbers a network says of a row: a logit for each class, or one value."""
        return len(self.classes) or 1
