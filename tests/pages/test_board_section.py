"""The section about all runs: what it counts, in both languages; nothing is asked of Kaggle."""

import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from pipelines.kaggle.board import leaderboard
from pipelines.kaggle.board.leaderboard import Leaderboard
from pipelines.pages.sections.board import board, practice
from pipelines.pages.sections.subject import Subject
from pipelines.pages.words import Words
from pipelines.submission.ledger import Entry, Ledger
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


def test_the_copy_of_a_run_counts_what_lies_beside_the_copy(runs, tmp_path):
    for name in NAMES:
        options = {"output": str(tmp_path / "submissions"), "runs": str(tmp_path / "runs")}
        (runs / name / "plan.json").write_text(json.dumps({"options": options}))
    Ledger(tmp_path / "submissions").append(
        "scored", Entry("titanic", "mine.csv", "ab", "hw-0123456789ab-1"), public=0.7
    )
    shutil.copytree("runs", "elsewhere/runs")
    assert of(runs / NAMES[2]).lead.startswith("4 runs. ")
    copied = Path("elsewhere/runs/titanic")
    assert of(copied / NAMES[2]).lead.startswith("3 runs. ")
    shutil.rmtree("runs")  # moved, then: its csv lies where it was
    assert of(copied / NAMES[2]).lead.startswith("4 runs. ")


HELD = [
    {"level": 0.5, "held": 9, "rounds": 20, "low": 0.2582, "high": 0.6579, "share": 0.45},
    {"level": 0.95, "held": 19, "rounds": 20, "low": 0.7639, "high": 0.9911, "share": 0.95},
]


def practised(language="en", data="kaggle", metric="accuracy", **changes):
    """The section of a run, where practice has kept this; None stands for nothing kept."""
    coverage = {"held": HELD, "verdict": "holds", "rounds": 20, "shift": -0.0125, "shift_se": 0.004}
    kept = {"data": "kaggle", "metric": "accuracy", "by_time": False, "coverage": coverage} | changes
    path = Path("reports/practice/titanic/practice.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept))
    os.utime(path, (1_772_280_000, 1_772_280_000))
    record = Record(slug="titanic", data=data, metric=metric)
    return practice(Subject(SimpleNamespace(path=Path("runs/titanic/a"), record=record), Words(language)))


def test_what_practice_said_is_shown(runs):
    section = practised()
    assert section.lead == "20 rounds with hidden training rows, 2026-02-28: the forecast holds."
    table, shift = section.parts
    assert [[cell.replace("\xa0", " ") for cell in row] for row in table.rows] == [
        ["50 %", "9 / 20", "45.0 %", "25.8 % – 65.8 %"], ["95 %", "19 / 20", "95.0 %", "76.4 % – 99.1 %"],
    ]  # fmt: skip
    assert shift.text == "Outcome minus forecast, on the average: −0.0125 ± 0.0040."
    chinese = practised("zh", by_time=True, unpublished=True)
    assert chinese.lead == "2026-02-28 隐藏部分训练行演练 20 次：预估可信。"
    assert chinese.parts[0].rows == table.rows
    assert [each.text for each in practised(by_time=True, unpublished=True).parts[2:]] == [
        "Hidden rows of rounds overlap: the rounds are not independent, and the errors are too small.",
        "Judged is the forecast without the shift of published models, which that of a run has.",
    ]
    assert len(chinese.parts) == 4


def test_practice_with_other_rows_or_another_metric_is_not_shown(runs):
    assert practised(data="sample") is None
    assert practised(metric="log loss") is None
    Path("reports/practice/titanic/practice.json").unlink()
    record = Record(slug="titanic", data="kaggle", metric="accuracy")
    assert practice(Subject(SimpleNamespace(path=Path("runs/titanic/a"), record=record), Words("en"))) is None


@pytest.mark.parametrize("changes", [{"coverage": None}, {"by_time": 3}, {"coverage": {"held": [], "verdict": "odd"}}])
def test_damaged_practice_is_left_out_with_a_word(runs, changes):
    section = practised(**changes)
    assert section.lead == "reports/practice/titanic/practice.json cannot be read, and is left out."
    assert section.parts == []
