"""Cross-validation within so many minutes: units in the order of expected gain per second, until nothing fits any more.

A unit is one seed of one variant in all folds, so that every row is scored by all that is pooled. One of the usual
preset's variants is first, or the cheapest unit: then there is a submission. The usual preset's others come next, as
far as they fit. A variant of which nothing is known is tried by a few folds, which count. What cannot be finished is
not begun; what takes longer than the time is dropped, and its finished models stay in the run's folder.

Shapes: N training rows, P predictions of a row.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from pipelines.budget.candidates import Candidate, Piece, seconds_of
from pipelines.budget.deadline import Deadline, OutOfTimeError, crowding
from pipelines.budget.earlier import Earlier, measured_earlier
from pipelines.budget.gains import Gains
from pipelines.budget.gathered import Gathered
from pipelines.budget.order import Order
from pipelines.budget.seconds import by_trial, seconds_after
from pipelines.budget.start import first_unit, too_short, try_unknown
from pipelines.competition import Competition, Preset, Variant
from pipelines.data.sources import Source
from pipelines.features.frames import Features
from pipelines.hardware import blas_on_one_thread, n_cores
from pipelines.metrics import FloatArray
from pipelines.report.curves import OnTask
from pipelines.settings.knobs import Knobs
from pipelines.submission.record import Budget
from pipelines.training.fit import Job, OnEpoch
from pipelines.validation.baselines import simple_models, without_slow
from pipelines.validation.crossval import FoldEncoder, Plan, train_networks
from pipelines.validation.estimators import Fit, fit_all, fit_one, fits_of, networks_of, out_of_fold
from pipelines.validation.groups import fits_at_a_time
from pipelines.validation.results import CVResult, Keep, Predictions, summarise
from pipelines.validation.splits import split

MOST_SEEDS = 20  # of a variant: the average of 20 has nearly all that averaging gives
MOST_SLOW = 5.0  # times as long as a core takes that nobody else has
SIMPLE = 0.03  # of the time, for each simple model that the score is compared with


def usual_preset(competition: Competition, preset: str) -> Preset:
    """The preset of that name, or the first where there is none."""
    return competition.presets.get(preset) or next(iter(competition.presets.values()))


def all_there_is(competition: Competition, preset: str, device: str) -> Preset:
    """All variants, in the folds of the usual preset.

    Those that presets for a GPU alone have are left out elsewhere: even to try them takes minutes.
    """
    presets, usual = competition.presets.values(), usual_preset(competition, preset)
    heavy, others = ({name for each in presets if each.gpu is gpu for name in each.variants} for gpu in (True, False))
    left_out = heavy - others if device == "cpu" else set()
    return replace(usual, seeds=MOST_SEEDS, variants=tuple(n for n in competition.variants if n not in left_out))


def minutes_line(competition: Competition, plan: Plan, deadline: Deadline) -> str:
    """How much time there is, and what there is to choose from."""
    several = f"{len(plan.variants)} variants" if len(plan.variants) > 1 else f"variant {next(iter(plan.variants))}"
    minutes, folds = deadline.minutes, plan.folds
    return f"{competition.slug}: the best of {minutes:g} min, with {several} in {folds} folds, on {plan.device}"


def within(deadline: Deadline, knobs: Knobs, source: Source, say: Callable[[str], None]) -> Callable[..., CVResult]:
    """What cross-validates as `cross_validate` does, of a plan what the deadline allows."""

    def cross_validate(
        competition: Competition, features: Features, plan: Plan, on_epoch: OnEpoch, on_task: OnTask, keep: Keep
    ) -> CVResult:
        earlier = measured_earlier(competition, features, plan, knobs, source)
        usual = () if knobs.variants else usual_preset(competition, knobs.preset).variants
        part = Within(competition, features, plan, deadline, earlier, say, usual)
        return part.cross_validate(on_epoch, on_task, keep)

    return cross_validate


class Within:
    """One cross-validation of as much of a plan as a `deadline` allows; `earlier` says what runs before it measured.

    The variants that are `usual` go before others. `say` gets a line where what is trained is not what the competition
    says.
    """

    def __init__(
        self, competition: Competition, features: Features, plan: Plan, deadline: Deadline,
        earlier: Mapping[str, Earlier], say: Callable[[str], None], usual: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.competition, self.features, self.plan, self.deadline, self.say = competition, features, plan, deadline, say
        y, groups, when = features.y, features.groups, features.time
        self.folds = split(y, plan.folds, plan.seed, features.twins, groups=groups, time=when)
        self.workers = n_cores() if plan.device == "cpu" else 1
        names = [*(name for name in usual if name in plan.variants), *(n for n in plan.variants if n not in usual)]
        self.candidates = [self._candidate(name, earlier.get(name), name in usual) for name in names]
        self.order: list[str] = []
        self._encoders = self._new_encoders()

    def _candidate(self, name: str, earlier: Earlier | None, usual: bool) -> Candidate:
        n_seeds, variant = self.plan.seeds, self.plan.variants[name]
        if variant.make_estimator is not None:  # of which one may stand for all seeds
            n_seeds = len(fits_of(self.plan, {name: variant})) // self.plan.folds
        if earlier is None:
            return Candidate(name, n_seeds, usual=usual)
        return Candidate(name, n_seeds, earlier.seconds, "earlier", earlier.said, usual=usual)

    @blas_on_one_thread()
    def cross_validate(self, on_epoch: OnEpoch, on_task: OnTask, keep: Keep) -> CVResult:
        """Train what fits, and pool what is whole.

        Raises: UsageError where nothing fits.
        """
        y, deadline, gathered = self.features.y, self.deadline, Gathered(keep, self.folds, len(self.features.y))
        self._keep, self._on_epoch, self._on_task = gathered, partial(self._epoch, on_epoch), on_task
        self.workers = min(self.workers, fits_at_a_time(self.plan, self._encoders))  # as many as the memory allows
        deadline.slowness = float(np.clip(crowding(self.workers), 1, MOST_SLOW))
        self._keep_some_time(1)
        try_unknown(self.competition, self.features, self.plan, self.folds[-1], self.candidates, deadline)
        self.plan, first = first_unit(self.plan, self.candidates, deadline, self.workers, self.say)
        simple = self._begin()
        gains = Gains(self.competition, y)
        self._choice = Order(self.candidates, gathered, gains, deadline, self.workers, self.plan.folds)
        if not self._choice.pooled() and not self._train([first]) and not self._choice.pooled():
            why = f"the time was over before {first.candidate.name} was trained in all folds"
            raise too_short(deadline, why, deadline.passed + seconds_of([first], self.workers))
        baselines = self._compare(simple)
        in_time = True
        while in_time:
            self._keep_some_time(1 + len(self._choice.pooled()))
            pieces = self._choice.next()
            in_time = bool(pieces) and self._train(pieces)
        seeds = {name: n for name in self.plan.variants if (n := gathered.n_seeds(name))}
        variants = {name: self.plan.variants[name] for name in seeds}
        said, dependent = gathered.predictions, self.features.dependent
        result = summarise(self.competition, y, variants, self.folds, said, baselines, dependent)
        left = {each.name: each.why_left for each in self.candidates if each.name not in seeds}
        return replace(result, budget=Budget(deadline.minutes, seeds, left, self.order))

    def _keep_some_time(self, n_variants: int) -> None:
        """For what comes after the training; more where others compute beside this run, as its beginning tells."""
        sizes = len(self.features.y), len(self.features.test), n_variants, self.plan.folds
        self.deadline.reserve = self.deadline.slowness * seconds_after(self.competition, *sizes)

    def _epoch(self, on_epoch: OnEpoch, job: Job, epoch: int, loss: float) -> None:
        on_epoch(job, epoch, loss)
        self.deadline.check()

    def _new_encoders(self) -> dict[str, FoldEncoder]:
        plan, number = self.plan, self.competition.number
        return {n: FoldEncoder(self.features, self.folds, each, plan.seed, number) for n, each in plan.variants.items()}

    def _begin(self) -> dict[str, Variant]:
        """Tell what keeps the run all that may be trained, and take what is there; returns the simple models."""
        plan, competition, features = self.plan, self.competition, self.features
        self._encoders = self._new_encoders()  # of a plan whose epochs may be fewer now
        n_features = next(iter(self._encoders.values())).form.n_features
        models = without_slow(competition, simple_models(competition), len(features.y), n_features)
        simple = {name: Variant(make_estimator=make) for name, make in models.items()}
        fits = [*fits_of(plan, plan.variants), *fits_of(plan, simple, pooled=False), *networks_of(plan)]
        self._keep.begin(competition, features, self.folds, plan, fits)
        for each in self.candidates:
            jobs = [job for fold in range(plan.folds) for job in plan.jobs(fold, each.name)]
            for seed in range(each.n_seeds):
                self._keep.find([job for job in jobs if job.seed == seed])
                if self._keep.pool(each.name) <= seed:
                    break
        return simple

    def _compare(self, simple: Mapping[str, Variant]) -> dict[str, FloatArray]:
        """What those of the simple models say that take little time."""
        quick: dict[str, Variant] = {}
        for name, variant in simple.items() if self.deadline.left > 0 else ():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trial = by_trial(self.competition, self.features, self.plan, self.folds[-1], variant, pooled=False)
            candidate = Candidate(name, 1, self.deadline.slowness * trial.seconds)
            of_all = seconds_of([Piece(candidate, range(1), range(self.plan.folds))], self.workers)
            if of_all <= min(SIMPLE * self.deadline.seconds, self.deadline.left):
                quick[name] = variant
        said = self._fit(fits_of(self.plan, quick, pooled=False), self.plan) if quick else []
        return out_of_fold(said, self.folds, len(self.features.y))

    def _fit(self, fits: Sequence[Fit], plan: Plan) -> list[Predictions]:
        """Fit estimators or baselines; none is begun that would not end in time, as those before it have taken."""
        needed = {each.name: each.seconds or 0.0 for each in self.candidates}

        def one(fit: Fit, keep: Keep) -> Predictions:
            name = fit.jobs[0].variant
            if fit.pooled:
                self.deadline.check(needed[name])
            said = fit_one(self.competition, self.features, self.folds, fit, keep)
            needed[name] = said.seconds
            return said

        self._keep.want(fits)
        encoders = {name: self._encoders[name] for name in plan.variants}
        return fit_all(one, fits, fits_at_a_time(plan, encoders), self._on_task, self._keep)

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
            self._choice.learn(pieces, self.deadline.passed - began)
        return in_time
