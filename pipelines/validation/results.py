"""What the networks' predictions come to: pooled, scored, compared, forecast.

Shapes: N training rows, M test rows, n scored rows, V variants, S seeds, F folds, P predictions of a row: probabilities
of the classes, or one value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pipelines.competition import Competition, Variant
from pipelines.metrics import FloatArray, IntArray, Metric, Target
from pipelines.submission.plain import to_plain
from pipelines.submission.record import Baseline, Budget, Forecast, VariantScore
from pipelines.training.checkpoint.epochs import Checkpoint
from pipelines.training.fit import Group, Job
from pipelines.training.learning_curves.averages import if_any, mean, of_folds, spread
from pipelines.validation.baselines import compare
from pipelines.validation.blend import Pool, blend, blend_values
from pipelines.validation.forecast import forecast, some_rows, with_averaging
from pipelines.validation.splits import Fold

if TYPE_CHECKING:
    from pipelines.features.frames import Features
    from pipelines.validation.crossval import Plan
    from pipelines.validation.estimators import Fit


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What the model of one job says: scored rows (n, P), and test rows (M, P), of which a baseline says none.

    Numbers are as they are learned: transformed, no longer standardised. `losses` are a network's training losses,
    epoch by epoch, `held_out` those of rows that it did not train on; `seconds` the job's share of what encoding,
    training and predicting took; `notes` what the encoder has to say of the columns.
    """

    job: Job
    scored: FloatArray
    test: FloatArray
    losses: Sequence[float] = ()
    model: str
    seconds: float
    notes: Sequence[str] = ()
    held_out: Sequence[float] = ()


class Keep:
    """Keeps what is finished, and finds what was finished before. This one keeps nothing."""

    def begin(
        self, competition: Competition, features: "Features", folds: Sequence[Fold], plan: "Plan", fits: "Sequence[Fit]"
    ) -> None:
        """Hear what is going to be fitted: estimators, baselines, and each network as a fit of its own."""

    def want(self, fits: "Sequence[Fit]") -> None:
        """Hear, where time decides, which of those that have begun are fitted next."""

    def expect(self, groups: Sequence[Group]) -> None:
        """Hear what is going to be trained, before it is."""

    def checkpoint(self, jobs: Sequence[Job]) -> Checkpoint | None:  # noqa: ARG002
        """Where networks that train together are kept before they are finished."""
        return None

    def find(self, jobs: Sequence[Job], *, pooled: bool = True) -> dict[Job, Finished]:  # noqa: ARG002
        """Those of the jobs that are finished; baselines are not `pooled`."""
        return {}

    def put(
        self,
        finished: Sequence[Finished],
        encoders: Mapping[int, Any],
        models: Mapping[Job, Any],
        *,
        pooled: bool = True,
    ) -> None:
        """Take jobs that were finished together: fitted encoders by fold, networks (`Trained`) or estimators by job."""


@dataclass(frozen=True)
class Predictions:
    """What the models of some jobs of one fold say: scored rows (jobs, n, P); test rows (M, P), their sum.

    The rest is as in `Finished`; `losses` and `held_out` those of each network, none of estimators.
    """

    jobs: Sequence[Job]
    scored: FloatArray
    test: FloatArray
    losses: list[list[float]]
    model: str
    seconds: float
    notes: Sequence[str] = ()
    held_out: list[list[float]] = field(default_factory=list)

    @classmethod
    def of(cls, finished: Sequence[Finished]) -> Self:
        """Those of networks of one fold; summed in this order, so that the same order gives the same bytes."""
        first = finished[0]
        scored, test = np.stack([each.scored for each in finished]), sum(each.test for each in finished[1:])
        jobs, losses = [each.job for each in finished], [list(each.losses) for each in finished]
        seconds, held_out = sum(each.seconds for each in finished), [list(each.held_out) for each in finished]
        return cls(jobs, scored, first.test + test, losses, first.model, seconds, first.notes, held_out)

    def and_of(self, more: Self) -> Self:
        """With those of further seeds of the same variant and fold."""
        scored, seconds = np.concatenate([self.scored, more.scored]), self.seconds + more.seconds
        return replace(
            self, jobs=[*self.jobs, *more.jobs], scored=scored, test=self.test + more.test, seconds=seconds,
            losses=self.losses + more.losses, held_out=self.held_out + more.held_out,
        )  # fmt: skip


