"""Processes that work for another one, and end when that is gone: killed, it cannot tell them to."""

import os
import threading
import time

EVERY = 1.0  # seconds between two looks; one costs microseconds
_watched: set[int] = set()


def end_with(parent: int) -> None:
    """End this process when `parent` is its parent no longer; to be called as often as one likes.

    Windows does not say whose child a process has become: there it does nothing, and joblib's own workers end when
    they have had nothing to do for some minutes.
    """
    if os.name != "nt" and os.getppid() == parent and parent not in _watched:
        _watched.add(parent)
        threading.Thread(target=_watch, args=(parent,), daemon=True, name="ends with its parent").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)  # not `sys.exit`, which ends this thread alone; nothing here is worth being tidied up
