"""Each error's exit code is said in the same words everywhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import HomeworkError
from pipelines.kaggle import errors
from pipelines.report.console import EXIT_CODES

ROOT = Path(__file__).resolve().parents[2]


def codes():
    """The exit codes that the classes own."""
    pending = [HomeworkError]
    for kind in pending:
        pending += kind.__subclasses__()
    return {str(kind.exit_code) for kind in pending}


def test_the_command_line_lists_the_codes_that_the_classes_own():
    listed = set(re.findall(r"(?:: |; )(\d+) ", EXIT_CODES))
    assert listed == codes() | {"0", "130"}


@pytest.mark.parametrize(("name", "start"), [("README.md", "Exit codes: "), ("README.zh-CN.md", "退出码：")])
def test_the_readmes_list_them_too(name, start):
    text = (ROOT / name).read_text(encoding="utf-8").partition(start)[2].partition(".")[0].partition("。")[0]
    assert set(re.findall(r"(?:^|[,，] ?|\n)(\d+) ", text)) >= codes() | {"0", "130"}


def test_every_error_of_kaggle_has_a_code_of_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert sorted(kind.exit_code for kind in kinds) == [3, 4, 5, 6, 7]


def test_a_wrong_name_or_option_is_answered_before_anything_heavy_is_imported(home):
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from pipelines.__main__ import app\n"
        "for command in ('data', 'submit', 'scores', 'doctor'):\n"
        "    for wrong in ('../titanic', '--sideways'):\n"
        "        assert CliRunner().invoke(app, [command, wrong]).exit_code == 2, (command, wrong)\n"
        "print(sorted({'torch', 'pandas', 'sklearn', 'kagglesdk', 'kagglehub'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