@dataclass(frozen=True)
class CVResult:
    """Predictions and scores of one cross-validation.

    `oof` (N, P) and `test` (M, P) are probabilities, or numbers in the file's units, averaged over seeds, pooled over
    variants and, for `test`, averaged over folds. `score` is the metric of `oof` over all rows, `se` its standard error
    over rows. Rows that no fold scores, the first where rows are split by time, are left out of the scores and hold NaN
    in `oof`; the last fold's networks, which have learned from the latest rows, then predict the test rows alone.
    `alone` holds each variant's own `oof`, `weights` (F, V) those of the variants in each fold's pool, `fold` (N,) the
    fold that scores each row, or -1.
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
    alone: Mapping[str, FloatArray]
    weights: FloatArray
    fold: IntArray
    budget: Budget | None = None  # of a run that had so many minutes


def summarise(
    competition: Competition,
    y: Target,
    variants: Mapping[str, Variant],
    folds: Sequence[Fold],
    predictions: Sequence[Predictions],
    baselines: Mapping[str, FloatArray],
    groups: IntArray | None = None,
) -> CVResult:
    """Pool the predictions, with weights that other folds chose, and score them beside the `baselines` (N, P) each.

    Numbers are pooled as they are learned, and turned back into the file's units (`y` is in them) once, here. Rows of
    the same number in `groups` (N,) do not count as independent in the errors.
    """
    scored, n_rows = [fold.scored for fold in folds], len(y)
    in_order = sorted(predictions, key=lambda each: each.jobs[0])  # so that sums do not depend on who was quicker
    of_variant = {name: [each for each in in_order if each.jobs[0].variant == name] for name in variants}
    oof, test = _collect(of_variant, scored, n_rows)
    known = np.sort(np.concatenate(scored))  # rows that are scored: from here on there are no others
    if len(known) < n_rows:
        test = np.repeat(test[-1:], len(test), axis=0)
        y, oof, groups = y[known], [own[:, known] for own in oof], None if groups is None else groups[known]
        scored = [np.searchsorted(known, rows) for rows in scored]
        baselines = {name: other[known] for name, other in baselines.items()}
    means = np.stack([of_seeds.mean(axis=0) for of_seeds in oof])
    pooled, pooled_test, weights = _pool(competition, means, test, y, scored)
    metric, baselines = competition.metric, {name: in_units(competition, p) for name, p in baselines.items()}
    scores, of_one, fold_of = [], {}, np.full(n_rows, -1)
    for (name, own), of_seeds, weight in zip(of_variant.items(), oof, weights.mean(axis=0).tolist(), strict=True):
        alone, _, _ = _pool(competition, of_seeds.mean(axis=0)[None], test[:, :1], y, scored)
        of_one[name] = _everywhere(alone, known, n_rows)
        more = _of_models(metric, y, scored, own, [in_units(competition, one) for one in of_seeds])
        recipe = settings_of(variants[name])
        scores.append(VariantScore(name=name, score=metric(y, alone), weight=weight, recipe=recipe, **more))
    for number, fold in enumerate(folds):
        fold_of[fold.scored] = number
    pool, some = pool_of(competition, weights, y, fold_of[known]), some_rows(test.shape[2])
    of_folds = np.stack([pool.of_fold(number, each[:, some]) for number, each in enumerate(test)])
    forecast_plain = forecast(competition, y, pooled, baselines, len(pooled_test), groups)
    return CVResult(
        oof=_everywhere(pooled, known, n_rows),
        test=pooled_test,
        score=metric(y, pooled),
        se=metric.se(y, pooled, groups),
        fold_scores=[metric(y[rows], pooled[rows]) for rows in scored],
        fold_se=[
            metric.se(y[rows], pooled[rows], None if groups is None else groups[rows], rough=True) for rows in scored
        ],
        variants=scores,
        baselines=[compare(competition, y, name, pooled, other, groups) for name, other in baselines.items()],
        forecast=with_averaging(forecast_plain, competition, y, pooled, of_folds),
        alone=of_one,
        weights=weights,
        fold=fold_of,
    )


def _everywhere(predictions: FloatArray, known: IntArray, n_rows: int) -> FloatArray:
    """Predictions of the `known` rows among all rows (n_rows, P); NaN of the others."""
    everywhere = np.full((n_rows, predictions.shape[1]), np.nan)
    everywhere[known] = predictions
    return everywhere


def _collect(
    of_variant: Mapping[str, Sequence[Predictions]], scored: Sequence[IntArray], n_rows: int
) -> tuple[list[FloatArray], FloatArray]:
    """Of each variant out-of-fold predictions (S, N, P), S its own; test predictions (F, V, M, P), mean over seeds."""
    first, oof = next(iter(of_variant.values()))[0], []
    test = np.zeros((len(scored), len(of_variant), *first.test.shape))
    for variant, own in enumerate(of_variant.values()):
        n_seeds = 1 + max(job.seed for each in own for job in each.jobs)
        oof.append(np.full((n_seeds, n_rows, first.scored.shape[-1]), np.nan))
        for each in own:
            fold = each.jobs[0].fold
            test[fold, variant] += each.test / n_seeds
            for job, proba in zip(each.jobs, each.scored, strict=True):
                oof[variant][job.seed, scored[fold]] = proba
    return oof, test


def settings_of(variant: Variant) -> dict[str, Any]:
    """The recipe of a network; the parameters of an estimator."""
    if variant.make_estimator is None:
        return asdict(variant.recipe)
    return dict(to_plain(getattr(variant.make_estimator(), "get_params", dict)()))


def _notes(predictions: Sequence[Predictions]) -> list[str]:
    """What the first fold's encoder says; those of other folds say nearly the same."""
    return list(min(predictions, key=lambda each: each.jobs[0]).notes)


