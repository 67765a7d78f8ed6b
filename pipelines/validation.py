"""Cross-validation: out-of-fold and test predictions, scores, baselines, and a forecast.

Shapes: N training rows, M test rows, C classes.

The scored fold chooses nothing: encoder, network and early stopping see the training fold only; rows
that early stopping looks at are split off the training fold before the encoder is fitted.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline

from pipelines.competition import Competition, Recipe
from pipelines.errors import DataError
from pipelines.estimator import Rows, TorchClassifier, fit_together
from pipelines.metrics import FloatArray, IntArray, standard_error
from pipelines.raw import RawData

Progress = Callable[[int, int], None]  # epochs of networks done, and in all


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run is cross-validated: `folds` x `seeds` networks by `recipe`; `seed` fixes all chance."""

    folds: int
    seeds: int
    recipe: Recipe
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Features:
    """Feature frames of the training rows (N) and test rows (M), and the class codes `y` (N,)."""

    train: pd.DataFrame
    y: IntArray
    test: pd.DataFrame


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


@dataclass(frozen=True)
class CVResult:
    """Predictions and scores of one cross-validation.

    `oof` (N, C) and `test` (M, C) are probabilities averaged over seeds, and for `test` over folds too.
    `score` is the metric of `oof` over all rows, `se` its standard error over rows; `seed_scores` are
    the scores of single networks per fold, one number per seed.
    """

    oof: FloatArray
    test: FloatArray
    score: float
    se: float
    fold_scores: list[float]
    fold_se: list[float]
    seed_scores: list[float]
    baselines: list[Baseline]
    forecast: Forecast
    model: str  # what one network looks like


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
    competition: Competition, features: Features, plan: Plan, progress: Progress = lambda _done, _all: None
) -> CVResult:
    """Train `plan.folds` x `plan.seeds` networks; score each row by networks that have not seen it."""
    y, metric = features.y, competition.metric
    n_classes = len(competition.classes)
    parts = split(y, plan.folds, plan.seed)
    encoded = [encode_fold(competition, features, plan, part) for part in parts]
    networks = train_members(competition, encoded, plan, progress)
    oof = np.zeros((plan.seeds, len(y), n_classes))
    test = np.zeros((len(features.test), n_classes))
    for fold, (_, scored_rows) in enumerate(parts):
        for seed, network in enumerate(networks[fold]):
            oof[seed, scored_rows] = network.predict_proba(encoded[fold].scored)
            test += network.predict_proba(encoded[fold].test) / (plan.folds * plan.seeds)
    mean_oof = oof.mean(axis=0)
    per_row = metric.per_row(y, mean_oof)
    baselines = {
        name: _baseline_oof(make, features, parts, n_classes) for name, make in _baselines(competition).items()
    }
    return CVResult(
        oof=mean_oof,
        test=test,
        score=metric(y, mean_oof),
        se=standard_error(per_row),
        fold_scores=[metric(y[rows], mean_oof[rows]) for _, rows in parts],
        fold_se=[standard_error(per_row[rows]) for _, rows in parts],
        seed_scores=[metric(y, one) for one in oof],
        baselines=[_baseline(competition, y, name, mean_oof, other) for name, other in baselines.items()],
        forecast=forecast(competition, y, mean_oof, baselines, len(features.test)),
        model=repr(networks[0][0].model_),
    )


@dataclass(frozen=True)
class EncodedFold:
    """A fold as arrays: rows to train on (and to stop early by), rows to score, test rows."""

    fit: Rows
    scored: ArrayLike
    test: ArrayLike


def encode_fold(
    competition: Competition, features: Features, plan: Plan, part: tuple[IntArray, IntArray]
) -> EncodedFold:
    """Fit a new encoder on the fold's training rows and encode everything else with it.

    Rows for early stopping leave the training rows first: the encoder has not seen their labels.
    """
    fit_rows, scored_rows = part
    y, stop_rows = features.y, None
    if plan.recipe.patience is not None:
        fit_rows, stop_rows = train_test_split(
            fit_rows, test_size=plan.recipe.validation_fraction, stratify=y[fit_rows], random_state=plan.seed
        )
    encoder = competition.make_encoder()
    rows = Rows(encoder.fit_transform(features.train.iloc[fit_rows], y[fit_rows]), y[fit_rows])
    if stop_rows is not None:
        rows = rows._replace(X_val=encoder.transform(features.train.iloc[stop_rows]), y_val=y[stop_rows])
    return EncodedFold(rows, encoder.transform(features.train.iloc[scored_rows]), encoder.transform(features.test))


def train_members(
    competition: Competition, folds: list[EncodedFold], plan: Plan, progress: Progress
) -> list[list[TorchClassifier]]:
    """Train `plan.seeds` networks for each fold, all of them together; one list per fold."""
    networks = [
        [make_classifier(competition, plan, member_seed(plan.seed, fold, seed)) for seed in range(plan.seeds)]
        for fold in range(len(folds))
    ]
    done, total = 0, len(folds) * plan.seeds * plan.recipe.epochs

    def on_epoch(members: int) -> None:
        nonlocal done
        done += members
        progress(done, total)

    rows = [fold.fit for fold in folds for _ in range(plan.seeds)]
    fit_together([network for of_fold in networks for network in of_fold], rows, on_epoch)
    progress(total, total)
    return networks


def make_classifier(competition: Competition, plan: Plan, seed: int) -> TorchClassifier:
    """A new, untrained network of the competition."""
    return TorchClassifier(
        competition.make_model,
        **asdict(plan.recipe),
        metric=competition.metric,
        device=plan.device,
        random_state=seed,
    )


def member_seed(seed: int, fold: int, member: int) -> int:
    """A seed of its own for each network, the same whatever else the run trains."""
    return int(np.random.SeedSequence([seed, fold, member]).generate_state(1)[0]) % 2**31


def _baselines(competition: Competition) -> dict[str, Callable[[], Any]]:
    """Majority class, the competition's own rules, and logistic regression on the same encoder."""
    return {
        "majority class": lambda: DummyClassifier(strategy="prior"),
        **competition.baselines,
        "logistic regression": lambda: make_pipeline(competition.make_encoder(), LogisticRegression(max_iter=2000)),
    }


def _baseline_oof(
    make: Callable[[], Any], features: Features, parts: list[tuple[IntArray, IntArray]], n_classes: int
) -> FloatArray:
    oof = np.zeros((len(features.y), n_classes))
    for fit_rows, scored_rows in parts:
        model = make().fit(features.train.iloc[fit_rows], features.y[fit_rows])
        oof[scored_rows] = model.predict_proba(features.train.iloc[scored_rows])
    return oof


def _baseline(competition: Competition, y: IntArray, name: str, ours: FloatArray, other: FloatArray) -> Baseline:
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
