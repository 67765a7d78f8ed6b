"""Batch after batch until the time is over; of each the better half sees further folds.

All candidates of a batch see the first fold, a half of them the second, a half of these the next two, and so on:
Optuna's successive halving, whose steps are folds finished. The best of a batch always sees all folds.
Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning".
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import Trial, TrialState

from pipelines.metrics import FloatArray
from pipelines.tune.study import DIVERGED, HALF, Asked
from pipelines.tune.training import OutOfTimeError, Trainer

MOST, LEAST = 16, 2  # candidates of a batch
BATCHES = 6  # that a search has time for, at least, where candidates are slow: one for each depth
ROUNDS = 2.5  # of the first fold's time that a batch takes: 1 + 1/2 + 2/4 + ...
ERROR = "se"
EVERY = 0.5  # seconds between two words about the time


class Clock:
    """When a search ends; asked after each epoch of each network. `tell` hears of its seconds, and of how many."""

    def __init__(
        self, seconds: float, tell: Callable[[float, float], None] = lambda _seconds, _of: None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:  # fmt: skip
        self.now, self.began, self.seconds, self.tell = now, now(), seconds, tell
        self._again, self.epochs = self.began, 0

    @property
    def left(self) -> float:
        """Seconds."""
        return self.began + self.seconds - self.now()

    def check(self, *epoch: object) -> None:
        """Raise OutOfTimeError once it is over; what an `epoch` of a network has come to counts it."""
        now, self.epochs = self.now(), self.epochs + bool(epoch)
        if now >= self._again:
            self._again = now + EVERY
            self.tell(now - self.began, self.seconds)
        if self.left <= 0:
            raise OutOfTimeError


@dataclass
class Pace:
    """How many seconds an epoch of one network takes, among others; None before any was trained."""

    of_epoch: float | None = None

    def learn(self, seconds: float, epochs: int) -> None:
        """So many epochs, of all networks together, took so long; where there was none, nothing is told."""
        if epochs == 0:
            return
        found = seconds / epochs
        self.of_epoch = found if self.of_epoch is None else (self.of_epoch + found) / 2

    def seconds(self, epochs: float) -> float:
        """How long so many epochs take, about."""
        return epochs * (self.of_epoch or 0.0)

    def batch(self, left: float, epochs: int) -> int:
        """How many candidates a batch has, each of so many epochs on the first fold, where so many seconds are left."""
        of_one = ROUNDS * BATCHES * self.seconds(epochs)
        return MOST if of_one == 0 or left >= MOST * of_one else max(LEAST, int(left / of_one))


@dataclass
class Search:
    """One search: a study, and what trains its candidates; `limit` trials at most, beside the clock."""

    asked: Asked
    trainer: Trainer
    clock: Clock
    pace: Pace
    limit: int | None = None

    def run(self) -> int:
        """Search until the time is over; how many candidates have been scored."""
        begun, scored, epochs = 0, 0, self.trainer.seeds * self.asked.space.recipe.epochs
        while self._goes_on(begun, epochs):
            n = self.pace.batch(self.clock.left, epochs)
            batch = self.asked.batch(n if self.limit is None else min(n, self.limit - begun))
            begun += len(batch)
            scored += self._through(batch)
        self.asked.give_back()
        return scored

    def _goes_on(self, begun: int, epochs: int) -> bool:
        """If time is left for the first fold of a few more candidates, of so many epochs each; at first, always."""
        least = self.pace.seconds(LEAST * epochs) if begun else 0.0
        return self.clock.left > least and (self.limit is None or begun < self.limit)

    def _through(self, batch: Sequence[Trial]) -> int:
        """Train a batch fold by fold, and tell the study what came of each; how many have a score."""
        study, alive, done = self.asked.study, list(batch), list[int]()
        said: dict[int, list[FloatArray]] = {trial.number: [] for trial in batch}
        scores: dict[int, float] = {}  # of the folds so far
        try:
            for folds in stages(len(self.trainer.folds)):
                self._train(alive, folds, said)
                done += folds
                alive = [trial for trial in alive if self._scored(trial, done, said, scores)]
                if len(done) < len(self.trainer.folds):
                    alive = self._better(alive, scores)
        except OutOfTimeError:
            for trial in alive:
                study.tell(trial, state=TrialState.PRUNED if trial.number in scores else TrialState.FAIL)
            return len(scores)
        for trial in alive:
            trial.set_user_attr(ERROR, self._error(done, said[trial.number]))
            study.tell(trial, scores[trial.number])
        return len(scores)

    def _train(self, alive: Sequence[Trial], folds: Sequence[int], said: dict[int, list[FloatArray]]) -> None:
        if not alive:
            return
        candidates = {str(trial.number): self.asked.space.candidate(trial.params) for trial in alive}
        before, done = self.clock.now(), self.clock.epochs
        try:
            found = self.trainer.candidates(candidates, folds, self.clock.check)
        finally:  # of what the time cuts off, too
            self.pace.learn(self.clock.now() - before, self.clock.epochs - done)
        for trial in alive:
            said[trial.number] += [found[fold][str(trial.number)] for fold in folds if str(trial.number) in found[fold]]

    def _scored(
        self, trial: Trial, done: Sequence[int], said: dict[int, list[FloatArray]], scores: dict[int, float]
    ) -> bool:
        """Report the score of the folds that are finished; False where the training failed."""
        own = said[trial.number]
        score = self.trainer.score(done, own) if len(own) == len(done) else math.nan
        if not math.isfinite(score):
            trial.set_user_attr(DIVERGED, True)
            self.asked.study.tell(trial, state=TrialState.FAIL)
            return False
        trial.report(score, len(done))
        scores[trial.number] = score
        return True

    def _better(self, alive: Sequence[Trial], scores: dict[int, float]) -> list[Trial]:
        """Those that go on; the others are told to have been stopped."""
        study, kept, metric = self.asked.study, [], self.trainer.competition.metric
        leads = max((metric.gain(scores[trial.number], 0.0) for trial in alive), default=0.0)
        for trial in alive:
            stopped = trial.should_prune()  # asked of the best one too: it counts among those that others meet
            if stopped and metric.gain(scores[trial.number], 0.0) < leads:
                study.tell(trial, state=TrialState.PRUNED)
            else:
                kept.append(trial)
        return kept

    def _error(self, done: Sequence[int], said: Sequence[FloatArray]) -> float:
        """The standard error of a score."""
        rows, units = self.trainer.rows(done), self.trainer.features.dependent
        metric, of_rows = self.trainer.competition.metric, None if units is None else units[rows]
        return metric.se(self.trainer.truth(done), np.concatenate(said), of_rows, rough=True)


def epochs_through(folds: int, candidates: int) -> int:
    """How many times as long as on one fold alone it takes to find the best of so many, with all folds.

    >>> epochs_through(5, 2), epochs_through(2, 1)
    (6, 2)
    """
    found = 0
    for stage in stages(folds):
        found, candidates = found + candidates * len(stage), max(1, candidates // HALF)
    return found


def stages(folds: int) -> list[list[int]]:
    """Which folds are trained between two looks at who goes on.

    >>> stages(5), stages(2)
    ([[0], [1], [2, 3], [4]], [[0], [1]])
    """
    found, done, rung = [], 0, 1
    while done < folds:
        found.append(list(range(done, min(rung, folds))))
        done, rung = min(rung, folds), rung * HALF
    return found
