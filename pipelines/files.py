"""Files are written whole or not at all, and locked while they are written: what nobody has locked is left over.

The system lets go of a lock when its process ends. Where a file system has no locks, the file says who has it.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pipelines.errors import NoRoomError

if sys.platform != "win32":
    import fcntl

MOST = 1000  # bytes that name an owner
NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)

Held = Literal["free", "held", "no locks"]


def sha256(data: bytes) -> str:
    """SHA-256 of `data` as 64 hexadecimal digits.

    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file of any size as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place when the block ends well.

    The name is new for each call, so two runs do not meet; whatever ends the block early, Ctrl-C
    included, removes the temporary file and leaves `path` as it was. An OSError names `path`.
    """
    if path.exists() and not path.is_file():  # a device would be replaced by a file
        raise OSError(errno.EINVAL, "is no ordinary file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = None
    try:
        if sys.platform != "win32":  # which renames no file that is open
            descriptor = claim(temporary)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; on the disk before it takes its name."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def link(path: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system has no second names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        write_whole(target, path.read_bytes())


def check_room(folder: Path, needed: int) -> None:
    """Raise NoRoomError if `needed` bytes do not fit into `folder`, which need not be there yet."""
    free = free_bytes(folder)
    if free is not None and free < needed:
        raise NoRoomError(
            f"the disk of {folder} is full: {needed / 1e6:.2f} MB are needed there, {free / 1e6:.2f} MB are free"
        )


def free_bytes(folder: Path) -> int | None:
    """Bytes that are free where `folder` is, or will be; None where the system does not say."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        usage = shutil.disk_usage(there)
    except OSError:
        return None
    return usage.free if usage.total else None


@contextlib.contextmanager
def full_disk_told(folder: Path, needed: int = 0) -> Iterator[None]:
    """Raise NoRoomError where the system says that the disk, or the user's share of it, is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        check_room(folder, needed)
        raise NoRoomError(f"the disk of {error.filename or folder} is full: {error.strerror}") from error


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
    """Whether a process holds the lock on a file; False where there is no such file."""
    if sys.platform == "win32":
        return path.exists()
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
