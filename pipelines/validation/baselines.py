"""Simple models on the same folds: what a score has to be measured by.

Shapes: N training rows, C classes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.competition import Competition
from pipelines.metrics import FloatArray, IntArray, standard_error
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


def out_of_fold(rows: pd.DataFrame, y: IntArray, folds: Sequence[Fold], make: Callable[[], Any]) -> FloatArray:
    """Probabilities (N, C) by a new model for each fold."""
    oof = np.zeros((len(y), len(np.unique(y))))
    for fit_rows, scored_rows in folds:
        model = make().fit(rows.iloc[fit_rows], y[fit_rows])
        oof[scored_rows] = model.predict_proba(rows.iloc[scored_rows])
    return oof


def compare(competition: Competition, y: IntArray, name: str, ours: FloatArray, other: FloatArray) -> Baseline:
    """How much better `ours` (N, C) is than `other`, row by row."""
    metric = competition.metric
    per_row = metric.per_row(y, other)
    difference = metric.per_row(y, ours) - per_row
    gain = metric.gain(float(difference.mean()), 0.0)
    return Baseline(name, metric(y, other), standard_error(per_row), gain, standard_error(difference))
