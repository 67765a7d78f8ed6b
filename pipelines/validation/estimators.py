"""Estimators of scikit-learn's kind in the folds of the networks: variants, and the baselines that all are measured by.

Shapes: N training rows, M test rows, n scored rows, C classes, P numbers said of a row: C probabilities, or one number
as it is learned (`Number.forward`).
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipelines.competition import Competition, Variant
from pipelines.errors import HomeworkWarning, TrainingWarning, UsageError, code_named
from pipelines.executors.threads import THREADS, Executor
from pipelines.hardware import openmp_on_one_thread
from pipelines.metrics import FloatArray, IntArray, Target
from pipelines.report.curves import OnTask, counted
from pipelines.training.fit import Job
from pipelines.training.targets import Scale, learned
from pipelines.validation.conditions import encode_fitted, parts_of, takes_groups
from pipelines.validation.results import Finished, Keep, Predictions
from pipelines.validation.splits import Fold

if TYPE_CHECKING:
    from pipelines.features.frames import Features
    from pipelines.validation.crossval import Plan

ROWS_AT_A_TIME = 20_000  # that are encoded and predicted in one go
OF_THREADS = (
    "`sklearn.utils.parallel.delayed` should be used"  # said where threads exchange each other's filters; harmless
)


@dataclass(frozen=True)
class Fit:
    """One estimator to fit on a fold, and the jobs that it stands for: one seed's, or those of all where none is drawn.

    A baseline is not `pooled`: nobody asks what it says of the test rows.
    """

    variant: Variant
    jobs: tuple[Job, ...]
    pooled: bool = True


class FittedEstimator(NamedTuple):
    """A fitted estimator, the classes that its codes stand for, and the scale of a number."""

    estimator: Any
    classes: IntArray
    scale: Scale | None


def fits_of(plan: "Plan", variants: Mapping[str, Variant], *, pooled: bool = True) -> list[Fit]:
    """What there is to fit of those `variants` that are estimators; one fit a fold of a baseline.

    Raises: UsageError for estimators that are not new.
    """
    fits = []
    for name, variant in variants.items():
        if variant.make_estimator is None:
            continue
        each_seed = _can_be_seeded(name, variant) and pooled
        for fold in range(plan.folds):
            jobs = tuple(plan.jobs(fold, name))
            if jobs:
                fits += [Fit(variant, (job,)) for job in jobs] if each_seed else [Fit(variant, jobs, pooled)]
    return fits


def networks_of(plan: "Plan") -> list[Fit]:
    """Each network of a plan as a fit of its own: what there is to train."""
    return [
        Fit(variant, (job,))
        for name, variant in plan.networks.items()
        for fold in range(plan.folds)
        for job in plan.jobs(fold, name)
    ]


def fit_all(
    one: Callable[[Fit, Keep], Predictions], fits: Sequence[Fit], workers: int, on_task: OnTask,
    keep: Keep | None = None, executor: Executor = THREADS,
) -> list[Predictions]:  # fmt: skip
    """What each estimator says, in the order of `fits`; `one` fits so many at a time, one thread each."""
    keep = keep or Keep()
    kinds = {"estimators": any(fit.pooled for fit in fits), "baselines": any(not fit.pooled for fit in fits)}
    what = " and ".join(kind for kind, there in kinds.items() if there)
    with _warnings_said_once(), executor.open(workers, 1) as (pool, _step):
        tasks = [pool.submit(one, fit, keep) for fit in fits]
        for done in counted(what, as_completed(tasks), len(tasks), on_task):
            done.result()
    return [task.result() for task in tasks]


def fit_one(
    competition: Competition, features: "Features", folds: Sequence[Fold], fit: Fit, keep: Keep | None = None
) -> Predictions:
    """What an estimator says: one that `keep` has, or a new one, fitted on a fold's training rows."""
    keep, job, n_jobs = keep or Keep(), fit.jobs[0], len(fit.jobs)
    done = keep.find([job], pooled=fit.pooled).get(job)
    if done is None:
        done, encoder, model = _fitted(competition, features, folds[job.fold], fit)
        keep.put([done], {job.fold: encoder}, {job: model}, pooled=fit.pooled)
    scored, test = np.repeat(done.scored[None], n_jobs, axis=0), done.test * n_jobs
    return Predictions(fit.jobs, scored, test, [], done.model, done.seconds, done.notes)


