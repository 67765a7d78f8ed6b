"""Pictures are files: drawn by matplotlib as it is delivered and in one style, whatever the environment says of it."""

import contextlib
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.files import whole_file

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


@contextlib.contextmanager
def picture(path: Path, size: tuple[float, float], dpi: int) -> Iterator["Figure"]:
    """Yield an empty figure of `size` inches, in `STYLE`, and write it to `path`, a .png or .svg, whole or not at all.

    Raises: OSError where it cannot be written.
    """
    with as_delivered(STYLE):
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")  # no pyplot: it keeps state and asks for a screen
        yield figure
        with whole_file(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:], dpi=dpi)


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
