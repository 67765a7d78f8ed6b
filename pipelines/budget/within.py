"""Cross-validation within so many minutes: units in the order of expected gain per second, until nothing fits any more.

A unit is one seed of one variant in all folds, so that every row is scored by all that is pooled. The cheapest is
first: then there is a submission. A variant of which nothing is known is tried by a few folds, which count. What cannot
be finished is not begun; what takes longer than the time is dropped, and its finished models stay in the run's folder.

Shapes: N training rows, P predictions of a row.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from pipelines.budget import candidates as choice
from pipelines.budget.candidates import Candidate, Piece, seconds_of
from pipelines.budget.deadline import Deadline, OutOfTimeError
from pipelines.budget.earlier import Earlier
from pipelines.budget.gains import LEAST, PRIOR, Gains
from pipelines.budget.gathered import Gathered
from pipelines.budget.seconds import by_trial, seconds_after
from pipelines.competition import Competition, Variant
from pipelines.errors import UsageError
from pipelines.features.frames import Features
from pipelines.hardware import blas_on_one_thread, cores, n_cores
from pipelines.metrics import FloatArray
from pipelines.report.curves import OnTask
from pipelines.submission.record import Budget
from pipelines.training.fit import Job, OnEpoch
from pipelines.validation.baselines import simple_models, without_slow
from pipelines.validation.crossval import FoldEncoder, Plan, train_networks
from pipelines.validation.estimators import Fit, fit_all, fit_one, fits_of, networks_of, out_of_fold
from pipelines.validation.groups import fits_at_a_time
from pipelines.validation.results import CVResult, Keep, Predictions, summarise
from pipelines.validation.splits import split

TRIALS = 0.1  # of the time, for trials of what no earlier run has measured
MOST_SEEDS = 20  # of a variant: with 20 networks their average has most of what averaging gives
SIMPLE = 0.03  # of the time, for each simple model that the score is compared with


def minutes_line(competition: Competition, plan: Plan, deadline: Deadline) -> str:
    """What there is time for, and to choose from."""
    several = f"{len(plan.variants)} variants" if len(plan.variants) > 1 else f"variant {next(iter(plan.variants))}"
    return (
        f"{competition.slug}: the best of {deadline.minutes:g} minutes, with {several} in {plan.folds} folds, "
        f"on {plan.device}"
    )


class Within:
    """One cross-validation of as much of a plan as a `deadline` allows; `earlier` says what runs before it measured.

    `say` gets a line where what is trained is not what the competition says.
    """

    def __init__(
        self, competition: Competition, features: Features, plan: Plan, deadline: Deadline,
        earlier: Mapping[str, Earlier], say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.competition, self.features, self.plan, self.deadline, self.say = competition, features, plan, deadline, say
        y, groups, time = features.y, features.groups, features.time
        self.folds = split(y, plan.folds, plan.seed, features.twins, groups=groups, time=time)
        self.workers = n_cores() if plan.device == "cpu" else 1
        self.gains, self.order = Gains(competition, y), list[str]()
        self.candidates = [self._candidate(name, earlier.get(name)) for name in plan.variants]
        self._promised, self._averaging = dict[str, float](), dict[str, tuple[int, float]]()

    def _candidate(self, name: str, earlier: Earlier | None) -> Candidate:
        n_seeds, variant = self.plan.seeds, self.plan.variants[name]
        if variant.make_estimator is not None:  # of which one may stand for all seeds
            n_seeds = len(fits_of(self.plan, {name: variant})) // self.plan.folds
        if earlier is None:
            return Candidate(name, n_seeds)
        return Candidate(name, n_seeds, earlier.seconds, "earlier", earlier.said)

    @blas_on_one_thread()
    def cross_validate(self, on_epoch: OnEpoch, on_task: OnTask, keep: Keep) -> CVResult:
        """Train what fits and pool what is whole.

        Raises: UsageError where nothing fits.
        """
        y, deadline = self.features.y, self.deadline
        sizes = len(y), len(self.features.test), len(self.plan.variants), self.plan.folds
        deadline.reserve = seconds_after(self.competition, *sizes)
        self._keep, self._on_task = Gathered(keep, self.folds, len(y)), on_task
        self._on_epoch = partial(self._epoch, on_epoch)
        self._try(self.plan.variants)
        first = self._cheapest()
        simple = self._begin()
        if not self._pooled and not (self._train([first]) and self._pooled):
            raise self._too_short(f"the time was over before {first.candidate.name} was trained in all folds", first)
        baselines = self._compare(simple)
        while (pieces := self._next()) and self._train(pieces):
            pass
        seeds = {name: n for name in self.plan.variants if (n := self._keep.n_seeds(name))}
        variants = {name: self.plan.variants[name] for name in seeds}
        said, dependent = self._keep.predictions, self.features.dependent
        result = summarise(self.competition, y, variants, self.folds, said, baselines, dependent)
        left = {each.name: each.why_left for each in self.candidates if each.name not in seeds}
        return replace(result, budget=Budget(deadline.minutes, seeds, left, self.order))

    def _epoch(self, on_epoch: OnEpoch, job: Job, epoch: int, loss: float) -> None:
        on_epoch(job, epoch, loss)
        self.deadline.check()

    def _try(self, variants: Mapping[str, Variant]) -> None:
        """Measure by a few rows what no earlier run has measured: networks first, the first of all in any case."""
        unknown = [each for each in self.candidates if each.seconds is None]
        unknown.sort(key=lambda each: variants[each.name].make_model is None)
        began = self.deadline.passed

        def measure(candidate: Candidate) -> None:
            if candidate is unknown[0] or self.deadline.passed - began < TRIALS * self.deadline.seconds:
                variant = variants[candidate.name]
                candidate.seconds = by_trial(self.competition, self.features, self.plan, self.folds[-1], variant)

        with warnings.catch_warnings(), cores(self.workers, 1) as (pool, _step):
            warnings.simplefilter("ignore")  # whatever it is, it is said when it is trained
            for done in [pool.submit(measure, each) for each in unknown]:
                done.result()

    def _cheapest(self) -> Piece:
        """The unit that takes least; where even that does not fit, of a network with fewer epochs.

        Raises: UsageError where that does not fit either.
        """
        units = [Piece(each, range(1), range(self.plan.folds)) for each in self.candidates if each.seconds is not None]
        units.sort(key=lambda each: seconds_of([each], self.workers))
        if seconds_of(units[:1], self.workers) <= self.deadline.left:
            return units[0]
        variants = self.plan.variants
        for each in units:
            name, seconds = each.candidate.name, seconds_of([each], self.workers)
            epochs = int(variants[name].recipe.epochs * self.deadline.left / seconds)
            if variants[name].make_model is not None and epochs >= 1:
                recipe = variants[name].recipe
                self.say(f"{name}: {epochs} epochs in place of {recipe.epochs}, for more do not fit into the time")
                cut = replace(variants[name], recipe=replace(recipe, epochs=epochs))
                self.plan = replace(self.plan, variants={**variants, name: cut})
                each.candidate.seconds = (each.candidate.seconds or 0.0) * epochs / recipe.epochs
                return each
        name, seconds = units[0].candidate.name, seconds_of(units[:1], self.workers)
        raise self._too_short(f"the cheapest variant, {name}, takes about {seconds:.0f} s", units[0])

    def _too_short(self, why: str, first: Piece) -> UsageError:
        deadline = self.deadline
        before = deadline.passed if not self.order else 0.0
        enough = choice.least_minutes(before + seconds_of([first], self.workers) + deadline.reserve)
        enough = max(enough, deadline.minutes + 0.5)
        return UsageError(
            f"--minutes {deadline.minutes:g} is too short: {deadline.passed:.0f} s are gone, {why}, and what comes after "
            f"the training takes about {deadline.reserve:.0f} s",
            f"give --minutes {enough:g} or more; what is trained by now is taken over",
            f"请使用 --minutes {enough:g} 或更大的值；已训练的部分会被沿用",
        )

    def _begin(self) -> dict[str, Variant]:
        """Tell what keeps the run all that may be trained, and take what is there; returns the simple models."""
        plan, competition, features = self.plan, self.competition, self.features
        self._encoders = {
            name: FoldEncoder(features, self.folds, each, plan.seed, competition.number)
            for name, each in plan.variants.items()
        }
        n_features = next(iter(self._encoders.values())).form.n_features
        models = without_slow(competition, simple_models(competition), len(features.y), n_features)
        simple = {name: Variant(make_estimator=make) for name, make in models.items()}
        fits = [*fits_of(plan, plan.variants), *fits_of(plan, simple, pooled=False), *networks_of(plan)]
        self._keep.begin(competition, features, self.folds, plan, fits)
        for each in self.candidates:
            for seed in range(each.n_seeds):
                only = {(each.name, fold, seed) for fold in range(plan.folds)}
                part = replace(plan, only=only)
                self._keep.find([job for fold in range(plan.folds) for job in part.jobs(fold, each.name)])
                if self._keep.pool(each.name) <= seed:
                    break
        return simple

    @property
    def _pooled(self) -> dict[str, FloatArray]:
        """What the variants say of which a unit is whole."""
        said = {name: self._keep.said(name) for name in self.plan.variants if self._keep.n_seeds(name)}
        return {name: each for name, each in said.items() if each is not None}

    def _compare(self, simple: Mapping[str, Variant]) -> dict[str, FloatArray]:
        """What those of the simple models say that take little time."""
        said: list[Predictions] = []
        for name, variant in simple.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seconds = by_trial(
                    self.competition, self.features, self.plan, self.folds[-1], variant, pooled=False
                )  # fmt: skip
            of_all = seconds_of([Piece(Candidate(name, 1, seconds), range(1), range(self.plan.folds))], self.workers)
            if of_all <= min(SIMPLE * self.deadline.seconds, self.deadline.left):
                said += self._fit(fits_of(self.plan, {name: variant}, pooled=False), self.plan)
        return out_of_fold(said, self.folds, len(self.features.y))

    def _fit(self, fits: Sequence[Fit], plan: Plan) -> list[Predictions]:
        def one(fit: Fit) -> Predictions:
            if fit.pooled:
                self.deadline.check()
            return fit_one(self.competition, self.features, self.folds, fit, self._keep)

        self._keep.want(fits)
        encoders = {name: self._encoders[name] for name in plan.variants}
        return fit_all(one, fits, fits_at_a_time(plan, encoders), self._on_task)

    def _train(self, pieces: Sequence[Piece]) -> bool:
        """Train some pieces and pool what is whole then; whether it was done in time."""
        jobs = frozenset(job for piece in pieces for job in piece.jobs)
        variants = {piece.candidate.name: self.plan.variants[piece.candidate.name] for piece in pieces}
        part = replace(self.plan, variants=variants, seeds=1 + max(seed for _, _, seed in jobs), only=jobs)
        began, in_time = self.deadline.passed, True
        try:
            if fits := fits_of(part, variants):
                self._fit(fits, part)
            if networks := {name: self._encoders[name] for name in part.networks}:
                self._keep.want(networks_of(part))
                train_networks(self.competition, part, networks, self._on_epoch, self._on_task, self._keep)
        except OutOfTimeError:
            in_time = False
        for piece in pieces:
            name, before = piece.candidate.name, self._keep.n_seeds(piece.candidate.name)
            self.order += [f"{name} {seed + 1}" for seed in range(before, self._keep.pool(name))]
            if not in_time:
                piece.candidate.why_left = "dropped: it took longer than the time that was left"
        if in_time:
            self._learn(pieces, self.deadline.passed - began)
        return in_time

    def _learn(self, pieces: Sequence[Piece], seconds: float) -> None:
        """Correct what is known of the seconds by what the pieces took; another day's tell no more than their order."""
        expected = seconds_of(pieces, self.workers, margin=False)
        ratio = float(np.clip(seconds / expected, 0.1, 10)) if expected > 0 else 1.0
        trained = [piece.candidate for piece in pieces]
        if all(each.known == "earlier" for each in trained):
            trained += [each for each in self.candidates if each.known == "earlier" and each not in trained]
        for each in trained:
            each.seconds = (each.seconds or 0.0) * ratio
        for piece in pieces:
            piece.candidate.known = "measured"

    def _next(self) -> list[Piece]:
        """What is trained next; nothing where nothing fits into the time that is left."""
        pooled, options = self._pooled, list[Piece]()
        loss = max(self.gains.loss(pooled, self.gains.rows(*pooled.values())), 1e-12)
        for each in self.candidates:
            n_seeds = self._keep.n_seeds(each.name)
            if each.seconds is None or n_seeds >= each.n_seeds:
                continue
            option = self._first_unit(each, pooled, loss) if n_seeds == 0 else self._further(each, pooled, loss)
            options += [] if option is None else [option]
        return choice.chosen(options, self.deadline.left, self.workers)

    def _first_unit(self, candidate: Candidate, pooled: Mapping[str, FloatArray], loss: float) -> Piece | None:
        there = self._keep.folds_of((candidate.name, 0))
        missing = [fold for fold in range(self.plan.folds) if fold not in there]
        said = self._keep.said(candidate.name) if there else candidate.said
        left, workers = self.deadline.left, self.workers
        if said is None:
            gain = float(np.mean([*self._promised.values()] or [PRIOR]))
            option = choice.unit(candidate, missing, max(gain, LEAST), left, workers)
            return option and choice.first_folds(option, left, workers)
        gain = max(self.gains.of_new(pooled, said) / loss, LEAST)
        self._promised[candidate.name] = gain
        option = choice.unit(candidate, missing, gain, left, workers)
        if option and there:
            candidate.why_left = f"after {len(there)} of its folds others promised more for their time"
        return option

    def _further(self, candidate: Candidate, pooled: Mapping[str, FloatArray], loss: float) -> Piece | None:
        name, n_seeds = candidate.name, self._keep.n_seeds(candidate.name)
        if n_seeds > 1 and self._averaging.get(name, (0, 0.0))[0] != n_seeds:
            alone = [self._keep.said(name, seed) for seed in range(n_seeds)]
            gain = self.gains.of_averaging(pooled, name, [each for each in alone if each is not None]) / loss
            self._averaging[name] = n_seeds, max(gain, LEAST)
        known = [gain for _, gain in self._averaging.values()]
        gain = self._averaging[name][1] if name in self._averaging else float(np.mean(known or [PRIOR]))
        return choice.more_seeds(candidate, n_seeds, self.plan.folds, gain, self.deadline.left, self.workers)
