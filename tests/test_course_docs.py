"""The pages of the course name lectures, commands and files that exist, the same in both languages."""

import re
from pathlib import Path

import pytest

from lectures.course import catalogue

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["course.md", "course.zh-CN.md"]


def text(page):
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_lecture_is_there_and_no_other(page):
    numbers = {lecture.number for lecture in catalogue.all_lectures()}
    named = set(re.findall(r"`lecture\s(\d\d(?:-[a-z]+)*)`", text(page)))
    assert named == numbers


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)]+)\)", text(page))
    assert len(links) >= 10
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_is_named(page):
    sources = (ROOT / "lectures" / "gates").glob("lecture_*.py")
    drawn = {name for source in sources for name in re.findall(r'picture\("([\w-]+)"', source.read_text("utf-8"))}
    assert len(drawn) >= 20
    assert sorted(name for name in drawn if f"`{name}`" not in text(page)) == []


def test_both_languages_name_the_same_commands_and_figures():
    commands = [re.findall(r"python -m pipelines [\w -]+?(?=  |\n|`)|make \w+", text(page)) for page in PAGES]
    assert [command.strip() for command in commands[0]] == [command.strip() for command in commands[1]]
    figures = [sorted(re.findall(r"\d+\.\d+", text(page))) for page in PAGES]
    assert figures[0] == figures[1]
