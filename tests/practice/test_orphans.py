"""A process that works for another one ends when that is killed."""

import os
import subprocess
import sys

import pytest

from pipelines.practice.orphans import end_with

CHILD = """
import os, threading
from pipelines.practice.orphans import end_with
end_with(os.getppid())
print("works", flush=True)
threading.Event().wait()
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not say whose child a process has become")
def test_a_process_whose_parent_was_killed_ends():
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "works\n"
        parent.kill()
        assert parent.stdout.read() == ""  # comes back when nobody is left who could write


def test_who_is_not_that_processes_child_is_left_alone():
    end_with(os.getpid())
