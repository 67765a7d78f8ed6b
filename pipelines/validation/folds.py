"""One variant on the folds: encode, train, predict.

Shapes: N training rows, M test rows, C classes, S seeds.

The scored fold chooses nothing: encoder, network and early stopping see the training fold only; rows
that early stopping looks at are split off the training fold before the encoder is fitted.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from pipelines.competition import Competition, Variant
from pipelines.metrics import FloatArray, IntArray
from pipelines.training.estimator import Rows, TorchClassifier, fit_together
from pipelines.training.fit import is_small, n_parameters

TRIAL_BATCHES = 8
COPIES = 4  # of a fold's encoded rows at the same time: views, their union, the scaled ones, a margin
ROWS_AT_A_TIME = 20_000  # that are encoded and predicted in one go
Part = tuple[IntArray, IntArray]  # training rows, scored rows
OnEpoch = Callable[[int, dict[tuple[int, int], float]], None]  # the epoch, and losses by fold and seed, all from 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run is cross-validated: `folds` x `seeds` networks of each variant; `seed` fixes all chance."""

    folds: int
    seeds: int
    variants: Mapping[str, Variant]
    seed: int = 0
    device: str = "cpu"
    memory_mb: float | None = None  # for networks that train at the same time; None finds a budget


@dataclass(frozen=True)
class Features:
    """Feature frames of the training rows (N) and test rows (M), and the class codes `y` (N,)."""

    train: pd.DataFrame
    y: IntArray
    test: pd.DataFrame


@dataclass(frozen=True)
class EncodedFold:
    """The encoded rows of a fold (some to stop early by), and the encoder for all other rows."""

    fit: Rows
    encoder: Any


@dataclass(frozen=True)
class FoldPredictions:
    """What the networks of one fold say: scored rows (S, n, C), and test rows (M, C) averaged over seeds.

    `seconds` is the fold's share of the time that encoding, training and predicting took.
    """

    fold: int
    scored: FloatArray
    test: FloatArray
    losses: list[float]  # training loss of each epoch, mean over the networks that were still training
    model: str  # what one network looks like
    seconds: float = 0.0


Task = Callable[[OnEpoch], list[FoldPredictions]]


