"""Processes that work for another one, and end when that is gone: killed, it cannot tell them to."""

import multiprocessing
import os
import shutil
import threading
import time

EVERY = 1.0  # seconds between two looks; one costs microseconds
WINDOWS = os.name == "nt"
_watched: set[int] = set()


def end_with(parent: int, folder: str | None = None) -> None:
    """End this process when `parent` is its parent no longer, at once where it is gone already.

    A `folder` of the parent's, which cannot remove it any more, goes with it. To be called as often as one likes, with
    the id that the parent said; the parent itself goes on. Windows does not say whose child a process has become: there
    this is for children that multiprocessing or loky began, which can wait for their parent's end.
    """
    if os.getpid() == parent or (WINDOWS and multiprocessing.parent_process() is None):
        return
    if not WINDOWS and os.getppid() != parent:
        _end(folder)
    if parent not in _watched:
        _watched.add(parent)
        threading.Thread(target=_watch, args=(parent, folder), daemon=True, name="ends with its parent").start()


def _watch(parent: int, folder: str | None) -> None:
    if WINDOWS:
        process = multiprocessing.parent_process()
        assert process is not None
        process.join()
    else:
        while os.getppid() == parent:
            time.sleep(EVERY)
    _end(folder)


def _end(folder: str | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)  # not `sys.exit`, which ends this thread alone; nothing here is worth being tidied up
