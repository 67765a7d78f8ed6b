"""A process that works for another one ends when that is killed."""

import os
import subprocess
import sys
import threading

import pytest

from pipelines.executors.orphans import end_with

CHILD = """
import sys, threading
from pipelines.executors.orphans import end_with
end_with(int(sys.argv[1]), *sys.argv[2:])
print("works", flush=True)
threading.Event().wait()
"""
PARENT = """
import os, subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], str(os.getpid()), *sys.argv[2:]])
"""
OF_MULTIPROCESSING = """
import multiprocessing, os, sys, threading

def work(parent, folder):
    from pipelines.executors import orphans
    orphans.WINDOWS = True
    orphans.end_with(parent, folder)
    print("works", flush=True)
    threading.Event().wait()

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work, args=(os.getpid(), sys.argv[1])).start()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows does not say whose child a process has become")
def test_a_process_whose_parent_was_killed_ends_and_removes_its_folder(tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "large-0").touch()
    command = [sys.executable, "-c", PARENT, CHILD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "works\n"
        parent.kill()
        assert parent.stdout.read() == ""  # comes back when nobody is left who could write
    assert not folder.exists()


def test_a_child_of_multiprocessing_waits_for_its_parent_as_windows_lets_it(tmp_path):
    (tmp_path / "program.py").write_text(OF_MULTIPROCESSING)
    (tmp_path / "large").mkdir()
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "large")]
    around = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=around) as parent:
        assert parent.stdout.readline() == "works\n"
        parent.kill()
        assert parent.stdout.read() == ""
    assert not (tmp_path / "large").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows does not say whose child a process has become")
def test_a_process_whose_parent_was_gone_before_it_asked_ends_at_once():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    done = subprocess.run([sys.executable, "-c", CHILD, str(gone.pid)], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (1, "")


def test_the_parent_itself_goes_on_and_is_not_watched():
    before = threading.active_count()
    end_with(os.getpid())
    assert threading.active_count() == before
