"""Simple models on the same folds: what a score has to be measured by.

Shapes: N training rows, D features, P predictions of a row: probabilities of the classes, or one value.

A number is learned, and predicted, as the competition transforms it.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.competition import Competition, Number
from pipelines.errors import TrainingWarning
from pipelines.hardware import cores, openmp_on_one_thread
from pipelines.metrics import FloatArray, Target
from pipelines.report.curves import OnTask, counted
from pipelines.submission.record import Baseline
from pipelines.training.targets import Scale
from pipelines.validation.splits import Fold

MOST_SECONDS = 60.0  # of a fit on one core that nobody has asked for
Models = dict[str, Callable[[], Any]]


def ordinary(competition: Competition) -> str:
    """The name of the linear model that every competition has."""
    return "logistic regression" if competition.number is None else "ridge"


def simple_models(competition: Competition) -> Models:
    """What needs no columns, the competition's own, and a linear model on the first variant's encoder.

    One that the competition names with None is left out.
    """
    encoder = next(iter(competition.variants.values())).make_encoder
    if competition.number is None:
        blind = "majority class" if competition.submit == "labels" else "class shares"
        models: dict[str, Callable[[], Any] | None] = {blind: lambda: DummyClassifier(strategy="prior")}
        linear = lambda: make_pipeline(encoder(), LogisticRegression(max_iter=2000))  # noqa: E731
    else:
        blind = "median" if competition.number.loss == "absolute" else "mean"
        models = {blind: lambda: DummyRegressor(strategy=blind)}
        linear = lambda: make_pipeline(encoder(), FunctionTransformer(in_float64), Ridge())  # noqa: E731
    models |= competition.baselines
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


def out_of_fold(
    models: Mapping[str, Callable[[], Any]],
    rows: pd.DataFrame,
    y: Target,
    folds: Sequence[Fold],
    workers: int,
    on_task: OnTask,
) -> dict[str, FloatArray]:
    """Predictions (N, P) by each model, new for each fold; so many fits at a time, one thread each.

    `y` (N,) are class codes, or numbers as they are learned.
    """
    tasks = [(name, fold) for name in models for fold in folds]
    n_predictions = 1 if y.dtype.kind == "f" else len(np.unique(y))
    oof = {name: np.zeros((len(y), n_predictions)) for name in models}
    with cores(workers, 1) as (pool, _step):
        fits = {pool.submit(one_fold, models[name], rows, y, fold): (name, fold) for name, fold in tasks}
        for done in counted("baselines", as_completed(fits), len(tasks), on_task):
            name, fold = fits[done]
            oof[name][fold.scored] = done.result()
    return oof


def one_fold(make: Callable[[], Any], rows: pd.DataFrame, y: Target, fold: Fold) -> FloatArray:
    """Predictions (n, P) of a fold's scored rows by a new model."""
    model = make()
    openmp_on_one_thread()  # here, since a model may have loaded a library of its own
    model.fit(rows.iloc[fold.train], y[fold.train])
    if y.dtype.kind == "f":
        values = np.asarray(model.predict(rows.iloc[fold.scored]), dtype=np.float64).reshape(-1, 1)
        return Scale.of(Number(), y[fold.train]).within(values)
    proba: FloatArray = model.predict_proba(rows.iloc[fold.scored])
    return proba


def compare(competition: Competition, y: Target, name: str, ours: FloatArray, other: FloatArray) -> Baseline:
    """How much better `ours` (N, P) is than `other`, on the same rows, in the file's units."""
    metric = competition.metric
    gain, gain_se = metric.difference(y, ours, other)
    return Baseline(name, metric(y, other), metric.se(y, other), gain, gain_se)
