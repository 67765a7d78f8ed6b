"""What a run has found out so far: heard from what keeps it, while it trains; and how long it will take."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pipelines.budget.deadline import Deadline
from pipelines.competition import Competition
from pipelines.features.frames import Features
from pipelines.report.live.parts import Part, mean_of
from pipelines.runs.keeping import RunKeep
from pipelines.training.checkpoint.epochs import Checkpoint
from pipelines.training.fit import Group, Job
from pipelines.validation.results import Finished, Keep, in_units

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.validation.crossval import Plan
    from pipelines.validation.estimators import Fit
    from pipelines.validation.splits import Fold

EVERY = 0.1  # seconds at least between two times that others are told of epochs
SHARE = 0.005  # of a run's time that its scores so far may take
WINDOW = 60  # marks, a second apart at least, that the pace is told by
ENOUGH = 100  # one of so many steps tells a pace
Tell = Callable[["SoFar"], None]


class SoFar:
    """Counts what is done, scores what is scored, reckons what is left; each of `listeners` is told.

    The score so far, in `pool`, is that of the rows that a model has scored by now: the mean over seeds, then over
    variants. May be called from several threads; listeners are called by one at a time.
    """

    def __init__(
        self, listeners: Sequence[Tell] = (), clock: Callable[[], float] = time.monotonic,
        deadline: Deadline | None = None,
    ) -> None:  # fmt: skip
        self.listeners, self.clock, self.began = listeners, clock, clock()
        self.deadline = deadline  # of a run that has minutes: then nothing else says when it ends
        self.parts: dict[tuple[bool, str], Part] = {}
        self.pool = Part("all variants")
        self.competition: Competition | None = None
        self.folder: Path | None = None  # where the run is kept
        self.task: tuple[str, int, int] | None = None  # estimators and baselines, while they are fitted
        self.is_over, self.failed = False, ""  # and why it has ended early
        self._stale: set[Part] = set()
        self._lock = threading.RLock()
        self._told, self._score_again = -EVERY, 0.0
        self._marks: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    def around(self, keep: RunKeep) -> Keep:
        """What stands between a run and what keeps it, and hears all that is finished."""
        return _Heard(keep, self)

    @property
    def variants(self) -> list[Part]:
        """The variants, in the order of the plan."""
        return [part for part in self.parts.values() if part.pooled]

    @property
    def baselines(self) -> list[Part]:
        """The simple models."""
        return [part for part in self.parts.values() if not part.pooled]

    @property
    def n_models(self) -> tuple[int, int]:
        """Networks and estimators of the variants that are done, and all."""
        return sum(len(part.done) for part in self.variants), sum(part.n_models for part in self.variants)

    @property
    def steps(self) -> tuple[int, int]:
        """What the time is reckoned by, done and all: epochs of networks, or estimators where there are none.

        Of a run that has minutes it is these, in seconds.
        """
        if self.deadline is not None:
            return min(int(self.deadline.passed), int(self.deadline.seconds)), max(1, int(self.deadline.seconds))
        networks = [part for part in self.variants if part.epochs]
        if networks:
            return sum(part.n_epochs for part in networks), sum(part.epochs * part.n_models for part in networks)
        return sum(len(part.done) for part in self.parts.values()), sum(part.n_models for part in self.parts.values())

    @property
    def share(self) -> float:
        """What is fitted of all models, baselines too, from 0 to 1; a network counts by its epochs. Or the time's."""
        if self.deadline is not None:
            return min(1.0, self.deadline.passed / self.deadline.seconds)
        done = sum(part.n_epochs / part.epochs if part.epochs else len(part.done) for part in self.parts.values())
        return done / max(1, sum(part.n_models for part in self.parts.values()))

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    @property
    def left(self) -> float | None:
        """Seconds until all is trained, at the pace of the last minute or so; None where that is not known yet.

        Of a run that has minutes, what is left of these.
        """
        if self.deadline is not None:
            return max(0.0, self.deadline.ends - self.deadline.clock())
        done, of = self.steps
        if 0 < of <= done:
            return 0.0
        then, before = self._marks[0] if self._marks else (self.clock(), done)
        is_told = done - before >= max(1, of / ENOUGH)
        return (of - done) * (self.clock() - then) / (done - before) if is_told else None

    def begin(
        self, competition: Competition, features: Features, folds: "Sequence[Fold]", plan: "Plan", fits: "Sequence[Fit]"
    ) -> None:
        """Hear what is going to be fitted."""
        with self._lock:
            self.competition, self._features, self._folds = competition, features, folds
            self.parts = {(True, name): Part(name) for name in plan.variants}
            for name, variant in plan.networks.items():
                self.parts[True, name].epochs = variant.recipe.epochs
            for fit in fits:
                key = fit.pooled, fit.jobs[0].variant
                self.parts.setdefault(key, Part(key[1], pooled=fit.pooled)).n_models += self.deadline is None

    def opened(self, keep: RunKeep) -> None:
        """Hear where the run is kept, and what other runs have finished of it."""
        with self._lock:
            self.folder = None if keep.folder is None else keep.folder.path
            for ident in keep.there:
                part = self.parts[ident.pooled, ident.variant]
                part.done.add((ident.fold, ident.seed))
                part.n_models += self.deadline is not None
            self._tell(always=True)

    def want(self, fits: "Sequence[Fit]") -> None:
        """Hear what is fitted next, where time decides it."""
        with self._lock:
            for fit in fits:
                part, job = self.parts[fit.pooled, fit.jobs[0].variant], fit.jobs[0]
                part.n_models += (job.fold, job.seed) not in part.done

    def trains(self) -> None:
        """Hear that the time is to be reckoned from the next epoch on: networks train from now on."""
        with self._lock:
            self._marks.clear()

    def on_epoch(self, job: Job, epoch: int, loss: float) -> None:
        """Hear of an epoch of a network, counted from 1."""
        with self._lock:
            part, which = self.parts[True, job.variant], (job.fold, job.seed)
            for losses, new in ((part.losses, loss), (part.held_out, getattr(loss, "held_out", None))):
                if new is not None:  # a training that begins anew, in halves say, begins its curve anew
                    losses.setdefault(which, [])[epoch - 1 :] = [float(new)]
            self._tell()

    def on_task(self, what: str, done: int, of: int) -> None:
        """Hear of estimators and baselines, or of trainings."""
        with self._lock:
            self.task = (what, done, of) if done < of else None
            self._tell()

    def add(self, finished: Sequence[Finished], *, pooled: bool) -> None:
        """Hear of models that are finished, or were before."""
        with self._lock:
            for each in finished:
                part, which = self.parts[pooled, each.job.variant], (each.job.fold, each.job.seed)
                rows = self._folds[each.job.fold].scored
                if part.add(which, rows, each.scored, len(self._features.y)):
                    part.seconds += each.seconds
                    self._stale.add(part)
                for losses, new in ((part.losses, each.losses), (part.held_out, each.held_out)):
                    if new:
                        losses[which] = list(new)
            self._score()
            self._tell(always=True)

    def finish(self, failed: str = "") -> None:
        """Hear that the run is over, and why if it did not end well."""
        with self._lock:
            self.is_over, self.failed, self.task = True, failed, None
            self._tell(always=True)

    def _score(self) -> None:
        """Score anew what has changed, and all variants together; for no more than a share of the run's time."""
        is_all = all(len(part.heard) == part.n_models for part in self.parts.values())
        if is_all or self.clock() >= self._score_again:
            started = time.thread_time()
            for part in self._stale:
                self._score_of(part, [part])
            self._score_of(self.pool, self.variants)
            self._stale.clear()
            self._score_again = self.clock() + (time.thread_time() - started) / SHARE

    def _score_of(self, into: Part, parts: Sequence[Part]) -> None:
        competition = self.competition
        if competition is None or all(part.sums is None for part in parts):
            return
        with suppress(Exception):  # a metric of somebody's own that takes no part of the rows: no score so far
            known, said = mean_of(parts)
            y, said, units = self._features.y[known], in_units(competition, said), self._features.dependent
            score = competition.metric(y, said)
            into.se = competition.metric.se(y, said, None if units is None else units[known], rough=True)
            into.score, into.n_scored = score, len(known)

    def _mark(self) -> None:
        """Remember how far it has come, for the pace."""
        now = self.clock()
        if not self._marks or now - self._marks[-1][0] >= 1:
            self._marks.append((now, self.steps[0]))

    def _tell(self, *, always: bool = False) -> None:
        now = self.clock()
        if always or now - self._told >= EVERY:
            self._told = now
            self._mark()
            for listener in self.listeners:
                listener(self)


