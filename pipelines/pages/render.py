"""Templates to text: whatever came from data is escaped, whatever is not there is an error."""

from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.pages.charts.texts import width_of
from pipelines.pages.parts import Chart, Table
from pipelines.pages.words import Words
from pipelines.report.console import STEERING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HALF = 440.0  # pixels of a table that fits into half a page
LETTERS, HEADER, PADDING, LEAST = 15.2, 14.0, 25.6, 77.0  # pixels: see `table` and `th` in first.css
MANY = 5  # columns of text, from which a phone shows a row as lines below each other
TEMPLATES = Path(__file__).with_name("templates")


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
    environment.globals |= {
        "say": Words(language),
        "css": _css,
        "drawing": _drawing,
        "narrow": narrow,
        "stacked": stacked,
    }
    return environment


def narrow(table: Table) -> bool:
    """Whether a table fits beside a chart, its column names broken between words.

    >>> narrow(Table("", ["fold", "score"], [["1", "0.8462 ± 0.0121"]])), narrow(Table("", ["a"], [["x" * 60]]))
    (True, False)
    >>> narrow(Table("", ["fold", *["hist-gradient-boosting"] * 2], [["1", "0.8462", "0.8462"]]))
    False
    """
    return sum(_widths(table)) <= HALF


def stacked(table: Table) -> bool:
    """Whether a phone shows each row as lines below each other: long text in many columns cannot be read there.

    >>> names, cells = list("abcdef"), ["x" * 20] * 6
    >>> stacked(Table("", names, [cells])), stacked(Table("", names, [["1"] * 6])), stacked(Table("", ["a"], [["x"]]))
    (True, False, False)
    """
    return len(table.columns) - len(table.numeric) >= MANY and sum(_widths(table, with_names=False)) > HALF * 1.4


def _widths(table: Table, *, with_names: bool = True) -> list[float]:
    """About how many pixels each column needs whose name may be broken between words."""
    names = [
        max((width_of(word, HEADER) for word in name.split()), default=0.0) for name in table.columns if with_names
    ]
    cells = [max(width_of(cell, LETTERS) for cell in column) for column in zip(*table.rows, strict=True)]
    return [max(LEAST, PADDING + max(both)) for both in zip_longest(names, cells, fillvalue=0.0)]


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

    both = f'<div class="wide">{chart.svg}</div><div class="narrow">{chart.narrow}</div>'
    return Markup(both.encode("utf-8", "replace").decode())  # noqa: S704 made by `charts` alone