def _fitted(
    competition: Competition, features: "Features", fold: Fold, fit: Fit
) -> tuple[Finished, Any, FittedEstimator]:
    """Fit a new encoder, if there is one, and a new estimator on a fold's training rows; predict the others."""
    started = time.perf_counter()
    variant, job = fit.variant, fit.jobs[0]
    assert variant.make_estimator is not None
    with code_named(f"{job.variant}: make_estimator"):
        estimator = variant.make_estimator()
    shown = repr(estimator)
    openmp_on_one_thread()  # here, since an estimator may have loaded a library of its own
    advice = _about_texts(variant, features.train)
    parts = "its estimator" if variant.make_encoder is None else "its encoder or estimator"
    groups = None if features.groups is None else features.units[fold.train]
    with code_named(f"{job.variant}: {parts}", variant.make_estimator, advice):
        encoder = None if variant.make_encoder is None else variant.make_encoder()
        for part in (encoder, estimator):
            _set_chance(part, job.random_state)
        rows, y = features.train.iloc[fold.train], features.y[fold.train]
        target, classes = _target(competition, y)
        seen = learned(y, competition.number)
        inputs = rows if encoder is None else encode_fitted(encoder, rows, seen, groups)
        estimator.fit(inputs, target, **_groups_for(estimator, groups))
        _refuse_labels(job.variant, estimator, competition)
        scale = None if competition.number is None else Scale.of(competition.number, y)
        said = partial(predict, competition, encoder, FittedEstimator(estimator, classes, scale))
        scored = said(features.train.iloc[fold.scored])
        test = said(features.test) if fit.pooled else scored[:0]
    seconds, notes = time.perf_counter() - started, getattr(encoder, "notes_", ())
    done = Finished(job=job, scored=scored, test=test, model=shown, seconds=seconds, notes=notes)
    return done, encoder, FittedEstimator(estimator, classes, scale)


def out_of_fold(predictions: Sequence[Predictions], folds: Sequence[Fold], n_rows: int) -> dict[str, FloatArray]:
    """Baselines by name: what each says of the training rows, (N, P); NaN of those that are never scored."""
    oof: dict[str, FloatArray] = {}
    for each in predictions:
        job = each.jobs[0]
        whole = oof.setdefault(job.variant, np.full((n_rows, each.scored.shape[-1]), np.nan))
        whole[folds[job.fold].scored] = each.scored[0]
    return oof


def _can_be_seeded(name: str, variant: Variant) -> bool:
    """Whether a seed changes anything: a `random_state` of the encoder or the estimator is None.

    Raises: UsageError for an estimator that is not one, not new, or that has been fitted before.
    """
    make = variant.make_estimator
    assert make is not None
    with code_named(f"{name}: make_estimator", make):
        estimator, other = make(), make()
        encoder = None if variant.make_encoder is None else variant.make_encoder()
        _refuse_used(name, estimator, other)
        found = [*_parameters(encoder), *_parameters(estimator)]
    return any(parameters.get("random_state", 0) is None for _, parameters in found)


def _refuse_used(name: str, estimator: Any, other: Any) -> None:
    """Two estimators that `make_estimator` gives share nothing and have learned nothing."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise UsageError(
            f"{name}: make_estimator gives {estimator!r:.60}, where an estimator is needed, with fit and predict",
            "let make_estimator return one: lambda: HistGradientBoostingClassifier(); a def without return gives None",
            "请让 make_estimator 返回模型，例如 lambda: HistGradientBoostingClassifier()；没有 return 的函数返回 None",
        )
    others = {id(part) for part, _ in parts_of(other)}
    for part, state in parts_of(estimator):
        learned = any(attribute.endswith("_") and not attribute.startswith("__") for attribute in state)
        if id(part) in others or learned:
            how = "share one" if id(part) in others else "have a fitted"
            raise UsageError(
                f"{name}: estimators that make_estimator gives {how} {type(part).__name__}: "
                "folds would train what others score",
                "make the estimator, and each that it holds, inside make_estimator, none that was made before "
                "(sklearn.base.clone makes a new one)",
                "请在 make_estimator 内部新建模型及其各部分，不要使用事先建好的（sklearn.base.clone 可复制一个）",
            )


def _set_chance(estimator: Any, random_state: int) -> None:
    """Set each `random_state` that is None, and one thread where a library would take all of them for itself."""
    for part, parameters in _parameters(estimator):
        new = {"random_state": random_state} if parameters.get("random_state", 0) is None else {}
        if parameters.get("n_jobs", 0) is None and not type(part).__module__.startswith("sklearn."):  # whose None is 1
            new["n_jobs"] = 1
        if new:
            part.set_params(**new)


def _parameters(estimator: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The parameters of an estimator, and of those that it holds, each with its own."""
    for part, _ in parts_of(estimator):
        if hasattr(part, "get_params"):
            yield part, part.get_params(deep=False)


