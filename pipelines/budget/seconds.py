"""How long models take, told by few rows; and what comes after the training."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pipelines.competition import Competition, Variant
from pipelines.features.frames import Features
from pipelines.metrics import IntArray
from pipelines.training.fit import Job, fit
from pipelines.validation.crossval import FoldEncoder, Plan, predicted
from pipelines.validation.estimators import Fit, fit_one, predict
from pipelines.validation.groups import make_groups
from pipelines.validation.results import Finished, Keep
from pipelines.validation.splits import Fold

FEW, EPOCHS = 2_000, 3  # rows and passes that tell how quickly a network trains
SIZES = 250, 500  # rows that tell how quickly an estimator is fitted
ROUNDS = 1, 4  # of an ensemble's, on all rows
LONG, USUAL = 1.0, 0.8  # seconds of a fit after which there is no second one; the power that it grows by then
MOST_WAITING = 10.0  # times as long as a thread is busy, where only others' programs keep it waiting
ASIDE = 4.0  # seconds for pictures and pages
IN_POOL, IN_FILES = 0.3, 2.0  # microseconds of each number that is pooled, and of each that is written


class Trial(NamedTuple):
    """About the seconds of one model on a core of its own, and how many of a unit's networks train as one program."""

    seconds: float
    at_once: int = 1


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
) -> Trial:
    """A model of a variant is encoded, trained for a moment, and predicts: test rows too, where it is to be `pooled`.

    Few rows tell it of many: what takes the same time for all of them counts too often, to be on the safe side. The
    seconds are those of the thread, whatever else computes beside it; where others compute for it, those of the clock.
    """
    rows = len(fold.scored) + len(features.test) * pooled  # that a model predicts
    began, busy = time.perf_counter(), time.thread_time()
    trial = (_of_network if variant.make_model else _of_estimator)(competition, features, plan, fold, variant, rows)
    waited, busy = time.perf_counter() - began, max(time.thread_time() - busy, 1e-6)
    others = plan.device != "cpu" or waited > MOST_WAITING * busy  # a GPU, or threads of the estimator's own
    return trial._replace(seconds=trial.seconds * waited / busy) if others else trial


