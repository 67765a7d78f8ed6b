"""One mark for each run: what its folds said, what it forecast, and what came of it. Nothing is asked of Kaggle."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.runs.folder import NAME
from pipelines.runs.history.choice import finished
from pipelines.submission.ledger import TAG, Entry, Ledger, number
from pipelines.submission.record import Forecast, HiddenScore, Record, RecordError


@dataclass(frozen=True)
class RunMark:
    """A run, or a submission that no run of ours is known to have made. What is not known is None."""

    name: str  # of the run's folder, or of the csv
    time: str  # in UTC, 2026-11-26T10:10:10; empty where nothing tells it
    metric: str | None = None
    cv: float | None = None
    cv_se: float | None = None
    forecast: Forecast | None = None
    practice: HiddenScore | None = None
    public: float | None = None
    private: float | None = None
    made_rows: bool = False  # its scores are of no competition's rows


def marks(slug: str, runs: Path, submissions: Path, entries: Sequence[Entry] | None = None) -> list[RunMark]:
    """All of a competition, the oldest first: the runs in `runs`, and what `submissions` and its ledger know beside.

    A run that is in both is one mark. `entries` are the ledger's, or those with what only Kaggle's list knows.
    """
    entries = Ledger(submissions).entries(slug) if entries is None else entries
    records = _beside_csvs(submissions / slug, slug) | {
        run.record.run or run.folder.name: run.record for run in finished(runs, slug)
    }
    found = [_of_record(name, record, entries) for name, record in records.items()]
    hashes = [record.csv_sha256 or "" for record in records.values()]
    foreign = [e for e in entries if not any(is_of(e, csv) for csv in hashes) and Path(e.file).stem not in records]
    found += [RunMark(e.file, _plain(e.time), public=e.public, private=e.private) for e in foreign]
    return sorted(found, key=lambda mark: (mark.time, mark.name))


def alike(found: Sequence[RunMark], name: str | None = None) -> list[RunMark]:
    """Those that can be compared with the run of that name; else with the newest one on the competition's own rows.

    They are of the same metric, and of own rows or of made ones, as it is.
    """
    own = [mark for mark in found if not mark.made_rows] or list(found)
    scored = [mark for mark in own if mark.metric]
    named = [mark for mark in found if mark.name == name]
    if not (likely := named or scored or own):
        return []
    like = likely[-1]
    return [mark for mark in found if mark.made_rows == like.made_rows and mark.metric in (like.metric, None)]


def is_of(entry: Entry, csv_sha256: str) -> bool:
    """Whether an entry is of the csv of that hash; an entry of another clone tells the hash's beginning alone."""
    start = entry.csv_sha256 or next(iter(TAG.findall(entry.tag)), "")
    return bool(start) and csv_sha256.startswith(start)


def _beside_csvs(folder: Path, slug: str) -> dict[str, Record]:
    """The records beside the csv files, by their names; a run's folder may have been removed."""
    found = {}
    for path in folder.glob("*.json"):
        try:
            record = Record.load(path)
        except RecordError:
            continue
        if record.slug == slug and record.csv_sha256:
            found[record.run or path.stem] = record
    return found


def _of_record(name: str, record: Record, entries: Sequence[Entry]) -> RunMark:
    entry = next((each for each in reversed(entries) if is_of(each, record.csv_sha256 or "")), None)
    said, forecast, practice = entry or record.kaggle, record.forecast, record.practice
    return RunMark(
        name, _time(name) or (_plain(entry.time) if entry else ""), record.metric,
        number(record.cv_mean), number(record.cv_se),
        forecast if forecast and None not in map(number, (forecast.mean, forecast.low, forecast.high)) else None,
        practice if practice and number(practice.score) is not None else None,
        number(said.public) if said else None, number(said.private) if said else None, record.data == "sample",
    )  # fmt: skip


def _time(name: str) -> str:
    """When a run began, as its name says it.

    >>> _time("20261126-101010-fast"), _time("mine")
    ('2026-11-26T10:10:10', '')
    """
    if not NAME.fullmatch(name):
        return ""
    return f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:{name[13:15]}"


def _plain(time: str) -> str:
    return time[:19].replace(" ", "T")
