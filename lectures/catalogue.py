"""Finds the lectures, which are the files lecture_*.py beside this one, and runs them."""

import importlib
import time
from dataclasses import dataclass
from pathlib import Path

from lectures.lecture import Gate, Lecture, Setting
from pipelines.errors import HomeworkError, UsageError, full_memory_told


def all_lectures() -> list[Lecture]:
    """Every lecture, in the course's order.

    >>> all_lectures()[0].number
    '00'
    """
    names = sorted(path.stem for path in Path(__file__).parent.glob("lecture_*.py"))
    modules = [importlib.import_module(f"lectures.{name}") for name in names]
    return sorted((module.LECTURE for module in modules), key=lambda lecture: lecture.number)


def find(wanted: str) -> list[Lecture]:
    """The lectures that `wanted` means: `all`, a number (`7` is `07`) with all its parts, or one part.

    Raises: UsageError when there is none.

    >>> [lecture.number for lecture in find("9")]
    ['09', '09-mnist']
    """
    lectures = all_lectures()
    if wanted == "all":
        return lectures
    number, dash, part = wanted.partition("-")
    wanted = number.zfill(2) + dash + part
    found = [each for each in lectures if each.number == wanted or each.number.startswith(f"{wanted}-")]
    if not found:
        there = ", ".join(each.number for each in lectures)
        raise UsageError(
            f"there is no lecture {wanted!r}; there are {there}",
            "take one of these numbers, or all",
            "请选择以上编号之一，或使用 all",
        )
    return found


@dataclass(frozen=True)
class Report:
    """A lecture's gates and how long it took, in seconds."""

    lecture: Lecture
    gates: list[Gate]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether there were gates and all of them passed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)


def attend(lecture: Lecture, setting: Setting) -> Report:
    """Run a lecture; an error that a user can mend is said and fails it, and the next one goes on."""
    start = time.perf_counter()
    gates = []
    try:
        with full_memory_told():
            for gate in lecture.run(setting):
                gates.append(gate)
                setting.say(f"{'ok' if gate.passed else '!!'}  {gate.what}: {gate.measured} (wanted: {gate.wanted})")
    except HomeworkError as error:
        setting.say(f"error: {error}")
        gates.append(Gate("the run", "an error", "none", passed=False))
    return Report(lecture, gates, time.perf_counter() - start)


def table_lines(reports: list[Report]) -> list[str]:
    """Lecture, measured, gate, seconds: a line per gate."""
    rows = [("", "lecture", "what", "measured", "gate", "seconds")]
    for report in reports:
        for n, gate in enumerate(report.gates):
            seconds = f"{report.seconds:.1f}" if n == 0 else ""
            mark = "ok" if gate.passed else "!!"
            rows.append((mark, report.lecture.number, gate.what, gate.measured, gate.wanted, seconds))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return ["  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[5]]) for row in rows]