def _of_models(
    metric: Metric, y: Target, scored: Sequence[IntArray], own: Sequence[Predictions], of_seeds: Sequence[FloatArray]
) -> dict[str, Any]:
    """What is known of a variant's models: `of_seeds` (S, N, P) is what those of each seed say of scored rows."""
    return {
        "seed_scores": [metric(y, one) for one in of_seeds],
        "by_fold_and_seed": [[metric(y[rows], one[rows]) for one in of_seeds] for rows in scored],
        "seconds": round(sum(each.seconds for each in own), 2),
        "model": own[0].model,
        "notes": _notes(own),
        **_learning_curves(own, len(scored)),
    }


def _learning_curves(predictions: Sequence[Predictions], n_folds: int) -> dict[str, list[list[float]]]:
    """By fold and epoch: losses of training and of rows held out, the mean over networks, and how far these differ."""
    losses = of_folds([(each.jobs[0].fold, each.losses) for each in predictions], n_folds)
    held_out = of_folds([(each.jobs[0].fold, each.held_out) for each in predictions], n_folds)
    return {
        "losses": [mean(curves) for curves in losses],
        "losses_spread": if_any([spread(curves) for curves in losses]),
        "held_out": if_any([mean(curves) for curves in held_out]),
        "held_out_spread": if_any([spread(curves) for curves in held_out]),
    }


def in_units(competition: Competition, predictions: FloatArray) -> FloatArray:
    """Probabilities as they are; numbers (..., 1) as they are learned turned back into the file's units."""
    return predictions if competition.number is None else competition.number.inverse(predictions)


def pool_of(competition: Competition, weights: FloatArray, y: Target, fold: IntArray) -> Pool:
    """What pools predictions of further rows as `summarise` has pooled; `fold` (N,) scored the rows, -1 is no fold."""
    number, known = competition.number, fold >= 0
    if weights.shape[1] == 1 and (number is not None or competition.submit == "labels"):
        return Pool(None)
    return Pool(weights) if number is None else Pool.of_values(weights, number.forward(y[known]), fold[known])


def _pool(
    competition: Competition, oof: FloatArray, test: FloatArray, y: Target, scored: list[IntArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Blend where there is something to weigh, and give numbers in the file's units; weights are (F, V).

    A single variant's labels do not change with temperature; its numbers stay as they are.
    """
    number = competition.number
    if len(oof) == 1 and (number is not None or competition.submit == "labels"):
        return in_units(competition, oof[0]), in_units(competition, test[:, 0].mean(axis=0)), np.ones((len(test), 1))
    if number is None:
        pooled, pooled_test, weights = blend(oof, test, y.astype(np.int64, copy=False), scored)
    else:
        pooled, pooled_test, weights = blend_values(oof, test, number.forward(y), scored, number.loss)
    return in_units(competition, pooled), in_units(competition, pooled_test), weights
