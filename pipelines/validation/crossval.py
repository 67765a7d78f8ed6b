"""Cross-validation: folds x seeds of each variant, trained; what they say of the scored rows and of the test rows.

Shapes: N training rows, M test rows, n scored rows, D features, S seeds, F folds, P predictions of a row: probabilities
of the classes, or one value.

The scored fold chooses nothing: encoder, network and early stopping see the training fold only; rows that early
stopping looks at are split off the training fold before the encoder is fitted. Learning curves only watch.
"""

import time
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipelines.competition import Competition, Number, Variant
from pipelines.executors.threads import THREADS, Executor
from pipelines.features.frames import Features
from pipelines.hardware import blas_on_one_thread
from pipelines.metrics import FloatArray, IntArray
from pipelines.report.curves import OnTask, counted
from pipelines.settings.allowed import Checked
from pipelines.training import loop
from pipelines.training.fit import Encoded, Fitted, Group, Job, OnEpoch, Rows, Trained, fit, hold_out
from pipelines.training.learning_curves.watch import sample
from pipelines.training.targets import Scale, learned
from pipelines.validation.baselines import simple_models, without_slow
from pipelines.validation.conditions import Form, as_inputs, encode_fitted, form_of, warn_if_constant
from pipelines.validation.estimators import ROWS_AT_A_TIME, fit_all, fit_one, fits_of, networks_of, out_of_fold
from pipelines.validation.groups import fits_at_a_time, make_groups
from pipelines.validation.results import CVResult, Finished, Keep, Predictions, summarise
from pipelines.validation.splits import Fold, split

FEW_ROWS = 2_000  # that tell how many features an encoder makes


@dataclass(frozen=True, kw_only=True)
class Plan(Checked):
    """How a run is cross-validated: `folds` x `seeds` models of each variant; `seed` fixes all chance.

    With `only` it is a part of that: the models of those variants, folds and seeds.
    """

    folds: int
    seeds: int
    variants: Mapping[str, Variant]
    seed: int = 0
    device: str = "cpu"
    memory_mb: float | None = None  # for networks that train at the same time; None finds a budget
    executor: Executor = THREADS  # where they train
    shares: int | None = None  # programs that stacks are shared out for; None: one for each core of this computer
    only: Set[tuple[str, int, int]] | None = None

    @property
    def n_epochs(self) -> int:
        """Epochs of all networks together, if none stops early."""
        folds = range(self.folds)
        return sum(v.recipe.epochs * len(self.jobs(fold, name)) for name, v in self.networks.items() for fold in folds)

    @property
    def networks(self) -> dict[str, Variant]:
        """The variants that are networks; the others are estimators."""
        return {name: variant for name, variant in self.variants.items() if variant.make_model is not None}

    def jobs(self, fold: int, variant: str = "") -> list[Job]:
        """What a fold trains of a variant."""
        seeds = [n for n in range(self.seeds) if self.only is None or (variant, fold, n) in self.only]
        return [Job(variant, fold, seed, random_state(self.seed, fold, seed)) for seed in seeds]


@blas_on_one_thread()
def cross_validate(
    competition: Competition,
    features: Features,
    plan: Plan,
    on_epoch: OnEpoch = lambda _job, _epoch, _loss: None,
    on_task: OnTask = lambda _what, _done, _of: None,
    keep: Keep | None = None,
) -> CVResult:
    """Train `plan.folds` x `plan.seeds` models of each variant; score each row by models that have not seen it.

    `on_epoch` hears of each network after each of its epochs, `on_task` of what is trained, predicted and compared.
    Estimators go first: they, with code of the competition's own, may fail, and networks take longest.
    """
    keep = keep or Keep()
    folds = split(features.y, plan.folds, plan.seed, features.twins, groups=features.groups, time=features.time)
    number = competition.number
    encoders = {name: FoldEncoder(features, folds, each, plan.seed, number) for name, each in plan.variants.items()}
    n_features = next(iter(encoders.values())).form.n_features
    models = without_slow(competition, simple_models(competition), len(features.y), n_features)
    simple = {name: Variant(make_estimator=make) for name, make in models.items()}
    fits, of_simple = fits_of(plan, plan.variants), fits_of(plan, simple, pooled=False)
    keep.begin(competition, features, folds, plan, [*fits, *of_simple, *networks_of(plan)])
    one = partial(fit_one, competition, features, folds)
    said = fit_all(one, [*fits, *of_simple], fits_at_a_time(plan, encoders), on_task, keep, plan.executor.for_fits)
    predicted, baselines = said[: len(fits)], out_of_fold(said[len(fits) :], folds, len(features.y))
    networks = {name: encoders[name] for name in plan.networks}
    if networks:
        predicted += train_networks(competition, plan, networks, on_epoch, on_task, keep)
    return summarise(competition, features.y, plan.variants, folds, predicted, baselines, features.dependent)


def train_networks(
    competition: Competition, plan: Plan, encoders: "Mapping[str, FoldEncoder]", on_epoch: OnEpoch, on_task: OnTask,
    keep: Keep,
) -> list[Predictions]:  # fmt: skip
    """Train the networks of each of the encoders' variants; what they say of the rows."""
    groups, workers, threads = make_groups(competition, plan, encoders)
    keep.expect(groups)
    first = next(iter(encoders.values()))
    train = partial(train_group, first.features, first.folds)
    with plan.executor.open(workers, threads, on_epoch) as (pool, step):
        tasks = [pool.submit(train, group, keep, step) for group in groups]
        for done in counted("trainings", as_completed(tasks), len(tasks), on_task):
            done.result()
    return [said for task in tasks for said in task.result()]


