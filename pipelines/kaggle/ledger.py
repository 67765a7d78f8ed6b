"""`submissions/ledger.jsonl`: one whole line per event, appended and never changed.

Events, each with time (UTC), slug, file, csv_sha256 and tag:
`sending` goes before the last step of a submission, `submitted` (ref) after it, `refused` (why) instead;
`scored` (status, public, private, rank, error) follows when Kaggle has a verdict.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAME = "ledger.jsonl"
Event = dict[str, Any]


@dataclass
class Entry:
    """One submission, as its events tell it; `state` is the last event's name."""

    slug: str
    file: str
    csv_sha256: str
    tag: str
    time: str
    state: str = "sending"
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


class Ledger:
    """The ledger of a submissions folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def append(self, event: str, entry: Entry, **facts: Any) -> None:
        """Write one event of `entry` as one line, on the disk before this returns."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "event": event,
            "slug": entry.slug,
            "file": entry.file,
            "csv_sha256": entry.csv_sha256,
            "tag": entry.tag,
            **facts,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            torn = _is_torn(file.seek(0, os.SEEK_END), self.path)
            file.write((b"\n" if torn else b"") + json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def events(self) -> list[Event]:
        """Every whole line; a line that a killed process left torn is passed over."""
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_bytes().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and {"event", "slug", "tag"} <= event.keys():
                found.append(event)
        return found

    def entries(self, slug: str) -> list[Entry]:
        """The submissions of one competition, oldest first; refused ones are left out."""
        entries: dict[str, Entry] = {}
        for event in self.events():
            if event["slug"] != slug:
                continue
            if event["event"] == "refused":
                entries.pop(event["tag"], None)
                continue
            entry = entries.setdefault(
                event["tag"],
                Entry(
                    slug,
                    str(event.get("file", "")),
                    str(event.get("csv_sha256", "")),
                    event["tag"],
                    str(event.get("time", "")),
                ),
            )
            _update(entry, event)
        return list(entries.values())


def _update(entry: Entry, event: Event) -> None:
    entry.state = str(event["event"])
    for name in ("ref", "today", "status", "public", "private", "rank", "error"):
        if event.get(name) is not None:
            setattr(entry, name, event[name])


def _is_torn(size: int, path: Path) -> bool:
    if size == 0:
        return False
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) != b"\n"
