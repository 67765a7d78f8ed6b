"""Runs a lecture's program, the file that a learner could have typed, and hands back what it made.

The programs are the files `lecture_*.py` of the room above. They know nothing of all this: they print, they draw by
pyplot, and they read the course's files from the folder that is their first argument.
"""

import contextlib
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

from lectures.course.lecture import Setting
from pipelines.report.pictures import STYLE, as_delivered

FOLDER = Path(__file__).resolve().parent.parent


def printer(say: Callable[[str], None]) -> Callable[..., None]:
    """A `print` that says each line, a little to the right.

    >>> printer(print)(1, 2, sep=", ")
        1, 2
    """

    def printed(*values: object, sep: str = " ", end: str = "\n") -> None:
        for line in (sep.join(map(str, values)) + end.removesuffix("\n")).split("\n"):
            say(f"    {line}")

    return printed


def run_program(
    setting: Setting, name: str, files: Mapping[str, bytes] | None = None, *, picture: str = ""
) -> SimpleNamespace:
    """Run `lectures/name.py` from the setting's seed; returns its names: `.model`, `.losses`, whatever it defines.

    `files` are the course's files that it reads, by their place in the folder that it is handed. What it prints is
    said, what it draws goes to `picture`.png, else `NN-program.png`. torch's random state is left alone. It sees a GPU
    by CUDA only where the setting's device is one.
    """
    import torch

    path = FOLDER / f"{name}.py"
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    setting.say(f"program: lectures/{path.name}, {n_lines} lines")
    picture = picture or f"{name.split('_')[1]}-program"
    on_cuda = setting.device.type == "cuda"
    random = torch.random.fork_rng(devices=[torch.cuda.current_device()] if on_cuda else [])
    with tempfile.TemporaryDirectory() as folder, random, _figures(setting, picture):
        for place, content in (files or {}).items():
            (Path(folder) / place).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / place).write_bytes(content)
        torch.manual_seed(setting.seed)
        with _arguments(str(path), folder), contextlib.nullcontext() if on_cuda else _without_cuda():
            made = runpy.run_path(str(path), {"print": printer(setting.give or setting.say)}, run_name="__main__")
    return SimpleNamespace(**made)


@contextlib.contextmanager
def _without_cuda() -> Iterator[None]:
    """A program picks its device by itself, as a learner types it: here it finds no CUDA."""
    import torch

    before, torch.cuda.is_available = torch.cuda.is_available, lambda: False
    try:
        yield
    finally:
        torch.cuda.is_available = before


@contextlib.contextmanager
def _arguments(*arguments: str) -> Iterator[None]:
    before, sys.argv = sys.argv, list(arguments)
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def _figures(setting: Setting, picture: str) -> Iterator[None]:
    """Without a window: what pyplot holds in the end are the pictures; the figures of others stay as they were."""
    with as_delivered(STYLE):
        import matplotlib as mpl
        from matplotlib import pyplot as plt

        backend, others, show = mpl.get_backend(), set(plt.get_fignums()), plt.show
        plt.switch_backend("Agg")
        plt.show = lambda *_args, **_options: None
        try:
            yield
            drawn = [each for each in plt.get_fignums() if each not in others]
            for n, figure in enumerate(drawn, 1):
                setting.keep(f"{picture}{f'-{n}' if len(drawn) > 1 else ''}", plt.figure(figure))
        finally:
            for figure in set(plt.get_fignums()) - others:
                plt.close(figure)
            plt.show = show
            plt.switch_backend(backend)