@dataclass(frozen=True)
class VariantOnFolds:
    """A variant of a competition's plan, the rows, and the parts that they are cut into."""

    competition: Competition
    features: Features
    plan: Plan
    variant: Variant
    parts: Sequence[Part]

    def encode(self, fold: int) -> EncodedFold:
        """Fit a new encoder on the fold's training rows.

        Rows for early stopping leave the training rows first: the encoder has not seen their labels.
        """
        recipe, y = self.variant.recipe, self.features.y
        fit_rows, stop_rows = self.parts[fold][0], None
        if recipe.patience is not None:
            fit_rows, stop_rows = train_test_split(
                fit_rows, test_size=recipe.validation_fraction, stratify=y[fit_rows], random_state=self.plan.seed
            )
        encoder = self.variant.make_encoder()
        rows = Rows(encoder.fit_transform(self.features.train.iloc[fit_rows], y[fit_rows]), y[fit_rows])
        if stop_rows is not None:
            rows = rows._replace(X_val=encoder.transform(self.features.train.iloc[stop_rows]), y_val=y[stop_rows])
        return EncodedFold(rows, encoder)

    def networks(self, fold: int, **changes: Any) -> list[TorchClassifier]:
        """New, untrained networks, one per seed."""
        how = {**asdict(self.variant.recipe), "metric": self.competition.metric, "device": self.plan.device} | changes
        seeds = [member_seed(self.plan.seed, fold, member) for member in range(self.plan.seeds)]
        return [TorchClassifier(self.variant.make_model, random_state=seed, **how) for seed in seeds]

    def run(self, folds: Sequence[int], on_epoch: OnEpoch) -> list[FoldPredictions]:
        """Train the networks of these folds, all of them together, and predict."""
        started = time.perf_counter()
        encoded = [self.encode(fold) for fold in folds]
        networks = [self.networks(fold) for fold in folds]
        rows = [of_fold.fit for of_fold in encoded for _ in range(self.plan.seeds)]
        names = [(fold + 1, seed + 1) for fold in folds for seed in range(self.plan.seeds)]

        def named(epoch: int, losses: dict[int, float]) -> None:
            on_epoch(epoch, {names[i]: loss for i, loss in losses.items()})

        fit_together([network for of_fold in networks for network in of_fold], rows, named, self.plan.memory_mb)
        predictions = [self._predict(*of_fold) for of_fold in zip(folds, encoded, networks, strict=True)]
        seconds = (time.perf_counter() - started) / len(folds)
        return [replace(of_fold, seconds=seconds) for of_fold in predictions]

    def _predict(self, fold: int, encoded: EncodedFold, networks: list[TorchClassifier]) -> FoldPredictions:
        scored = _predict(networks, encoded.encoder, self.features.train.iloc[self.parts[fold][1]])
        test = _predict(networks, encoded.encoder, self.features.test).mean(axis=0)
        epochs = zip_longest(*(network.history_.losses for network in networks), fillvalue=np.nan)
        losses = [float(np.nanmean(of_epoch)) for of_epoch in epochs]
        return FoldPredictions(fold, scored, test, losses, repr(networks[0].model_))

    def tasks(self) -> list[Task]:
        """The work in pieces: all folds in one, or, for large networks on the CPU, fold by fold."""
        folds = range(len(self.parts))
        return [partial(self.run, piece) for piece in ([folds] if self.together else [[fold] for fold in folds])]

    @property
    def together(self) -> bool:
        """Whether the networks of all folds are trained as one program: a GPU does so with large ones as well."""
        return self.small or self.plan.device != "cpu"

    @cached_property
    def small(self) -> bool:
        """Whether the networks are so small that many of them fit into one program on the CPU."""
        n_features = np.shape(self._few[0].X)[1]
        return is_small(partial(self.variant.make_model, n_features, len(self.competition.classes)))

    def tried_seconds(self) -> float:
        """About how long the training of all networks takes one after another; tried on the caller's threads."""
        few, share = self._few
        folds = range(len(self.parts) if self.together else 1)
        networks = [net for fold in folds for net in self.networks(fold, epochs=1, patience=None)]
        networks = networks if self.together else networks[:1]
        fit_together(networks, [few] * len(networks), memory_mb=self.plan.memory_mb)  # the first time is the slowest
        started = time.perf_counter()
        fit_together(networks, [few] * len(networks), memory_mb=self.plan.memory_mb)
        per_network_and_epoch = (time.perf_counter() - started) / share / len(networks)
        return per_network_and_epoch * self.variant.recipe.epochs * len(self.parts) * self.plan.seeds

    @cached_property
    def bytes_of_a_fold(self) -> int:
        """About what one fold takes at most: its rows a few times over while they are encoded, and the networks."""
        n_features: int = np.shape(self._few[0].X)[1]
        n_rows = max(len(fit_rows) for fit_rows, _ in self.parts)
        n_weights = n_parameters(partial(self.variant.make_model, n_features, len(self.competition.classes)))
        return COPIES * 4 * n_rows * n_features + 16 * n_weights * self.plan.seeds

    @cached_property
    def _few(self) -> tuple[Rows, float]:
        """Encoded rows for a few batches, some of each class, and which share of the first fold they are."""
        encoded = self.encode(0)
        X, y = np.asarray(encoded.fit.X), np.asarray(encoded.fit.y)
        few = _first_of_each_class_first(np.random.default_rng(0).permutation(len(y)), y)
        few = few[: max(TRIAL_BATCHES * self.variant.recipe.batch_size, len(np.unique(y)))]
        return Rows(X[few], y[few]), len(few) / len(y)


def _first_of_each_class_first(order: IntArray, y: IntArray) -> IntArray:
    """The same rows in nearly the same order: however few are taken, each class is among them."""
    first = np.unique(y[order], return_index=True)[1]
    return np.concatenate([order[first], np.delete(order, first)])


def _predict(networks: list[TorchClassifier], encoder: Any, rows: pd.DataFrame) -> FloatArray:
    """Probabilities (S, len(rows), C); encoded a piece at a time, since an encoder may make many columns."""
    pieces = [rows.iloc[start : start + ROWS_AT_A_TIME] for start in range(0, len(rows), ROWS_AT_A_TIME)]
    encoded = (encoder.transform(piece) for piece in pieces)
    proba = [np.stack([network.predict_proba(X) for network in networks]) for X in encoded]
    return np.concatenate(proba, axis=1)


def member_seed(seed: int, fold: int, member: int) -> int:
    """A seed of its own for each network, the same whatever else the run trains."""
    return int(np.random.SeedSequence([seed, fold, member]).generate_state(1)[0]) % 2**31
