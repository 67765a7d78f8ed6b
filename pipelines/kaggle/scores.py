"""Scores: waited for, picked up later, written beside the forecast, and shown as a table.

`submissions/ledger.jsonl` tells what happened: one whole line per event, appended and never changed, each
with time (UTC), slug, file, csv_sha256 and tag. `sending` goes before the last step of a submission,
`submitted` (ref) after it, `refused` (why) instead; `scored` follows when Kaggle has a verdict.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.errors import HomeworkError
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.errors import AccessError, NetworkError, PendingError, RefusedError, printable
from pipelines.submission.record import Forecast, Record, Verdict

NAME = "ledger.jsonl"
Row = dict[str, Any]


@dataclass
class Entry:
    """One submission, as its events tell it."""

    slug: str
    file: str
    csv_sha256: str
    tag: str
    time: str = ""
    ref: int | None = None
    today: int | None = None  # submissions that Kaggle counted just before
    status: str | None = None
    public: float | None = None
    private: float | None = None
    rank: int | None = None
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether Kaggle has given its verdict."""
        return self.status in ("COMPLETE", "ERROR")

    @property
    def verdict(self) -> dict[str, Any]:
        """What Kaggle said of it."""
        return {name: getattr(self, name) for name in ("status", "public", "private", "rank", "error")}


