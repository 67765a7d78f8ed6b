import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import kept
import pytest
from pages_made import HOSTILE, Page
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.errors import UsageError
from pipelines.pages.words import shown, signed
from pipelines.pages.write import csv_of
from pipelines.runs.history.choice import choose_any
from pipelines.submission.record import Record

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND = "20261121-101010-fast", "20261122-101010-fast"


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def runs(tmp_path):
    """Two runs, the second of which is the better one."""
    root = tmp_path / "runs"
    kept.keep(root, FIRST, kept.said(seed=1, noise=6.0), note=HOSTILE, seeds=2)
    kept.keep(root, SECOND, kept.said(seed=2, noise=0.5))
    return root


def test_a_run_is_found_by_whatever_names_it(runs):
    for said in (FIRST, FIRST[:12], str(runs / "titanic" / FIRST)):
        assert choose_any(runs, said).name == FIRST
    for said in (None, "titanic", "https://www.kaggle.com/c/titanic", SECOND):
        assert choose_any(runs, said).name == SECOND
    kept.keep(runs, "20261123-101010-fast", slug="otto-group-product-classification-challenge")
    assert choose_any(runs, None).slug.startswith("otto")
    assert choose_any(runs, "otto").slug.startswith("otto")
    assert choose_any(runs, "titanic").name == SECOND


def test_a_run_that_goes_on_is_shown_if_it_has_a_page(runs):
    living = runs / "titanic" / "20261124-101010-fast"
    living.mkdir()
    assert choose_any(runs, None).name == SECOND
    with pytest.raises(UsageError, match="cannot be used: it was stopped before its end"):
        choose_any(runs, living.name)
    (living / "report.html").write_text("so far")
    assert choose_any(runs, None).name == choose_any(runs, living.name).name == living.name


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("2026", f"may be {SECOND}, {FIRST}"),
        ("nothing", "is no competition, and no run"),
        ("otto", "no finished run of otto"),
    ],
)
def test_what_is_no_run_is_told_with_the_next_step(runs, said, says):
    with pytest.raises(UsageError, match=says):
        choose_any(runs, said)


WRONG = {
    "a run": ["report", "nothing"],
    "a folder": ["report", "./nowhere"],
    "a language": ["report", "--lang", "de"],
    "a language of a run": ["run", "titanic", "--lang", "de"],
    "a language of a comparison": ["compare", "titanic", "best", "--html", "--lang", "de"],
}


def test_what_is_wrong_is_answered_before_anything_heavy_is_loaded(tmp_path):
    code = (
        "import sys\nfrom pipelines.__main__ import app\n"
        f"for wrong in {list(WRONG.values())!r}:\n"
        "    try:\n        app(wrong)\n    except SystemExit as end:\n"
        "        print(end.code, sorted({'torch', 'pandas', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules)))\n"
    )
    around = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path, env=around)
    assert done.stdout.splitlines() == ["2 []"] * len(WRONG), done.stdout + done.stderr
    assert done.stderr.count("what to do") == len(WRONG)


def test_a_comparison_is_a_page_too(invoke, runs):
    found = json.loads(invoke("compare", "titanic", FIRST, SECOND, "--json").stdout)
    pages = []
    for language in ("en", "zh"):
        done = invoke("compare", "titanic", FIRST, SECOND, "--html", "--lang", language)
        assert done.exit_code == 0, done.output
        path = Path("runs") / "titanic" / SECOND / f"compare-{FIRST}.html"
        assert done.stdout == f"{path}\n"
        pages.append(Page(path.read_text(encoding="utf-8")))
    english, chinese = pages
    assert (english.open_tags, english.wrong, english.tags["script"]) == ([], [], 0)
    assert f"B is better, by {found['gain']:.4f} ± {found['se']:.4f}" in english.text
    for part in (*found["folds"], *found["classes"]):
        assert f"{part['name']} {part['rows']} {signed(part['gain'])} ± {shown(part['se'])}" in english.text
    for row in found["most_apart"]:
        assert (
            f"{row['id']} {row['truth']} {row['a']} ({row['sure_a']:.2f}) {row['b']} ({row['sure_b']:.2f})"
            in english.text
        )
    assert HOSTILE in english.text
    assert "seeds 2 1" in english.text
    assert english.scores == chinese.scores
    assert english.tags == chinese.tags
    assert "B 更好" in chinese.text


def test_the_newest_run_is_the_newest_under_another_name_too(runs):
    old = kept.keep(runs, "zz-my-first", run="20261120-101010-fast")
    assert choose_any(runs, "titanic").name == SECOND
    new = kept.keep(runs, "aa-my-last", run="20261125-101010-fast")
    assert choose_any(runs, None).path == new
    assert choose_any(runs, "zz-my").path == old


def test_the_csv_of_a_run_with_another_name_is_found(tmp_path):
    csv = tmp_path / "submissions" / "titanic" / f"{FIRST}.csv"
    csv.parent.mkdir(parents=True)
    csv.write_text("PassengerId,Survived\n")
    folder = kept.keep(tmp_path / "runs", "mine", run=FIRST, csv_sha256="0" * 64)
    (folder / "plan.json").write_text(json.dumps({"options": {"output": str(tmp_path / "submissions")}}))
    run = SimpleNamespace(path=folder, record=Record.load(folder / "record.json"))
    assert csv_of(run) == csv


def test_a_page_that_cannot_be_written_anew_is_shown_as_it_was(runs, invoke, monkeypatch):
    def full(_folder, _words):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "report.html")

    monkeypatch.setattr("pipelines.pages.write.write_report", full)
    page = runs / "titanic" / SECOND / "report.html"
    done = invoke("report", "titanic", "--no-open")
    assert (done.exit_code, "Read-only file system" in done.stderr) == (1, True)
    page.write_text("as it was")
    done = invoke("report", "titanic", "--no-open")
    assert (done.exit_code, done.stdout.strip()) == (0, f"runs/titanic/{SECOND}/report.html")
    assert f"report.html is as it was, and cannot be written anew: {os.strerror(errno.EROFS)}" in done.stderr
