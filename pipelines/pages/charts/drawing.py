"""A painter's axes become a `Chart`.

Margins are found from the labels' widths, about: matplotlib's own layout knows neither the page's font nor Chinese, and
takes as long as the drawing.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

WIDTH, HEIGHT = 400.0, 250.0  # points; a phone shows them at nine tenths
FONT, SMALL = 12.0, 11.0
LONGEST = 130.0  # points, of a label beside an axis
LINE = 17.0  # points from one line of text to the next
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
    """What a colour means, above the drawing."""

    label: str
    colour: str
    kind: Literal["line", "dashes", "dot", "band"] = "line"


def draw(
    title: str, alt: str, paint: "Callable[[Axes], None]", *, keys: Sequence[Key] = (), height: float = HEIGHT
) -> Chart:
    """What `paint` draws on empty axes, `height` points high, with the `keys` above it.

    `alt` says what it shows for who does not see it. Colours are those of `colours`; labels from files go through
    `texts`. The same drawing gives the same bytes.
    """
    with as_delivered(SETTINGS):
        from matplotlib.figure import Figure
        from matplotlib.ticker import AutoLocator, MaxNLocator

        figure = Figure(figsize=(WIDTH / 72, height / 72))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        paint(axes)
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_locator(), AutoLocator):
                axis.set_major_locator(MaxNLocator(5))
        _place(axes, _write_keys(figure, keys, height), height)
        written = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with warnings.catch_warnings():  # text stays text: what the font here lacks, a reader's has
            warnings.filterwarnings("ignore", message="(?s)Glyph .* missing from font")
            warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
            figure.savefig(written, format="svg", metadata=nothing, transparent=True)
    return Chart(title, clean(written.getvalue(), title, alt), alt)


def _place(axes: "Axes", top: float, height: float) -> None:
    """Leave as much room beside the axes as their labels need."""
    x_labels, y_labels = _labels(axes.xaxis), _labels(axes.yaxis)
    left = 12 + max((width_of(label, SMALL) for label in y_labels), default=0) + LINE * bool(axes.get_ylabel())
    right = 14 + (width_of(x_labels[-1], SMALL) / 2 if x_labels else 0)
    room = (WIDTH - left - right) / max(1, len(x_labels))
    bottom = 5 + LINE * bool(x_labels) + LINE * bool(axes.get_xlabel())
    if x_labels and max(width_of(label, SMALL) for label in x_labels) > room:
        axes.tick_params(axis="x", rotation=90)
        for text in axes.get_xticklabels():
            text.set(rotation=90, rotation_mode="anchor", ha="right", va="center")
        longest = max(width_of(label, SMALL) for label in x_labels)
        bottom, right = bottom + longest - LINE, 14
        axes.xaxis.labelpad = 2
    top += 8
    axes.set_position((
        left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - top) / height,
    ))  # fmt: skip
    if axes.get_ylabel():
        axes.yaxis.set_label_coords(-(left - LINE) / (WIDTH - left - right), 0.5)


def _labels(axis: "Axis") -> list[str]:
    """What is written beside an axis, as far as it is in view."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    places = [place for place in axis.get_majorticklocs() if low - slack <= place <= high + slack]
    return [label for label in axis.get_major_formatter().format_ticks(places) if label]


def _write_keys(figure: "Figure", keys: Sequence[Key], height: float) -> float:
    """Write what the colours mean, in as many lines as they take; returns how high these are, in points."""
    from matplotlib.lines import Line2D

    x, line = 12.0, 0
    styles: dict[str, Any] = {"line": "-", "dashes": (0, (4, 2)), "dot": "none", "band": "-"}
    for key in keys:
        label = short(key.label, WIDTH - 60, SMALL)
        needed = 24 + width_of(label, SMALL) + 14
        if x > 12 and x + needed > WIDTH:
            x, line = 12.0, line + 1
        y = height - LINE * (line + 0.6)
        band, places = key.kind == "band", [x + 9] if key.kind == "dot" else [x, x + 18]
        figure.add_artist(Line2D(
            [place / WIDTH for place in places], [y / height for _ in places],
            transform=figure.transFigure, color=key.colour, linestyle=styles[key.kind], solid_capstyle="butt",
            linewidth=9 if band else 2, alpha=0.3 if band else 1, marker="o" if key.kind == "dot" else "",
        ))  # fmt: skip
        figure.text((x + 24) / WIDTH, y / height, plain(label), va="center", fontsize=SMALL)
        x += needed
    return LINE * (line + 1) if keys else 0.0
