"""Written folders keep the contract, and run: in a copy of the project, as `new` leaves them, nothing edited."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_files import FIVE, written
from test_folder import digits, sentences, states
from test_found import grouped

from pipelines.settings.lookup import names

ROOT = Path(__file__).resolve().parents[2]
FORMS = {**FIVE, "digits": digits, "sentences": sentences, "prefixes": grouped, "states": states}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The project's code and the test of the contract; a competition's folder for each form."""
    root = tmp_path_factory.mktemp("clone")
    for folder in ("pipelines", "competitions", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "otto"))
    shutil.copy(ROOT / "pyproject.toml", root)
    code = "from pipelines.__main__ import app\nimport sys\n"
    for slug, make in FORMS.items():
        data = str(written(make(), root / "data" / slug))
        code += f"app(['new', {slug!r}, '--data', {data!r}], standalone_mode=False)\n"
    in_clone(root, "-c", code)
    return root


def in_clone(root, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
def test_written_folders_keep_the_contract(clone):
    others = " or ".join(names())
    tests = str(Path("tests") / "competitions" / "test_competitions.py")
    said = in_clone(
        clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, "-k", f"not ({others})", "--durations=15"
    )
    assert "passed" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["loans", "store_days"])
def test_written_folders_run_as_they_are_on_the_files_they_were_made_from(clone, name):
    data = clone / "data" / name.replace("_", "-")
    knobs = ["--folds", "3", "--seeds", "1", "--epochs", "4", "--device", "cpu"]
    said = in_clone(clone, "-m", "pipelines", "run", name, "--data", str(data), *knobs)
    assert "checked" in said
