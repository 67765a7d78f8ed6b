"""A round: some training rows are hidden, the whole pipeline forecasts its score on them, and then it is scored.

The forecast is made by a function that is handed neither the hidden rows' targets nor a file's name, with several jobs
in another process.
"""

import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pipelines.audit.practice import Hidden, hide, without_published
from pipelines.competition import Competition
from pipelines.data.tables import Tables
from pipelines.executors.orphans import end_with
from pipelines.features.belonging import time_order
from pipelines.features.frames import make_features
from pipelines.metrics import FloatArray
from pipelines.submission.record import Forecast
from pipelines.validation.baselines import simple_models
from pipelines.validation.crossval import Plan, cross_validate

EARLIEST = 0.5  # of all rows, in the order of time: those that the earliest cut leaves


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: what was forecast from the cross-validated `score`, and the `outcome` on `rows` hidden rows."""

    seed: int
    rows: int
    score: float
    mean: float  # of the forecast
    error: float
    averaging: float  # of the mean: what averaging over folds is worth
    outcome: float
    outcome_se: float
    seconds: float

    @property
    def z(self) -> float:
        """The outcome in standard errors from the forecast; NaN where it has no error."""
        return (self.outcome - self.mean) / self.error if self.error > 0 else math.nan


@dataclass(frozen=True)
class Foretold:
    """What is forecast without the hidden rows' targets, and the predictions (M, P) that will be scored."""

    forecast: Forecast
    score: float
    test: FloatArray
    seconds: float


def alone(competition: Competition) -> Competition:
    """The competition as it is practised: without what others published, and without baselines, which cost time."""
    return replace(without_published(competition), baselines=dict.fromkeys(simple_models(competition)))


def deal(competition: Competition, tables: Tables, seed: int) -> Hidden:
    """Hide a fifth of the training rows: another one for each seed, dealt as `hide` does.

    Where rows have a time there is one latest fifth, seed 0's; other seeds end earlier, between all of the rows and
    EARLIEST of them (van der Corput's sequence), and hide the latest fifth of what is left: a rolling origin.
    """
    when = time_order(competition, tables.train)
    if when is not None and seed > 0:
        share = EARLIEST + (1 - EARLIEST) * (1 - van_der_corput(seed))
        left = np.flatnonzero(when <= np.sort(when)[math.ceil(share * len(when)) - 1])
        tables = replace(tables, train=tables.train.iloc[left].reset_index(drop=True), y=tables.y[left])
    return hide(competition, tables, seed)


def van_der_corput(number: int) -> float:
    """Numbers from 0 to 1 that fill it evenly, however many are taken.

    >>> [van_der_corput(number) for number in range(5)]
    [0.0, 0.5, 0.25, 0.75, 0.125]
    """
    return sum(int(bit) * 0.5**place for place, bit in enumerate(reversed(f"{number:b}"), start=1))


def foretell(competition: Competition, tables: Tables, plan: Plan, *, one_thread: bool = False) -> Foretold:
    """The whole pipeline anew on the rows that are shown: features, folds, encoders, networks, forecast."""
    started = time.perf_counter()
    if one_thread:
        import torch

        torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a run says them; here they would come once a round
        result = cross_validate(competition, make_features(competition, tables), plan)
    return Foretold(result.forecast, result.score, result.test, time.perf_counter() - started)


def scored(competition: Competition, seed: int, hidden: Hidden, foretold: Foretold) -> Round:
    """The round, now that the hidden rows' targets are looked at."""
    found, f = hidden.score(competition.metric, foretold.test), foretold.forecast
    return Round(
        seed=seed, rows=found.rows, score=foretold.score, mean=f.mean, error=f.se, averaging=f.averaging,
        outcome=found.score, outcome_se=found.se, seconds=round(foretold.seconds, 2),
    )  # fmt: skip


def play(competition: Competition, tables: Tables, plan: Plan, seeds: Iterable[int], jobs: int = 1) -> Iterator[Round]:
    """The rounds of these seeds as they are finished, `jobs` at a time, each in a process of its own on one thread.

    The targets of hidden rows stay in this process. That each round can be dealt is seen before the first is trained.
    Raises: HomeworkError where a round cannot be dealt or trained.
    """
    competition, seeds, dealt = alone(competition), list(seeds), dict[int, Hidden]()
    for seed in seeds:
        deal(competition, tables, seed)  # not kept: many rounds of many rows would fill memory

    def shown() -> Iterator[tuple[int, Tables]]:
        for seed in seeds:
            dealt[seed] = deal(competition, tables, seed)
            yield seed, dealt[seed].tables

    parent = os.getpid() if jobs > 1 else None
    for seed, foretold in _in_turn(partial(_of_seed, competition, plan, parent), shown(), jobs):
        yield scored(competition, seed, dealt.pop(seed), foretold)


def _of_seed(
    competition: Competition, plan: Plan, parent: int | None, seed: int, tables: Tables
) -> tuple[int, Foretold]:
    """A round in this process, or in one of its own, which is no use without its `parent`."""
    if parent is not None:
        end_with(parent)
    return seed, foretell(competition, tables, replace(plan, seed=seed), one_thread=parent is not None)


def _in_turn(
    function: Callable[[int, Tables], tuple[int, Foretold]], tasks: Iterator[tuple[int, Tables]], jobs: int
) -> Iterator[tuple[int, Foretold]]:
    if jobs == 1:
        yield from (function(*task) for task in tasks)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch=jobs)
        yield from parallel(delayed(function)(*task) for task in tasks)
