"""The learner's folder: a file per exercise, and beside them which hints were read and what was right.

What a learner wrote is never written over.
"""

import json
from pathlib import Path
from typing import Any, Literal

from lectures.exercises.exercise import Exercise
from pipelines.files import sha256, write_whole

PROGRESS = "progress.json"
State = Literal["new", "begun", "right"]


class Progress:
    """What there is of a learner's in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, exercise: Exercise) -> Path:
        """The learner's file."""
        return self.folder / exercise.file

    def begin(self, exercise: Exercise) -> Path:
        """Write the file with the gap, which must not be there."""
        write_whole(self.path(exercise), exercise.start.encode())
        return self.path(exercise)

    def set_aside(self, exercise: Exercise) -> Path | None:
        """Give the learner's file another name beside its own; returns it, or None where there is no file."""
        path = self.path(exercise)
        if not path.exists():
            return None
        numbers = (n for n in range(1, 10_000) if not path.with_suffix(f".old-{n}.py").exists())
        return path.rename(path.with_suffix(f".old-{next(numbers)}.py"))

    def state(self, exercise: Exercise) -> State:
        """New where there is no file; right where the file is the one that was found right."""
        path = self.path(exercise)
        if not path.exists():
            return "new"
        return "right" if self._of(exercise).get("right") == sha256(path.read_bytes()) else "begun"

    def was_right(self, exercise: Exercise) -> None:
        """Remember the file as it is as right."""
        self._keep(exercise, right=sha256(self.path(exercise).read_bytes()))

    def next_hint(self, exercise: Exercise) -> int:
        """The number of the next hint, from 1; the last one again where all were read."""
        read = self._of(exercise).get("hints", 0)
        number = min(read + 1 if isinstance(read, int) else 1, len(exercise.hints))
        self._keep(exercise, hints=number)
        return number

    def _all(self) -> dict[str, Any]:
        try:
            kept = json.loads((self.folder / PROGRESS).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _of(self, exercise: Exercise) -> dict[str, Any]:
        own = self._all().get(exercise.name)
        return own if isinstance(own, dict) else {}

    def _keep(self, exercise: Exercise, **values: Any) -> None:
        kept = self._all() | {exercise.name: self._of(exercise) | values}
        write_whole(self.folder / PROGRESS, json.dumps(kept, indent=1).encode())
