"""Rules of the house that a reader relies on."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.settings import lookup

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    path for package in ("pipelines", "competitions", "lectures") for path in ROOT.glob(f"{package}/**/*.py")
)
ROOMS = sorted(path.parent for path in ROOT.glob("pipelines/**/__init__.py"))


def test_there_is_one_backward_in_the_training_loop_and_in_the_lectures_that_write_it_out():
    found = {str(p.relative_to(ROOT)) for p in MODULES if ".backward(" in p.read_text(encoding="utf-8")}
    assert "pipelines/training/loop.py" in found
    written_out = ("lectures/lecture_", "lectures/gates/", "lectures/exercises/answers/", "lectures/mistakes/")
    assert not {name for name in found if not name.startswith(written_out)} - {"pipelines/training/loop.py"}


@pytest.mark.parametrize("room", ROOMS, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_holds_at_most_nine_modules_and_says_what_is_in_it(room):
    modules = {path.stem for path in room.glob("*.py")} - {"__init__"}
    assert len(modules) <= 9
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    if room.name != "models":  # which names what it exports
        assert modules - {"__main__"} <= set(re.findall(r"`(\w+)(?:\.py)?`", said))


def test_competitions_hold_no_loop_over_epochs_and_no_file_access():
    for path in ROOT.glob("competitions/**/*.py"):
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert not names & {"open", "Path", "train_epoch"}, path


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_importing_is_silent_and_leaves_the_random_state_alone():
    programs = set(ROOT.glob("lectures/lecture_*.py"))  # they are run, never imported
    paths = [path for path in MODULES if path.name != "__init__.py" and path not in programs]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    code = (
        "import importlib, numpy, torch\n"
        "state = lambda: (numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist())\n"
        "before = state()\n"
        f"[importlib.import_module(name) for name in {modules!r}]\n"
        "assert before == state()\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_does_not_wait_for_torch_or_pandas():
    code = "import sys, pipelines.__main__; print(sorted({'torch', 'pandas', 'sklearn', 'kaggle'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


WRONG = {
    "a name": ["run", "titanik"],
    "a preset": ["cv", "titanic", "--preset", "slow"],
    "a variant": ["cv", "otto", "--variants", "pieces,resnet"],
    "a number": ["run", "titanic", "--folds", "1"],
    "a device": ["run", "titanic", "--device", "tpu"],
    "a folder": ["run", "titanic", "--data", "nowhere"],
    "an output": ["run", "titanic", "--output", "README.md"],
    "a place for runs": ["cv", "titanic", "--runs", "README.md"],
    "a csv to train on": ["run", "titanic", "--data", "docs"],
    "a number of rounds": ["practice", "titanic", "--rounds", "0"],
    "a number of processes": ["practice", "titanic", "--jobs", "0"],
    "a place for rounds": ["practice", "titanic", "--reports", "README.md"],
    "a number of minutes": ["tune", "titanic", "--minutes", "0"],
    "a variant that nobody has tuned": ["run", "titanic", "--variants", "tuned", "--runs", "nowhere"],
    "an exercise": ["exercise", "05-closer"],
    "an option without an exercise": ["exercise", "--hint"],
    "a csv to submit": ["submit", "titanic", "--output", "tests"],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_answered_before_anything_heavy_is_loaded(wrong):
    """Within a second, that is; torch alone takes three to load on a slow machine."""
    code = (
        "import sys\nfrom pipelines.__main__ import app\n"
        f"try:\n    app({WRONG[wrong]!r})\nexcept SystemExit as end:\n    code = end.code\n"
        "print(code, sorted({'torch', 'pandas', 'sklearn', 'kagglehub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split("\n")[-2] == "2 []", done.stdout + done.stderr
    assert "what to do" in done.stderr


def test_one_broken_competition_does_not_break_the_others(monkeypatch, tmp_path):
    for name, text in (("broken", "def ("), ("strange", "slug = 1 / 0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "competition.py").write_text(text)
    shutil.copytree(ROOT / "competitions" / "titanic", tmp_path / "titanic")
    monkeypatch.setattr(lookup, "FOLDER", tmp_path)
    assert lookup.names() == ["broken", "strange", "titanic"]
    assert lookup.load("https://www.kaggle.com/c/titanic").slug == "titanic"
    with pytest.raises(UsageError, match="known: broken, strange, titanic"):
        lookup.find("otto")


OUTLINES = {
    "plain": (
        'COMPETITION = Competition(slug="a-b", variants={"one": 1, "two": 2})',
        "a-b",
        ["fast", "best"],
        ["one", "two"],
    ),
    "constants": (
        'SLUG = "a-b"\nP = {"x": 1}\nCOMPETITION = Competition(slug=SLUG, presets=P, variants=V)',
        "a-b",
        ["x"],
        None,
    ),
    "made elsewhere": ('COMPETITION = make("a-b")', None, None, None),
    "more": ('COMPETITION = Competition(slug="a-b", **common)', None, None, None),
    "a local name": (
        'def f():\n    presets = {"no": 1}\nCOMPETITION = Competition(slug="a-b")',
        "a-b",
        ["fast", "best"],
        None,
    ),
    "broken": ("def (", None, None, None),
    "made anew": ('COMPETITION = Competition(slug="a-b")\nif LARGE:\n    COMPETITION = 1', None, None, None),
    "filled later": (
        'V = {}\nV["b"] = 1\nCOMPETITION = Competition(slug="a-b", variants=V)',
        "a-b",
        ["fast", "best"],
        None,
    ),
    "in two steps": ('S = "a"\nS += "-b"\nCOMPETITION = Competition(slug=S)', None, ["fast", "best"], None),
    "one of two": (
        'V = {"a": 1}\nif LARGE:\n    V = {"b": 1}\nCOMPETITION = Competition(slug="a-b", variants=V)',
        "a-b",
        ["fast", "best"],
        None,
    ),
}


@pytest.mark.parametrize("case", OUTLINES)
def test_what_is_not_written_out_is_not_guessed(case, monkeypatch, tmp_path):
    text, slug, presets, variants = OUTLINES[case]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "competition.py").write_text(text)
    monkeypatch.setattr(lookup, "FOLDER", tmp_path)
    outline = lookup.Outline("new")
    assert (outline.slug, outline.presets, outline.variants) == (slug, presets, variants)


@pytest.mark.parametrize(
    ("text", "says"),
    [("def (", "competition.py, line 1: invalid syntax"), ("COMPETITION = 1", "COMPETITION is int, no Competition")],
)
def test_a_competition_that_cannot_be_used_is_told_plainly(text, says, monkeypatch, tmp_path):
    folder = tmp_path / "competitions" / "brandnew"
    folder.mkdir(parents=True)
    (folder / "competition.py").write_text(text)
    import competitions

    monkeypatch.setattr(competitions, "__path__", [*competitions.__path__, str(folder.parent)])
    monkeypatch.setattr(lookup, "FOLDER", folder.parent)
    with pytest.raises(UsageError, match=f"competitions/brandnew cannot be used: {re.escape(says)}"):
        lookup.load("brandnew")


def test_a_slug_that_only_the_code_tells_is_found(monkeypatch, tmp_path, titanic):
    for name in ("hidden", "broken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "competition.py").write_text("COMPETITION = make()")
    monkeypatch.setattr(lookup, "FOLDER", tmp_path)
    monkeypatch.setattr(lookup, "_import", {"hidden": titanic}.__getitem__)  # the other one raises
    assert lookup.find("titanic").name == "hidden"


def declared():
    """Name and lowest version of everything that pyproject.toml asks for, all extras but those never tested."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(each for name in extras if name != "visdom" for each in extras[name])]
    return {canonical(name.partition("[")[0]): lowest for name, lowest in (each.split(">=") for each in wanted)}


