"""All of a search in one function: outer folds, each with a search of its own, then one on all rows.

The minutes are shared out among the searches; what default and tuned network take on the outer folds is set aside as
soon as it has been measured once.
"""

import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from math import ceil, floor
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import Timeout
from optuna.study import Study, get_all_study_names
from optuna.trial import TrialState

from pipelines.competition import Competition
from pipelines.data.sources import Fetch, Source, locate
from pipelines.data.tables import read
from pipelines.errors import DataWarning, TrainingError, TrainingWarning, UsageError
from pipelines.features.belonging import split_lines
from pipelines.features.frames import Features, make_features
from pipelines.hardware import blas_on_one_thread, pick_device
from pipelines.metrics import FloatArray, Target
from pipelines.settings.knobs import MOST_MINUTES, Knobs
from pipelines.settings.trial import try_metric
from pipelines.settings.tuned import Candidate, Tuned, file_of
from pipelines.training.targets import learned
from pipelines.tune.kept import opened, question
from pipelines.tune.nested import OUTER, Gain, Outside, dealt, folds_that_fit, gain_of, outer_folds, part_of
from pipelines.tune.search import ERROR, LEAST, Clock, Pace, Search, epochs_through
from pipelines.tune.space import MOST_LAYERS, Space, base_of, space_of
from pipelines.tune.study import Asked, Storage, best, in_memory, ranked, states
from pipelines.tune.training import OutOfTimeError, Trainer
from pipelines.validation.crossval import FEW_ROWS, Plan
from pipelines.validation.splits import Fold

FOLDS, SEEDS = 5, 2  # of a candidate, at most: as the preset says where that is less
CLOSING, SHARE_OF_CLOSING = 8.0, 0.08  # seconds for table and picture, or a share of all, if that is less
MOST_CLOSING = 0.2  # of all seconds
UNBOUNDED = 1e9  # seconds, where candidates are counted in their place
ALL = "all rows"
SEARCHES = OUTER + 1
HOPELESS = 0.5  # of the seconds that a first candidate takes, about, a search is not begun

Say = Callable[[str], None]
OnTime = Callable[[str, float, float], None]  # what goes on, its seconds so far, its seconds in all


@dataclass(frozen=True)
class Depth:
    """Networks with so many hidden layers: how many were tried, how many saw all folds, the best of these."""

    layers: int
    tried: int
    finished: int
    score: float | None = None
    se: float | None = None


@dataclass(frozen=True)
class Found:
    """What a search came to; `study` is that on all rows, `before` what another search has left in the same place."""

    source: Source
    folder: Path
    space: Space
    study: Study
    tuned: Tuned
    path: Path
    gain: Gain | None
    depths: list[Depth]
    before: Tuned | None = None