class Ledger:
    """The ledger of a submissions folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def append(self, event: str, entry: Entry, **facts: Any) -> None:
        """Write one event of `entry` as one line, on the disk before this returns."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event,
            "slug": entry.slug, "file": entry.file, "csv_sha256": entry.csv_sha256, "tag": entry.tag, **facts,
        }  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        before = self.path.read_bytes() if self.path.is_file() else b""
        torn = before and not before.endswith(b"\n")
        with self.path.open("ab") as file:
            file.write((b"\n" if torn else b"") + json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def events(self, slug: str) -> Iterator[dict[str, Any]]:
        """Every whole line of one competition; a line that a killed process left torn is passed over."""
        for line in self.path.read_bytes().splitlines() if self.path.is_file() else ():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and {"event", "tag"} <= event.keys() and event.get("slug") == slug:
                    yield event

    def entries(self, slug: str) -> list[Entry]:
        """The submissions of one competition, oldest first; refused ones are left out."""
        told = {field.name for field in fields(Entry)} - {"time"}  # the time is that of the first event
        entries: dict[str, Entry] = {}
        for event in self.events(slug):
            tag = event["tag"]
            if event["event"] == "refused":
                entries.pop(tag, None)
                continue
            entry = entries.setdefault(tag, Entry(slug, "", "", tag, str(event.get("time", ""))))
            for name in told & event.keys():
                if event[name] is not None:
                    setattr(entry, name, event[name])
        return list(entries.values())


def write_verdict(csv: Path, entry: Entry) -> None:
    """Put Kaggle's verdict into the record beside a csv, if it is still the record of these bytes."""
    path = csv.with_suffix(".json")
    record = Record.load(path)
    if record is not None and record.csv_sha256 == entry.csv_sha256:
        replace(record, kaggle=Verdict(ref=entry.ref, tag=entry.tag, **entry.verdict)).save(path)


@dataclass(frozen=True)
class Board:
    """Where scores are kept: the ledger, and the records beside the csv files."""

    ledger: Ledger
    folder: Path  # of one competition's submissions

    def csv(self, entry: Entry) -> Path:
        """Where the csv of an entry lies, with its record beside it."""
        return self.folder / Path(entry.file).name

    def record(self, entry: Entry) -> Record | None:
        """What the run that made the csv of an entry found out."""
        return Record.load(self.csv(entry).with_suffix(".json"))


def wait(kaggle: Kaggle, board: Board, entry: Entry) -> None:
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
    if entry.done:
        entry.public, entry.private = _number(answer.get("publicScore")), _number(answer.get("privateScore"))
        entry.error = printable(answer.get("errorDescription") or "")[:500] or None
        entry.rank = _rank(kaggle, entry, answer.get("teamName"))
        board.ledger.append("scored", entry, ref=entry.ref, **entry.verdict)
        write_verdict(board.csv(entry), entry)
    return entry.done


def _submission(kaggle: Kaggle, entry: Entry) -> Answer:
    """The submission by its reference; by the list where the direct question is not answered."""
    assert entry.ref is not None, "what was not submitted is not looked up"
    try:
        answer = kaggle.submission(entry.slug, entry.ref)
    except (AccessError, NetworkError, RefusedError):
        answer = {}
    if answer.get("ref") == entry.ref:
        return answer
    return next((item for item in kaggle.submissions(entry.slug) if item.get("ref") == entry.ref), {})


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
    return next((place for place, row in enumerate(page, 1) if row.get("teamName") == team), None)


def score_line(entry: Entry, record: Record | None) -> str:
    """Public score beside the forecast, in standard errors; private score and rank where there are any.

    >>> entry = Entry("titanic", "a.csv", "", "t", status="COMPLETE", public=0.77511)
    >>> record = Record(slug="titanic", data="kaggle", forecast=Forecast(0.7700, 0.7504, 0.7896, 418, 9))
    >>> score_line(entry, record)
    'forecast 0.7700 (0.7504 to 0.7896), public score 0.77511: 0.5 standard errors above the forecast'
    """
    forecast = None if record is None else record.forecast
    parts = [f"forecast {forecast.mean:.4f} ({forecast.low:.4f} to {forecast.high:.4f})"] if forecast else []
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


def distance_in_errors(public: float | None, forecast: Forecast | None) -> float | None:
    """(public - forecast) in standard errors of the forecast, whose interval is 2 x 1.96 of them wide."""
    if public is None or not forecast or not forecast.high > forecast.low:
        return None
    return float((public - forecast.mean) / (forecast.high - forecast.low) * 2 * 1.96)


def rows(board: Board, slug: str) -> list[Row]:
    """One row per submission, oldest first; plain JSON values, None where nothing is known."""
    found = []
    for entry in board.ledger.entries(slug):
        record = board.record(entry)
        forecast = None if record is None else record.forecast
        mean, low, high = (forecast.mean, forecast.low, forecast.high) if forecast else (None, None, None)
        found.append(
            {
                "file": entry.file, "time": entry.time, "ref": entry.ref,
                "status": entry.status or ("PENDING" if entry.ref else "UNKNOWN"),
                "cv_mean": record and record.cv_mean, "cv_se": record and record.cv_se,
                "forecast": mean, "forecast_low": low, "forecast_high": high,
                "public": entry.public, "private": entry.private,
                "standard_errors": distance_in_errors(entry.public, forecast), "rank": entry.rank,
                "error": entry.error, "tag": entry.tag, "csv_sha256": entry.csv_sha256,
            }
        )  # fmt: skip
    return found


def table_lines(table: list[Row]) -> Iterator[str]:
    """The rows as aligned text: file, cross-validated ± error, forecast, public, private, rank."""
    width = max([4, *(len(row["file"]) for row in table)])
    yield f"{'file':<{width}}  {'cross-validated':<17}  {'forecast':<8}  {'public':<9}  {'private':<9}  rank"
    for row in table:
        cv = f"{row['cv_mean']:.4f} ± {row['cv_se']:.4f}" if row["cv_mean"] is not None else "-"
        forecast = f"{row['forecast']:.4f}" if row["forecast"] is not None else "-"
        public = f"{row['public']:.5f}" if row["public"] is not None else row["status"].lower()
        private = f"{row['private']:.5f}" if row["private"] is not None else "-"
        yield f"{row['file']:<{width}}  {cv:<17}  {forecast:<8}  {public:<9}  {private:<9}  {row['rank'] or '-'}"
        if row["error"]:
            yield f"  {row['error']}"