def pinned(name):
    """Versions by name; several of one package, each for its own Pythons, give the lowest."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            package, version = line.split(" ")[0].split("==")
            found.setdefault(canonical(package), version)
    return found


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_has_a_lowest_version_and_a_pin_that_is_not_below_it():
    pins = pinned("constraints.txt")
    for name, lowest in declared().items():
        as_numbers = [[int(part) for part in text.split(".")] for text in (pins[name], lowest)]
        assert as_numbers[0] >= as_numbers[1], name


def test_the_lock_holds_what_is_pinned_with_hashes_and_leaves_out_torch():
    lock, pins = pinned("requirements-lock.txt"), pinned("constraints.txt")
    assert {name: pins[name] for name in lock if name in pins} == {name: lock[name] for name in pins if name in lock}
    tried_elsewhere = {"catboost", "lightgbm", "skorch", "xgboost-cpu"}
    assert set(declared()) - set(lock) == {"torch"} | tried_elsewhere
    text = (ROOT / "requirements-lock.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 90
    assert all(re.fullmatch(r".+==.+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", entry) for entry in entries)
    assert "://" not in text


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("ends", "says"), [("kill -9 $$", "--memory 500"), ("exit 2", "")])
def test_make_explains_what_the_system_has_killed(ends, says, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f"#!/bin/sh\n{ends}\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    (tmp_path / ".installed").touch()
    done = subprocess.run(["make", "-s", "otto", f"VENV={tmp_path}"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2  # make's own
    assert says in done.stderr
    assert ("killed by the system" in done.stderr) == bool(says)
