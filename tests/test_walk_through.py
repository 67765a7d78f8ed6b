"""`docs/add-a-competition.md` as it is written: its files, its commands, what they print; the same in Chinese."""

import re
import shlex

import pytest
from clones import ROOT, copied, python_in

PAGES = ["docs/add-a-competition.md", "docs/add-a-competition.zh-CN.md"]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def write_files(page, root):
    """The files that the page's blocks of Python name, each of all blocks that name it."""
    parts = {}
    for block in blocks(page, "python"):
        head, code = block.split("\n", 1)
        assert head.startswith("# "), head
        parts.setdefault(head.removeprefix("# "), []).append(code)
    for name, codes in parts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("\n\n".join(codes), encoding="utf-8")
    return set(parts)


def score_in(text):
    return float(re.search(r"^SMAPE, out of fold +([\d.]+)", text, re.MULTILINE).group(1))


@pytest.mark.parametrize("language", ["python", "sh", "text"])
def test_both_languages_hold_the_same_blocks(language):
    english, chinese = (blocks(page, language) for page in PAGES)
    assert english == chinese
    assert english


@pytest.mark.slow
def test_the_walk_through_runs_as_it_is_written(tmp_path):
    copied(tmp_path)
    named = write_files(PAGES[0], tmp_path)
    assert {"make_bikes.py", "competitions/bike_rentals/competition.py"} < named
    said = ""
    for command in "".join(blocks(PAGES[0], "sh")).splitlines():
        program, *arguments = shlex.split(command)
        assert program == "python"
        said = python_in(tmp_path, *arguments)
    [shown] = blocks(PAGES[0], "text")
    for line in said.splitlines()[:3]:
        assert line in shown
    assert score_in(said) == pytest.approx(score_in(shown), abs=0.02)
    assert "(600 rows, checked)" in said
    baselines = re.findall(r"^  (median|ridge) .* \+([\d.]+) ± ([\d.]+)$", said, re.MULTILINE)
    assert [name for name, gain, error in baselines if float(gain) > 2 * float(error)] == ["median", "ridge"]
