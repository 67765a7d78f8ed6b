"""A painter's axes become a `Chart`.

Margins are found from the labels' widths, about: matplotlib's own layout knows neither the page's font nor Chinese, and
takes as long as the drawing. Each chart is drawn twice, since what is shrunk to a phone's width cannot be read there.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from pipelines.pages.charts.colours import GRID, INK, MUTED
from pipelines.pages.charts.svg import clean
from pipelines.pages.charts.texts import plain, short, width_of
from pipelines.pages.parts import Chart
from pipelines.report.pictures import as_delivered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH, NARROW, HEIGHT = 400.0, 310.0, 250.0  # points, each of which a page shows as a pixel or more: see style.css
FONT, SMALL = 12.0, 11.0
LONGEST = 0.325  # of the width, of a label beside an axis
LINE, GAP = 17.0, 2.0  # points from one line of text to the next; free beside a label
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "kaggle-homework", "text.parse_math": False, "axes.unicode_minus": True,
    "font.size": FONT, "axes.labelsize": FONT, "xtick.labelsize": SMALL, "ytick.labelsize": SMALL,
    "text.color": INK, "axes.labelcolor": INK, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.edgecolor": MUTED, "axes.facecolor": "none", "figure.facecolor": "none", "grid.color": GRID,
    "axes.grid": True, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
    "xtick.major.size": 0.0, "ytick.major.size": 0.0, "xtick.minor.size": 0.0, "ytick.minor.size": 0.0,
    "xtick.major.pad": 5.0, "ytick.major.pad": 5.0, "lines.linewidth": 1.8, "lines.markersize": 5.0,
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """What a colour, and a dot's shape, means, above the drawing."""

    label: str
    colour: str
    kind: Literal["line", "dashes", "dot", "band"] = "line"
    marker: str = "o"


def draw(
    title: str, alt: str, paint: "Callable[[Axes], None]", *, keys: Sequence[Key] = (), height: float = HEIGHT
) -> Chart:
    """What `paint` draws on empty axes, `height` points high, with the `keys` above it; once more for a phone.

    `alt` says what it shows for who does not see it. Colours are those of `colours`; labels from files go through
    `texts`. The same drawing gives the same bytes.
    """
    with as_delivered(SETTINGS):
        wide, narrow = (clean(_drawn(paint, keys, width, height), title, alt) for width in (WIDTH, NARROW))
    return Chart(title, wide, alt, narrow)


def width_in_points(axes: "Axes") -> float:
    """Of the whole drawing that the axes are in."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return 72 * float(figure.get_figwidth())


def _drawn(paint: "Callable[[Axes], None]", keys: Sequence[Key], width: float, height: float) -> str:
    """The drawing as matplotlib writes it; below its keys it is `height` points high."""
    from matplotlib.figure import Figure

    places = _places(keys, width)
    top = LINE * (1 + places[-1][1]) if places else 0.0
    height += max(0.0, top - LINE)  # a second line of keys takes nothing of the picture
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    paint(axes)
    _place(axes, top, width, height)
    _write_keys(figure, list(zip(keys, places, strict=True)), width, height)
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with warnings.catch_warnings():  # text stays text: what the font here lacks, a reader's has
        warnings.filterwarnings("ignore", message="(?s)Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        figure.savefig(written, format="svg", metadata=nothing, transparent=True)
    return written.getvalue()


def _place(axes: "Axes", top: float, width: float, height: float) -> None:
    """Leave as much room beside the axes as their labels need."""
    _fewer_ticks(axes.yaxis, 5)
    left = 12 + _widest(axes.yaxis) + LINE * bool(axes.get_ylabel())
    for most in (5, 4, 3, 2):
        _fewer_ticks(axes.xaxis, most)
        ticks = _ticks(axes.xaxis)
        right = 14 + (width_of(ticks[-1][1], SMALL) / 2 if ticks else 0)
        fits = _fit(ticks, width - left - right)
        if fits:
            break
    bottom = 5 + LINE * bool(ticks) + LINE * bool(axes.get_xlabel())
    if not fits:
        axes.tick_params(axis="x", rotation=90)
        for text in axes.get_xticklabels():
            text.set(rotation=90, rotation_mode="anchor", ha="right", va="center")
        bottom, right = bottom + _widest(axes.xaxis) - LINE + 6, 14
    across, upright = width - left - right, height - bottom - top - 8
    axes.set_position((left / width, bottom / height, across / width, upright / height))
    if axes.get_ylabel():
        axes.yaxis.set_label_coords(-(left - LINE) / across, 0.5)
    label = short(axes.get_xlabel(), width - 4, FONT)
    half = width_of(label, FONT) / 2 + 2
    centre = min(max(left + across / 2, half), width - half)
    axes.set_xlabel(label)
    axes.xaxis.set_label_coords((centre - left) / across, (LINE - bottom) / upright)


def _fewer_ticks(axis: "Axis", most: int) -> None:
    """No more than so many, where they stand at numbers that are free to choose."""
    from matplotlib.ticker import MaxNLocator

    locator = axis.get_major_locator()
    if isinstance(locator, MaxNLocator):
        locator.set_params(nbins=most)


def _widest(axis: "Axis") -> float:
    return max((width_of(label, SMALL) for _, label in _ticks(axis)), default=0.0)


def _fit(ticks: Sequence[tuple[float, str]], across: float) -> bool:
    """Whether labels can stand side by side below an axis that is `across` points wide."""
    half = [(place * across, width_of(label, SMALL) / 2 + GAP) for place, label in ticks]
    return all(x + right <= other - left for (x, right), (other, left) in pairwise(half))


def _ticks(axis: "Axis") -> list[tuple[float, str]]:
    """What is written beside an axis, as far as it is in view, and where, from 0 to 1."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    places = [place for place in axis.get_majorticklocs() if low - slack <= place <= high + slack]
    labels = axis.get_major_formatter().format_ticks(places)
    return sorted(((place - low) / (high - low), label) for place, label in zip(places, labels, strict=True) if label)


def _places(keys: Sequence[Key], width: float) -> list[tuple[float, int]]:
    """Where each key stands: points from the left, and in which line."""
    x, line, found = 12.0, 0, []
    for key in keys:
        needed = 24 + width_of(_said(key, width), SMALL)
        if x > 12 and x + needed > width:
            x, line = 12.0, line + 1
        found.append((x, line))
        x += needed + 14
    return found


def _said(key: Key, width: float) -> str:
    return short(key.label, width - 40, SMALL)


def _write_keys(figure: "Figure", placed: Sequence[tuple[Key, tuple[float, int]]], width: float, height: float) -> None:
    """Write what the colours mean."""
    from matplotlib.lines import Line2D

    styles: dict[str, Any] = {"line": "-", "dashes": (0, (4, 2)), "dot": "none", "band": "-"}
    for key, (x, line) in placed:
        y = height - LINE * (line + 0.6)
        band, places = key.kind == "band", [x + 9] if key.kind == "dot" else [x, x + 18]
        figure.add_artist(Line2D(
            [place / width for place in places], [y / height for _ in places],
            transform=figure.transFigure, color=key.colour, linestyle=styles[key.kind], solid_capstyle="butt",
            linewidth=9 if band else 2, alpha=0.3 if band else 1, marker=key.marker if key.kind == "dot" else "",
            markersize=6, markeredgewidth=0,
        ))  # fmt: skip
        figure.text((x + 24) / width, y / height, plain(_said(key, width)), va="center", fontsize=SMALL)
