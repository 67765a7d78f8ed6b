"""The command of the exercises: what it writes, keeps and says; and that no file can hang or end it."""

import dataclasses
import re

import pytest
from typer.testing import CliRunner

from lectures.exercises import commands, homework
from lectures.exercises.checking import LIMIT, check, judge
from lectures.exercises.exercise import all_exercises, find
from lectures.exercises.homework import HOMEWORK
from lectures.exercises.progress import Progress
from pipelines.__main__ import app
from pipelines.submission.record import HiddenScore, Record

CLOSURE = find("05-closure")[0]


@pytest.fixture
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    return tmp_path


def command(*arguments):
    return CliRunner().invoke(app, ["exercise", *arguments])


def test_from_the_gap_to_right(there):
    begun = command("05-closure")
    assert begun.exit_code == 0
    path = there / "exercises" / "exercise_05_closure.py"
    line = int(re.search(r"where line (\d+) is", begun.output)[1])
    assert "NotImplementedError" in path.read_text(encoding="utf-8").split("\n")[line - 1]
    path.write_text(CLOSURE.with_lines("print('seen')\n" + CLOSURE.answer), encoding="utf-8")
    done = command("5-closure")
    assert (done.exit_code, done.output.split("\n")[0]) == (0, "    seen")
    assert f"right\nto try next: {CLOSURE.next[0]}\n" in done.output
    assert "05-closure        right " in command("05").output
    path.write_text(CLOSURE.start, encoding="utf-8")
    assert "05-closure        begun " in command("05").output


def test_a_wrong_file_is_told_and_stays_as_it_is(there):
    path = there / "exercises" / "exercise_05_closure.py"
    path.parent.mkdir()
    mine = CLOSURE.with_lines("return [nothing]")
    path.write_text(mine, encoding="utf-8")
    done = command("05-closure", "--lang", "zh")
    assert (done.exit_code, path.read_text(encoding="utf-8")) == (1, mine)
    assert re.fullmatch(r"不对：第 \d+ 行：NameError: name 'nothing' is not defined\n", done.output)
    for n in (1, 2):
        assert f"exercise_05_closure.old-{n}.py" in command("05-closure", "--reset").output
    assert path.with_suffix(".old-1.py").read_text(encoding="utf-8") == mine
    assert path.read_text(encoding="utf-8") == CLOSURE.start


def test_hints_come_one_after_the_other(there):
    said = [command("05-closure", "--hint").output for _ in range(4)]
    assert [line.split(":")[0] for line in said] == ["hint 1 of 3", "hint 2 of 3", "hint 3 of 3", "hint 3 of 3"]
    assert "--answer" in said[2]
    assert CLOSURE.hints[2][1] in command("05-closure", "--hint", "--lang", "zh").output
    assert "return [optimizer.step(closure).item() for _ in range(epochs)]" in command("05-closure", "--answer").output
    assert not (there / "exercises" / CLOSURE.file).exists()


def test_all_are_listed_with_the_homework(there):
    listed = command().output.splitlines()
    names = sorted([each.name for each in all_exercises()] + [each.name for each in HOMEWORK])
    assert [line.split()[0] for line in listed[: len(names)]] == names
    assert listed[-2] == f"0 of {len(all_exercises())} right"
    assert command("all").output == command().output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["05-clo"], "there is no exercise '05-clo'; there are 05-closure, 05-step"),
        (["99"], "there is no exercise '99'; there are 02, 03"),
        (["05-closure", "--hint", "--answer"], "exclude each other"),
        (["05", "--reset"], "are of one exercise"),
        (["05-closure", "--folder", __file__], "is a file"),
        (["05", "--lang", "fr"], "--lang must be en or zh"),
        (["08-titanic", "--hint"], "08-titanic is homework"),
    ],
)
def test_what_is_asked_wrongly_is_refused(there, arguments, says):
    done = command(*arguments)
    assert (done.exit_code, says in done.stderr) == (2, True), done.output