class _Heard(Keep):
    """Hands everything on to what keeps a run, and lets `SoFar` hear of it."""

    def __init__(self, keep: RunKeep, so_far: SoFar) -> None:
        self._keep, self._so_far = keep, so_far

    def begin(
        self, competition: Competition, features: Features, folds: "Sequence[Fold]", plan: "Plan", fits: "Sequence[Fit]"
    ) -> None:
        self._so_far.begin(competition, features, folds, plan, fits)
        self._keep.begin(competition, features, folds, plan, fits)
        self._so_far.opened(self._keep)

    def want(self, fits: "Sequence[Fit]") -> None:
        self._keep.want(fits)
        self._so_far.want(fits)

    def expect(self, groups: Sequence[Group]) -> None:
        self._keep.expect(groups)
        self._so_far.trains()

    def checkpoint(self, jobs: Sequence[Job]) -> Checkpoint | None:
        return self._keep.checkpoint(jobs)

    def find(self, jobs: Sequence[Job], *, pooled: bool = True) -> dict[Job, Finished]:
        found = self._keep.find(jobs, pooled=pooled)
        if found:
            self._so_far.add(list(found.values()), pooled=pooled)
        return found

    def put(
        self, finished: Sequence[Finished], encoders: Mapping[int, Any], models: Mapping[Job, Any], *,
        pooled: bool = True,
    ) -> None:  # fmt: skip
        self._keep.put(finished, encoders, models, pooled=pooled)
        self._so_far.add(finished, pooled=pooled)
