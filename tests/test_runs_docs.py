"""The page about runs says the same in both languages."""

import re
from pathlib import Path

from pipelines.data.sources import from_sample
from pipelines.ideas.idea import read_idea
from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load

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
    code = found(r"```python\n(.*?)```", "runs.md")[0]
    (tmp_path / "length.py").write_text(code)
    assert read_idea(tmp_path / "length.py", ()).parts == ("add_features",)


def test_a_run_is_used_from_python_as_shown(tmp_path, monkeypatch, capsys):
    titanic, knobs = load("titanic"), Knobs(data=Path("sample"), folds=2, seeds=1, epochs=1, runs=tmp_path / "runs")
    folder = run(titanic, knobs, write=False).folder
    code = found(r"```python\n(.*?)```", "runs.md")[1]
    assert "runs/titanic/20261126-101010-fast" in code
    (tmp_path / "rows.csv").write_bytes(from_sample(titanic).files["test.csv"])
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("20261126-101010-fast", folder.name), "runs.md", "exec"), {})
    proba, names = capsys.readouterr().out.split("dict_keys")
    assert proba.count("[") == 4  # three rows
    assert "weight" in names
