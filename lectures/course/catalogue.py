"""Finds the lectures, which are the files of the room `gates`, and runs them.

A list of them is read from the files' text: nothing is imported but the lectures that run, so that an answer does not
wait for torch, and a file that is broken breaks no other.
"""

import importlib
import re
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lectures.course.lecture import Gate, Knobs, Lecture, Setting
from pipelines.errors import HomeworkError, UsageError, full_memory_told, meant
from pipelines.language.catalogue import translated

FOLDER = Path(__file__).resolve().parent.parent / "gates"


def written_out(path: Path, call: str, *keys: str) -> list[tuple[str, ...]]:
    """The strings of each `call(key="...", ...)` in a file; the call begins with these keys, two or more, in order."""
    strings = r",\s*".join(f'{key}="(.+?)"' for key in keys)
    return re.findall(rf"\b{call}\(\s*{strings}", path.read_text(encoding="utf-8"))


def all_lectures() -> list[Lecture]:
    """Every lecture, in the course's order; a lecture's file is imported when it runs.

    >>> all_lectures()[0].number
    '00'
    """
    lectures = []
    for path in FOLDER.glob("lecture_*.py"):
        file_name = path.stem.removeprefix("lecture_").replace("_", "-"), f"({path.name} has no LECTURE = Lecture(...))"
        number, title = (written_out(path, "Lecture", "number", "title") or [file_name])[0]
        title_zh = [found[-1] for found in written_out(path, "Lecture", "number", "title", "title_zh")] or [""]
        knobs = [found[-1] for found in written_out(path, "Lecture", "number", "title", "title_zh", "knobs")] or [""]
        run = partial(_run, path.stem)
        lectures.append(Lecture(number=number, title=title, title_zh=title_zh[0], knobs=knobs[0], run=run))
    return sorted(lectures, key=lambda lecture: lecture.number)


def _run(name: str, setting: Setting) -> Iterable[Gate]:
    lecture: Lecture = importlib.import_module(f"lectures.gates.{name}").LECTURE
    return lecture.run(setting)


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
            *meant(
                wanted,
                [each.number for each in lectures if "-" in wanted],
                "take one of these numbers, or all",
                "请选择以上编号之一，或使用 all",
            ),
        )
    return found


def refuse_knobs(lectures: list[Lecture], knobs: Knobs) -> None:
    """Each of these lectures has to have each knob that is turned.

    Raises: UsageError, with the lectures that have it.
    """
    for knob in knobs.turned:
        without = [each.number for each in lectures if knob not in each.knobs.split()]
        if without:
            having = ", ".join(each.number for each in all_lectures() if knob in each.knobs.split())
            raise UsageError(
                f"lecture {', '.join(without)} has no --{knob}; those that have it: {having}",
                "take one of these lectures, or leave the option out",
                "请选择以上有该选项的讲次，或去掉该选项",
            )


@dataclass(frozen=True)
class Report:
    """A lecture's gates, how long it took, in seconds, and its pictures' names with what is written on them."""

    lecture: Lecture
    gates: list[Gate]
    seconds: float
    pictures: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether there were gates and all of them passed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)


def attend(lecture: Lecture, setting: Setting) -> Report:
    """Run a lecture; an error is said and fails it, and the next one goes on.

    What a user can mend is said in plain words; what is wrong in the lecture's code with its traceback.
    """
    start, setting = time.perf_counter(), replace(setting, drawn={})
    gates = []
    try:
        with full_memory_told():
            for each in lecture.run(setting):
                gate = each.shown() if setting.knobs.turned else each
                gates.append(gate)
                setting.say(f"{gate.mark}  {translated(gate.what)}: {gate.measured} (wanted: {gate.wanted})")
    except HomeworkError as error:
        setting.say(f"error: {error}")
        gates.append(Gate("the run", "an error", "none", passed=False))
    except OSError:  # a full disk, a reader that has seen enough: no lecture's fault
        raise
    except Exception as error:  # the file of a lecture is broken
        setting.say(traceback.format_exc())
        gates.append(Gate("the run", type(error).__name__, "none", passed=False))
    return Report(lecture, gates, time.perf_counter() - start, setting.drawn)


def table_lines(reports: list[Report]) -> list[str]:
    """Lecture, measured, gate, seconds: a line per gate."""
    rows = [("", "lecture", "what", "measured", "gate", "seconds")]
    for report in reports:
        for n, gate in enumerate(report.gates):
            seconds = f"{report.seconds:.1f}" if n == 0 else ""
            rows.append((gate.mark, report.lecture.number, gate.what, gate.measured, gate.wanted, seconds))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return ["  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[5]]) for row in rows]
