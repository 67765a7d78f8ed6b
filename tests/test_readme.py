"""The README's code runs, its tree is the project's, and both languages name the same commands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh-CN.md"]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_python_blocks_run(name, capsys):
    blocks = re.findall(r"```python\n(.*?)```", text(name), re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], name, "exec"), {})
    assert float(capsys.readouterr().out) > 0.9


@pytest.mark.parametrize("name", READMES)
def test_the_tree_names_every_room_and_no_other(name):
    tree = re.search(r"```\n\.\n(.*?)```", text(name), re.DOTALL).group(1)
    named = set(re.findall(r"[├└]── (\w+)/ ", tree))
    inside = {path.parent.name for path in ROOT.glob("pipelines/*/__init__.py")}
    tops = {"competitions", "pipelines", "lectures", "benchmarks", "submissions", "tests", "docs"}
    assert named | {"pipelines"} == inside | tops


@pytest.mark.parametrize("name", READMES)
def test_the_way_can_be_read_in_an_evening(name):
    """The files that a csv passes, with their lines: at most 16, and 1,900 lines together."""
    rows = re.findall(r"^\| \[([\w/.]+)\]\(\1\) \| (\d+) \|", text(name), re.MULTILINE)
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path, _ in rows}
    assert 10 <= len(rows) <= 16
    assert sum(lines.values()) <= 1900
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
