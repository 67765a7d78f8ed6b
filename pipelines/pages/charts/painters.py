"""What is drawn again and again: curves with their spread, dots with errors, bars, matrices, clouds of rows.

Nothing here writes more than some thousand marks, however many rows there are. Shapes: K marks, R rows and C columns of
a matrix.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.metrics import FloatArray
from pipelines.pages.charts.colours import INK, MUTED, SERIES
from pipelines.pages.charts.drawing import FONT, LINE, LONGEST, SMALL, width_in_points
from pipelines.pages.charts.texts import short, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DOTS = 1_500  # from which rows are counted in squares
SQUARES, LEVELS = 40, 5  # along an axis; shades of how many rows are in a square
DARKEST, WRITTEN_ON = 0.9, 0.55  # opacity of a cell; of one with a text, which is read on it by day and by night
SHADES, GAP = 20, 0.48  # of a matrix; half of a cell's width
MOST_BESIDE = 0.225  # of the width, of a label beside a matrix
MARGINS = 38.0  # points beside a matrix that are no label


def curve(axes: "Axes", x: Any, mean: FloatArray, spread: FloatArray | None, colour: str, *, dashes: bool) -> None:
    """A line, and a band of its spread to both sides."""
    axes.plot(x, mean, color=colour, linestyle=(0, (4, 2)) if dashes else "-", marker="o" if len(mean) == 1 else "")
    if spread is not None and len(mean) > 1:
        axes.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)


def ranges(
    axes: "Axes",
    labels: Sequence[object],
    values: FloatArray,
    low: FloatArray,
    high: FloatArray,
    colour: str = SERIES[0],
) -> None:
    """A dot for each label, the first on top, and a line from `low` to `high`; all (K,)."""
    places = np.arange(len(values))
    axes.hlines(places, low, high, color=colour, linewidth=2, alpha=0.55)
    axes.plot(values, places, "o", color=colour, markersize=6)
    axes.set_yticks(places, _beside(axes, labels))
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def bars(axes: "Axes", labels: Sequence[object], values: FloatArray, error: FloatArray | None = None) -> None:
    """A horizontal bar for each label, the first on top, with an error to both sides; all (K,)."""
    places = np.arange(len(values))
    axes.barh(places, values, color=SERIES[0], alpha=0.8, height=0.65, linewidth=0)
    if error is not None:
        axes.hlines(places, values - error, values + error, color=INK, linewidth=1.3)
    axes.set_yticks(places, _beside(axes, labels))
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def matrix(
    axes: "Axes",
    shades: FloatArray,
    rows: Sequence[object],
    columns: Sequence[object],
    texts: Sequence[Sequence[str]] = (),
) -> None:
    """Cells (R, C) as dark as they are from 0 to 1, with a text in each where there are `texts`, as far as it fits."""
    most = MOST_BESIDE * width_in_points(axes)
    of_rows, of_columns = ([short(each, most, SMALL) for each in labels] for labels in (rows, columns))
    beside = max((width_of(each, SMALL) for each in of_rows), default=0.0)
    room = (width_in_points(axes) - MARGINS - LINE - beside) / max(1, len(columns))
    texts, size = _fitting(texts, room)
    level = np.ceil(SHADES * np.clip(np.nan_to_num(shades), 0, 1)).astype(int)  # none where there is nothing
    darkest = WRITTEN_ON if len(texts) else DARKEST
    for shade in np.unique(level[level > 0]):
        j, i = np.nonzero(level == shade)
        _squares(axes, i - GAP, i + GAP, j - GAP, j + GAP, 0.05 + (darkest - 0.05) * float(shade) / SHADES)
    for (row, column), text in np.ndenumerate(np.array(texts, dtype=object)):
        axes.text(column, row, str(text), ha="center", va="center", color=INK, fontsize=size, linespacing=1.15)
    for axis, labels in ((axes.xaxis, of_columns), (axes.yaxis, of_rows)):
        axis.set_ticks(np.arange(len(labels)), labels)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.grid(visible=False)


def _fitting(texts: Sequence[Sequence[str]], room: float) -> tuple[Sequence[Sequence[str]], float]:
    """The texts of cells `room` points wide, or their last lines, or the numbers there, or none; and their size."""
    last = [[text.split("\n")[-1] for text in row] for row in texts]
    bare = [[text.rstrip(" %") for text in row] for row in last]
    for shorter in (texts, last, bare):
        widest = max((width_of(line, 1.0) for row in shorter for text in row for line in text.split("\n")), default=0.0)
        if widest * SMALL <= room:
            return shorter, FONT if widest * FONT < 0.9 * room else SMALL
    return [], SMALL


def cloud(axes: "Axes", x: FloatArray, y: FloatArray, colour: str = SERIES[0]) -> None:
    """Rows as dots; where they are many, squares that are the darker the more rows are in them."""
    if len(x) <= MOST_DOTS:
        axes.plot(x, y, "o", color=colour, markersize=4, alpha=0.35, markeredgewidth=0)
        return
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=SQUARES)
    level = np.ceil(LEVELS * np.log1p(counts) / np.log1p(counts.max())).astype(int)
    for shade in range(1, LEVELS + 1):
        i, j = np.nonzero(level == shade)
        _squares(axes, x_edges[i], x_edges[i + 1], y_edges[j], y_edges[j + 1], shade / LEVELS, colour)
    axes.autoscale_view()


def _beside(axes: "Axes", labels: Sequence[object]) -> list[str]:
    """Labels that leave room for what they stand beside."""
    return [short(label, LONGEST * width_in_points(axes), SMALL) for label in labels]


def _squares(axes: "Axes", left: Any, right: Any, low: Any, high: Any, opacity: float, colour: str = SERIES[0]) -> None:
    """Rectangles of one colour as one path: a page of many is small then."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if len(left):
        corners = np.stack([left, low, left, high, right, high, right, low, left, low], axis=1).reshape(-1, 2)
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(left)
        axes.add_patch(PathPatch(Path(corners, codes), facecolor=colour, alpha=round(opacity, 3), linewidth=0))


def whole_numbers(axes: "Axes") -> None:
    """Ticks of the x axis at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def diagonal(axes: "Axes") -> None:
    """The line where both axes say the same."""
    low = max(axes.get_xlim()[0], axes.get_ylim()[0])
    high = min(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.plot([low, high], [low, high], color=MUTED, linestyle=(0, (4, 2)), linewidth=1.2)
