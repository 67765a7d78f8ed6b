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
end_with(int(sys.argv[1]))
print("works", flush=True)
threading.Event().wait()
"""
PARENT = "import os, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not say whose child a process has become")
def test_a_process_whose_parent_was_killed_ends():
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "works\n"
        parent.kill()
        assert parent.stdout.read() == ""  # comes back when nobody is left who could write


@pytest.mark.skipif(os.name == "nt", reason="Windows does not say whose child a process has become")
def test_a_process_whose_parent_was_gone_before_it_asked_ends_at_once():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    done = subprocess.run([sys.executable, "-c", CHILD, str(gone.pid)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")


def test_the_parent_itself_goes_on_and_is_not_watched():
    before = threading.active_count()
    end_with(os.getpid())
    assert threading.active_count() == before
