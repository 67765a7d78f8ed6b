"""How many teams a score is better than, and as good as.

A percentile hides ties, and a board is full of them: Titanic's has some hundred different scores for its thousands of
teams. So both numbers are said. The team itself is one of those that its best score is level with.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.errors import HomeworkError
from pipelines.kaggle.board.leaderboard import Leaderboard
from pipelines.runs.history.choice import metric_of

LINES = (50, 90, 99)  # per cent of the teams


@dataclass(frozen=True)
class Standing:
    """Of a score: how many teams have a worse one, the same one, and how many there are."""

    worse: int
    level: int
    teams: int

    @property
    def percent(self) -> float:
        """Of the teams, how many are worse."""
        return 100 * self.worse / self.teams

    @property
    def percent_level(self) -> float:
        """Of the teams, how many have the same score."""
        return 100 * self.level / self.teams


@dataclass(frozen=True)
class Field:
    """The scores of all teams, the worst first, so that a greater number is better: those of a loss change sign."""

    gains: tuple[float, ...]
    greater_is_better: bool

    @classmethod
    def of(cls, board: Leaderboard, *, greater_is_better: bool) -> "Field":
        """That of a leaderboard; the order of its rows does not matter."""
        sign = 1 if greater_is_better else -1
        return cls(tuple(sorted(sign * score for score in board.scores)), greater_is_better)

    def standing(self, score: float) -> Standing:
        """Where a score stands.

        >>> board = Leaderboard(None, (0.8, 0.7, 0.7, 0.5))
        >>> Field.of(board, greater_is_better=True).standing(0.7)
        Standing(worse=1, level=2, teams=4)
        >>> Field.of(board, greater_is_better=False).standing(0.6)
        Standing(worse=3, level=0, teams=4)
        """
        gain = score if self.greater_is_better else -score
        worse = bisect_left(self.gains, gain)
        return Standing(worse, bisect_right(self.gains, gain) - worse, len(self.gains))

    def score_at(self, percent: float) -> float:
        """The least good score that is at least as good as those of `percent` of the teams.

        >>> Field.of(Leaderboard(None, (0.8, 0.7, 0.6, 0.5)), greater_is_better=True).score_at(50)
        0.6
        """
        place = max(1, math.ceil(percent / 100 * len(self.gains)))
        return self.gains[place - 1] if self.greater_is_better else -self.gains[place - 1]


def field_of(board: Leaderboard | None, slug: str, metric: str | None) -> Field | None:
    """The teams' scores in the direction of a metric, by its name in a record; of a stranger's, in the board's order.

    None without a board, or without a score on it.
    """
    if board is None or not board.scores:
        return None
    try:
        greater = metric_of(slug, metric).greater_is_better
    except HomeworkError:  # a competition that has no folder here; Kaggle's best is first
        greater = board.scores[0] >= board.scores[-1]
    return Field.of(board, greater_is_better=greater)


def facts(field: Field | None, row: dict[str, Any]) -> dict[str, Any]:
    """Per cent of the teams that a row's public score, and its forecast with both ends, are better than."""
    found = dict[str, Any](public_percent=None, public_percent_level=None, forecast_percent=None)
    if field is not None and row["public"] is not None:
        standing = field.standing(row["public"])
        found |= {"public_percent": standing.percent, "public_percent_level": standing.percent_level}
    if field is not None and row["forecast"] is not None:
        ends = [field.standing(row[name]).percent for name in ("forecast_low", "forecast", "forecast_high")]
        found["forecast_percent"] = sorted(ends)
    return found


def lines(board: Leaderboard, field: Field, row: dict[str, Any] | None) -> Iterator[str]:
    """The board in a line: teams, its best score, its median; then where a row of the table stands."""
    best = field.score_at(100)
    shared = field.standing(best).level
    yield (
        f"leaderboard of {board.fetched:%Y-%m-%d}: {len(field.gains):,} teams; the best score {best:.5f} "
        f"({shared:,} team{'s' * (shared != 1)}), the median {field.score_at(50):.5f}"
    )
    if row is None:
        return
    said = row | facts(field, row)
    if said["public_percent"] is not None:
        yield (
            f"  the last public score is better than {said['public_percent']:.1f} % of the teams, "
            f"level with {said['public_percent_level']:.1f} %"
        )
    if said["forecast_percent"] is not None:
        low, middle, high = said["forecast_percent"]
        yield (
            f"  {'its' if said['public_percent'] is not None else 'the last'} forecast is better than "
            f"{middle:.1f} % of the teams ({low:.1f} % to {high:.1f} %)"
        )
