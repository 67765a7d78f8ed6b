"""What the networks' predictions come to: pooled, scored, compared, forecast.

Shapes: N training rows, M test rows, n scored rows, C classes, V variants, S seeds, F folds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest

import numpy as np

from pipelines.competition import Competition, Variant
from pipelines.metrics import FloatArray, IntArray
from pipelines.submission.record import Baseline, Forecast, VariantScore
from pipelines.training.fit import Job
from pipelines.validation.baselines import compare
from pipelines.validation.blend import blend
from pipelines.validation.forecast import forecast
from pipelines.validation.splits import Fold


@dataclass(frozen=True)
class Predictions:
    """What the networks of some jobs of one fold say: scored rows (jobs, n, C); test rows (M, C), their sum.

    `losses` are each network's training losses, epoch by epoch; `seconds` the jobs' share of what encoding, training
    and predicting took.
    """

    jobs: Sequence[Job]
    scored: FloatArray
    test: FloatArray
    losses: list[list[float]]
    model: str
    seconds: float


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


def summarise(
    competition: Competition,
    y: IntArray,
    variants: Mapping[str, Variant],
    folds: Sequence[Fold],
    predictions: Sequence[Predictions],
    baselines: Mapping[str, FloatArray],
    groups: IntArray | None = None,
) -> CVResult:
    """Pool the predictions, with weights that other folds chose, and score them beside the `baselines` (N, C) each.

    Errors count rows of the same number in `groups` (N,) as one.
    """
    scored = [fold.scored for fold in folds]
    of_variant = {name: [each for each in predictions if each.jobs[0].variant == name] for name in variants}
    oof, test = _collect(of_variant, scored, len(y))
    pooled, pooled_test, weights = _pool(competition, oof.mean(axis=1), test, y, scored)
    metric = competition.metric
    scores = []
    for (name, own), of_seeds, weight in zip(of_variant.items(), oof, weights, strict=True):
        alone, _, _ = _pool(competition, of_seeds.mean(axis=0)[None], test[:, :1], y, scored)
        seconds = round(sum(each.seconds for each in own), 2)
        scores.append(
            VariantScore(
                name, metric(y, alone), [metric(y, one) for one in of_seeds], weight, _mean_losses(own, len(folds)),
                seconds, own[0].model, asdict(variants[name].recipe),
            )
        )  # fmt: skip
    return CVResult(
        oof=pooled,
        test=pooled_test,
        score=metric(y, pooled),
        se=metric.se(y, pooled, groups),
        fold_scores=[metric(y[rows], pooled[rows]) for rows in scored],
        fold_se=[metric.se(y[rows], pooled[rows], None if groups is None else groups[rows]) for rows in scored],
        variants=scores,
        baselines=[compare(competition, y, name, pooled, other, groups) for name, other in baselines.items()],
        forecast=forecast(competition, y, pooled, baselines, len(pooled_test), groups),
    )


def _collect(
    of_variant: Mapping[str, Sequence[Predictions]], scored: Sequence[IntArray], n_rows: int
) -> tuple[FloatArray, FloatArray]:
    """Out-of-fold predictions (V, S, N, C) and test predictions (F, V, M, C), the mean over seeds."""
    parts = next(iter(of_variant.values()))
    n_seeds = 1 + max(job.seed for each in parts for job in each.jobs)
    oof = np.zeros((len(of_variant), n_seeds, n_rows, parts[0].scored.shape[-1]))
    test = np.zeros((len(scored), len(of_variant), *parts[0].test.shape))
    for variant, own in enumerate(of_variant.values()):
        for each in own:
            fold = each.jobs[0].fold
            test[fold, variant] += each.test / n_seeds
            for job, proba in zip(each.jobs, each.scored, strict=True):
                oof[variant, job.seed, scored[fold]] = proba
    return oof, test


def _mean_losses(predictions: Sequence[Predictions], n_folds: int) -> list[list[float]]:
    """For each fold the training loss of each epoch, mean over the networks that were still training."""
    of_folds: list[list[list[float]]] = [[] for _ in range(n_folds)]
    for each in predictions:
        of_folds[each.jobs[0].fold] += each.losses
    return [[float(np.nanmean(epoch)) for epoch in zip_longest(*losses, fillvalue=np.nan)] for losses in of_folds]


def _pool(
    competition: Competition, oof: FloatArray, test: FloatArray, y: IntArray, scored: list[IntArray]
) -> tuple[FloatArray, FloatArray, list[float]]:
    """Blend where there is something to weigh; labels of a single variant do not change with temperature."""
    if len(oof) == 1 and competition.submit == "labels":
        return oof[0], test[:, 0].mean(axis=0), [1.0]
    pooled, pooled_test, weights = blend(oof, test, y, scored)
    return pooled, pooled_test, weights.mean(axis=0).tolist()
