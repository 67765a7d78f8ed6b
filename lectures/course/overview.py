"""A page with the pictures of all lectures, what each must show and whether it did, when it last ran.

It stands beside the pictures, which it shows by their names: `reports/lectures/index.html`. What lectures showed is
kept in `index.json`, so that one that runs alone finds the others on its page.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from urllib.parse import quote

from lectures.course.catalogue import Report, all_lectures
from lectures.course.lecture import Gate, Lecture
from pipelines.files import write_whole
from pipelines.pages.parts import Table
from pipelines.pages.words import Words
from pipelines.submission.plain import from_plain

PAGE, KEPT = "index.html", "index.json"
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Seen:
    """What a lecture showed when it last ran: its gates, and its pictures' names with what is on them."""

    gates: list[Gate]
    pictures: dict[str, str]
    seconds: float
    day: str
    stand_in: bool

    @property
    def passed(self) -> bool:
        """Whether there were gates and all of them passed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)


@dataclass(frozen=True)
class Kept:
    """What all lectures showed, by their numbers."""

    lectures: dict[str, Seen] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """A picture that is there: its address on the page, what is on it, and its size in pixels."""

    address: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Item:
    """A lecture on the page; `seen` is None where it has not run yet."""

    number: str
    title: str
    seen: Seen | None
    pictures: Sequence[Shown]
    gates: Table | None


def write(folder: Path, reports: Sequence[Report], words: Words, *, stand_in: bool) -> Path:
    """Put what lectures have just shown to what is kept in `folder`, and write the page anew; returns where it is.

    Raises: OSError where it cannot be written.
    """
    from pipelines.pages.render import render  # jinja2, which a list of lectures does not wait for

    today = date.today().isoformat()
    new = {each.lecture.number: _seen(each, today, stand_in=stand_in) for each in reports}
    kept = replace(load(folder), lectures=load(folder).lectures | new)
    write_whole(folder / KEPT, f"{json.dumps(asdict(kept), indent=1)}\n".encode())
    items = [_item(folder, lecture, kept.lectures.get(lecture.number), words) for lecture in all_lectures()]
    page = render("lectures.html.jinja", words, items=items, others=list(_others(folder, items)))
    write_whole(folder / PAGE, page.encode())
    return folder / PAGE


def load(folder: Path) -> Kept:
    """What is kept in `folder`; nothing where it is not there or damaged: the next run of a lecture brings it back."""
    try:
        kept: Kept = from_plain(Kept, json.loads((folder / KEPT).read_bytes()), "")
    except (OSError, ValueError, RecursionError):
        return Kept()
    return kept


def _seen(report: Report, day: str, *, stand_in: bool) -> Seen:
    gates = [replace(gate, passed=bool(gate.passed)) for gate in report.gates]  # numpy's truth is no JSON
    return Seen(gates, dict(report.pictures), report.seconds, day, stand_in)


def _item(folder: Path, lecture: Lecture, seen: Seen | None, words: Words) -> Item:
    title = lecture.titled(words)
    if seen is None:
        return Item(lecture.number, title, None, [], None)
    pictures = [shown for name, alt in seen.pictures.items() if (shown := _shown(folder / f"{name}.png", alt))]
    marks = {True: words("passed", "达标"), False: words("not passed", "未达标")}
    rows = [[gate.what, gate.measured, gate.wanted, marks[gate.passed]] for gate in seen.gates]
    columns = [words("what", "内容"), words("measured", "实测"), words("wanted", "要求"), words("gate", "结果")]
    name = words(f"What lecture {lecture.number} must show", f"第 {lecture.number} 讲的达标线")
    return Item(lecture.number, title, seen, pictures, Table(name, columns, rows))


def _others(folder: Path, items: Sequence[Item]) -> Iterator[Shown]:
    """Pictures in the folder that no lecture is known to have drawn."""
    known = {shown.address for item in items for shown in item.pictures}
    for path in sorted(folder.glob("*.png")):
        shown = _shown(path, path.stem)
        if shown and shown.address not in known:
            yield shown


def _shown(path: Path, alt: str) -> Shown | None:
    """None for what is no PNG."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError:
        return None
    if not head.startswith(PNG) or len(head) < 24:
        return None
    return Shown(quote(path.name), alt, *struct.unpack(">II", head[16:24]))
