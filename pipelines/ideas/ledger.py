"""The ledger of ideas: `ideas.jsonl` in the runs of a competition, a line for each that was tried."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

NAME = "ideas.jsonl"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An idea that was tried: on which rows and folds, and how much better it was than the plain way."""

    what: str
    idea: str  # hash of what it says, of how it was trained, and of what it was held against
    rows: str  # hash of ids, truth and folds
    metric: str
    gain: float
    se: float
    plain: str  # name of the run without it
    run: str  # name of its own
    time: str = ""


class Ideas:
    """The ledger at `folder`; `say` is told what in it is not to be believed."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _line: None) -> None:
        self.path, self._say = folder / NAME, say

    def number(self, tried: Tried) -> int:
        """Which idea on these folds it is, from 1, once it is written down; the same again is the same number."""
        found = self._numbers(tried.rows)
        if tried.idea not in found:
            self._append(tried)
            found = self._numbers(tried.rows)
        return found[tried.idea]

    def count(self, rows: str) -> int:
        """How many ideas were tried on these folds."""
        return len(self._numbers(rows))

    def tried(self) -> list[Tried]:
        """All that were written down; damaged lines are named and passed over."""
        lines = self.path.read_bytes().split(b"\n") if self.path.is_file() else []
        found = []
        for place, line in enumerate(lines, 1):
            try:
                value = json.loads(line) if line.strip() else None
                found += [] if value is None else [Tried(**{f.name: value[f.name] for f in fields(Tried)})]
            except (ValueError, KeyError, TypeError, RecursionError):
                self._say(f"warning: line {place} of {self.path} is damaged; the idea in it is not counted")
        return found

    def _numbers(self, rows: str) -> dict[str, int]:
        """The ideas on these folds by their hash, in the order in which they were first written down."""
        return {idea: n for n, idea in enumerate(dict.fromkeys(t.idea for t in self.tried() if t.rows == rows), 1)}

    def _append(self, tried: Tried) -> None:
        """Write one line, on the disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        before = self.path.read_bytes() if self.path.is_file() else b""
        torn = before and not before.endswith(b"\n")
        line = asdict(tried) | {"time": datetime.now(UTC).isoformat(timespec="seconds")}
        text = json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace")
        with self.path.open("ab") as file:
            file.write((b"\n" if torn else b"") + text + b"\n")
            file.flush()
            os.fsync(file.fileno())
