"""Processes that work for another one, and end when that is gone: killed, it cannot tell them to."""

import os
import threading
import time

EVERY = 1.0  # seconds between two looks; one costs microseconds
_watched: set[int] = set()


def end_with(parent: int) -> None:
    """End this process when `parent` is its parent no longer, at once where it is gone already.

    To be called as often as one likes, with the id that the parent said; the parent itself goes on.
    Windows does not say whose child a process has become: there it does nothing, and joblib's own workers end when
    they have had nothing to do for some minutes.
    """
    if os.name == "nt" or os.getpid() == parent:
        return
    if os.getppid() != parent:
        os._exit(1)
    if parent not in _watched:
        _watched.add(parent)
        threading.Thread(target=_watch, args=(parent,), daemon=True, name="ends with its parent").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)  # not `sys.exit`, which ends this thread alone; nothing here is worth being tidied up
