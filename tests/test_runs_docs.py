"""The page about runs says the same in both languages."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def found(pattern, name, flags=re.DOTALL):
    return re.findall(pattern, (DOCS / name).read_text(encoding="utf-8"), flags)


def test_both_languages_show_the_same_commands_code_and_files():
    pages = ("runs.md", "runs.zh-CN.md")
    for pattern in (r"```\w+\n.*?```", r"^\| `([\w./`]+)", r"^    .*?$", r"^## "):
        english, chinese = (found(pattern, page, re.DOTALL | re.MULTILINE) for page in pages)
        assert len(english) > 2
        assert english == chinese


def test_the_idea_that_is_shown_can_be_tried(tmp_path):
    from pipelines.ideas.idea import read_idea

    (code,) = found(r"```python\n(.*?)```", "runs.md")
    (tmp_path / "length.py").write_text(code)
    assert read_idea(tmp_path / "length.py", ()).parts == ("add_features",)
