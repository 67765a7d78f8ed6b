"""What a lecture is: a program that measures something and holds it against its gate."""

import contextlib
import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from pipelines.curves import Curves
from pipelines.errors import UsageError
from pipelines.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Gate:
    """A number that a lecture promises: what it is, what was measured, what was wanted.

    >>> Gate.at_least("accuracy", 0.98, 0.97)
    Gate(what='accuracy', measured='0.98', wanted='>= 0.97', passed=True)
    """

    what: str
    measured: str
    wanted: str
    passed: bool

    @classmethod
    def at_least(cls, what: str, measured: float, limit: float) -> Self:
        """More is better."""
        return cls(what, f"{measured:.4g}", f">= {limit:g}", measured >= limit)

    @classmethod
    def at_most(cls, what: str, measured: float, limit: float) -> Self:
        """Less is better."""
        return cls(what, f"{measured:.4g}", f"<= {limit:g}", measured <= limit)

    @classmethod
    def close(cls, what: str, measured: float, expected: float, tolerance: float) -> Self:
        """A number known beforehand; nan is close to nothing."""
        passed = math.isfinite(measured) and abs(measured - expected) <= tolerance
        return cls(what, f"{measured:.6g}", f"{expected:g} +- {tolerance:g}", passed)

    @classmethod
    def equal(cls, what: str, measured: object, expected: object) -> Self:
        """Something that has to be exactly so."""
        return cls(what, str(measured), str(expected), measured == expected)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where and how lectures run: `data` is a folder with local copies, None fetches them."""

    data: Path | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    seed: int = 0
    pictures: Path = Path("reports/lectures")
    say: Callable[[str], None] = lambda _line: None
    curves: Curves = field(default_factory=Curves)
    fetch: bool = True  # False: stand-ins in place of a download

    @contextlib.contextmanager
    def picture(self, name: str) -> "Iterator[Figure]":
        """A figure to draw on; it goes to `<pictures>/<name>.png`, whole or not at all."""
        from matplotlib.figure import Figure

        figure = Figure(layout="constrained", dpi=110)
        yield figure
        path = self.pictures / f"{name}.png"
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="png")
        self.say(f"picture: {path}")


@dataclass(frozen=True, kw_only=True)
class Lecture:
    """A lecture's number, its title, and the program that yields its gates."""

    number: str
    title: str
    run: Callable[[Setting], Iterator[Gate]]


def lectures() -> list[Lecture]:
    """All lectures in order: the `lecture_*.py` files beside this one."""
    files = sorted(path.stem for path in Path(__file__).parent.glob("lecture_*.py"))
    found: list[Lecture] = [importlib.import_module(f"pipelines.lectures.{name}").LECTURE for name in files]
    return sorted(found, key=lambda lecture: lecture.number)


def find(number: str) -> list[Lecture]:
    """The lectures of a number: `09` finds `09` and `09-mnist`, `9` as well, `all` finds all.

    Raises: UsageError when there is none.
    """
    known = lectures()
    wanted = number.zfill(2)
    found = known if number == "all" else [x for x in known if x.number == wanted or x.number.split("-")[0] == wanted]
    if not found:
        numbers = ", ".join(lecture.number for lecture in known)
        raise UsageError(f"there is no lecture {number!r}; known: {numbers}, all", "choose one of them", "请从中选择")
    return found
