"""What a lecture is: a number, a title, and a run that yields gates; what it may use is its setting."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipelines.files import whole_file
from pipelines.report.console import complain
from pipelines.report.curves import Curves
from pipelines.report.pictures import picture, say_in_the_language

if TYPE_CHECKING:  # a list of lectures does not wait for them
    import torch
    from matplotlib.figure import Figure

    from pipelines.pages.words import Words


Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Gate:
    """One thing that a lecture must show: what was measured, what was wanted, and whether it is so.

    With a learner's own settings it is shown and not `judged`.
    """

    what: str
    measured: str
    wanted: str
    passed: bool
    judged: bool = True

    @property
    def mark(self) -> str:
        """What stands before it in a table."""
        return ("ok" if self.passed else "!!") if self.judged else "--"

    def shown(self) -> "Gate":
        """The same, not judged.

        >>> Gate.at_least("accuracy", 0.5, 0.97).shown().mark
        '--'
        """
        return replace(self, wanted="your settings: no gate", passed=True, judged=False)

    @classmethod
    def at_least(cls, what: str, measured: float, limit: float) -> "Gate":
        """Passes from `limit` upward.

        >>> Gate.at_least("accuracy", 0.9767, 0.97)
        Gate(what='accuracy', measured='0.9767', wanted='at least 0.97', passed=True, judged=True)
        """
        return cls(what, f"{measured:.5g}", f"at least {limit:g}", measured >= limit)

    @classmethod
    def at_most(cls, what: str, measured: float, limit: float) -> "Gate":
        """Passes up to `limit`."""
        return cls(what, f"{measured:.5g}", f"at most {limit:g}", measured <= limit)

    @classmethod
    def close(cls, what: str, measured: float, expected: float, tolerance: float) -> "Gate":
        """Passes within `tolerance` of `expected`, the edge included."""
        return cls(what, f"{measured:.5g}", f"{expected:g} ± {tolerance:g}", abs(measured - expected) <= tolerance)

    @classmethod
    def equal(cls, what: str, measured: object, expected: object) -> "Gate":
        """Passes if both are equal."""
        return cls(what, str(measured), str(expected), measured == expected)


def _cpu() -> "torch.device":
    import torch

    return torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What a learner tries in place of a lecture's own settings; where it is None, the lecture's hold.

    `as_in_the_notes` runs the notes' settings, wrong as they may be; the others then differ from those.
    """

    epochs: int | None = None
    lr: float | None = None
    batch_size: int | None = None
    as_in_the_notes: bool = False

    @property
    def turned(self) -> list[str]:
        """The names of those that differ from the lecture's.

        >>> Knobs(lr=0.1, as_in_the_notes=True).turned
        ['lr', 'as-in-the-notes']
        """
        return [each.name.replace("_", "-") for each in fields(self) if getattr(self, each.name) not in (None, False)]

    def applied(self, plan: Plan) -> Plan:
        """A plan, a dataclass with `epochs`, `lr` and `batch_size`, with what is turned."""
        turned = {"epochs": self.epochs, "lr": self.lr, "batch_size": self.batch_size}
        return replace(plan, **{name: value for name, value in turned.items() if value is not None})  # type: ignore[type-var]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the command line decides for a lecture.

    `data` is a folder with the course's files; without it they are fetched once into `cache`. With
    `stand_in` nothing is fetched and made samples take their place. `progress` hears what is trained, the epochs
    done and in all.
    """

    device: "torch.device" = field(default_factory=_cpu)
    seed: int = 0
    knobs: Knobs = field(default_factory=Knobs)
    data: Path | None = None
    cache: Path = Path("data/lectures")
    stand_in: bool = False
    pictures: Path = Path("reports/lectures")
    say: Callable[[str], None] = lambda _line: None
    give: Callable[[str], None] | None = None  # says what a program prints, which is translated nowhere; else as `say`
    curves: Curves = field(default_factory=Curves)
    progress: Callable[[str, int, int], None] = lambda _what, _done, _of: None
    drawn: dict[str, str] = field(default_factory=dict)  # each picture's name, and what is written on it

    @contextlib.contextmanager
    def picture(self, name: str, size: tuple[float, float] = (8, 5)) -> Iterator["Figure"]:
        """Yield an empty figure of `size` inches and write it to `pictures/name.png`, whole or not at all.

        Where there is no room for it, say, the lecture goes on.
        """
        path = self.pictures / f"{name}.png"
        try:
            with picture(path, size, dpi=120) as figure:
                yield figure
                words = in_words(figure)
        except OSError as error:
            complain(f"warning: no picture {path}: {error.strerror or error}")
        else:
            self.drawn[name] = words
            self.say(f"picture: {path}")

    def keep(self, name: str, figure: "Figure") -> None:
        """Write a figure that a program has drawn to `pictures/name.png`, as `picture` does."""
        path = self.pictures / f"{name}.png"
        say_in_the_language(figure)
        try:
            with whole_file(path) as temporary:
                figure.savefig(temporary, format="png", dpi=120)
        except OSError as error:
            complain(f"warning: no picture {path}: {error.strerror or error}")
        else:
            self.drawn[name] = in_words(figure)
            self.say(f"picture: {path}")


Gates = Iterator[Gate]


@dataclass(frozen=True, kw_only=True)
class Lecture:
    """A lecture: `run` says what it learns and yields its gates. `09-mnist` is a part of lecture 09.

    `knobs` names those that it has, with a blank between: `epochs lr`.
    """

    number: str
    title: str
    title_zh: str = ""  # in Chinese
    knobs: str = ""
    run: Callable[[Setting], Iterable[Gate]]

    def titled(self, words: "Words") -> str:
        """Its title in a language."""
        return words(self.title, self.title_zh or self.title)


def in_words(figure: "Figure") -> str:
    """What is written on a figure: its titles, what its axes are, its lines; for who does not see it."""
    said = [figure.get_suptitle()]
    for axes in figure.axes:
        said += [axes.get_title(loc=loc) for loc in ("left", "center", "right")]
        pair = [label for label in (axes.get_xlabel(), axes.get_ylabel()) if label]
        said.append(" / ".join(pair))
        legend = axes.get_legend()
        said.append(", ".join(text.get_text() for text in legend.get_texts()) if legend else "")
    return "; ".join(dict.fromkeys(" ".join(part.split()) for part in said if part.strip()))
