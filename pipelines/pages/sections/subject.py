"""What all sections look at: a saved run's scored rows, and how its numbers are written.

Shapes: n scored rows, P predictions of a row: probabilities of the C classes, or one value.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.competition import Competition, Number
from pipelines.metrics import FloatArray, IntArray, Metric, Target
from pipelines.pages.words import Words
from pipelines.runs.saved import SavedRun
from pipelines.submission.record import Record

SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Subject:
    """A run, and the language in which it is told."""

    run: SavedRun
    say: Words

    @property
    def record(self) -> Record:
        """What the run found out."""
        return self.run.record

    @property
    def competition(self) -> Competition:
        """The run's, as its code is now."""
        return self.run.competition

    @property
    def metric(self) -> Metric:
        """The competition's."""
        return self.competition.metric

    @property
    def number(self) -> Number | None:
        """What kind of number the target is; None where it is one of several classes."""
        return self.competition.number

    @cached_property
    def rows(self) -> IntArray:
        """Places (n,) among all training rows of those that a fold has scored."""
        kept = self.run.predictions
        return np.flatnonzero((kept.fold >= 0) & np.isfinite(kept.oof).all(axis=1))

    @cached_property
    def y(self) -> Target:
        """Class codes, or numbers of the file; (n,)."""
        return self.run.predictions.y[self.rows]

    @cached_property
    def oof(self) -> FloatArray:
        """What was said of each row; (n, P)."""
        return self.run.predictions.oof[self.rows]

    @cached_property
    def fold(self) -> IntArray:
        """The fold of each row; (n,)."""
        return self.run.predictions.fold[self.rows]

    @cached_property
    def units(self) -> IntArray | None:
        """Numbers that rows share which are not independent; (n,)."""
        units = self.run.predictions.units
        return None if units is None else units[self.rows]

    @cached_property
    def labels(self) -> IntArray:
        """The most probable class of each row; (n,)."""
        return np.asarray(self.oof.argmax(axis=1), dtype=np.int64)

    @cached_property
    def of_truth(self) -> FloatArray:
        """The probability that each row's own class got; (n,)."""
        return self.oof[np.arange(len(self.y)), self.y.astype(np.int64)]

    @cached_property
    def alone(self) -> dict[str, FloatArray]:
        """What each variant says alone; (n, P)."""
        return {name: said[self.rows] for name, said in self.run.predictions.variants.items()}

    @cached_property
    def names(self) -> list[str]:
        """The classes' names."""
        return [str(each) for each in self.competition.classes]

    @cached_property
    def spoken(self) -> list[str]:
        """The classes' names inside a sentence: a bare number or truth value is told with the target's name."""
        bare = any(not isinstance(each, str) or each.lstrip("+-").isdigit() for each in self.competition.classes)
        return [f"{self.competition.target}{SPACE}={SPACE}{name}" if bare else name for name in self.names]

    @cached_property
    def off(self) -> FloatArray:
        """How far values are from the truth, as they are learned: logarithms where these are; (n,)."""
        assert self.number is not None
        return self.number.forward(self.oof[:, 0]) - self.number.forward(self.y)

    def score_name(self) -> str:
        """The metric with its direction, in the page's language."""
        better = (
            self.say("greater is better", "越大越好")
            if self.metric.greater_is_better
            else self.say("smaller is better", "越小越好")
        )
        return self.say(f"{self.metric.name} ({better})", f"{self.metric.name}（{better}）")


def percent(share: float, digits: int = 1) -> str:
    r"""A share of a hundred.

    >>> percent(0.1234), percent(float("nan"))
    ('12.3\xa0%', '–')
    """
    return f"{100 * share:.{digits}f}{SPACE}%" if math.isfinite(share) else "–"


def amount(value: float) -> str:
    """A number of the file, to four digits.

    >>> amount(181234.0), amount(0.012345)
    ('181,200', '0.01235')
    """
    if not math.isfinite(value):
        return "–"
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:.4g}"


def wilson(hits: FloatArray, n: Any) -> tuple[FloatArray, FloatArray]:
    """95 % limits of shares `hits / n`; source: Wilson 1927.

    >>> [round(float(limit), 3) for limit in wilson(np.array(8.0), np.array(10.0))]
    [0.49, 0.943]
    """
    z, n = 1.96, np.asarray(n, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return middle - half, middle + half


def told(say: Words, pairs: Iterable[tuple[object, object]]) -> str:
    """Names, and what is said of each.

    >>> told(Words("en"), [("a", 1), ("b", 2)]), told(Words("zh"), [("a", 1), ("b", 2)])
    ('a: 1; b: 2', 'a：1；b：2')
    """
    return say("; ", "；").join(f"{name}{say(': ', '：')}{what}" for name, what in pairs)


def listed(say: Words, names: Sequence[str]) -> str:
    """Names, one after the other.

    >>> listed(Words("en"), ["a", "b", "c"]), listed(Words("zh"), ["a", "b"])
    ('a, b and c', 'a、b')
    """
    if len(names) < 2:
        return "".join(names)
    return say(f"{', '.join(names[:-1])} and {names[-1]}", "、".join(names))
