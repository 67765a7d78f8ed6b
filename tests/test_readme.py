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
def test_the_tree_names_every_module_and_no_other(name):
    tree = re.search(r"```\n\.\n(.*?)```", text(name), re.DOTALL).group(1)
    named = set(re.findall(r"([\w.]+\.py)\b", tree))
    there = {p.name for folder in ("pipelines", "competitions") for p in (ROOT / folder).rglob("*.py")} - {
        "__init__.py"
    }
    assert named == there


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
