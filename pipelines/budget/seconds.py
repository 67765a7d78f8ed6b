"""How long models take, told by few rows; and what comes after the training."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from pipelines.competition import Competition, Variant
from pipelines.features.frames import Features
from pipelines.metrics import IntArray
from pipelines.training.fit import Group, Job, fit
from pipelines.validation.crossval import FoldEncoder, Plan, predicted
from pipelines.validation.estimators import Fit, fit_one, predict
from pipelines.validation.results import Finished, Keep
from pipelines.validation.splits import Fold

FEW, EPOCHS = 2_000, 3  # rows and passes that tell how quickly a network trains
SIZES = 500, 1_000  # rows that tell how quickly an estimator is fitted
ASIDE = 4.0  # seconds for pictures and pages
IN_POOL, IN_FILES = 1.0, 5.0  # microseconds of each number that is pooled, and of each that is written


def makespan(seconds: Sequence[float], workers: int) -> float:
    """How long `workers` take for jobs of so many seconds, each of which goes to whoever is free first.

    >>> makespan([4, 4, 4], 2)
    8.0
    """
    free_at = np.zeros(max(1, workers))
    for each in seconds:
        free_at[free_at.argmin()] += each
    return float(free_at.max())


def by_trial(
    competition: Competition, features: Features, plan: Plan, fold: Fold, variant: Variant, *, pooled: bool = True
) -> float:
    """About the seconds of one model of a variant, on one core: it is encoded, trained for a moment, and predicts.

    Few rows tell it of many: what takes the same time for all of them counts too often. To be on the safe side.
    """
    rows = len(fold.scored) + len(features.test) * pooled  # that a model predicts
    if variant.make_model is not None:
        return _of_network(competition, features, plan, fold, variant, rows)
    sizes = [min(size, len(fold.train) // part) for size, part in zip(SIZES, (4, 2), strict=True)]
    first, second = (_of_estimator(competition, features, few_of(features, fold, size), variant) for size in sizes)
    return extrapolated(sizes, (first[0], second[0]), len(fold.train)) + second[1] * rows / sizes[1]


def few_of(features: Features, fold: Fold, size: int) -> IntArray:
    """So many of a fold's training rows, from all over, and the first of each class."""
    train = fold.train
    few = train[:: max(1, len(train) // max(1, size))]
    return few if features.y.dtype.kind == "f" else np.union1d(
        few, train[np.unique(features.y[train], return_index=True)[1]]
    )  # fmt: skip


def extrapolated(sizes: Sequence[int], seconds: Sequence[float], size: int) -> float:
    """What takes so many seconds for two sizes, for a third: on a line or, where that is more, as a power.

    >>> extrapolated((500, 1000), (2.0, 3.0), 5000), extrapolated((500, 1000), (1.0, 4.0), 4000)
    (11.0, 64.0)
    """
    (a, b), (first, second) = sizes, (max(each, 1e-6) for each in seconds)
    if b <= a:
        return second * size / b
    line = second + max(0.0, second - first) * (size - b) / (b - a)
    power = min(3.0, np.log(second / first) / np.log(b / a))
    return float(max(line, second * (size / b) ** power if power > 1 else 0.0))


def _of_network(
    competition: Competition, features: Features, plan: Plan, fold: Fold, variant: Variant, rows: int
) -> float:
    few, marks, clock = few_of(features, fold, FEW), list[float](), time.perf_counter
    recipe = replace(variant.recipe, epochs=min(EPOCHS, variant.recipe.epochs))
    encode = FoldEncoder(features, [Fold(few, few)], variant, plan.seed, competition.number)
    assert variant.make_model is not None
    began = clock()
    encoded = encode(0)
    seconds_to_encode = clock() - began
    group = Group(
        jobs=(Job("trial", 0, 0, 0),), encode=lambda _fold: encoded, make_model=variant.make_model,
        n_outputs=competition.n_outputs, recipe=recipe, metric=competition.metric,
        device=torch.device(plan.device), number=competition.number,
    )  # fmt: skip
    fitted = fit(group, lambda *_: marks.append(clock()))
    epoch = min(np.diff(marks)) if len(marks) > 1 else fitted.seconds
    began = clock()
    predicted(encoded.encoder, list(fitted.networks.values()), features.train.iloc[few])
    share = len(fold.train) / len(few)
    to_predict = (clock() - began) * rows / len(few)
    return share * (seconds_to_encode + float(epoch) * variant.recipe.epochs) + to_predict


class _Caught(Keep):
    """Holds the last estimator that was fitted."""

    def put(
        self, finished: Sequence[Finished], encoders: Mapping[int, Any], models: Mapping[Job, Any], *,
        pooled: bool = True,  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Take it."""
        self.encoder, (self.model,), self.seconds = encoders[0], models.values(), finished[0].seconds


def _of_estimator(competition: Competition, features: Features, few: IntArray, variant: Variant) -> tuple[float, float]:
    """Seconds to fit an estimator on few rows, and to predict as many."""
    caught = _Caught()
    fit_one(competition, features, [Fold(few, few)], Fit(variant, (Job("trial", 0, 0, 0),), pooled=False), caught)
    began = time.perf_counter()
    predict(competition, caught.encoder, caught.model, features.train.iloc[few])
    to_predict = time.perf_counter() - began
    return max(0.0, caught.seconds - to_predict), to_predict


def seconds_after(competition: Competition, n_rows: int, n_test: int, n_variants: int, n_folds: int) -> float:
    """About the seconds for what comes after the training: the pool, the csv and its checks, what is kept, the page."""
    numbers = competition.n_outputs * (n_rows * n_variants * n_folds * IN_POOL + (n_rows + n_test) * IN_FILES)
    return ASIDE + 1e-6 * numbers
