"""Scores: waited for, picked up later, written beside the forecast, and shown as a table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.errors import HomeworkError
from pipelines.kaggle.board import leaderboard
from pipelines.kaggle.board.percentile import Field, facts
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.errors import AccessError, PendingError, RefusedError
from pipelines.submission.ledger import TAG, Entry, Ledger, count_of, number, tag_of
from pipelines.submission.record import Forecast, Record, Verdict, beside
from pipelines.web.failures import NetworkError, printable

Row = dict[str, Any]


@dataclass(frozen=True)
class Board:
    """Where scores are kept: the ledger, and the records beside the csv files."""

    ledger: Ledger
    folder: Path  # of one competition's submissions
    _places: list[Mapping[str, int]] = field(default_factory=list, init=False, repr=False, compare=False)

    def places(self, kaggle: Kaggle, slug: str) -> Mapping[str, int]:
        """All teams' places, asked for once, whether they came or not: 75 pages, where Kaggle gives no zip."""
        if not self._places:
            try:
                self._places.append(leaderboard.fetch(kaggle, slug, self.leaderboard).places)
            except HomeworkError:
                self._places.append({})
        return self._places[0]

    @property
    def leaderboard(self) -> Path:
        """Where what Kaggle said of all teams is kept."""
        return self.folder / leaderboard.NAME

    def csv(self, entry: Entry) -> Path:
        """Where the csv of an entry lies, with its record beside it."""
        return self.folder / Path(entry.file).name

    def record(self, entry: Entry) -> Record | None:
        """What the run that made the csv of an entry found out; None where that is not beside it."""
        csv, start = self.csv(entry), entry.csv_sha256 or "".join(TAG.findall(entry.tag))
        if not start or csv.suffix != ".csv" or not csv.with_suffix(".json").is_file():
            return None
        found = beside(csv, entry.slug, start)
        if isinstance(found, Record):
            return found
        self.ledger.warn(f"{found}; its forecast is not shown")
        return None

    def write_verdict(self, entry: Entry) -> None:
        """Put Kaggle's verdict into the record beside a csv, if it is still the record of these bytes."""
        record, path = self.record(entry), self.csv(entry).with_suffix(".json")
        if record is None or not entry.csv_sha256:
            return
        try:
            replace(record, kaggle=Verdict(ref=entry.ref, tag=entry.tag, **entry.verdict)).save(path)
        except OSError as error:
            self.ledger.warn(f"{path} cannot be written ({error.strerror or error}); the score is not in it")


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
                f"submission {entry.ref} has no score yet (status {printable(entry.status or 'unknown')})",
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
            f"Kaggle could not score submission {entry.ref}: {printable(entry.error or 'no reason given')}",
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
    _take(kaggle, entry, answer)
    if entry.done:
        entry.rank = _rank(kaggle, board, entry, answer.get("teamName"))
        board.ledger.note("scored", entry, ref=entry.ref, **entry.verdict)
        board.write_verdict(entry)
    return entry.done


def others(kaggle: Kaggle, slug: str, known: list[Entry]) -> list[Entry]:
    """Submissions that only Kaggle's list knows, oldest first: of another clone, a teammate, a browser."""
    refs, found = {entry.ref for entry in known}, []
    for item in kaggle.submissions(slug):
        ref, tag = item["ref"], tag_of(item.get("description"))
        if ref and ref not in refs:
            name, date = item.get("fileName") or "?", printable(item.get("date") or "")
            file = printable(name) if tag else kaggle.plain(name)  # by its name, the record of ours is found
            entry = Entry(slug, file, "", tag or "", date, ref)
            _take(kaggle, entry, item)
            found.append(entry)
    return found[::-1]


def _take(kaggle: Kaggle, entry: Entry, answer: Answer) -> None:
    """Put into an entry what Kaggle says of it; scores only with a verdict."""
    entry.status = printable(answer.get("status") or "PENDING").upper()
    if entry.done:
        scores = (leaderboard.score_of(answer.get(name)) for name in ("publicScore", "privateScore"))
        entry.public, entry.private = scores
        entry.error = kaggle.plain(answer.get("errorDescription") or "")[:500] or None
    else:
        entry.status = kaggle.plain(answer.get("status") or "PENDING").upper()


