"""What the command `scores` shows of the board: lines below its table, and a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.kaggle.board import picture
from pipelines.kaggle.board.leaderboard import NAME, Leaderboard, kept
from pipelines.kaggle.board.marks import RunMark, alike, marks
from pipelines.kaggle.board.percentile import Field, field_of, lines
from pipelines.submission.ledger import Entry


@dataclass(frozen=True)
class Shown:
    """The runs of a competition that can be compared, and the teams as far as they are known."""

    slug: str
    marks: Sequence[RunMark]
    teams: Leaderboard | None
    field: Field | None

    @classmethod
    def of(
        cls, slug: str, runs: Path, submissions: Path, entries: Sequence[Entry] | None = None, run: str | None = None
    ) -> "Shown":
        """What lies in the two folders, and can be compared with a run. Nothing is asked of Kaggle."""
        found = alike(marks(slug, runs, submissions, entries), run)
        on_made_rows = any(mark.made_rows for mark in found)  # whose scores are no teams'
        teams = None if on_made_rows else kept(slug, submissions / slug / NAME)
        metric = next((mark.metric for mark in reversed(found) if mark.metric), None)
        return cls(slug, found, teams, field_of(teams, slug, metric))

    def lines(self, table: Sequence[dict[str, Any]]) -> Iterator[str]:
        """All teams, and where the newest row of the table stands that has a score or a forecast."""
        told = [row for row in table if row["public"] is not None or row["forecast"] is not None]
        if self.teams is not None and self.field is not None:
            yield from lines(self.teams, self.field, told[-1] if told else None)

    def draw(self, path: Path) -> str:
        """Draw the marks into `path`; returns where the picture is, or why there is none, in a line."""
        if not self.marks:
            return f"picture: none: there is no run of {self.slug} yet"
        made_rows = ", on made rows" if self.marks[-1].made_rows else ""
        try:
            picture.write(path, f"{self.slug}{made_rows}: what was forecast, and what came", self.marks, self.field)
        except Exception as error:  # of a full disk, or of whatever matplotlib meets on a machine
            why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            return f"picture: none: {path}: {why or error}"
        return f"picture: {path}"
