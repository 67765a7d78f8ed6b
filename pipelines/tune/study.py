"""Optuna's study in a file: asked in batches of one shape, by several processes at once, and again after a kill.

A trial that runs names its process, which holds a lock as long as it lives. What a process that is gone has begun is
told failed, and asked again.
"""

import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any

import numpy as np
import optuna
from filelock import FileLock
from optuna.pruners import SuccessiveHalvingPruner
from optuna.samplers import PartialFixedSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from pipelines.errors import DataError, HomeworkError, NoRoomError
from pipelines.files.locks import claim, is_locked, remove_abandoned
from pipelines.tune.space import SHAPE, Space

DATABASE, LOCK, TRAINING, WORKERS = "study.db", ".study.lock", ".training.lock", "workers"
WAIT = 120.0  # seconds for another process to let go of the database
AT_RANDOM = 16  # candidates before the sampler has learned enough to choose
REFUSALS = (SQLAlchemyError, optuna.exceptions.OptunaError)  # what a database that cannot be used raises
HALF = 2  # of the candidates of a rung, one in so many goes on
WORKER, AGAIN, DIVERGED = "worker", "again", "diverged"  # of a trial: whose it is, asked again, its loss no number

optuna.logging.set_verbosity(logging.ERROR)


@contextmanager
def quietly() -> Iterator[None]:
    """Without Optuna's words about what is new in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


class Storage:
    """The studies of one folder, for this process; to be entered while it works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker = f"{os.getpid()}-{token_hex(4)}"
        self._descriptor: int | None = None

    def __enter__(self) -> "Storage":
        place = self.folder / WORKERS
        place.mkdir(parents=True, exist_ok=True)
        self._descriptor = claim(place / self.worker)
        with self.locked():  # two processes would make the same tables
            try:
                self.storage = RDBStorage(f"sqlite:///{DATABASE}", engine_kwargs={"creator": self._connect})
            except (*REFUSALS, RuntimeError) as error:  # the last one: of another version of Optuna
                self._let_go()
                raise self._refused(error) from error
            event.listen(self.storage.engine, "connect", _with_journal)
            self.storage.engine.dispose()  # of connections without it
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of it. What the database says in an error's place is said in words: whoever asks it is in here."""
        with suppress(SQLAlchemyError):
            self.storage.engine.dispose()
        self._let_go()
        if isinstance(error, REFUSALS):
            raise self._refused(error) from error

    def _let_go(self) -> None:
        assert self._descriptor is not None
        if os.name == "nt":
            os.close(self._descriptor)
        (self.folder / WORKERS / self.worker).unlink(missing_ok=True)
        if os.name != "nt":
            os.close(self._descriptor)

    def _connect(self) -> sqlite3.Connection:
        """By the path itself: as a part of an address some of its signs would mean something."""
        return sqlite3.connect(self.folder / DATABASE, timeout=WAIT, check_same_thread=False)

    def _refused(self, error: Exception) -> HomeworkError:
        """Why the database cannot be used, told by the innermost error: Optuna's own words are about something else."""
        inner: BaseException | None = error
        while inner is not None and not isinstance(inner, sqlite3.Error):
            inner = inner.__cause__
        said = (str(inner or error).splitlines() or [type(error).__name__])[0]
        path = self.folder / DATABASE
        if "is full" in said:
            return NoRoomError(f"the disk of {path} is full")
        if "is locked" in said:
            return HomeworkError(
                f"{path} has been in use by other processes for {WAIT:.0f} s",
                "run the same command again; it goes on", "请再次运行同一命令，它会继续",
            )  # fmt: skip
        if re.search(r"readonly|unable to open|disk I/O", said):
            return HomeworkError(
                f"{path} cannot be used: {said}",
                f"see that {self.folder} can be written to, then run the same command again; it goes on",
                f"请确认 {self.folder} 可写，再运行同一命令，它会继续",
            )
        return DataError(
            f"{path} cannot be used: {said}",
            f"remove {self.folder}, and search anew",
            f"请删除 {self.folder}，然后重新搜索",
        )

    def locked(self) -> FileLock:
        """What one process at a time does."""
        return FileLock(self.folder / LOCK, timeout=WAIT)

    def locked_long(self, seconds: float) -> FileLock:
        """The same for a training: others wait for what it leaves, so many seconds at most."""
        return FileLock(self.folder / TRAINING, timeout=max(0.0, seconds))

    def study(self, name: str, *, greater_is_better: bool, seed: int) -> Study:
        """The study of that name, made or found; what processes that are gone have begun waits to be asked again."""
        with self.locked():
            study = optuna.create_study(
                study_name=name, storage=self.storage, load_if_exists=True,
                direction="maximize" if greater_is_better else "minimize",
                pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=HALF),
            )  # fmt: skip
            self._take_up(study)
            begun, others = len(study.get_trials(deepcopy=False)), len(self.others())
        chance = [seed, begun, os.getpid() if others else 0]  # two at once are not to choose the same
        first = int(np.random.SeedSequence(chance).generate_state(1)[0])
        study.sampler = TPESampler(n_startup_trials=AT_RANDOM, constant_liar=True, seed=first)
        return study

    def others(self) -> list[str]:
        """Other processes that work in the folder."""
        place = self.folder / WORKERS
        return [path.name for path in place.iterdir() if path.name != self.worker and is_locked(path)]

    def _take_up(self, study: Study) -> None:
        alive = {self.worker, *self.others()}
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(WORKER) not in alive:
                with suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
                    study.tell(trial.number, state=TrialState.FAIL)
                    if not trial.user_attrs.get(AGAIN):  # else it may be what kills
                        study.enqueue_trial(trial.params, user_attrs={AGAIN: True})
        for path in (self.folder / WORKERS).iterdir():
            if path.name not in alive:
                remove_abandoned(path)


