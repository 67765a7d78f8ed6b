"""Files are written whole or not at all, and a full disk is told as one."""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import DataError


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
    included, removes the temporary file and leaves `path` as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; on the disk before it takes its name."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class NoRoomError(DataError):
    """The disk is too full for files of `needed` bytes (None: it is not known how many)."""

    def __init__(self, folder: Path, needed: int | None = None) -> None:
        free = f"{shutil.disk_usage(folder).free / 1e6:.1f} MB are free"
        super().__init__(
            f"the disk of {folder} is full: {free}"
            if needed is None
            else f"the files need {needed / 1e6:.1f} MB in {folder}, and {free}",
            "make room on that disk, then run the same command again; what was downloaded is kept",
            "磁盘空间不足，请清理后再运行同一命令；已下载的部分会保留",
        )


def check_room(folder: Path, needed: int) -> None:
    """Raise NoRoomError if `needed` bytes do not fit into `folder`, which is made."""
    with full_disk_told(folder, needed):
        folder.mkdir(parents=True, exist_ok=True)
    if needed > shutil.disk_usage(folder).free:
        raise NoRoomError(folder, needed)


@contextlib.contextmanager
def full_disk_told(folder: Path, needed: int | None = None) -> Iterator[None]:
    """Raise NoRoomError where the system says that the disk, or the user's share of it, is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise
        there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        raise NoRoomError(there, needed) from error