@dataclass
class Tuning:
    """A competition's rows, what is searched, and the time that is left of it."""

    competition: Competition
    features: Features
    plan: Plan
    space: Space
    seeds: int  # of networks on outer folds
    storage: Storage
    seconds: float
    began: float
    limit: int | None
    say: Say
    on_time: OnTime
    pace: Pace = field(default_factory=Pace)
    costs: dict[str, float] = field(default_factory=dict)  # seconds of default and tuned network on an outer fold
    measured: bool = False  # a training on an outer fold, by this process
    searched: int = 0
    beginning: float = 0.0  # seconds until here
    closing: float = 0.0  # seconds that table and picture will take

    def __post_init__(self) -> None:
        """On a machine that is busy the end takes long, too: about as long as the beginning did."""
        self.beginning = time.perf_counter() - self.began
        usual = min(CLOSING, SHARE_OF_CLOSING * self.seconds)
        self.closing = min(MOST_CLOSING * self.seconds, max(usual, self.beginning))

    @property
    def left(self) -> float:
        """Seconds that are left for searching and training."""
        return self.began + self.seconds - self.closing - time.perf_counter()

    def share(self, outer_left: int) -> float:
        """Seconds of the next search, before so many outer folds are trained on."""
        default = self.costs.get("default", 0.0)
        aside = outer_left * self.costs.get("tuned", 1.5 * default) + max(0, outer_left - 1) * default
        return max(0.0, self.left - aside) / (SEARCHES - self.searched)

    def seconds_of(self, depths: int) -> float:
        """How long a first batch of so many depths takes, about, until its best has seen all folds."""
        one = epochs_through(self.plan.folds, LEAST) * self.plan.seeds * self.space.recipe.epochs
        return self.pace.seconds(depths * one)

    def is_hopeless(self, name: str) -> bool:
        """Whether the time is too short by far for a first candidate, as the default told just now.

        What was measured another day, or beside another process, tells too little, as it does where the study is there.
        """
        told = self.measured and not self.storage.others() and name not in get_all_study_names(self.storage.storage)
        return told and self.share(OUTER) < HOPELESS * self.seconds_of(1)

    def search(self, name: str, rows: Features, outer_left: int) -> Study:
        """Search on some rows for a share of the time."""
        metric, plan = self.competition.metric, self.plan
        study = self.storage.study(name, greater_is_better=metric.greater_is_better, seed=plan.seed)
        folds = dealt(rows, plan.folds, plan.seed)
        trainer = Trainer(self.competition, rows, folds, plan.seeds, plan.seed, plan.device)
        what = f"search {self.searched + 1} of {SEARCHES}"
        clock = Clock(self.share(outer_left), tell=lambda seconds, of: self.on_time(what, seconds, of))
        asked = Asked(study, self.space, self.storage)
        scored = Search(asked, trainer, clock, self.pace, self.limit).run()
        self.searched += 1
        there, found = states(study), best(study)
        said = "none has seen all folds" if found is None else f"best {found.value:.4f}"
        whole = there[TrialState.COMPLETE]
        n = whole + there[TrialState.PRUNED]
        self.say(f"{what}, {name}: {scored} candidates, {n} in all, {whole} through {plan.folds} folds, {said}")
        return study

    def outside(
        self, outer: list[Fold], fold: int, candidate: Candidate | None, kept: Outside
    ) -> FloatArray | None:  # fmt: skip
        """What the default (None), or a candidate, says of an outer fold's rows; None where the time is over.

        Where several processes want the same, one trains, and the others find it.
        Raises: TrainingError.
        """
        try:
            with self.storage.locked_long(self.left):
                return self._outside(outer, fold, candidate, kept)
        except Timeout:
            return None

    def best_outside(self, outer: list[Fold], fold: int, study: Study, kept: Outside) -> FloatArray | None:
        """The same of the best that a search has found and that can be trained on all of its rows."""
        for found in ranked(study):
            with suppress(TrainingError):  # with more seeds, and on more rows, its loss may be no number
                return self.outside(outer, fold, self.space.candidate(found.params), kept)
        return None

    def _outside(
        self, outer: list[Fold], fold: int, candidate: Candidate | None, kept: Outside
    ) -> FloatArray | None:  # fmt: skip
        there = kept.find(fold, candidate)
        if there is not None:
            self._learn(candidate, there[1])
            return there[0]
        base = self.competition.variants[self.space.base]
        variant = base if candidate is None else candidate.variant(self.competition)
        trainer = Trainer(self.competition, self.features, outer, self.seeds, self.plan.seed, self.plan.device)
        clock, before = Clock(max(0.0, self.left)), time.perf_counter()
        try:
            found = trainer.variants({"one": variant}, [fold], clock.check)[fold]["one"]
        except OutOfTimeError:
            self.pace.learn(time.perf_counter() - before, clock.epochs)
            return None
        self._learn(candidate, time.perf_counter() - before)
        self.measured = True
        kept.keep(fold, candidate, found, time.perf_counter() - before)
        return found

    def _learn(self, candidate: Candidate | None, seconds: float) -> None:
        """So long the default (None) takes on an outer fold, or a candidate."""
        self.costs["default" if candidate is None else "tuned"] = seconds
        if candidate is None:
            self.pace.learn(seconds, self.seeds * self.space.recipe.epochs)


@blas_on_one_thread()
def tune(
    competition: Competition, knobs: Knobs, minutes: float, *,
    base: str | None = None, began: float | None = None, limit: int | None = None, fetch: Fetch | None = None,
    say: Say = lambda _line: None, on_time: OnTime = lambda _what, _seconds, _of: None,
    on_folder: Callable[[Path], None] = lambda _folder: None,
) -> Found:  # fmt: skip
    """Search for `minutes` since `began`, or `limit` candidates a search; leave the best recipe and what it is worth.

    Raises: HomeworkError for anything wrong with options or data, or where the time suffices for no candidate.
    """
    seconds = 60 * minutes if limit is None else UNBOUNDED
    preset, base = competition.presets[knobs.preset], base_of(competition, knobs.preset, base)
    source = locate(competition, knobs.data, fetch=fetch)
    say(source.line)
    tables = read(competition, source)
    try_metric(competition.metric, tables.y, competition.n_outputs)
    for note in tables.notes:
        warnings.warn(note, DataWarning, stacklevel=2)
    features = make_features(competition, tables)
    most = min(preset.folds, FOLDS)
    folds = folds_that_fit(competition.slug, features, most, knobs.seed)
    if folds < most:
        say(f"{folds} folds a candidate, not {most}: more do not fit in the rows that are outside of each outer fold")
    plan = Plan(
        folds=folds, seeds=min(preset.seeds, SEEDS), variants={base: competition.variants[base]},
        seed=knobs.seed, device=str(pick_device(knobs.device)),
    )  # fmt: skip
    for line in split_lines(competition, plan.folds, features):
        say(line)
    space = space_of(competition, base, *_few(competition, features))
    say(f"around {base}: {space.line}")
    assert knobs.runs is not None, "a search is kept"
    folder, why = opened(knobs.runs, question(competition, features, plan, space, preset.seeds))
    on_folder(folder)
    say(f"search: {folder}{f' (a new one, {why})' * bool(why)}")
    with Storage(folder) as storage, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # of candidates that learn nothing, say
        others = len(storage.others())
        if others:
            say(f"joined: {others} other process{'es' * (others > 1)} search{'es' * (others == 1)} here")
        tuning = Tuning(
            competition, features, plan, space, preset.seeds, storage, seconds,
            time.perf_counter() if began is None else began, limit, say, on_time,
        )  # fmt: skip
        gain = _nested(tuning, folder)
        study = tuning.search(ALL, features, 0)
        return _found(tuning, source, folder, study, gain)


