"""How a run that has minutes begins: what is not known is tried by few rows; one unit makes a submission."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipelines.budget.candidates import Candidate, Piece, least_minutes, seconds_of
from pipelines.budget.deadline import Deadline
from pipelines.budget.seconds import by_trial
from pipelines.competition import Competition
from pipelines.errors import UsageError
from pipelines.features.frames import Features
from pipelines.hardware import cores, n_cores
from pipelines.validation.crossval import Plan
from pipelines.validation.splits import Fold

TRIALS = 0.1  # of the time, for trials of what no earlier run has measured
FIRST = 0.75  # of the time left, for what makes the first submission: without one the rest is worth nothing


def try_unknown(
    competition: Competition, features: Features, plan: Plan, fold: Fold, candidates: Sequence[Candidate],
    deadline: Deadline,
) -> None:  # fmt: skip
    """Measure by a few rows what no earlier run has measured: the usual, then networks; the first in any case."""
    unknown = [each for each in candidates if each.seconds is None]
    unknown.sort(key=lambda each: (not each.usual, plan.variants[each.name].make_model is None))
    began = deadline.passed

    def measure(candidate: Candidate) -> None:
        if candidate is unknown[0] or deadline.passed - began < TRIALS * deadline.seconds:
            trial = by_trial(competition, features, plan, fold, plan.variants[candidate.name])
            candidate.seconds, candidate.at_once = deadline.slowness * trial.seconds, trial.at_once

    workers = n_cores() if plan.device == "cpu" else 1
    with warnings.catch_warnings(), cores(workers, 1) as (pool, _step):
        warnings.simplefilter("ignore")  # whatever it is, it is said when it is trained
        for done in [pool.submit(measure, each) for each in unknown]:
            done.result()


def first_unit(
    plan: Plan, candidates: Sequence[Candidate], deadline: Deadline, workers: int, say: Callable[[str], None]
) -> tuple[Plan, Piece]:
    """The first of the usual variants that fits, else the unit that takes least; and the plan.

    Where even that does not fit, it is a network's that gets fewer epochs.

    Raises: UsageError where no epoch fits.
    """
    units = [Piece(each, range(1), range(plan.folds)) for each in candidates if each.seconds is not None]
    units.sort(key=lambda each: seconds_of([each], workers))
    left = FIRST * deadline.left if units[0].candidate.known == "trial" else deadline.left
    usual = (Piece(each, range(1), range(plan.folds)) for each in candidates if each.usual and each.seconds is not None)
    for each in (*usual, units[0]):
        if seconds_of([each], workers) <= left:
            return plan, each
    for each in units:
        variant, name = plan.variants[each.candidate.name], each.candidate.name
        epochs = int(variant.recipe.epochs * left / seconds_of([each], workers))
        if variant.make_model is not None and epochs >= 1:
            recipe = variant.recipe
            say(f"{name}: {epochs} epochs in place of {recipe.epochs}, since more would not fit into the time")
            each.candidate.seconds = (each.candidate.seconds or 0.0) * epochs / recipe.epochs
            cut = replace(variant, recipe=replace(recipe, epochs=epochs))
            return replace(plan, variants={**plan.variants, name: cut}), each
    if seconds_of(units[:1], workers) <= deadline.left:  # an estimator, which has no epochs to cut
        return plan, units[0]
    name, seconds = units[0].candidate.name, seconds_of(units[:1], workers)
    raise too_short(deadline, f"the cheapest variant, {name}, takes about {seconds:.0f} s", deadline.passed + seconds)


def too_short(deadline: Deadline, why: str, seconds: float) -> UsageError:
    """That no submission comes of so many minutes, and how many are enough by the `seconds` that one takes."""
    enough = max(least_minutes(seconds + deadline.reserve), deadline.minutes + 0.5)
    return UsageError(
        f"--minutes {deadline.minutes:g} is too short: {deadline.passed:.0f} s are gone, {why}, and what comes after "
        f"the training takes about {deadline.reserve:.0f} s",
        f"give --minutes {enough:g} or more",
        f"请使用 --minutes {enough:g} 或更大的值",
    )
