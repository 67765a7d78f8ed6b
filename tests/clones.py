"""A copy of the project's code, in which folders of competitions may be written, and programs run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def copied(root):
    """The code and its tests, without Otto, whose networks take long."""
    for folder in ("pipelines", "competitions", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "otto"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def python_in(root, *arguments):
    """What Python prints there; it has to end well."""
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, *arguments], cwd=root, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
