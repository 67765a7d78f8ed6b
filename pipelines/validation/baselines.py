"""Simple models: what a score has to be measured by. They are fitted on the same folds, as estimators are.

Shapes: N training rows, C classes.
"""

from collections.abc import Callable
from typing import Any

from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.competition import Competition
from pipelines.metrics import FloatArray, IntArray
from pipelines.submission.record import Baseline

LOGISTIC = "logistic regression"


def simple_models(competition: Competition) -> dict[str, Callable[[], Any]]:
    """What needs no columns, the competition's own, and logistic regression (on the encoder of the first network)."""
    blind = "majority class" if competition.submit == "labels" else "class shares"
    encoder = next((v.make_encoder for v in competition.variants.values() if v.make_model), None)
    models: dict[str, Callable[[], Any]] = {blind: lambda: DummyClassifier(strategy="prior"), **competition.baselines}
    if encoder is not None:
        models.setdefault(LOGISTIC, lambda: make_pipeline(encoder(), LogisticRegression(max_iter=2000)))
    return models


def compare(competition: Competition, y: IntArray, name: str, ours: FloatArray, other: FloatArray) -> Baseline:
    """How much better `ours` (N, C) is than `other`, on the same rows."""
    metric = competition.metric
    gain, gain_se = metric.difference(y, ours, other)
    return Baseline(name, metric(y, other), metric.se(y, other), gain, gain_se)
