"""What a score is worth: simple models on the same folds, and where the public score should fall.

Shapes: N training rows, C classes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.competition import Competition
from pipelines.metrics import FloatArray, IntArray, standard_error


@dataclass(frozen=True)
class Baseline:
    """A simple model on the same folds, and how much better ours is: the mean paired gain per row."""

    name: str
    score: float
    se: float
    gain: float
    gain_se: float


@dataclass(frozen=True)
class Forecast:
    """Where the public score should fall: a mean and a 95 % interval for `n_public` test rows."""

    mean: float
    low: float
    high: float
    n_public: int
    n_published: int  # models of others behind the shift from cross-validated to public; 0: none known


def simple_models(competition: Competition) -> dict[str, Callable[[], Any]]:
    """What needs no columns, the competition's own rules, and logistic regression on the same encoder."""
    return {
        "majority class" if competition.submit == "labels" else "class shares": lambda: DummyClassifier(
            strategy="prior"
        ),
        **competition.baselines,
        "logistic regression": lambda: make_pipeline(competition.make_encoder(), LogisticRegression(max_iter=2000)),
    }


def out_of_fold(
    make: Callable[[], Any], rows: pd.DataFrame, y: IntArray, parts: list[tuple[IntArray, IntArray]]
) -> FloatArray:
    """Probabilities (N, C) by a new model for each fold."""
    oof = np.zeros((len(y), len(np.unique(y))))
    for fit_rows, scored_rows in parts:
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


def forecast(
    competition: Competition, y: IntArray, oof: FloatArray, baselines: dict[str, FloatArray], n_test: int
) -> Forecast:
    """Public score to expect, with a 95 % interval that counts the chance in both row samples.

    In general: the cross-validated mean; the variance per row counts once for the N scored rows and
    once for the public test rows. Where others' cross-validated and public scores on the same rows
    are known, their mean shift is added. What the rows themselves do to every model is in that shift;
    left are the spread of the shifts, and the sampling error of the difference to an ordinary model
    (logistic regression), for both samples.
    """
    metric = competition.metric
    n_public = max(1, round(competition.public_share * n_test))
    mean, per_row, variance, n_models = metric(y, oof), metric.per_row(y, oof), 0.0, 0
    published = competition.published
    if published is not None and _on_published_rows(competition, y, baselines):
        shifts = np.array([public - cv for cv, public in published.pairs])
        n_models, mean = len(shifts), mean + float(shifts.mean())
        variance = float(shifts.var(ddof=1)) * (1 + 1 / n_models)
        per_row = per_row - metric.per_row(y, baselines["logistic regression"])
    se = math.sqrt(variance + float(per_row.var(ddof=1)) * (1 / len(y) + 1 / n_public))
    return Forecast(mean, mean - 1.96 * se, mean + 1.96 * se, n_public, n_models)


def _on_published_rows(competition: Competition, y: IntArray, baselines: dict[str, FloatArray]) -> bool:
    published = competition.published
    assert published is not None
    return abs(competition.metric(y, baselines[published.baseline]) - published.score) < 5e-4
