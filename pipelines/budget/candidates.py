"""What may be trained next, and what of it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.budget.seconds import makespan
from pipelines.metrics import FloatArray

MARGINS = {"measured": 1.1, "trial": 1.25, "earlier": 1.5}  # on seconds of this run, of a trial, of another day
SMALL = 0.1  # of the time left: what takes less is not tried by a few folds before
AT_ONCE = 0.125  # of the time left, for further seeds of one variant that train together


@dataclass
class Candidate:
    """A variant: `n_seeds` units at most, `seconds` of one model on one core; None where nothing is known of them.

    `known` says by what: a "trial", an "earlier" run, or this one ("measured"). `said` is what the variant said in an
    earlier run, `why_left` why none of its units is pooled, if that is so. So many folds `at_once` are one program. The
    competition's own preset has those that are `usual`.
    """

    name: str
    n_seeds: int
    seconds: float | None = None
    known: str = "trial"
    said: FloatArray | None = None
    why_left: str = "not tried: there was no time for it"
    at_once: int = 1
    usual: bool = False

    @property
    def with_margin(self) -> float:
        """Its seconds, if they are that much off."""
        return (self.seconds or 0.0) * MARGINS[self.known]


class Piece(NamedTuple):
    """What is trained in one go of a candidate: some seeds in some folds.

    `rate` is what the units that it belongs to are expected to take off the loss, a share of it, in each second.
    """

    candidate: Candidate
    seeds: range
    folds: Sequence[int]
    rate: float = 0.0

    @property
    def jobs(self) -> list[tuple[str, int, int]]:
        """Variant, fold and seed of each model."""
        return [(self.candidate.name, fold, seed) for fold in self.folds for seed in self.seeds]


def seconds_of(pieces: Sequence[Piece], workers: int, *, margin: bool = True) -> float:
    """How long so many workers take for the pieces."""
    seconds = [each.candidate.with_margin if margin else each.candidate.seconds or 0.0 for each in pieces]
    return makespan([one for each, one in zip(pieces, seconds, strict=True) for _ in each.jobs], workers)


def unit(candidate: Candidate, folds: Sequence[int], gain: float, left: float, workers: int) -> Piece | None:
    """The first unit of a candidate, of which `folds` are missing; None, and why, where no time is left for it.

    A `gain` that nothing tells, NaN, is tried by a fold for each worker first.
    """
    whole = Piece(candidate, range(1), folds)
    seconds = seconds_of([whole], workers)
    if seconds > left:
        candidate.why_left = f"it would have taken about {seconds:.0f} s, and {max(0.0, left):.0f} s were left"
        return None
    return whole._replace(rate=gain / max(seconds, 1e-9))


def first_folds(piece: Piece, left: float, workers: int) -> Piece:
    """A fold, or a program of some, for each worker, to try it by; all where that takes no time to speak of."""
    few = workers * piece.candidate.at_once
    if len(piece.folds) <= few or seconds_of([piece], workers) <= SMALL * left:
        return piece
    return piece._replace(folds=piece.folds[:few])


def more_seeds(
    candidate: Candidate, n_seeds: int, n_folds: int, of_averaging: float, left: float, workers: int
) -> Piece | None:
    """Further seeds of a candidate that has `n_seeds`: as many again, as far as they take little of the time left.

    `of_averaging` is what the mean of very many seeds takes off the loss of one: see `Gains.of_averaging`.
    """
    best: Piece | None = None
    for more in range(1, min(n_seeds, candidate.n_seeds - n_seeds) + 1):
        piece = Piece(candidate, range(n_seeds, n_seeds + more), range(n_folds))
        seconds = seconds_of([piece], workers)
        if seconds > left or (best is not None and seconds > AT_ONCE * left):
            break
        best = piece._replace(rate=of_averaging * (1 / n_seeds - 1 / (n_seeds + more)) / max(seconds, 1e-9))
    return best


def chosen(options: Sequence[Piece], left: float, workers: int) -> list[Piece]:
    """The option with the greatest rate, and those after it as long as a worker would be idle beside them."""
    pieces: list[Piece] = []
    for option in sorted(options, key=lambda each: -each.rate):
        n_jobs = sum(len(each.jobs) for each in pieces)
        if pieces and n_jobs % workers == 0:
            break
        if not pieces or seconds_of([*pieces, option], workers) <= left / 2:
            pieces.append(option)
    return pieces


def least_minutes(seconds: float) -> float:
    """Minutes, in halves, that so many seconds fit into.

    >>> least_minutes(61), least_minutes(20)
    (1.5, 0.5)
    """
    return math.ceil(seconds / 30) / 2