@dataclass(frozen=True)
class FoldEncoder:
    """Makes the rows of a fold out of the features, by a new encoder that sees its training rows only.

    Where the target is a number, so does its scale; encoders are given it transformed, networks standardised too.
    """

    features: Features
    folds: Sequence[Fold]
    variant: Variant
    seed: int
    number: Number | None = None

    @cached_property
    def form(self) -> Form:
        """What an encoder makes of a row, told by one of a few rows, of which only that is used."""
        y, fit_rows = self.features.y, self.folds[0].train
        few = fit_rows[:: max(1, len(fit_rows) // FEW_ROWS)]  # from all over: some files are sorted by class
        if self.number is None:
            first_of_each_class = fit_rows[np.unique(y[fit_rows], return_index=True)[1]]
            few = np.union1d(first_of_each_class, few)
        return form_of(self.variant, self.features.train.iloc[few], learned(y[few], self.number))

    def __call__(self, fold: int) -> Encoded:
        """Encode a fold's training rows; those for early stopping leave before the encoder sees a label."""
        y = self.features.y
        units, when = self.features.units, self.features.time
        fit_rows, stop_rows = hold_out(self.folds[fold].train, y, self.variant.recipe, self.seed, units, when)
        assert self.variant.make_encoder is not None  # it is that of a network
        encoder = self.variant.make_encoder()
        groups = None if self.features.groups is None else units[fit_rows]
        seen, scale = learned(y[fit_rows], self.number), None
        inputs = as_inputs(encode_fitted(encoder, self.features.train.iloc[fit_rows], seen, groups))
        if self.number is None:
            target = torch.from_numpy(y[fit_rows])
        else:
            scale = Scale.of(self.number, y[fit_rows])
            target = scale.target(y[fit_rows])
            warn_if_constant(y[fit_rows], fold)
        apart = sample(self.folds[fold].scored, len(fit_rows)) if stop_rows is None else stop_rows
        there = as_inputs(encoder.transform(self.features.train.iloc[apart])), torch.from_numpy(y[apart])
        held_out, watched = (None, there) if stop_rows is None else (there, None)
        return Encoded(Rows(inputs=inputs, target=target, held_out=held_out, watched=watched, scale=scale), encoder)


def random_state(seed: int, fold: int, number: int) -> int:
    """What fixes a network's chance, the same whatever else a run trains.

    It is the number that `TorchClassifier(random_state=member_seed(...))` draws, so that both train the same network.
    """
    return int(np.random.RandomState(member_seed(seed, fold, number)).randint(2**31))


def member_seed(seed: int, fold: int, number: int) -> int:
    """A seed of its own for each network of a run."""
    return int(np.random.SeedSequence([seed, fold, number]).generate_state(1)[0]) % 2**31


def train_group(
    features: Features, folds: Sequence[Fold], group: Group, keep: Keep, on_epoch: OnEpoch
) -> list[Predictions]:
    """What a group's networks say of their folds' scored rows, and of the test rows; those not finished are trained."""
    there = keep.find(group.jobs)
    missing = tuple(job for job in group.jobs if job not in there)
    if missing:
        fitted = fit(replace(group, jobs=missing), on_epoch, keep.checkpoint)
        done = [each for fold in fitted.encoders for each in predict(features, folds[fold].scored, fold, fitted)]
        keep.put(done, fitted.encoders, fitted.networks)
        there |= {each.job: each for each in done}
    of_folds = {job.fold: [there[each] for each in group.jobs if each.fold == job.fold] for job in group.jobs}
    return [Predictions.of(of_fold) for of_fold in of_folds.values()]


def predict(features: Features, scored_rows: IntArray, fold: int, fitted: Fitted) -> list[Finished]:
    """What networks of a fold say of its scored rows, and of the test rows."""
    started, encoder = time.perf_counter(), fitted.encoders[fold]
    networks = {job: network for job, network in fitted.networks.items() if job.fold == fold}
    scored = predicted(encoder, list(networks.values()), features.train.iloc[scored_rows])
    test = predicted(encoder, list(networks.values()), features.test)
    seconds = fitted.seconds / len(fitted.networks) + (time.perf_counter() - started) / len(networks)
    return [
        Finished(
            job=job, scored=scored[i], test=test[i], losses=network.history.losses, held_out=network.history.held_out,
            model=repr(network.model), seconds=seconds, notes=getattr(encoder, "notes_", ()),
        )
        for i, (job, network) in enumerate(networks.items())
    ]  # fmt: skip


def predicted(encoder: Any, networks: Sequence[Trained], rows: pd.DataFrame) -> FloatArray:
    """Predictions (networks, len(rows), P); encoded a piece at a time, since an encoder may make many columns."""
    pieces = [rows.iloc[start : start + ROWS_AT_A_TIME] for start in range(0, len(rows), ROWS_AT_A_TIME)]
    device = next(networks[0].model.parameters()).device
    encoded = (as_inputs(encoder.transform(piece)).to(device) for piece in pieces)
    said = [np.stack([loop.predict(each.model, X, each.scale) for each in networks]) for X in encoded]
    return np.concatenate(said, axis=1)