@pytest.mark.parametrize(
    ("lines", "limit", "says"),
    [
        ("while True:\n    print('on and on')", 3, "in 3 seconds; a loop without end?"),
        ("import os\nos._exit(0)", LIMIT, "Python ended (exit code 0) before anything was checked"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", LIMIT, "Python ended (exit code -9)"),
    ],
)
def test_no_file_can_hang_or_end_the_command(tmp_path, lines, limit, says):
    path = tmp_path / CLOSURE.file
    path.write_text(lines, encoding="utf-8")
    verdict = check(CLOSURE, path, limit)
    assert not verdict.right
    assert says in verdict.english
    assert len(verdict.printed) <= 4000


def test_what_is_no_python_is_told_with_its_line(tmp_path):
    path = tmp_path / CLOSURE.file
    for text, says in (
        ("x = 1\ndef train(:\n", "line 2: SyntaxError: invalid syntax"),
        ("y = 2\n", "defines no `train` any more"),
        ("import sys\nsys.exit(0)\n", "line 2: SystemExit: 0"),
        ("def train(*_):\n    return 'done'\n", "expected ["),
        ("def train(*_):\n    return train(*_)\n", "line 2: RecursionError"),
        ("x = 1\0\n", "Python cannot read your file: "),
        ("raise KeyboardInterrupt\n", "line 1: KeyboardInterrupt"),
        ("def train(*_):\n    raise NotImplementedError\n", "line 2: NotImplementedError"),
    ):
        path.write_text(text, encoding="utf-8")
        verdict = judge(CLOSURE, path)
        assert (verdict.right, says in verdict.english) == (False, True), verdict


def test_a_file_sees_no_key_and_its_keyboard_interrupt_is_told(tmp_path, monkeypatch):
    for name in ("KAGGLE_KEY", "HTTPS_PROXY", "SOME_TOKEN"):
        monkeypatch.setenv(name, "a secret")
    path = tmp_path / CLOSURE.file
    path.write_text("import os\nprint(sorted(os.environ))\nraise KeyboardInterrupt\n", encoding="utf-8")
    verdict = check(CLOSURE, path)
    assert verdict.english == "line 3: KeyboardInterrupt"
    assert "'PATH'" in verdict.printed
    assert not re.search("KAGGLE|PROXY|TOKEN", verdict.printed)


@pytest.mark.parametrize("left", ["[1, 2]", "{}", '{"wrong": 1}'])
def test_what_is_no_verdict_is_none(tmp_path, left):
    path = tmp_path / CLOSURE.file
    path.write_text(f"import os, sys\nopen(sys.argv[3], 'w').write({left!r})\nos._exit(0)\n", encoding="utf-8")
    assert "before anything was checked" in check(CLOSURE, path).english


def test_a_progress_file_that_cannot_be_read_is_begun_anew(tmp_path):
    progress = Progress(tmp_path)
    (tmp_path / "progress.json").write_text("[1, 2")
    progress.begin(CLOSURE)
    assert (progress.state(CLOSURE), progress.next_hint(CLOSURE)) == ("begun", 1)
    progress.was_right(CLOSURE)
    assert (progress.state(CLOSURE), progress.next_hint(CLOSURE)) == ("right", 2)


def recorded(folder, score, **more):
    folder.mkdir(parents=True)
    record = Record(slug="titanic", data="folder", cv_mean=score, cv_se=0.01)
    dataclasses.replace(record, **more).save(folder / "record.json")


def test_titanic_says_which_tier_the_last_run_reached(there):
    assert command("08-titanic").exit_code == 1
    runs = there / "runs" / "titanic"
    recorded(runs / "20261123-093641-fast", 0.8462)
    recorded(runs / "20261124-093641-fast-sample", 0.99, data="sample")
    recorded(runs / "20261125-093641-fast", 0.99, practice=HiddenScore(0.9, 0.1, 10))
    done = command("8-titanic")
    last = done.output.splitlines()[-1]
    assert (done.exit_code, last) == (0, "your last run, 20261123-093641-fast: 0.8462: strong")
    recorded(runs / "20261126-093641-fast", 0.5)
    assert command("08-titanic", "--lang", "zh").output.splitlines()[-1].endswith("0.5000，尚未达到任何一级")


@pytest.mark.parametrize(
    ("name", "score", "tier"),
    [
        ("08-titanic", 0.7868, "medium"), ("08-titanic", 0.78676, "medium"), ("08-titanic", 0.86, "boss"),
        ("09-otto", 0.4626, "strong"), ("09-otto", 0.4627, "medium"), ("09-otto", 0.44, "boss"),
        ("09-otto", 0.64, None),
    ],
)  # fmt: skip
def test_tiers_by_their_scores(name, score, tier):
    found = next(each for each in HOMEWORK if each.name == name).reached(score)
    assert (found and found.name[0]) == tier


def test_tiers_are_those_of_the_results_in_the_readme():
    readme = (homework.Path(commands.__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    results = readme[readme.index("## Results") :]
    for each in HOMEWORK:
        for tier in each.tiers[1 if each.slug == "titanic" else 0 : 3]:
            assert f"{tier.score:.4f}" in results
    assert {"0.6162 ± 0.0163", "± 0.0049", "0.4474"} == {
        said for said in ("0.6162 ± 0.0163", "± 0.0049", "0.4474") if said in results
    }
