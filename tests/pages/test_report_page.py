import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from pages_made import HOSTILE, IMAGE, Page, run_of
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.pages.words import Words, signed
from pipelines.pages.write import write_report
from pipelines.submission.ledger import Entry, Ledger
from pipelines.submission.record import Record

ROOT = Path(__file__).resolve().parents[2]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_of("titanic", tmp_path_factory.mktemp("made"), note="first try")


@pytest.fixture(scope="module")
def pages(folder):
    """The page in both languages."""
    found = {}
    for language in ("en", "zh"):
        html = write_report(folder, Words(language)).read_text(encoding="utf-8")
        found[language] = Page(html)
    return found


def test_a_page_is_whole_and_asks_nobody_for_anything(pages, folder):
    for language, page in pages.items():
        assert (page.open_tags, page.wrong) == ([], [])
        assert page.values("lang", "html") == [{"en": "en", "zh": "zh-CN"}[language]]
        assert POLICY in page.values("content", "meta")
        assert not page.tags["script"]
        assert page.values("src") == []
        assert page.values("href", "link") == ["data:,"]
        assert all(link.startswith("#") for link in page.values("href", "a"))
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert (folder / "report.html").stat().st_size < 3e6


def test_it_can_be_read_without_seeing_it(pages):
    page = pages["en"]
    levels = [int(tag[1]) for tag, _, _ in _headings(page)]
    assert page.tags["h1"] == 1
    assert max(levels) <= 3
    assert page.tags["caption"] == page.tags["table"] > 2
    assert page.tags["th"] == len(page.values("scope", "th"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("href", "a")} <= set(ids)
    assert all(page.values("aria-label", "div"))


def _headings(page):
    return [(tag, None, None) for tag in page.tags if tag in {"h1", "h2", "h3", "h4"}]


def test_both_languages_say_the_same(pages):
    english, chinese = pages["en"], pages["zh"]
    kinds = ("section", "table", "tr", "td", "th", "figure", "svg", "details", "dt", "dd", "h2", "h3", "circle")
    assert {kind: english.tags[kind] for kind in kinds} == {kind: chinese.tags[kind] for kind in kinds}
    assert english.scores == chinese.scores
    assert english.tags["section"] > 5
    assert sum(english.scores.values()) > 20


def test_values_are_the_records(pages, folder):
    record = Record.load(folder / "record.json")
    text = pages["en"].text
    assert f"{record.cv_mean:.4f} ± {record.cv_se:.4f}" in text
    for baseline in record.baselines:
        shown = (
            f"{baseline.name} {signed(baseline.gain)} ± {baseline.gain_se:.4f} {baseline.score:.4f} ± {baseline.se:.4f}"
        )
        assert shown in text
    assert "first try" in text
    assert str(record.run) in text


def test_made_rows_are_said_in_large_and_nothing_is_forecast_of_them(pages):
    assert "Made rows, not the competition's" in pages["en"].text
    assert "人造数据，不是比赛数据" in pages["zh"].text
    assert "note" in pages["en"].values("role", "div")
    assert "forecast of the public score" not in pages["en"].text
    assert "python -m pipelines submit" not in pages["en"].text


def test_text_from_data_is_shown_and_not_run(folder, tmp_path):
    made = json.loads((folder / "record.json").read_text())
    made |= {
        "note": HOSTILE,
        "leaks": [IMAGE],
        "importance": [{"name": IMAGE, "columns": [IMAGE], "loss": 1, "se": 0.1}],
    }
    made["baselines"][0]["name"] = HOSTILE
    made["device"] = "cpu\x00\u202e"
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("."):
            (copy / path.name).write_bytes(path.read_bytes())
    (copy / "record.json").write_text(json.dumps(made))
    for language in ("en", "zh"):
        page = Page(write_report(copy, Words(language)).read_text(encoding="utf-8"))
        assert (page.open_tags, page.wrong) == ([], [])
        assert page.tags["script"] == page.tags["img"] == 0
        assert page.text.count(HOSTILE) >= 2
        assert page.text.count(IMAGE) >= 2
        assert not {"\x00", "\u202e"} & set(page.text)


def test_the_public_score_is_shown_once_the_ledger_has_it(tmp_path):
    folder = run_of("titanic", tmp_path)
    record = Record.load(folder / "record.json")
    real = replace(record, data="folder")
    real.save(folder / "record.json")
    assert "public score, by Kaggle" not in _text(folder)
    entry = Entry("titanic", f"{folder.name}.csv", str(record.csv_sha256), "hw-0123456789ab-1")
    verdict = {"ref": 7, "status": "COMPLETE", "public": 0.77990, "rank": 1234}
    Ledger(tmp_path / "submissions").append("scored", entry, **verdict)
    text = _text(folder)
    assert "public score, by Kaggle 0.7799" in text
    assert "rank 1,234; " in text
    assert "python -m pipelines try titanic" in text


def _text(folder):
    return Page(write_report(folder, Words()).read_text(encoding="utf-8")).text


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


QUICK = ("titanic", "--folds", 2, "--seeds", 1, "--epochs", 1, "--device", "cpu")


def test_every_run_that_keeps_a_folder_leaves_its_page(invoke, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    done = invoke("cv", *QUICK, "--lang", "zh")
    (folder,) = (tmp_path / "runs" / "titanic").iterdir()
    path = folder.relative_to(tmp_path) / "report.html"
    assert f"报告：      {path}\n" in done.stdout
    assert Page(path.read_text(encoding="utf-8")).values("lang", "html") == ["zh-CN"]
    assert "report:" not in invoke("cv", *QUICK, "--runs", "").stdout
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    shown = invoke("report")
    assert shown.stdout == f"{path}\n"
    assert opened == []  # stdout is no terminal
    assert Page(path.read_text(encoding="utf-8")).values("lang", "html") == ["en"]


def test_a_page_that_cannot_be_written_stops_nothing(invoke, monkeypatch):
    def full(path, _data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("pipelines.pages.write.write_whole", full)
    done = invoke("run", *QUICK)
    assert done.exit_code == 0, done.output
    assert "report:     none\n" in done.stdout
    assert "warning: no report in " in done.stderr
    assert "No space left on device" in done.stderr
    assert "submission: " in done.stdout


def test_an_installed_copy_has_the_templates():
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    found = {path for glob in declared["pipelines.pages"] for path in (ROOT / "pipelines/pages").glob(glob)}
    assert set((ROOT / "pipelines/pages/templates").iterdir()) == found
    assert len(found) >= 7
