"""A commit is recorded only where it is the commit of this source tree."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.submission import provenance
from pipelines.submission.provenance import git_commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
INSIDE = Path("pipelines", "submission", "provenance.py")


def git(folder, *command):
    name = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(["git", *name, *command], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def no_git_but_the_tests(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


def repository(root, tree):
    """A repository at `root` that has committed a README and, if it is inside, the source tree."""
    root.mkdir(parents=True, exist_ok=True)
    (tree / INSIDE).parent.mkdir(parents=True, exist_ok=True)
    (tree / INSIDE).write_text("")
    (root / "README").write_text("")
    git(root, "init", "-q")
    return tree / INSIDE


def test_the_commit_of_its_own_tree_is_recorded_and_whether_files_differ(tmp_path):
    file = repository(tmp_path, tmp_path)
    assert git_commit(file) is None  # nothing is committed yet
    git(tmp_path, "add", "README")
    git(tmp_path, "commit", "-qm", "another program's")
    assert git_commit(file) is None  # a repository that does not know the file
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "ours")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(file) == commit
    file.write_text("changed")
    assert git_commit(file) == f"{commit}-dirty"


@pytest.mark.parametrize("where", ["vendor/homework", ".venv/lib/python3.11/site-packages"])
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "ignored"])
def test_a_copy_inside_another_programs_repository_has_no_commit(tmp_path, where, committed):
    file = repository(tmp_path, tmp_path / where)
    git(tmp_path, "add", "." if committed else "README")
    git(tmp_path, "commit", "-qm", "theirs")
    assert git_commit(file) is None


def test_a_repository_named_by_the_environment_is_not_ours(tmp_path, monkeypatch):
    """As in a git hook, which sets these for all that it starts."""
    file = repository(tmp_path / "ours", tmp_path / "ours")
    other = repository(tmp_path / "theirs", tmp_path / "theirs").parents[2]
    for root in (tmp_path / "ours", other):
        git(root, "add", ".")
        git(root, "commit", "-qm", root.name)
    commit = git(tmp_path / "ours", "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "ours"))
    assert git_commit(file) == commit


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError, subprocess.TimeoutExpired("git", 10)])
def test_without_a_git_that_answers_there_is_none(monkeypatch, error):
    def failing(*_command, **_more):
        raise error

    monkeypatch.setattr(provenance.subprocess, "run", failing)
    assert git_commit() is None
