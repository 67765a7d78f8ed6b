"""The ledger: what became of each submission, one line per event.

`submissions/ledger.jsonl` is appended to and never changed; each line has time (UTC), slug, file, csv_sha256 and
tag. `sending` (with what Kaggle counted and listed before) goes before the last step of a submission, `submitted`
(ref) after it, `refused` (why) instead; `scored` follows when Kaggle has a verdict.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAME = "ledger.jsonl"
TAG = re.compile(r"hw-([0-9a-f]{12})-[0-9a-f]+")  # in a description: the start of the csv's hash, and the attempt
EVENTS = ("sending", "submitted", "refused", "scored")


@dataclass
class Entry:
    """One submission, as its events tell it."""

    slug: str
    file: str
    csv_sha256: str
    tag: str
    time: str = ""  # of its first event
    ref: int | None = None
    today: int | None = None  # submissions that Kaggle counted just before: today,
    total: int | None = None  # in all,
    listed: int | None = None  # and how many of them it listed
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


def whole(value: object) -> int | None:
    """A count or a reference, None for whatever is none.

    >>> whole(3), whole(True), whole("3"), whole(-1)
    (3, None, None, None)
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def count_of(value: object) -> int | None:
    """`whole`, of Kaggle's: its numbers of 64 bits may come as text.

    >>> count_of(3), count_of("4000"), count_of("-1"), count_of("٣"), count_of(True)
    (3, 4000, None, None, None)
    """
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value) else whole(value)


def number(value: object) -> float | None:
    """A finite number, None for whatever is none.

    >>> number(1), number("0.5"), number(float("nan")), number(True)
    (1.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def words(value: object) -> str | None:
    """A text, None for whatever is none."""
    return value if isinstance(value, str) else None


FACTS: dict[str, Callable[[object], Any]] = {
    "file": words, "csv_sha256": words, "ref": whole, "today": whole, "total": whole, "listed": whole,
    "status": words, "public": number, "private": number, "rank": whole, "error": words,
}  # fmt: skip


def tag_of(description: object) -> str | None:
    """The tag of an attempt: it ends the description, and what stands before it may look like one.

    >>> tag_of("as hw-0123456789ab-1 and [hw-0123456789ab-2], cv 0.8 [hw-ba9876543210-abcdef]")
    'hw-ba9876543210-abcdef'
    """
    return next((found[0] for found in reversed([*TAG.finditer(str(description))])), None)


class Ledger:
    """The ledger of a submissions folder; `say` is told what in it is not to be believed."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _line: None) -> None:
        self.path, self._say = folder / NAME, say
        self._told: set[str] = set()

    def warn(self, what: str) -> None:
        """Say what is wrong in this folder, once."""
        if what not in self._told:
            self._told.add(what)
            self._say(f"warning: {what}")

    def append(self, event: str, entry: Entry, **facts: Any) -> None:
        """Write one event of `entry` as one line, on the disk before this returns."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event,
            "slug": entry.slug, "file": entry.file, "csv_sha256": entry.csv_sha256, "tag": entry.tag, **facts,
        }  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        before = self.path.read_bytes() if self.path.is_file() else b""
        torn = before and not before.endswith(b"\n")
        text = json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace")  # a file name may hold bytes
        with self.path.open("ab") as file:
            file.write((b"\n" if torn else b"") + text + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def note(self, event: str, entry: Entry, **facts: Any) -> None:
        """`append` of what Kaggle knows as well: a folder that takes no line is only said."""
        try:
            self.append(event, entry, **facts)
        except OSError as error:
            self.warn(f"{self.path} takes no line ({error.strerror or error}); what Kaggle says is only shown")

    def events(self, slug: str) -> Iterator[dict[str, Any]]:
        """Every whole line of one competition; torn, damaged and foreign ones are named and passed over."""
        lines = self.path.read_bytes().split(b"\n") if self.path.is_file() else []
        for place, line in enumerate(lines, 1):
            event = _event(line)
            if event is not None and event["slug"] == slug:
                yield event
            elif event is None and line.strip():
                self.warn(f"line {place} of {self.path} is damaged or not of this program; it is passed over")

    def entries(self, slug: str) -> list[Entry]:
        """The submissions of one competition, oldest first; refused ones are left out."""
        entries: dict[str, Entry] = {}
        for event in self.events(slug):
            tag = event["tag"]
            if event["event"] == "refused":
                entries.pop(tag, None)
                continue
            entry = entries.setdefault(tag, Entry(slug, "", "", tag, str(event.get("time", ""))))
            for name in FACTS.keys() & event.keys():
                if event[name] is not None:
                    setattr(entry, name, event[name])
        return list(entries.values())


def _event(line: bytes) -> dict[str, Any] | None:
    """The event that a line tells; None where a fact is not of its kind."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("event") not in EVENTS:
        return None
    if not all(isinstance(event.get(name), str) for name in ("slug", "tag", "file", "csv_sha256")):
        return None
    facts = {name: check(event[name]) for name, check in FACTS.items() if event.get(name) is not None}
    return None if None in facts.values() else event | facts