def _with_journal(connection: Any, _record: object) -> None:
    """A journal that is written ahead: a commit waits for no disk, and what a kill interrupts stays whole."""
    for setting in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {setting}")


class Asked:
    """Trials of one study, asked batch by batch: those of a batch have the shape of its first."""

    def __init__(self, study: Study, space: Space, storage: Storage) -> None:
        self.study, self.space, self.storage = study, space, storage
        self.sampler = study.sampler
        self.distributions = space.distributions()
        self.waiting: list[Trial] = []  # asked, and of another shape

    def batch(self, n: int) -> list[Trial]:
        """So many trials at most, one at least.

        The default comes first, then depths that have not been tried, with its width and epochs.
        """
        with quietly():
            first = self.waiting.pop(0) if self.waiting else self._ask(self._untried())
            shape, fixed = self.space.shape(first.params), {name: first.params[name] for name in self._shared}
            same = [trial for trial in self.waiting if self.space.shape(trial.params) == shape][: n - 1]
            batch = [first, *same]
            self.waiting = [trial for trial in self.waiting if trial not in same]
            while len(batch) < n and len(self.waiting) < n:
                trial = self._ask(fixed)
                (batch if self.space.shape(trial.params) == shape else self.waiting).append(trial)
        return batch

    def give_back(self) -> None:
        """Leave what was asked and not begun as something that the time was over for."""
        for trial in self.waiting:
            self.study.tell(trial, state=TrialState.FAIL)
        self.waiting = []

    @property
    def _shared(self) -> list[str]:
        return [name for name in SHAPE if name in self.distributions]

    def _ask(self, fixed: Mapping[str, Any]) -> Trial:
        self.study.sampler = PartialFixedSampler(dict(fixed), self.sampler) if fixed else self.sampler
        with self.storage.locked():  # so that nobody takes it for one that was left
            trial = self.study.ask(self.distributions)
            trial.set_user_attr(WORKER, self.storage.worker)
        return trial

    def _untried(self) -> dict[str, Any]:
        """The first depth that nobody has tried, beside the default's other choices; nothing once all have been.

        Tried is one of which a candidate has seen all folds, diverged, or is at work: the best of a batch goes on to
        the end, unless a kill or the time cuts it off.
        """
        trials = self.study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING, TrialState.FAIL)
        )
        ended = [trial for trial in trials if trial.state != TrialState.FAIL or trial.user_attrs.get(DIVERGED)]
        tried = {trial.params.get("layers") for trial in ended}
        depth = next((depth for depth in self.space.depths if depth not in tried), None)
        if depth is None:
            return {}
        start = self.space.start
        if start is not None and start["layers"] == depth and not self._waits(start):
            self.study.enqueue_trial(dict(start))
        return {"layers": depth} | {name: value for name, value in self.space.first.items() if name in self._shared}

    def _waits(self, params: Mapping[str, Any]) -> bool:
        """Whether somebody has put these into the queue, and nobody has taken them."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return any(trial.system_attrs.get("fixed_params") == dict(params) for trial in waiting)


def in_memory(study: Study) -> Study:
    """The same study without its file: trials that have come to their end."""
    copy = optuna.create_study(direction=study.direction, study_name=study.study_name)
    copy.add_trials(trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished())
    return copy


def states(study: Study) -> dict[TrialState, int]:
    """How many trials there are of each state."""
    trials = study.get_trials(deepcopy=False)
    return {state: sum(trial.state == state for trial in trials) for state in TrialState}


def best(study: Study, trials: Sequence[FrozenTrial] | None = None) -> FrozenTrial | None:
    """The best of the trials that have seen all folds; None where there is none."""
    return next(iter(ranked(study, trials)), None)


def ranked(study: Study, trials: Sequence[FrozenTrial] | None = None) -> list[FrozenTrial]:
    """The trials that have seen all folds, the best one first."""
    done = [
        trial
        for trial in (study.get_trials(deepcopy=False) if trials is None else trials)
        if trial.state == TrialState.COMPLETE and trial.value is not None
    ]
    sign = -1 if study.direction == optuna.study.StudyDirection.MAXIMIZE else 1
    return sorted(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