def _of_estimator(
    competition: Competition, features: Features, _plan: Plan, fold: Fold, variant: Variant, rows: int
) -> Trial:
    """Fitted on few rows, and on twice as many; where the first takes long, it has to do. Of ensembles: few rounds."""
    assert variant.make_estimator is not None
    rounds = rounds_of(variant.make_estimator())
    if rounds is not None and rounds[1] > 2 * ROUNDS[1]:
        return _of_ensemble(competition, features, fold, variant, rows, *rounds)
    sizes = [min(size, len(fold.train) // part) for size, part in zip(SIZES, (4, 2), strict=True)]
    tried = [_of_few(competition, features, few_of(features, fold, sizes[0]), variant)]
    if tried[0][0] <= LONG:
        tried.append(_of_few(competition, features, few_of(features, fold, sizes[1]), variant))
    (first, _), (last, to_predict) = tried[0], tried[-1]
    second = last if len(tried) > 1 else first * (sizes[1] / sizes[0]) ** USUAL
    return Trial(extrapolated(sizes, (first, second), len(fold.train)) + to_predict * rows / sizes[len(tried) - 1])


def rounds_of(estimator: Any) -> tuple[str, int] | None:
    """The setting that says how many trees an ensemble has or how often it is boosted, if it is one, and its value.

    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> rounds_of(HistGradientBoostingClassifier(max_iter=300))
    ('max_iter', 300)
    """
    settings = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    boosted = any("HistGradientBoosting" in kind.__name__ for kind in type(estimator).__mro__)
    name = "max_iter" if boosted else "n_estimators"
    n = settings.get(name)
    return (name, n) if isinstance(n, int) else None


def _of_ensemble(
    competition: Competition, features: Features, fold: Fold, variant: Variant, rows: int, name: str, rounds: int
) -> Trial:
    """Few rounds on all rows: each takes as long as those that follow."""
    assert variant.make_estimator is not None
    few, took, make, n = few_of(features, fold, SIZES[1]), list[float](), variant.make_estimator, 0
    for n in ROUNDS:
        short = replace(variant, make_estimator=lambda n=n: make().set_params(**{name: n}))  # type: ignore[misc]
        caught, began = _Caught(), time.thread_time()
        fit_one(competition, features, [Fold(fold.train, few)], Fit(short, (Job("trial", 0, 0, 0),), False), caught)
        took.append(time.thread_time() - began)
        if took[0] > 3 * LONG:
            break
    each = took[0] / ROUNDS[0] if len(took) == 1 else max(0.0, took[1] - took[0]) / (ROUNDS[1] - ROUNDS[0])
    began = time.thread_time()
    predict(competition, caught.encoder, caught.model, features.train.iloc[few])
    to_predict = (time.thread_time() - began) * rows / len(few) * rounds / n
    return Trial(took[0] + each * (rounds - ROUNDS[0]) + to_predict)


def few_of(features: Features, fold: Fold, size: int) -> IntArray:
    """So many of a fold's training rows, from all over, and the first of each class."""
    train = fold.train
    few = train[:: max(1, len(train) // max(1, size))]
    return few if features.y.dtype.kind == "f" else np.union1d(
        few, train[np.unique(features.y[train], return_index=True)[1]]
    )  # fmt: skip


def extrapolated(sizes: Sequence[int], seconds: Sequence[float], size: int) -> float:
    """What takes so many seconds for two sizes, for a third: between a line and a power, or a power that is more.

    Boosted trees of few rows are small, and grow with them: a line says thrice too much of them, a power a bit.

    >>> round(extrapolated((500, 1000), (2.0, 3.0), 5000), 2), extrapolated((500, 1000), (1.0, 4.0), 4000)
    (9.2, 64.0)
    """
    (a, b), (first, second) = sizes, (max(each, 1e-6) for each in seconds)
    if b <= a or size <= b:
        return second * size / b
    line = second + max(0.0, second - first) * (size - b) / (b - a)
    power = second * (size / b) ** float(np.clip(np.log(second / first) / np.log(b / a), 0, 3))
    return float(power if power > line else np.sqrt(line * power))


def _of_network(
    competition: Competition, features: Features, plan: Plan, fold: Fold, variant: Variant, rows: int
) -> Trial:
    """Networks that train as one program are tried as one: the first group of a whole unit, for a few epochs."""
    few, marks, clock = few_of(features, fold, FEW), list[float](), time.thread_time
    only = {("trial", number, 0) for number in range(plan.folds)}
    unit = replace(plan, variants={"trial": variant}, seeds=1, only=only)
    encode = FoldEncoder(features, [Fold(few, few)] * plan.folds, variant, plan.seed, competition.number)
    group = make_groups(competition, unit, {"trial": encode})[0][0]
    sizes, to_encode = (SIZES[0], len(few)), list[float]()
    for size in sizes:
        began, some = clock(), few_of(features, fold, size)
        encoded = replace(encode, folds=[Fold(some, some)])(0)
        to_encode.append(clock() - began)
    first = group.jobs[0]
    recipe = replace(variant.recipe, epochs=min(EPOCHS, variant.recipe.epochs))
    tried = replace(group, encode=lambda _fold: encoded, recipe=recipe)
    began = clock()
    fitted = fit(tried, lambda job, *_: marks.append(clock()) if job == first else None)
    epoch = float(min(np.diff(marks))) if len(marks) > 1 else clock() - began
    began = clock()
    predicted(encoded.encoder, [fitted.networks[first]], features.train.iloc[few])
    to_predict = (clock() - began) * rows / len(few)
    to_train = epoch * variant.recipe.epochs / len(group.jobs) * len(fold.train) / len(few)
    seconds = extrapolated(sizes, to_encode, len(fold.train)) + to_train + to_predict
    return Trial(seconds, len(group.jobs))


class _Caught(Keep):
    """Holds the last estimator that was fitted."""

    def put(
        self, finished: Sequence[Finished], encoders: Mapping[int, Any], models: Mapping[Job, Any], *,  # noqa: ARG002
        pooled: bool = True,  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Take it."""
        self.encoder, (self.model,) = encoders[0], models.values()


def _of_few(competition: Competition, features: Features, few: IntArray, variant: Variant) -> tuple[float, float]:
    """Seconds to fit an estimator on few rows, and to predict as many."""
    caught, began = _Caught(), time.thread_time()
    fit_one(competition, features, [Fold(few, few)], Fit(variant, (Job("trial", 0, 0, 0),), pooled=False), caught)
    fitted = time.thread_time()
    predict(competition, caught.encoder, caught.model, features.train.iloc[few])
    to_predict = time.thread_time() - fitted
    return max(0.0, fitted - began - to_predict), to_predict  # it has predicted them before, too


def seconds_after(competition: Competition, n_rows: int, n_test: int, n_variants: int, n_folds: int) -> float:
    """About the seconds for what comes after the training: the pool, the csv and its checks, what is kept, the page."""
    numbers = competition.n_outputs * (n_rows * n_variants * n_folds * IN_POOL + (n_rows + n_test) * IN_FILES)
    return ASIDE + 1e-6 * numbers
