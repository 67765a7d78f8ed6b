"""Written folders keep the contract, and run: in a copy of the project, as `new` leaves them, nothing edited."""

from pathlib import Path

import pytest
from clones import copied, python_in
from made_files import FIVE, written
from test_folder import digits, prices, sentences, states
from test_found import grouped

from pipelines.settings.lookup import names

FORMS = {**FIVE, "digits": digits, "sentences": sentences, "prefixes": grouped, "states": states, "prices": prices}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The project's code and the test of the contract; a competition's folder for each form."""
    root = copied(tmp_path_factory.mktemp("clone"))
    code = "from pipelines.__main__ import app\nimport sys\n"
    for slug, make in FORMS.items():
        data = str(written(make(), root / "data" / slug))
        code += f"app(['new', {slug!r}, '--data', {data!r}], standalone_mode=False)\n"
    python_in(root, "-c", code)
    return root


@pytest.mark.slow
def test_written_folders_keep_the_contract(clone):
    others = " or ".join(names())
    tests = str(Path("tests") / "competitions" / "test_competitions.py")
    said = python_in(
        clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, "-k", f"not ({others})", "--durations=15"
    )
    assert "passed" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["loans", "store_days", "prices"])
def test_written_folders_run_as_they_are_on_the_files_they_were_made_from(clone, name):
    data = clone / "data" / name.replace("_", "-")
    knobs = ["--folds", "3", "--seeds", "1", "--epochs", "4", "--device", "cpu"]
    said = python_in(clone, "-m", "pipelines", "run", name, "--data", str(data), *knobs)
    assert "checked" in said
