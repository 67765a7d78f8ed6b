"""What a run of so many minutes tells: on the console, on its page, and what the benchmark makes of it."""

import json
from dataclasses import replace

import pytest

from benchmarks import minutes
from pipelines.notebook.given import knobs_of
from pipelines.pages.first import first_screen_html
from pipelines.pages.words import Words
from pipelines.report.lines import budget_lines
from pipelines.submission.record import Budget, Record

BUDGET = Budget(2.5, {"pieces": 3, "trees": 1}, {"tabm": "not tried: there was no time for it"}, ["pieces 1"])
RECORD = Record(slug="titanic", data="sample", preset="2.5min", folds=10, budget=BUDGET)


def test_the_lines_say_what_was_trained_and_what_was_left_and_why():
    lines = [
        "in 2.5 min                  pieces with 3 seeds, trees with 1 seed",
        "  without variant tabm: not tried: there was no time for it",
    ]
    assert list(budget_lines(BUDGET, 136.0)) == lines
    early = "  about 30 s are left: nothing more was to be trained, or sure to fit into them"
    assert list(budget_lines(BUDGET, 120.0)) == [*lines, early]
    assert next(budget_lines(Budget(1.0, {"trees": 1}), 58.0)) == "in 1 min                    trees with 1 seed"


def test_the_page_says_it_and_how_to_run_it_again():
    page = first_screen_html(replace(RECORD, data="kaggle"), None, Words())
    assert "the best of 2.5 minutes" in page
    assert "10 folds × 4 units" in page
    assert "preset" not in page
    assert "run titanic --minutes 2.5 --folds 10" in page


def test_a_record_without_minutes_has_no_word_of_them(tmp_path):
    assert "budget" not in json.loads(Record(slug="titanic", data="sample").to_json())
    RECORD.save(tmp_path / "record.json")
    assert Record.load(tmp_path / "record.json").budget == BUDGET


def test_a_notebook_may_give_minutes():
    assert knobs_of({"minutes": 5}).minutes == 5
    with pytest.raises(ValueError, match="minutes must be None or a number"):
        knobs_of({"minutes": "5"})


def test_the_benchmark_runs_all_in_turn_and_draws_a_front(tmp_path, monkeypatch):
    asked = []

    def child(*arguments):
        asked.append(arguments)
        if arguments[0] == "pipelines":
            return {"cv_mean": 0.5 - len(asked) / 100, "cv_se": 0.01, "seconds": 1.0, "budget": {"seeds": {"a": 2}}}
        return {"score": 0.45, "se": 0.01, "seconds": 1.0}

    monkeypatch.delenv("BENCHMARK_AUTOGLUON_PYTHON", raising=False)
    monkeypatch.setattr(minutes, "find_spec", lambda _name: None)
    rows = minutes.measure(tmp_path, "cpu", child, minutes=(2, 0.5))
    assert list(rows) == ["ours, 2 min", "ours, 0.5 min", "XGBoost", "LightGBM"]
    assert asked[0][:3] == ("pipelines", "run", "otto")
    assert asked[1][5:7] == ("--minutes", "0.5")
    rows = {
        name: row | {"seconds": seconds} for (name, row), seconds in zip(rows.items(), (120, 30, 60, 90), strict=True)
    }
    assert minutes.front(rows) == ["ours, 0.5 min", "XGBoost"]
    minutes.write(rows, "a machine", tmp_path)
    page = (tmp_path / "benchmarks-minutes.md").read_text(encoding="utf-8")
    assert "| XGBoost | 0.4500 ± 0.0100 | 60 | yes |" in page
    assert "ours, 2 min: a x 2." in page
    assert json.loads((tmp_path / "benchmarks-minutes.json").read_text()) == rows
    assert (tmp_path / "benchmarks-minutes.png").stat().st_size > 1000