def _submission(kaggle: Kaggle, entry: Entry) -> Answer:
    """The submission by its reference; by the list where the direct question is not answered."""
    assert entry.ref is not None, "what was not submitted is not looked up"
    try:
        answer = kaggle.submission(entry.slug, entry.ref)
    except (AccessError, NetworkError, RefusedError):
        answer = {}
    if count_of(answer.get("ref")) == entry.ref:
        return answer
    return next((item for item in kaggle.submissions(entry.slug) if item["ref"] == entry.ref), {})


def _rank(kaggle: Kaggle, board: Board, entry: Entry, team: object) -> int | None:
    """The team's place on the leaderboard, as it is when the first of a command's scores has come."""
    return board.places(kaggle, entry.slug).get(str(team)) if team and entry.public is not None else None


def score_line(entry: Entry, record: Record | None) -> str:
    """Public score beside the forecast, in standard errors; private score and rank where there are any.

    >>> entry = Entry("titanic", "a.csv", "", "t", status="COMPLETE", public=0.77511)
    >>> record = Record(slug="titanic", data="kaggle", forecast=Forecast(0.7700, 0.7504, 0.7896, 418, 9))
    >>> score_line(entry, record)
    'forecast 0.7700 (0.7504 to 0.7896), public score 0.77511: 0.5 standard errors above the forecast'
    """
    forecast = _forecast(record)
    parts = [f"forecast {forecast.mean:.4f} ({forecast.low:.4f} to {forecast.high:.4f})"] if forecast else []
    distance = distance_in_errors(entry.public, forecast)
    if entry.public is None:
        parts.append("no public score is shown")
    elif distance is None:
        parts.append(f"public score {entry.public:.5f}")
    else:
        parts.append(
            f"public score {entry.public:.5f}: {abs(distance):.1f} standard errors "
            f"{'above' if distance >= 0 else 'below'} the forecast"
        )
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


def _forecast(record: Record | None) -> Forecast | None:
    """The forecast of a record, if its numbers are numbers."""
    forecast = None if record is None else record.forecast
    whole_one = forecast and None not in [number(part) for part in (forecast.mean, forecast.low, forecast.high)]
    return forecast if whole_one else None


def rows(board: Board, entries: list[Entry], field: Field | None = None) -> list[Row]:
    """One row per submission, oldest first; plain JSON values, None where nothing is known.

    With the scores of all teams, the row says how many of them its own are better than.
    """
    found = list[Row]()
    for entry in sorted(entries, key=lambda entry: entry.time[:19]):
        record = board.record(entry)
        forecast = _forecast(record)
        mean, low, high = (forecast.mean, forecast.low, forecast.high) if forecast else (None, None, None)
        found.append(
            {
                "file": entry.file, "time": entry.time, "ref": entry.ref,
                "status": entry.status or ("PENDING" if entry.ref else "UNKNOWN"),
                "cv_mean": record and number(record.cv_mean), "cv_se": record and number(record.cv_se),
                "forecast": mean, "forecast_low": low, "forecast_high": high,
                "public": entry.public, "private": entry.private,
                "standard_errors": distance_in_errors(entry.public, forecast), "rank": entry.rank,
                "error": entry.error, "tag": entry.tag, "csv_sha256": entry.csv_sha256 or None,
            }
        )  # fmt: skip
        found[-1] |= facts(field, found[-1])
    return found


def table_lines(table: list[Row]) -> Iterator[str]:
    """The rows as aligned text: file, cross-validated ± error, forecast, public, private, rank."""
    table = [row | {name: row[name] and printable(row[name]) for name in ("file", "status", "error")} for row in table]
    width = max([4, *(len(row["file"]) for row in table)])
    yield f"{'file':<{width}}  {'cross-validated':<17}  {'forecast':<8}  {'public':<9}  {'private':<9}  rank"
    for row in table:
        cv = "-" if None in (row["cv_mean"], row["cv_se"]) else f"{row['cv_mean']:.4f} ± {row['cv_se']:.4f}"
        forecast = f"{row['forecast']:.4f}" if row["forecast"] is not None else "-"
        public = f"{row['public']:.5f}" if row["public"] is not None else row["status"].lower()
        private = f"{row['private']:.5f}" if row["private"] is not None else "-"
        yield f"{row['file']:<{width}}  {cv:<17}  {forecast:<8}  {public:<9}  {private:<9}  {row['rank'] or '-'}"
        if row["error"]:
            yield f"  {row['error']}"
