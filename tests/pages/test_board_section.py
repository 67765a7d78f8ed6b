"""The section about all runs: what it counts, in both languages; nothing is asked of Kaggle."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from pipelines.kaggle.board import leaderboard
from pipelines.kaggle.board.leaderboard import Leaderboard
from pipelines.pages.sections.board import board
from pipelines.pages.sections.subject import Subject
from pipelines.pages.words import Words
from pipelines.submission.record import Forecast, Record, Verdict

NAMES = ["20260101-101010-fast", "20260102-101010-best", "20260103-101010-fast"]
PUBLIC = [0.775, 0.9, None]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs, of which two were submitted: one within its forecast, one above."""
    monkeypatch.chdir(tmp_path)
    for name, public in zip(NAMES, PUBLIC, strict=True):
        said = Verdict(ref=1, public=public) if public else None
        record = Record(
            slug="titanic", data="kaggle", metric="accuracy", cv_mean=0.84, cv_se=0.01, csv_sha256=name, run=name,
            forecast=Forecast(0.77, 0.75, 0.79, 418), kaggle=said,
        )  # fmt: skip
        Path("runs/titanic", name).mkdir(parents=True)
        record.save(Path("runs/titanic", name, "record.json"))
    return Path("runs/titanic")


def of(path, language="en"):
    run = SimpleNamespace(path=path, record=Record(slug="titanic", data="kaggle"))
    return board(Subject(run, Words(language)))


def keep_teams():
    teams = Leaderboard(datetime(2026, 2, 28, tzinfo=UTC), (1.0, 0.8, 0.77, 0.76, 0.6))
    leaderboard.keep(teams, "titanic", Path("submissions/titanic/leaderboard.cache"))


def test_it_counts_the_forecasts_that_held(runs):
    assert of(runs / NAMES[2]).lead == "3 runs. Of 2 with a forecast and a public score, 1 came into the 95 % interval."
    keep_teams()
    section = of(runs / NAMES[2])
    assert section.lead.replace("\xa0", " ").endswith(
        "This run's forecast is better than 40.0 % of the teams (20.0 % to 60.0 %)."
    )
    chart, table, text = section.parts
    assert [cell.replace("\xa0", " ") for cell in table.rows[1]] == [
        NAMES[1],
        "0.8400 ± 0.0100",
        "0.7700 (0.7500 – 0.7900)",
        "–",
        "0.90000",
        "–",
        "80.0 %",
    ]
    assert "5 teams; the best score is 1.00000" in text.text
    assert ET.fromstring(chart.svg).tag.endswith("svg")
    assert "50 % of teams" in chart.svg


def test_both_languages_have_the_same_numbers(runs):
    keep_teams()
    english, chinese = (of(runs / NAMES[2], language) for language in ("en", "zh"))
    for first, second in zip(english.parts[1].rows, chinese.parts[1].rows, strict=True):
        assert first == second
    for first, second in ((english.lead, chinese.lead), (english.parts[2].text, chinese.parts[2].text)):
        assert sorted(re.findall(r"\d[\d.,]*\d|\d", first)) == sorted(re.findall(r"\d[\d.,]*\d|\d", second))


def test_one_run_alone_says_nothing_until_there_are_teams(runs):
    for name in NAMES[:2]:
        (runs / name / "record.json").unlink()
    assert of(runs / NAMES[2]) is None
    keep_teams()
    assert of(runs / NAMES[2]).lead.startswith("1 run; no public score is known yet.")