def _few(competition: Competition, features: Features) -> tuple[pd.DataFrame, Target]:
    """A few rows from all over, one of each class at least, and their labels as they are learned."""
    y = features.y
    few = np.arange(len(y))[:: max(1, len(y) // FEW_ROWS)]
    if competition.number is None:
        few = np.union1d(few, np.unique(y, return_index=True)[1])
    return features.train.iloc[few], learned(y[few], competition.number)


def _nested(tuning: Tuning, folder: Path) -> Gain | None:
    """Search outside of each outer fold, and hold what it finds against the default on the fold."""
    outer, kept = outer_folds(tuning.features, tuning.plan.seed), Outside(folder)
    said: dict[int, tuple[FloatArray, FloatArray]] = {}
    for fold in range(OUTER):
        default = tuning.outside(outer, fold, None, kept)
        if default is None and not tuning.costs:
            raise _too_short(tuning)
        name = f"without outer fold {fold + 1}"
        if fold == 0 and tuning.is_hopeless(name):
            raise _too_short(tuning)
        study = tuning.search(name, part_of(tuning.features, outer[fold].train), OUTER - fold)
        tuned = None if default is None else tuning.best_outside(outer, fold, study, kept)
        if default is not None and tuned is not None:
            said[fold] = (default, tuned)
    return gain_of(tuning.competition, tuning.features, dict(enumerate(outer)), said)


def _found(tuning: Tuning, source: Source, folder: Path, study: Study, gain: Gain | None) -> Found:
    """The best of all rows, kept where `--variants tuned` finds it."""
    competition, found = tuning.competition, best(study)
    if found is None:
        raise _too_short(tuning)
    assert found.value is not None
    candidate, depths = tuning.space.candidate(found.params), depths_of(study)
    tuned = Tuned(
        slug=competition.slug, candidate=candidate, study=folder.name, metric=competition.metric.name,
        score=found.value, se=found.user_attrs.get(ERROR, float("nan")), line=candidate.expression(competition),
        depths=tuple(astuple(row) for row in depths),
    )  # fmt: skip
    if gain is not None:
        tuned = replace(tuned, gain=gain.gain, gain_se=gain.se, verdict=gain.verdict)
    sample = source.kind == "sample"
    tuned.save(folder, sample=sample)  # there it stays, whatever is found later
    before = _before(folder, sample=sample)
    path = tuned.save(folder.parent, sample=sample)
    return Found(source, folder, tuning.space, in_memory(study), tuned, path, gain, depths, before)


def _before(folder: Path, *, sample: bool) -> Tuned | None:
    """What another search has left; it is kept in the folder of that one, too."""
    try:
        there = Tuned.load(folder.parent, folder.parent.name, sample=sample)
    except UsageError:
        return None
    own = folder.parent / there.study
    if own == folder or not own.is_dir():
        return None
    if not (own / file_of(sample=sample)).exists():
        there.save(own, sample=sample)
    return there


def depths_of(study: Study) -> list[Depth]:
    """An answer to the notes' question: how good networks with so many layers are."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    rows = []
    for layers in range(MOST_LAYERS + 1):
        own = [trial for trial in trials if trial.params["layers"] == layers]
        done, leads = sum(trial.state == TrialState.COMPLETE for trial in own), best(study, own)
        score = (None, None) if leads is None else (leads.value, leads.user_attrs.get(ERROR))
        rows.append(Depth(layers, len(own), done, *score))
    return rows


def _too_short(tuning: Tuning) -> UsageError:
    """No candidate has seen all folds; how long it takes until one of each depth has, in each search."""
    plan, minutes = tuning.plan, tuning.seconds / 60
    outside = tuning.pace.seconds(2 * OUTER * tuning.seeds * tuning.space.recipe.epochs)
    trained = outside + SEARCHES * tuning.seconds_of(len(tuning.space.depths)) or 2 * tuning.seconds
    seconds = tuning.beginning + max(trained, tuning.seconds) / (1 - SHARE_OF_CLOSING)
    wanted = min(MOST_MINUTES, max(floor(minutes) + 1, ceil(seconds / 60)))
    return UsageError(
        f"in {minutes:g} minute{'s' * (minutes != 1)} no candidate sees all {plan.folds} folds",
        f"give it more: with --minutes {wanted} one of each depth does, about",
        f"请增加时间：--minutes {wanted} 大约可使每种层数各有一个候选完成",
    )
