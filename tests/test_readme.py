"""The README's code runs, its tree is the project's, and both languages name the same commands."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import toys

from pipelines.competition import Preset
from pipelines.settings.lookup import load
from pipelines.settings.trial import try_metric
from pipelines.validation.crossval import Plan, cross_validate

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh-CN.md"]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def python_blocks(name):
    blocks = re.findall(r"```python\n(.*?)```", text(name), re.DOTALL)
    assert len(blocks) == 3
    return blocks


@pytest.mark.parametrize("name", READMES)
def test_own_code_runs(name, capsys):
    exec(compile(python_blocks(name)[2], name, "exec"), {})
    assert float(capsys.readouterr().out) > 0.9


@pytest.mark.parametrize("name", READMES)
def test_what_a_notebook_shows_is_there(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {}
    exec(compile(python_blocks(name)[1], name, "exec"), known)
    ran = known["ran"]
    assert f"{ran.score:.4f}" in ran._repr_html_()
    assert set(ran.oof["fold"]) == {0, 1} == set(ran.folds["fold"])


@pytest.mark.parametrize("name", READMES)
def test_what_a_competition_adds_of_its_own_does_what_is_said(name):
    said = {"__name__": "readme"}
    exec(compile(python_blocks(name)[0], name, "exec"), said)
    rows = pd.DataFrame({"Id": ["0013_01", "0013_02", "0014_01"], "store": [1, 2, 1], "shelves": [2, 4, 8]})
    stores = pd.DataFrame({"store": [1, 2], "area": [80, 100]})
    assert said["add_features"](rows, stores)["area_per_shelf"].tolist() == [40, 25, 10]
    assert said["group_of"](rows).tolist() == ["0013", "0013", "0014"]
    assert said["metric"](np.array([0, 1, 1, 0]), np.eye(2)[[1, 0, 1, 0]]) == (1 + 5) / 4
    changes = {name: said[name] for name in ("variants", "add_features", "metric")} | {"groups": said["group_of"]}
    fast = {"fast": Preset(folds=2, seeds=1, variants=("mine", "forest"))}
    toy = replace(load("titanic"), presets=fast, baselines={}, published=None, **changes)
    try_metric(toy.metric, np.array([0, 1]), 2)
    result = cross_validate(toy, toys.make_features(), Plan(folds=2, seeds=1, variants=toy.variants))
    assert [row.name for row in result.variants] == ["mine", "forest"]
    assert next(iter(result.baselines)).gain > 0


@pytest.mark.parametrize("name", READMES)
def test_the_tree_names_every_room_and_no_other(name):
    tree = re.search(r"```\n\.\n(.*?)```", text(name), re.DOTALL).group(1)
    named = set(re.findall(r"[├└]── (\w+)/ ", tree))
    inside = {path.parent.name for path in ROOT.glob("pipelines/*/__init__.py")}
    tops = {"competitions", "pipelines", "lectures", "benchmarks", "submissions", "tests", "docs"}
    assert named | {"pipelines"} == inside | tops


@pytest.mark.parametrize("name", READMES)
def test_the_way_can_be_read_in_an_evening(name):
    """The files that a csv passes, with their lines: at most 16, and 1,850 lines together."""
    rows = re.findall(r"^\| \[([\w/.]+)\]\(\1\) \| (\d+) \|", text(name), re.MULTILINE)
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path, _ in rows}
    assert 10 <= len(rows) <= 16
    assert sum(lines.values()) <= 1850
    assert {path: said for path, said in rows if abs(int(said) - lines[path]) > 10} == {}


@pytest.mark.parametrize("name", READMES)
def test_links_to_files_lead_somewhere(name):
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text(name)) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_named_is_there(name):
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", text(name)) + re.findall(r"^make ([a-z-]+)", text(name), re.MULTILINE))
    assert {"titanic", "test"} <= named
    assert named <= targets


def test_both_languages_name_the_same_commands():
    found = [set(re.findall(r"python -m pipelines \w+|make \w+|--[a-z]+", text(name))) for name in READMES]
    assert found[0] == found[1]


def test_headings_that_errors_name_are_there():
    code = text("pipelines/settings/lookup.py")
    for name, heading in zip(READMES, ("Add a competition", "添加一个比赛"), strict=True):
        assert heading in code
        assert re.search(f"^#+ {heading}$", text(name), re.MULTILINE)
