"""Pictures are files: drawn by matplotlib as it is delivered and in one style, whatever the environment says of it."""

import contextlib
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.files import whole_file
from pipelines.language.catalogue import in_chinese
from pipelines.report.console import say_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The eight colours of matplotlib's "petroff8" (Petroff 2021, arXiv:2107.02270), in its order: of the cycles that were
# tried, those that stay furthest apart for who sees no red, green or blue (18 CIELAB units at least; Okabe and Ito's
# first six 16).
PALETTE = ("#1845fb", "#ff5e02", "#c91f16", "#c849a9", "#adad7d", "#86c8dd", "#578dff", "#656364")
INK, MUTED, GRID = "#1f2328", "#656364", "#d8dce0"  # what is written, what stands aside, lines to read off from

STYLE: dict[str, Any] = {
    "axes.prop_cycle": f"cycler('color', {list(PALETTE)})",
    "axes.axisbelow": True, "axes.grid": True, "axes.spines.right": False, "axes.spines.top": False,
    "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlesize": 11,
    "axes.titlepad": 10.0, "axes.titlelocation": "left", "font.size": 10.0, "figure.titlesize": 12,
    "grid.color": GRID, "grid.linewidth": 0.8, "legend.frameon": True, "legend.framealpha": 0.85,
    "legend.edgecolor": "none", "legend.fontsize": 9, "lines.linewidth": 1.8, "lines.markersize": 5.0,
    "text.color": INK, "xtick.color": MUTED, "xtick.labelcolor": INK, "xtick.labelsize": 9,
    "ytick.color": MUTED, "ytick.labelcolor": INK, "ytick.labelsize": 9,
}  # fmt: skip


# Fonts that hold Chinese, as they are called where they are delivered: Linux, Windows, macOS.
CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "SimHei",
    "DengXian", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    "Noto Sans CJK JP", "Noto Serif CJK SC", "Noto Serif CJK JP", "Source Han Serif SC", "SimSun", "Songti SC",
    "Arial Unicode MS", "Droid Sans Fallback",
)  # fmt: skip

CHINESE_FILES = ("notosanscjk", "notosanssc", "sourcehansans", "msyh", "simhei", "pingfang", "stheiti", "wqy")


@contextlib.contextmanager
def picture(path: Path, size: tuple[float, float], dpi: int) -> Iterator["Figure"]:
    """Yield an empty figure of `size` inches, in `STYLE`, and write it to `path`, a .png or .svg, whole or not at all.

    Raises: OSError where it cannot be written.
    """
    with as_delivered(STYLE):
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")  # no pyplot: it keeps state and asks for a screen
        yield figure
        say_in_the_language(figure)
        with whole_file(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:], dpi=dpi)


@cache
def chinese_font() -> str | None:
    """A font of this computer that holds Chinese; where there is none, it is said, once."""
    from matplotlib import font_manager

    known = font_manager.fontManager
    for path in font_manager.findSystemFonts():  # matplotlib's own list is as old as its cache
        if Path(path).name.lower().startswith(CHINESE_FILES):
            with contextlib.suppress(OSError, RuntimeError):
                known.addfont(path)
    there = {font.name for font in known.ttflist}
    found = next((name for name in CHINESE_FONTS if name in there), None)
    if found is None:
        say_aside("note: no Chinese font is installed (Noto Sans CJK SC, say): pictures are in English")
    return found


def say_in_the_language(figure: "Figure") -> None:
    """Put the texts of a figure into the language that is shown."""
    if (chinese := in_chinese()) is not None:
        _translate(figure, chinese)


def _translate(figure: "Figure", chinese: Callable[[str], str]) -> None:
    """Put all texts of a figure into Chinese; letters and digits keep their font."""
    from matplotlib.text import Text
    from matplotlib.ticker import FixedLocator

    font = chinese_font()
    if font is None:
        return
    for text in figure.findobj(Text):
        said = text.get_text()
        if (words := chinese(said)) != said:
            text.set_text(words)
        text.set_fontfamily(["DejaVu Sans", font])
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        names = [text.get_text() for text in axis.get_ticklabels()]
        if isinstance(axis.get_major_locator(), FixedLocator) and list(map(chinese, names)) != names:
            axis.set_ticklabels(list(map(chinese, names)))


@contextlib.contextmanager
def as_delivered(settings: Mapping[Any, Any]) -> Iterator[None]:
    """Matplotlib, loaded, with its own settings and these; afterwards it is as it was."""
    _load_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context():
        with warnings.catch_warnings(action="ignore"):  # words of matplotlib's own that it is about to drop
            mpl.rcParams.update({k: value for k, value in mpl.rcParamsDefault.items() if k != "backend"})
        chosen: Any = settings  # matplotlib types each name
        mpl.rcParams.update(chosen)
        yield


def _load_matplotlib() -> None:
    """Import matplotlib out of reach of any `matplotlibrc`; it looks for one in the working folder first.

    The backend that a notebook names is kept for the notebook; one that is not known here is passed over.
    """
    if "matplotlib" in sys.modules:
        return
    found = importlib.util.find_spec("matplotlib")
    before = {name: os.environ.pop(name, None) for name in ("MPLBACKEND", "MATPLOTLIBRC", "MPLCONFIGDIR")}
    if found is not None and found.origin is not None:
        os.environ["MATPLOTLIBRC"] = str(Path(found.origin).parent / "mpl-data" / "matplotlibrc")  # as delivered
    if before["MPLCONFIGDIR"]:
        os.environ["MPLCONFIGDIR"] = str(Path(before["MPLCONFIGDIR"]).absolute())
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)  # no word about a home that cannot be written to
    try:
        with contextlib.chdir(Path(__file__).parent):
            import matplotlib.figure
    finally:
        for name in before:
            os.environ.pop(name, None)
        os.environ |= {name: value for name, value in before.items() if value is not None}
        log.setLevel(level)
    if before["MPLBACKEND"]:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = before["MPLBACKEND"]