def _groups_for(estimator: Any, groups: IntArray | None) -> dict[str, IntArray]:
    """What a pipeline hands to its encoder, if that asks for groups."""
    if groups is None or not isinstance(estimator, Pipeline):
        return {}
    name, encoder = estimator.steps[0]
    return {f"{name}__groups": groups} if hasattr(encoder, "fit_transform") and takes_groups(encoder) else {}


def _target(competition: Competition, y: Target) -> tuple[Any, IntArray]:
    """What an estimator learns, and the classes that its codes, 0 and up, stand for: those of the training rows."""
    if competition.number is not None:
        return learned(y, competition.number), np.zeros(1, dtype=np.int64)
    classes, codes = np.unique(y, return_inverse=True)
    return codes, np.asarray(classes, dtype=np.int64)


def predict(competition: Competition, encoder: Any, fitted: FittedEstimator, rows: pd.DataFrame) -> FloatArray:
    """What is said of rows, (len(rows), P); a class that no training row has is said to be impossible."""
    said, (estimator, classes, scale) = [], fitted
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        piece = rows.iloc[start : start + ROWS_AT_A_TIME]
        inputs = piece if encoder is None else encoder.transform(piece)
        of_piece = estimator.predict(inputs) if competition.number else estimator.predict_proba(inputs)
        said.append(np.asarray(of_piece, dtype=np.float64).reshape(len(piece), -1))
    known, predictions = np.concatenate(said), np.zeros((len(rows), competition.n_outputs))
    if known.shape[1] != len(classes) or not np.isfinite(known).all():
        raise ValueError(
            f"it predicts {known.shape[1]} numbers of a row, or one that is not finite; {len(classes)} needed"
        )
    columns = getattr(estimator, "classes_", np.arange(len(classes))) if competition.classes else [0]
    predictions[:, classes[columns]] = known
    return predictions if scale is None else scale.within(predictions)


def _refuse_labels(name: str, estimator: Any, competition: Competition) -> None:
    """A class is predicted by its probability.

    Raises: UsageError.
    """
    if competition.classes and not hasattr(estimator, "predict_proba"):
        kind = type(estimator[-1] if hasattr(estimator, "steps") else estimator).__name__
        raise UsageError(
            f"{name}: {kind} predicts no probabilities (it has no predict_proba), which the pool needs",
            f"wrap a classifier: CalibratedClassifierCV({kind}()) of sklearn.calibration; of a regressor take the "
            "classifier of its kind",
            f"分类器请用 sklearn.calibration 的 CalibratedClassifierCV({kind}()) 包装；回归器请换成同类的分类器",
        )


def _about_texts(variant: Variant, rows: pd.DataFrame) -> tuple[str, str] | None:
    """What to do where an estimator fails that has been given columns of text."""
    texts = [str(name) for name, kind in rows.dtypes.items() if pd.api.types.is_string_dtype(kind)]
    if variant.make_encoder is not None or not texts:
        return None
    shown = ", ".join(texts[:5])
    return (
        f"correct it; it gets texts ({shown}): a make_encoder, or add_features, can make numbers or categories of them",
        f"请更正；其输入含文本列（{shown}），可用 make_encoder 或 add_features 转为数值或 category",
    )


@contextmanager
def _warnings_said_once() -> Iterator[None]:
    """What estimators warn of, each kind once for all fits, in plain words."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    said = set()
    for each in caught:
        if OF_THREADS in str(each.message):
            continue
        if issubclass(each.category, HomeworkWarning):
            warnings.warn(each.message, each.category, stacklevel=3)
        elif (where := (each.filename, each.lineno)) not in said:
            said.add(where)
            warnings.warn(
                TrainingWarning(
                    f"an estimator or baseline warns: {each.category.__name__}: {str(each.message).splitlines()[0]}",
                    "correct its parameters in competition.py, or leave it as it is: the run goes on",
                    "可在 competition.py 中修改其参数，也可保持原样：运行会继续",
                ),
                stacklevel=3,
            )
