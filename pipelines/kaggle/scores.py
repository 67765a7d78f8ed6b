"""Scores: waited for, picked up later, written beside the forecast, and shown as a table."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import HomeworkError
from pipelines.files import write_whole
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.errors import AccessError, NetworkError, PendingError, RefusedError, printable
from pipelines.kaggle.ledger import Entry, Ledger

Record = dict[str, Any]


@dataclass(frozen=True)
class Board:
    """Where scores are kept: the ledger, and the records beside the csv files."""

    ledger: Ledger
    folder: Path  # of one competition's submissions

    def record(self, entry: Entry) -> Record:
        """The record of the entry's csv; empty if it is gone."""
        path = self._record_path(entry)
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def write(self, entry: Entry) -> None:
        """Put Kaggle's verdict into the ledger, and into the record beside the forecast."""
        verdict = {
            "status": entry.status, "public": entry.public, "private": entry.private,
            "rank": entry.rank, "error": entry.error,
        }  # fmt: skip
        self.ledger.append("scored", entry, ref=entry.ref, **verdict)
        record = self.record(entry)
        if record and record.get("csv_sha256") == entry.csv_sha256:
            record["kaggle"] = {"ref": entry.ref, "tag": entry.tag, **verdict}
            write_whole(self._record_path(entry), (json.dumps(record, indent=2) + "\n").encode())

    def _record_path(self, entry: Entry) -> Path:
        return (self.folder / Path(entry.file).name).with_suffix(".json")


def wait(kaggle: Kaggle, board: Board, entry: Entry) -> Entry:
    """Ask with growing intervals until Kaggle has a verdict, and write it down.

    A status that is not known and a failure that passes mean: not yet.
    Raises: PendingError after the deadline.
    """
    patience, pause = kaggle.patience, kaggle.patience.first_poll
    ends = patience.clock() + patience.score_deadline
    while not look(kaggle, board, entry):
        if patience.clock() + pause > ends:
            raise PendingError(
                f"submission {entry.ref} has no score yet (status {entry.status or 'unknown'})",
                f"it is safe with Kaggle; later: python -m pipelines scores {entry.slug}",
                f"提交已完成，请稍后运行 python -m pipelines scores {entry.slug} 查看得分",
            )
        kaggle.say(f"{(entry.status or 'unknown').lower()}; asking again in {pause:.0f} s")
        patience.sleep(pause)
        pause = min(patience.longest_poll, pause * 1.5)
    return entry


def check_verdict(entry: Entry) -> None:
    """Raise RefusedError with Kaggle's reason if scoring failed."""
    if entry.status == "ERROR":
        raise RefusedError(
            f"Kaggle could not score submission {entry.ref}: {entry.error or 'no reason given'}",
            "compare the csv with the sample submission and submit another one",
            "请对照示例提交文件检查 csv，再提交新文件",
        )


def look(kaggle: Kaggle, board: Board, entry: Entry) -> bool:
    """Ask once; True, and written down, if Kaggle has a verdict."""
    try:
        answer = _submission(kaggle, entry)
    except NetworkError as error:
        if not error.passing:
            raise
        kaggle.say(f"{error.message}; asking again later")
        return False
    entry.status = printable(answer.get("status") or "PENDING").upper()
    if not entry.done:
        return False
    entry.public, entry.private = _number(answer.get("publicScore")), _number(answer.get("privateScore"))
    entry.error = printable(answer.get("errorDescription") or "")[:500] or None
    entry.rank = _rank(kaggle, entry, answer.get("teamName"))
    board.write(entry)
    return True


def _submission(kaggle: Kaggle, entry: Entry) -> Answer:
    """The submission by its reference; by the list where the direct question is not answered."""
    assert entry.ref is not None, "what was not submitted is not looked up"
    try:
        answer = kaggle.submission(entry.slug, entry.ref)
    except (AccessError, NetworkError, RefusedError):
        answer = {}
    if answer.get("ref") == entry.ref:
        return answer
    listed = kaggle.submissions(entry.slug)
    return next((item for item in listed if item.get("ref") == entry.ref), {})


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _rank(kaggle: Kaggle, entry: Entry, team: object) -> int | None:
    """The team's place if it is on the leaderboard's first page."""
    if not team or entry.public is None:
        return None
    try:
        page = kaggle.leaderboard(entry.slug)
    except HomeworkError:
        return None
    places = [place for place, row in enumerate(page, 1) if row.get("teamName") == team]
    return places[0] if places else None


