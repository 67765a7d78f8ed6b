"""Simple models on the same folds: what a score has to be measured by.

Shapes: N training rows, C classes.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.competition import Competition
from pipelines.hardware import cores, openmp_on_one_thread
from pipelines.metrics import FloatArray, IntArray
from pipelines.report.curves import OnTask, counted
from pipelines.submission.record import Baseline
from pipelines.validation.splits import Fold

LOGISTIC = "logistic regression"


def simple_models(competition: Competition) -> dict[str, Callable[[], Any]]:
    """What needs no columns, the competition's own, and logistic regression (on the first variant's encoder)."""
    blind = "majority class" if competition.submit == "labels" else "class shares"
    encoder = next(iter(competition.variants.values())).make_encoder
    models: dict[str, Callable[[], Any]] = {blind: lambda: DummyClassifier(strategy="prior"), **competition.baselines}
    models.setdefault(LOGISTIC, lambda: make_pipeline(encoder(), LogisticRegression(max_iter=2000)))
    return models


def out_of_fold(
    models: Mapping[str, Callable[[], Any]],
    rows: pd.DataFrame,
    y: IntArray,
    folds: Sequence[Fold],
    workers: int,
    on_task: OnTask,
) -> dict[str, FloatArray]:
    """Probabilities (N, C) by each model, new for each fold; so many fits at a time, one thread each."""
    tasks = [(name, fold) for name in models for fold in folds]
    oof = {name: np.zeros((len(y), len(np.unique(y)))) for name in models}
    with cores(workers, 1) as (pool, _step):
        fits = {pool.submit(one_fold, models[name], rows, y, fold): (name, fold) for name, fold in tasks}
        for done in counted("baselines", as_completed(fits), len(tasks), on_task):
            name, fold = fits[done]
            oof[name][fold.scored] = done.result()
    return oof


def one_fold(make: Callable[[], Any], rows: pd.DataFrame, y: IntArray, fold: Fold) -> FloatArray:
    """Probabilities (n, C) of a fold's scored rows by a new model."""
    model = make()
    openmp_on_one_thread()  # here, since a model may have loaded a library of its own
    proba: FloatArray = model.fit(rows.iloc[fold.train], y[fold.train]).predict_proba(rows.iloc[fold.scored])
    return proba


def compare(
    competition: Competition,
    y: IntArray,
    name: str,
    ours: FloatArray,
    other: FloatArray,
    groups: IntArray | None = None,
) -> Baseline:
    """How much better `ours` (N, C) is than `other`, on the same rows; errors count rows of one group as one."""
    metric = competition.metric
    gain, gain_se = metric.difference(y, ours, other, groups)
    return Baseline(name, metric(y, other), metric.se(y, other, groups), gain, gain_se)
