"""Cross-validation: out-of-fold and test predictions, scores, baselines, and a forecast.

Shapes: N training rows, M test rows, C classes, V variants, S seeds, F folds.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedKFold

from pipelines.competition import Competition
from pipelines.data.tables import RawData
from pipelines.errors import DataError
from pipelines.metrics import FloatArray, IntArray, standard_error
from pipelines.training.side_by_side import side_by_side
from pipelines.validation.blend import blend
from pipelines.validation.folds import Features, FoldPredictions, Part, Plan, Task, VariantOnFolds
from pipelines.validation.forecast import Baseline, Forecast, compare, forecast, out_of_fold, simple_models

LEAST_MEMORY = 2e9  # bytes, for folds that are encoded and trained at the same time on the CPU
Progress = Callable[[int, int], None]  # epochs of networks done, and in all
OnLoss = Callable[[str, float, int], None]  # which network, its training loss, the epoch from 1


@dataclass(frozen=True)
class VariantScore:
    """One variant alone: the score of its networks' mean, of single networks, and its weight in the blend.

    `score` is taken as the blend's is, with a temperature that other folds chose; `seed_scores` are the bare
    scores of one network per fold, one number per seed; `weight` is the mean over folds. `losses` holds the
    training loss of each epoch for each fold; `seconds` are those of all its networks, counted twice where two
    trained side by side.
    """

    name: str
    score: float
    seed_scores: list[float]
    weight: float
    losses: list[list[float]]
    seconds: float
    model: str  # what one network looks like


@dataclass(frozen=True)
class CVResult:
    """Predictions and scores of one cross-validation.

    `oof` (N, C) and `test` (M, C) are probabilities averaged over seeds, pooled over variants and, for
    `test`, averaged over folds. `score` is the metric of `oof` over all rows, `se` its standard error over rows.
    """

    oof: FloatArray
    test: FloatArray
    score: float
    se: float
    fold_scores: list[float]
    fold_se: list[float]
    variants: list[VariantScore]
    baselines: list[Baseline]
    forecast: Forecast


def make_features(competition: Competition, raw: RawData) -> Features:
    """Feature frames from train and test rows together; the target is not there to be seen."""
    together = pd.concat([raw.train, raw.test], ignore_index=True)
    features = competition.add_features(together.drop(columns=competition.id_column))
    if not features.index.equals(together.index):
        raise ValueError(
            f"add_features of {competition.slug} must keep every row in its place: "
            f"{len(together)} rows went in, {len(features)} came back or their order changed"
        )
    n_train = len(raw.train)
    return Features(features.iloc[:n_train], raw.y, features.iloc[n_train:].reset_index(drop=True))


def split(y: IntArray, folds: int, seed: int) -> list[tuple[IntArray, IntArray]]:
    """Stratified (training rows, scored rows) of each fold.

    Raises: DataError when a class has fewer rows than there are folds.
    """
    smallest = int(np.bincount(y).min())
    if not 2 <= folds <= smallest:
        raise DataError(
            f"{folds} folds do not fit: the smallest class has {smallest} rows",
            f"choose --folds between 2 and {smallest}",
            f"请将 --folds 设为 2 到 {smallest} 之间",
        )
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y))


def cross_validate(
    competition: Competition,
    features: Features,
    plan: Plan,
    progress: Progress = lambda _done, _all: None,
    announce: Callable[[float], None] = lambda _seconds: None,
    on_loss: OnLoss = lambda _network, _loss, _epoch: None,
) -> CVResult:
    """Train `plan.folds` x `plan.seeds` networks of each variant; score each row by networks that have not seen it.

    `announce` hears, before the training begins, about how many seconds it will take; `on_loss` the loss of each
    network after each epoch.
    """
    y, parts = features.y, split(features.y, plan.folds, plan.seed)
    variants = {
        name: VariantOnFolds(competition, features, plan, variant, parts) for name, variant in plan.variants.items()
    }
    workers = _workers(plan, variants)
    announce(_seconds(variants, workers))
    predictions = _train(variants, plan, workers, progress, on_loss)
    oof, test = _collect(predictions, features, parts)
    scored = [scored for _, scored in parts]
    pooled, pooled_test, weights = _pool(competition, oof.mean(axis=1), test, y, scored)
    alone = [_pool(competition, own.mean(axis=0)[None], test[:, :1], y, scored)[0] for own in oof]
    simple = {name: out_of_fold(make, features.train, y, parts) for name, make in simple_models(competition).items()}
    metric = competition.metric
    per_row = metric.per_row(y, pooled)
    return CVResult(
        oof=pooled,
        test=pooled_test,
        score=metric(y, pooled),
        se=standard_error(per_row),
        fold_scores=[metric(y[rows], pooled[rows]) for _, rows in parts],
        fold_se=[standard_error(per_row[rows]) for _, rows in parts],
        variants=[
            _variant_score(competition, y, of_variant, *numbers)
            for of_variant, *numbers in zip(predictions.items(), alone, oof, weights, strict=True)
        ],
        baselines=[compare(competition, y, name, pooled, other) for name, other in simple.items()],
        forecast=forecast(competition, y, pooled, simple, len(features.test)),
    )


def _variant_score(
    competition: Competition,
    y: IntArray,
    of_variant: tuple[str, list[FoldPredictions]],
    alone: FloatArray,
    of_seeds: FloatArray,
    weight: float,
) -> VariantScore:
    name, of_folds = of_variant
    metric = competition.metric
    return VariantScore(
        name=name,
        score=metric(y, alone),
        seed_scores=[metric(y, one) for one in of_seeds],
        weight=weight,
        losses=[of_fold.losses for of_fold in of_folds],
        seconds=round(sum(of_fold.seconds for of_fold in of_folds), 2),
        model=of_folds[0].model,
    )


def _workers(plan: Plan, variants: dict[str, VariantOnFolds]) -> int:
    """Programs to run side by side: for large networks on the CPU one per core, as far as memory goes; else one."""
    if plan.device != "cpu" or any(variant.small for variant in variants.values()):
        return 1
    budget = _memory_to_use() if plan.memory_mb is None else 1e6 * plan.memory_mb
    fitting = int(budget / max(variant.bytes_of_a_fold for variant in variants.values()))
    return max(1, min(torch.get_num_threads(), fitting, plan.folds * len(variants)))


def _memory_to_use() -> float:
    """Bytes for folds at the same time: a quarter of the machine's, at least 2 GB; 2 GB where no system says."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return LEAST_MEMORY
    return max(LEAST_MEMORY, there / 4)


