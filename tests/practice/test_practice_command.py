"""The command: one round, rounds that go on where they stopped, what is left in the folder."""

import errno
import json
import math
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.competition import Preset, Variant
from pipelines.data.sources import from_sample
from pipelines.encoders import TabularEncoder
from pipelines.pages.sections import board
from pipelines.pages.sections.subject import Subject
from pipelines.pages.words import Words
from pipelines.practice import rounds
from pipelines.practice.kept import Kept, Practice, key_of
from pipelines.practice.rounds import Round
from pipelines.settings import lookup
from pipelines.submission.record import Record
from pipelines.validation.crossval import Plan

ONE = Round(seed=4, rows=60, score=0.8, mean=0.8, error=0.05, averaging=0.0, outcome=0.75, outcome_se=0.05, seconds=1.0)


@pytest.fixture
def quick(titanic):
    """Titanic's made rows, and a linear model that takes no time."""
    frames = {name: frame[: 300 if name == "train.csv" else 100] for name, frame in titanic.make_sample().items()}
    linear = Variant(make_encoder=lambda: TabularEncoder(("Fare",)), make_estimator=LogisticRegression)
    return replace(
        titanic, variants={"linear": linear}, baselines={}, published=None, make_sample=lambda: frames,
        presets={"fast": Preset(folds=2, seeds=1, variants=("linear",))},
    )  # fmt: skip


@pytest.fixture
def invoke(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "_import", lambda _folder: quick)
    monkeypatch.setattr(lookup.Outline, "variants", ["linear"])
    monkeypatch.chdir(tmp_path)

    def run(*more):
        return CliRunner().invoke(app, ["practice", "titanic", "--data", "sample", "--device", "cpu", *more])

    return run


def without_seconds(text):
    return [{name: part for name, part in each.items() if name != "seconds"} for each in json.loads(text)["rounds"]]


def test_one_round_says_what_came_of_it_and_leaves_no_run_and_no_csv(invoke, tmp_path):
    done = invoke("--rounds", "1")
    assert done.exit_code == 0, done.output
    assert "titanic: 1 round, each with 60 rows hidden; accuracy" in done.stdout
    assert "verdict: too few rounds to tell" in done.stdout
    found = {path.relative_to(tmp_path).as_posix().partition("rounds-")[0] for path in tmp_path.rglob("*.*")}
    assert found == {
        f"reports/practice/titanic/{name}" for name in ("", "practice.json", "practice.png", "practice.svg")
    }
    practice = Practice.load(tmp_path / "reports" / "practice" / "titanic")
    assert (len(practice.rounds), practice.coverage.verdict, practice.data) == (1, "few", "sample")


