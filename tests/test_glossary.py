"""The glossary has each word once, in both languages, and the Chinese pages use no other name for the same thing."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split("\n")
    if line.startswith("| ") and not line.startswith(("| 中文", "| ---"))
]
UNUSED = sorted(word for row in ROWS for word in row[4].split("、") if word)
PAGES = [ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.zh-CN.md"))]
SAID = [
    path for folder in ("pipelines", "competitions", "lectures") for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".po", ".html"}
]  # fmt: skip


def test_each_word_stands_once_with_a_line_in_both_languages():
    assert len(ROWS) >= 45
    for names in zip(*[row[:2] for row in ROWS], strict=True):
        assert len(set(names)) == len(names)
    for chinese, english, said, plainly, _ in ROWS:
        assert CHINESE.search(said), chinese
        assert plainly
        assert not CHINESE.search(english + plainly), english


def test_no_word_is_used_and_unused():
    words = {row[0] for row in ROWS}
    assert len(UNUSED) >= 15
    assert not words & set(UNUSED)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_one_thing_has_one_name(page):
    assert [word for word in UNUSED if word in page.read_text(encoding="utf-8")] == []


def test_one_thing_has_one_name_in_what_the_program_says():
    assert len(SAID) > 300
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SAID}
    assert {name: found for name, text in texts.items() if (found := [word for word in UNUSED if word in text])} == {}


def test_the_words_of_the_course_and_of_the_commands_are_there():
    course, commands = (
        "独热 过拟合 损失 计算图 归一化 标准化 轮 批",
        "交叉验证 折 折外 种子 标准误 基线 提交 变体 预设 排行榜 早停 检查点",
    )
    assert {*course.split(), *commands.split()} <= {row[0] for row in ROWS}