def score_line(entry: Entry, record: Record) -> str:
    """Public score beside the forecast, in standard errors; private score and rank where there are any.

    >>> entry = Entry("titanic", "a.csv", "", "t", "", status="COMPLETE", public=0.77511)
    >>> score_line(entry, {"forecast": {"mean": 0.7700, "low": 0.7504, "high": 0.7896}})
    'forecast 0.7700 (0.7504 to 0.7896), public score 0.77511: 0.5 standard errors above the forecast'
    """
    forecast = record.get("forecast")
    parts = []
    if forecast:
        parts.append(f"forecast {forecast['mean']:.4f} ({forecast['low']:.4f} to {forecast['high']:.4f})")
    distance = distance_in_errors(entry.public, forecast)
    if entry.public is None:
        parts.append("no public score is shown")
    elif distance is None:
        parts.append(f"public score {entry.public:.5f}")
    else:
        side = "above" if distance >= 0 else "below"
        parts.append(f"public score {entry.public:.5f}: {abs(distance):.1f} standard errors {side} the forecast")
    if entry.private is not None:
        parts.append(f"private score {entry.private:.5f}")
    if entry.rank is not None:
        parts.append(f"rank {entry.rank}")
    return ", ".join(parts)


def distance_in_errors(public: float | None, forecast: Record | None) -> float | None:
    """(public - forecast) in standard errors of the forecast, whose interval is 2 x 1.96 of them wide."""
    if public is None or not forecast or not forecast["high"] > forecast["low"]:
        return None
    error = (forecast["high"] - forecast["low"]) / (2 * 1.96)
    return float((public - forecast["mean"]) / error)


def rows(board: Board, slug: str) -> list[Record]:
    """One row per submission, oldest first; plain JSON values, None where nothing is known."""
    found = []
    for entry in board.ledger.entries(slug):
        record = board.record(entry)
        forecast = record.get("forecast") or {}
        found.append(
            {
                "file": entry.file, "time": entry.time, "ref": entry.ref,
                "status": entry.status or ("PENDING" if entry.ref else "UNKNOWN"),
                "cv_mean": record.get("cv_mean"), "cv_se": record.get("cv_se"),
                "forecast": forecast.get("mean"), "forecast_low": forecast.get("low"),
                "forecast_high": forecast.get("high"), "public": entry.public, "private": entry.private,
                "standard_errors": distance_in_errors(entry.public, forecast), "rank": entry.rank,
                "error": entry.error, "tag": entry.tag, "csv_sha256": entry.csv_sha256,
            }
        )  # fmt: skip
    return found


def table_lines(table: list[Record]) -> Iterator[str]:
    """The rows as aligned text: file, cross-validated ± error, forecast, public, private, rank."""
    width = max([4, *(len(row["file"]) for row in table)])
    yield f"{'file':<{width}}  {'cross-validated':<17}  {'forecast':<8}  {'public':<9}  {'private':<9}  rank"
    for row in table:
        cv = f"{row['cv_mean']:.4f} ± {row['cv_se']:.4f}" if row["cv_mean"] is not None else "-"
        forecast = f"{row['forecast']:.4f}" if row["forecast"] is not None else "-"
        public = f"{row['public']:.5f}" if row["public"] is not None else row["status"].lower()
        private = f"{row['private']:.5f}" if row["private"] is not None else "-"
        rank = row["rank"] or "-"
        yield f"{row['file']:<{width}}  {cv:<17}  {forecast:<8}  {public:<9}  {private:<9}  {rank}"
        if row["error"]:
            yield f"  {row['error']}"
