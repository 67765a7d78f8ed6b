"""A picture is the same whatever the environment says of matplotlib, and one that fails is a warning."""

import errno
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import pytest

from pipelines.report import lines
from pipelines.report.pictures import picture

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = mpl.get_cachedir()  # before tests get another HOME


def draw(path):
    with picture(path, (2, 1), dpi=50) as figure:
        figure.add_subplot().set(title="loss")
    return path.read_bytes()


def test_settings_of_the_environment_do_not_reach_a_picture_and_stay_as_they_are(tmp_path):
    delivered = draw(tmp_path / "a.png")
    hostile = {
        "text.usetex": True, "font.family": ["no such font"], "savefig.transparent": True, "figure.dpi": 7,
        "savefig.bbox": "tight", "axes.titlesize": 99,
    }  # fmt: skip
    with mpl.rc_context(hostile):
        assert draw(tmp_path / "b.png") == delivered
        assert mpl.rcParams["text.usetex"]
        assert mpl.rcParams["axes.titlesize"] == 99


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense", "svg"])
def test_nothing_that_matplotlib_reads_when_it_is_loaded_matters(tmp_path, backend):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe no setting\n")
    (tmp_path / "named").write_text("text.usetex: True\nfigure.dpi: many\n")
    code = "import sys, pathlib; from pipelines.report.pictures import picture\n"
    code += "with picture(pathlib.Path('a.png'), (2, 1), dpi=50) as f: f.add_subplot().set(title='loss')\n"
    code += "import os; print(os.environ['MPLBACKEND'], os.environ['MATPLOTLIBRC'])"
    around = {"MPLBACKEND": backend, "MATPLOTLIBRC": "named", "MPLCONFIGDIR": CACHE, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=os.environ | around
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{backend} named\n")
    assert (tmp_path / "a.png").read_bytes() == draw(tmp_path / "b.png")


@pytest.fixture
def outcome():
    variant = SimpleNamespace(name="network", losses=[[0.7, 0.5], [0.6, 0.4]], held_out=[[0.8, 0.6], [0.7]])
    result = SimpleNamespace(variants=[variant], score=0.84, se=0.01)
    return SimpleNamespace(result=result, source=SimpleNamespace(kind="kaggle"))


def test_curves_of_rows_held_out_are_dashed_beside_those_of_training(titanic, outcome, tmp_path, monkeypatch):
    drawn = []

    @contextmanager
    def kept(*what, **more):
        with picture(*what, **more) as figure:
            drawn.append(figure)
            yield figure

    monkeypatch.setattr(lines, "picture", kept)
    lines.draw_curves(titanic, outcome, tmp_path / "a.png")
    [axes] = drawn[0].axes
    shown = [(line.get_linestyle(), list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert shown == [
        ("-", [1, 2], [0.7, 0.5]), ("-", [1, 2], [0.6, 0.4]), ("--", [1, 2], [0.8, 0.6]), ("--", [1], [0.7]),
    ]  # fmt: skip
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "network, a line per fold", "network, rows held out",
    ]  # fmt: skip
    assert {line.get_color() for line in axes.lines} == {"C0"}


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ImportError("no matplotlib"), "ImportError: no matplotlib"),
        (MemoryError(), "MemoryError"),
    ],
    ids=["full", "missing", "memory"],
)
def test_a_picture_that_fails_is_a_warning(titanic, outcome, tmp_path, monkeypatch, capsys, error, says):
    def failing(*_what, **_more):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(lines, "picture", failing)
        assert lines.draw_curves(titanic, outcome, tmp_path / "a.png") == "none"
    told = capsys.readouterr()
    assert told.err.startswith(f"warning: no picture of the training, {tmp_path / 'a.png'}: {says}")
    assert lines.draw_curves(titanic, outcome, tmp_path / "a.png") == str(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
