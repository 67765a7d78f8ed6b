"""What is locked stays, what nobody has locked goes; also where the system has no locks."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.files import locks
from pipelines.files.locks import claim, is_locked, remove_abandoned
from pipelines.tune.study import WORKERS, Storage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an open file is lock enough there")


@pytest.fixture(params=[True, False], ids=["locks", "no locks"])
def has_locks(request, monkeypatch):
    """A file system with locks, and one without."""

    def refused(_descriptor, _how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if not request.param:
        monkeypatch.setattr(locks.fcntl, "flock", refused)
    return request.param


@pytest.fixture
def windows(monkeypatch):
    """As on Windows: a file that is open, one of the names in the set, cannot be removed."""
    opened, unlink = set(), Path.unlink

    def refused(path, missing_ok=False):
        if path.name in opened:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(locks, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(Path, "unlink", refused)
    return opened


@pytest.fixture
def gone():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_claim_is_made_once_and_is_held(tmp_path, has_locks):
    path = tmp_path / "a"
    descriptor = claim(path)
    with pytest.raises(FileExistsError):
        claim(path)
    assert is_locked(path)
    assert not remove_abandoned(path)
    assert path.exists()
    os.close(descriptor)
    assert is_locked(path) is not has_locks  # without locks its owner, this process, is still there


def test_on_windows_what_is_open_is_held_and_what_a_kill_has_left_is_not(tmp_path, windows):
    held, left = tmp_path / "held", tmp_path / "left"
    os.close(claim(held))
    left.touch()
    windows.add("held")
    assert is_locked(held)
    assert held.exists()
    assert not is_locked(left)
    assert not is_locked(tmp_path / "nowhere")


def test_on_windows_a_search_that_was_killed_is_nobody_who_works_beside(tmp_path, windows):
    with Storage(tmp_path) as storage:
        windows |= {storage.worker, "2-lives"}
        for name in ("1-killed", "2-lives"):
            (tmp_path / WORKERS / name).touch()
        assert storage.others() == ["2-lives"]
        windows.clear()


def test_what_is_not_there_is_neither_held_nor_removed(tmp_path, has_locks):
    assert not is_locked(tmp_path / "a")
    assert not remove_abandoned(tmp_path / "a")


def test_who_asks_stands_in_nobodys_way(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")  # as a kill leaves it
    asking = os.open(path, os.O_RDONLY)
    locks.fcntl.flock(asking, locks.fcntl.LOCK_SH)  # as `is_locked` does, for a moment
    assert not is_locked(path)
    os.close(asking)
    assert remove_abandoned(path)
    assert not path.exists()


@pytest.mark.parametrize("has_locks", [False], indirect=True)
@pytest.mark.parametrize(
    ("owner", "lives"),
    [
        ("{host} {gone} 1", False), ("{host} {own} 1", False), ("elsewhere {gone} 1", True), ("", True),
        ("half a csv", True), ("{host} no number", True), ("{host} 99999999999999999999 1", True),
    ],
)  # fmt: skip
def test_without_locks_the_file_says_whose_it_is(tmp_path, has_locks, gone, owner, lives):
    path = tmp_path / "a"
    path.write_text(owner.format(host=socket.gethostname(), gone=gone, own=os.getpid()))
    if "{own}" in owner and not os.path.exists("/proc/self/stat"):  # noqa: PTH110
        pytest.skip("the system does not say when a process began")
    assert is_locked(path) is lives
    assert remove_abandoned(path) is not lives
    assert path.exists() is lives
