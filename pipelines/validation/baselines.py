"""Simple models: what a score has to be measured by. They are fitted on the same folds, as estimators are.

Shapes: N training rows, D features, P predictions of a row: probabilities of the classes, or one value.

A number is learned, and predicted, as the competition transforms it.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.competition import Competition
from pipelines.errors import TrainingWarning
from pipelines.metrics import FloatArray, IntArray, Target
from pipelines.submission.record import Baseline

MOST_SECONDS = 60.0  # of a fit on one core that nobody has asked for
Models = dict[str, Callable[[], Any]]


def ordinary(competition: Competition) -> str:
    """The name of the linear model that every competition has."""
    return "logistic regression" if competition.number is None else "ridge"


def simple_models(competition: Competition) -> Models:
    """What needs no columns, the competition's own, and a linear model on the first variant's encoder.

    One that the competition names with None is left out.
    """
    encoders = [v.make_encoder for v in competition.variants.values() if v.make_model and v.make_encoder]
    if competition.number is None:
        blind = "majority class" if competition.submit == "labels" else "class shares"
        models: dict[str, Callable[[], Any] | None] = {blind: lambda: DummyClassifier(strategy="prior")}
        linear = lambda: make_pipeline(encoders[0](), LogisticRegression(max_iter=2000))  # noqa: E731
    else:
        blind = "median" if competition.number.loss == "absolute" else "mean"
        models = {blind: lambda: DummyRegressor(strategy=blind)}
        linear = lambda: make_pipeline(encoders[0](), FunctionTransformer(in_float64), Ridge())  # noqa: E731
    models |= competition.baselines
    if encoders:
        models.setdefault(ordinary(competition), linear)
    return {name: make for name, make in models.items() if make is not None}


def in_float64(X: Any) -> Any:
    """The features in float64: in float32 a linear system of features that are nearly alike cannot be solved."""
    return X.astype(np.float64)


def seconds_of_linear(competition: Competition, n_rows: int, n_features: int) -> float:
    """About how long a core fits the linear model, by what it took on 49,502 rows of Otto, and on made numbers."""
    if competition.number is None:
        return 1.2e-7 * n_rows * n_features * competition.n_outputs
    return 4e-11 * n_rows * n_features * min(n_rows, n_features)


def without_slow(competition: Competition, models: Models, n_rows: int, n_features: int) -> Models:
    """Leave the linear model out, with a word, where it would take long; not one of the competition's own."""
    name = ordinary(competition)
    if name not in models or name in competition.baselines:
        return models
    seconds = seconds_of_linear(competition, n_rows, n_features)
    if seconds <= MOST_SECONDS:
        return models
    warnings.warn(
        TrainingWarning(
            f"{name} is left out: for {n_rows:,} rows of {n_features:,} features it takes about {seconds:.0f} s a fold",
            f"to have it all the same, name it in the competition's baselines, {name!r}: a function that makes it; to "
            f"leave it out without a word, {name!r}: None",
            f"若仍需要，请在 competition 的 baselines 中写明 {name!r} 及其构造函数；若不需要，写 {name!r}: None",
        ),
        stacklevel=2,
    )
    return {other: make for other, make in models.items() if other != name}


def compare(
    competition: Competition,
    y: Target,
    name: str,
    ours: FloatArray,
    other: FloatArray,
    groups: IntArray | None = None,
) -> Baseline:
    """How much better `ours` (N, P) is than `other`, on the same rows, in the file's units.

    Errors count rows of one group as one.
    """
    metric = competition.metric
    gain, gain_se = metric.difference(y, ours, other, groups)
    return Baseline(name, metric(y, other), metric.se(y, other, groups), gain, gain_se)