def strict(text):
    """JSON as others read it: NaN and Infinity are none."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_what_one_round_does_not_tell_is_null(invoke, tmp_path):
    said = strict(invoke("--rounds", "1", "--json").stdout)
    coverage = said["coverage"]
    assert [coverage[name] for name in ("shift_se", "z_mean_se", "z_sd", "z_sd_low", "z_sd_high")] == [None] * 5
    assert coverage["shift"] == said["rounds"][0]["outcome"] - said["rounds"][0]["mean"]
    folder = tmp_path / "reports" / "practice" / "titanic"
    assert strict((folder / "practice.json").read_text()) == said
    loaded = Practice.load(folder)
    assert math.isnan(loaded.coverage.z_sd)
    assert (loaded.coverage.shift, loaded.options["variants"]) == (coverage["shift"], None)


def test_the_report_of_a_run_shows_it(invoke, quick):
    invoke("--rounds", "1")
    record = Record(slug="titanic", data="sample", metric=quick.metric.name)
    run = SimpleNamespace(record=record, competition=quick)
    section = board.practice(Subject(run, Words("en")))
    assert re.fullmatch(r"1 round with hidden training rows, [-0-9]{10}: too few rounds to tell\.", section.lead)
    assert [row[1][-4:] for row in section.parts[0].rows] == [" / 1"] * 3


@pytest.mark.parametrize("text", ["[]", "3", '{"coverage": 3}', '{"coverage": null, "rounds": [null]}', "[" * 100_000])
def test_a_file_of_another_form_is_told(tmp_path, text):
    (tmp_path / "practice.json").write_text(text)
    with pytest.raises(ValueError, match=r"it|slug|Expecting"):
        Practice.load(tmp_path)


@pytest.mark.parametrize("published", [False, True])
def test_that_published_shifts_are_left_out_is_said(invoke, quick, titanic, monkeypatch, published):
    known = replace(quick, published=titanic.published if published else None)
    monkeypatch.setattr(lookup, "_import", lambda _folder: known)
    done = invoke("--rounds", "1", "--json")
    assert json.loads(done.stdout)["unpublished"] is published
    assert ("judged is the forecast without the shift of published models" in done.stderr) is published


def test_rounds_of_rows_with_a_time_are_said_to_overlap(invoke, quick, monkeypatch):
    assert "the rounds are not independent" not in invoke("--rounds", "1").stdout
    monkeypatch.setattr(lookup, "_import", lambda _folder: replace(quick, time="PassengerId"))
    said = invoke("--rounds", "1").stdout
    assert "hidden rows of rounds overlap: the rounds are not independent, and the errors are too small" in said
    assert "(rounds share rows" not in said


def test_a_full_disk_takes_the_picture_and_not_the_verdict(invoke, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pipelines.practice.picture.draw", full)
    done = invoke("--rounds", "1")
    assert done.exit_code == 0
    assert "verdict: too few rounds to tell" in done.stdout
    assert "picture:" not in done.stdout
    assert "warning: no picture in " in done.stderr
    assert os.strerror(errno.ENOSPC) in done.stderr


def test_practice_that_was_interrupted_goes_on_where_it_was(invoke, tmp_path, monkeypatch):
    run, calls = rounds.cross_validate, []

    def third_time_interrupted(*all_of_it):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*all_of_it)

    monkeypatch.setattr(rounds, "cross_validate", third_time_interrupted)
    first = invoke("--rounds", "4", "--json")
    assert (first.exit_code, first.stdout) == (130, "")
    assert "the same command goes on where it stopped" in first.stderr
    second = invoke("--rounds", "4", "--json")
    assert "found: 2 of 4 rounds" in second.stderr
    assert len(calls) == 5
    whole = invoke("--rounds", "4", "--json", "--reports", str(tmp_path / "anew"))
    assert without_seconds(second.stdout) == without_seconds(whole.stdout)
    assert len(calls) == 9
    invoke("--rounds", "2", "--seed", "2", "--json")
    assert len(calls) == 9  # they are the third and the fourth
    quiet = invoke("--rounds", "3", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("verdict: too few rounds to tell\n", "")


def test_a_practice_that_is_replaced_is_kept_beside_and_said(invoke, tmp_path):
    folder = tmp_path / "reports" / "practice" / "titanic"
    first = json.loads(invoke("--rounds", "2", "--json").stdout)
    assert "note:" not in invoke("--rounds", "3").stderr  # the same, and one more
    aside = folder / f"practice-{first['key']}-3.json"
    said = invoke("--rounds", "1").stderr
    path = f"reports/practice/titanic/{aside.name}"
    assert f"note: a report shows these 1 round from now on; the 3 of the same kind before are kept in {path}" in said
    assert len(json.loads(aside.read_text())["rounds"]) == 3
    assert len(Practice.load(folder).rounds) == 1
    said = invoke("--rounds", "1", "--folds", "3").stderr
    assert "the 1 of other settings, data or code before are kept in" in said
    assert sorted(path.name for path in folder.glob("practice-*")) == sorted(
        [aside.name, f"practice-{first['key']}-1.json"]
    )


def test_wrong_options_are_named(invoke):
    for options, says in (
        (["--rounds", "0"], "--rounds must be from 1 to"), (["--jobs", "0"], "--jobs must be from 1 to 256, got 0"),
        (["--folds", "1"], "--folds must be at least 2"), (["--variants", "other"], "has no variant 'other'"),
        (["--seed", "4294967295", "--rounds", "2"], "--rounds must be from 1 to 1, got 2"),
    ):  # fmt: skip
        done = invoke(*options)
        assert done.exit_code == 2
        assert says in done.stderr
        assert "怎么办" in done.stderr


def test_a_torn_line_is_no_round_and_spoils_none(tmp_path):
    kept = Kept(tmp_path / "new", "key")
    assert kept.rounds() == {}
    kept.add(ONE)
    kept.path.write_bytes(kept.path.read_bytes() + b'{"seed": 5, "rows"')
    kept.add(replace(ONE, seed=6))
    assert kept.rounds() == {4: ONE, 6: replace(ONE, seed=6)}


def test_rounds_of_other_data_options_or_code_are_others(quick):
    source, plan = from_sample(quick), Plan(folds=2, seeds=1, variants=dict(quick.variants))
    key = key_of(quick, plan, source)
    assert key == key_of(quick, replace(plan, seed=3), source)  # each round has a seed of its own
    fare = Variant(make_encoder=lambda: TabularEncoder(("Fare", "Pclass")), make_estimator=LogisticRegression)
    others = [
        (quick, replace(plan, folds=3), source),
        (quick, plan, replace(source, files={**source.files, "train.csv": b"other"})),
        (replace(quick, variants={"linear": fare}), replace(plan, variants={"linear": fare}), source),
        (replace(quick, add_features=lambda rows: rows.assign(more=1)), plan, source),
        (replace(quick, groups="Ticket"), plan, source),
    ]
    assert len({key, *(key_of(*each) for each in others)}) == 6
