"""Pictures are files: drawn by matplotlib as it is delivered, whatever the environment says of it."""

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


@contextlib.contextmanager
def picture(path: Path, size: tuple[float, float], dpi: int) -> Iterator["Figure"]:
    """Yield an empty figure of `size` inches, and write it to `path` as a PNG, whole or not at all.

    Raises: OSError where it cannot be written.
    """
    _load_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        with warnings.catch_warnings(action="ignore"):  # words of matplotlib's own that it is about to drop
            mpl.rcParams.update({k: value for k, value in mpl.rcParamsDefault.items() if k != "backend"})
        figure = Figure(figsize=size, layout="constrained")  # no pyplot: it keeps state and asks for a screen
        yield figure
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="png", dpi=dpi)


@contextlib.contextmanager
def as_delivered(settings: Mapping[str, Any]) -> Iterator[None]:
    """Matplotlib, loaded, with its own settings and these; afterwards it is as it was."""
    _load_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context():
        with warnings.catch_warnings(action="ignore"):  # as above
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
