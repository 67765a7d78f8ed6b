"""A file is locked while somebody works at it or beside it: what nobody has locked is left over from one who is gone.

The system lets go of a lock when its process ends. Where a file system has no locks, the file says who has it.
"""

import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Literal

if sys.platform != "win32":
    import fcntl

MOST = 1000  # bytes that name an owner

Held = Literal["free", "held", "no locks"]


def claim(path: Path) -> int:
    """Make the file `path`, which must not be there, and lock it; returns its descriptor, to be closed.

    On Windows an open file cannot be removed, which is lock enough.
    Raises: FileExistsError, to all but one of those who want the same name at the same moment.
    """
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if sys.platform == "win32":
            return descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            os.write(descriptor, _owner(os.getpid()).encode())
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # `remove_abandoned` came between the two


def remove_abandoned(path: Path) -> bool:
    """Remove a file that nobody has locked, since whoever wrote it is gone; returns whether it was removed."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            path.unlink()
            return True
        descriptor = os.open(path, os.O_RDWR)
        try:
            if _held(descriptor) != "held":
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(descriptor, fcntl.LOCK_EX)  # once others have asked
                if os.fstat(descriptor).st_nlink:
                    path.unlink()
                    return True
        finally:
            os.close(descriptor)
    return False


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on a file; False where there is no such file.

    On Windows only removing tells: a file that a kill has left is gone once somebody has asked.
    """
    if sys.platform == "win32":
        return not remove_abandoned(path) and path.exists()
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return _held(descriptor) == "held"
    finally:
        os.close(descriptor)


if sys.platform != "win32":

    def _held(descriptor: int) -> Held:
        """Whether somebody has the lock; to ask is to share it for a moment, which keeps no other from asking."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return "held"
        except OSError:
            return "held" if _lives(os.pread(descriptor, MOST, 0).decode("utf-8", "replace")) else "no locks"
        return "free"


def _owner(process: int) -> str:
    """Host, number and start of a process: numbers are given again."""
    return f"{socket.gethostname()} {process} {_began(process)}"


def _lives(owner: str) -> bool:
    """Whether an owner may still be there; of other hosts, and of what names nobody, nothing is known."""
    host, _, rest = owner.partition(" ")
    number = rest.partition(" ")[0]
    if host != socket.gethostname() or not number.isdecimal():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return owner == _owner(int(number))


def _began(process: int) -> str:
    """When a process was started, in ticks since the system was; empty where the system has no such file."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
