"""Templates to text: whatever came from data is escaped, whatever is not there is an error."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.pages.marks import Marks
from pipelines.pages.parts import Chart, Table, Text
from pipelines.pages.words import Words
from pipelines.report.console import STEERING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
Part = Text | Chart | Table | Marks

LONG = 400  # characters of a text of several lines that is set as it stands


def render(template: str, words: Words, **values: Any) -> str:
    """The template's text, in one language; `values` are what it names.

    Characters that steer a terminal or turn the direction of writing, which no page needs, are left out; half
    characters (lone surrogates) become question marks, so that the text can be encoded.
    """
    return _environment(words.language).get_template(template).render(**values)


@cache
def _environment(language: Any) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_clean, keep_trailing_newline=True, auto_reload=False,
    )  # fmt: skip
    environment.globals |= {"say": Words(language), "css": _css, "grouped": grouped, "drawing": _drawing}
    environment.tests["long"] = lambda text: len(text) > LONG and "\n" in text
    return environment


def grouped(parts: Iterable[Part]) -> Iterator[tuple[str, list[Part]]]:
    """Parts of one kind that follow each other, together: charts stand side by side where there is room."""
    for kind, same in groupby(parts, lambda part: type(part).__name__):
        yield kind, list(same)


def _clean(value: Any) -> Any:
    """Text without what steers; markup of our own as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return STEERING.sub("", value).encode("utf-8", "replace").decode()


def _css(name: str) -> "Markup":
    from markupsafe import Markup

    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 a file of our own


def _drawing(chart: Chart) -> "Markup":
    """The SVG of a chart; `charts` has escaped what came from data."""
    from markupsafe import Markup

    return Markup(chart.svg.encode("utf-8", "replace").decode())  # noqa: S704 made by `charts` alone
