"""Rules of the house that a reader relies on."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted([*ROOT.glob("pipelines/**/*.py"), *ROOT.glob("competitions/**/*.py")])


def imported(path: Path) -> set[str]:
    """Names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_pipelines_never_import_competitions():
    wrong = [
        (path.name, name)
        for path in ROOT.glob("pipelines/**/*.py")
        for name in imported(path)
        if name.split(".")[0] == "competitions"
    ]
    assert wrong == []


def test_there_is_one_backward_in_the_training_loop_and_the_lecture_that_does_it_by_hand():
    found = {p.name for p in MODULES if ".backward(" in p.read_text(encoding="utf-8")}
    assert found == {"training.py", "lecture_04_back_propagation.py"}


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
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in MODULES if p.name != "__init__.py"]
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


def test_constraints_pin_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and line[0] != "#"
    )
    for requirement in wanted:
        name, lowest = requirement.split(">=")
        as_numbers = [[int(part) for part in text.split(".")] for text in (pinned[name], lowest)]
        assert as_numbers[0] >= as_numbers[1], requirement