def _seconds(variants: dict[str, VariantOnFolds], workers: int) -> float:
    """About how long the training takes, tried out as it will run: `workers` at a time, one core each."""

    def tried(variant: VariantOnFolds, _on_step: object) -> float:
        return variant.tried_seconds()

    together = [partial(tried, variant) for variant in variants.values()]
    times = workers if len(together) == 1 else 1  # the only variant is its own company
    return sum(side_by_side(together * times, workers)) / times / workers


def _train(
    variants: dict[str, VariantOnFolds], plan: Plan, workers: int, progress: Progress, on_loss: OnLoss
) -> dict[str, list[FoldPredictions]]:
    """Predictions of each variant, in the order of the folds."""
    total = sum(plan.folds * plan.seeds * variant.recipe.epochs for variant in plan.variants.values())
    done = 0

    def on_epoch(name: str, epoch: int, losses: dict[tuple[int, int], float]) -> None:
        nonlocal done
        done += len(losses)
        for (fold, seed), loss in losses.items():
            on_loss(f"{name}/fold {fold} seed {seed}", loss, epoch)
        progress(done, total)

    def named(name: str, task: Task, on_step: Callable[..., None]) -> list[FoldPredictions]:
        return task(partial(on_step, name))

    tasks = [(name, task) for name, variant in variants.items() for task in variant.tasks()]
    results = side_by_side([partial(named, *task) for task in tasks], workers, on_epoch)
    progress(total, total)
    of_variant: dict[str, list[FoldPredictions]] = {name: [] for name in variants}
    for (name, _), of_folds in zip(tasks, results, strict=True):
        of_variant[name] += of_folds
    return of_variant


def _collect(
    predictions: dict[str, list[FoldPredictions]], features: Features, parts: list[Part]
) -> tuple[FloatArray, FloatArray]:
    """Out-of-fold predictions (V, S, N, C) and test predictions (F, V, M, C)."""
    of_first = next(iter(predictions.values()))[0]
    n_seeds, _, n_classes = of_first.scored.shape
    oof = np.zeros((len(predictions), n_seeds, len(features.y), n_classes))
    for own, of_folds in zip(oof, predictions.values(), strict=True):
        for of_fold in of_folds:
            own[:, parts[of_fold.fold][1]] = of_fold.scored
    test = np.array([[of_folds[fold].test for of_folds in predictions.values()] for fold in range(len(parts))])
    return oof, test


def _pool(
    competition: Competition, oof: FloatArray, test: FloatArray, y: IntArray, scored: list[IntArray]
) -> tuple[FloatArray, FloatArray, list[float]]:
    """Blend where there is something to weigh; labels of a single variant do not change with temperature."""
    if len(oof) == 1 and competition.submit == "labels":
        return oof[0], test[:, 0].mean(axis=0), [1.0]
    pooled, pooled_test, weights = blend(oof, test, y, scored)
    return pooled, pooled_test, weights.mean(axis=0).tolist()
