"""Files are written whole or not at all, and locked while they are written (`locks`)."""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import NoRoomError
from pipelines.files.locks import claim

NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)


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
