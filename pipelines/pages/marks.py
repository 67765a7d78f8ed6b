"""Numbers on one axis: each a dot with its interval, as rows of a page that need no drawing library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MARGIN = 0.07  # of the axis that stays free at both ends
MOST_TICKS = 6
FAR = 4  # times as wide as the others: a baseline that makes the axis wider than that stands at its edge

Kind = Literal["ours", "baseline", "forecast", "known"]


@dataclass(frozen=True)
class Mark:
    """A number, where it may lie (`low` to `high`, or None), and how it is written."""

    label: str
    value: float
    low: float | None
    high: float | None
    shown: str
    kind: Kind


@dataclass(frozen=True)
class Marks:
    """Marks on one axis; places are in percent of its width.

    `note` says what the lines beside the dots are; `around` is a number that the axis holds, and marks.
    """

    title: str
    marks: Sequence[Mark]
    note: str = ""
    around: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest number of the axis; baselines that are far off stand at its edge."""
        shown, far = list(self.marks), [mark for mark in self.marks if mark.kind == "baseline"]
        for mark in reversed(far):  # the worst comes last
            rest = [each for each in shown if each is not mark]
            if len(rest) > 1 and _width(shown, self.around) > FAR * _width(rest, self.around) > 0:
                shown = rest
        values = _values(shown, self.around)
        low, high = min(values), max(values)
        room = (high - low) * MARGIN or abs(low) * MARGIN or 1.0
        return low - room, high + room

    def beyond(self, mark: Mark) -> int:
        """Where a mark is that the axis does not reach: 1 above it, -1 below it; 0 for all others."""
        low, high = self.ends
        return (mark.value > high) - (mark.value < low)

    def place(self, value: float | None) -> float:
        """Where a number stands.

        >>> Marks("", [Mark("a", 0.0, None, None, "", "ours"), Mark("b", 1.0, None, None, "", "ours")]).place(0.5)
        50.0
        """
        low, high = self.ends
        assert value is not None
        return round(100 * (value - low) / (high - low), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of round numbers: steps of 1, 2 or 5 times a power of ten.

        >>> Marks("", [Mark("a", 0.61, None, None, "", "ours"), Mark("b", 0.85, None, None, "", "ours")]).ticks[0]
        (2.49, '0.60')
        """
        low, high = self.ends
        power = 10.0 ** math.floor(math.log10((high - low) / MOST_TICKS))
        step = next(power * each for each in (1, 2, 5, 10) if (high - low) / (power * each) <= MOST_TICKS)
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        numbers = [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
        return [(self.place(each), f"{each:,.{digits}f}".replace("-", "−")) for each in numbers]


def _values(marks: Sequence[Mark], around: float | None) -> list[float]:
    values = [each for mark in marks for each in (mark.value, mark.low, mark.high) if each is not None]
    return values if around is None else [*values, around]


def _width(marks: Sequence[Mark], around: float | None) -> float:
    values = _values(marks, around)
    return max(values) - min(values)
