"""A data folder: checked, replaced in one rename, and only by one process at a time."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.data import manifest
from pipelines.data.archives import extract, unpack_nested
from pipelines.data.manifest import Manifest
from pipelines.errors import DataError


@dataclass(frozen=True)
class Target:
    """Where a competition's files go, and which of them must be there."""

    slug: str
    root: Path = Path("data")
    expected: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The data folder; it is there when it is whole."""
        return self.root / self.slug

    @property
    def work(self) -> Path:
        """Where what is not whole yet lies."""
        return self.root / f".{self.slug}.download"

    @property
    def is_empty(self) -> bool:
        """Whether the data folder is not there, or holds nothing."""
        return not self.folder.is_dir() or not any(self.folder.iterdir())


def verify(target: Target) -> Manifest | None:
    """The manifest of a good data folder; None if there is no folder, or an empty one.

    Raises: DataError that names every changed, damaged or missing file.
    """
    if target.is_empty:
        return None
    folder = target.folder
    found = manifest.read(folder)
    if found is None:
        raise DataError(
            f"{folder} holds files that this command did not put there; nothing was changed",
            "use them as they are, or download anew with --force (they are kept beside it)",
            "可直接使用现有文件，或加 --force 重新下载（原文件会保留在旁边）",
        )
    problems = found.problems(folder)
    if problems:
        raise DataError(
            f"{folder} is not as it was downloaded: {'; '.join(problems)}",
            "download anew with --force",
            "请加 --force 重新下载",
        )
    return found


def import_zip(path: Path, target: Target, *, force: bool = False) -> Manifest:
    """Put the files of a zip that was downloaded by hand into the data folder.

    Raises: DataError if it is no zip, is hostile, or lacks files.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}", "name the downloaded zip", "请指定下载的 zip 文件")
    with locked(target):
        if not (force or target.is_empty):
            raise DataError(
                f"{target.folder} is there already; nothing was changed",
                "replace it with --force, or use it as it is",
                "请加 --force 替换，或直接使用",
            )
        return install(partial(extract, path), target, "import")


def link(source: Path, folder: Path) -> None:
    """The tree of `source` again, of links: a notebook's input is large and stays where it is."""
    shutil.copytree(source, folder, copy_function=os.symlink)
    unpack_nested(sorted(folder.rglob("*.zip")))


def install(fill: Callable[[Path], None], target: Target, source: str) -> Manifest:
    """Fill a folder, check and record it, and put it in place with one rename."""
    staging = target.work / f"files-{secrets.token_hex(4)}"
    target.work.mkdir(parents=True, exist_ok=True)
    try:
        fill(staging)
        lacking = [name for name in target.expected if not (staging / name).is_file()]
        if lacking:
            raise DataError(
                f"the archive has no {', '.join(lacking)}",
                f"is it the one of {target.slug}? compare with kaggle.com/competitions/{target.slug}/data",
                f"请确认这是 {target.slug} 的压缩包",
            )
        found = manifest.write(staging, target.slug, source)
        _keep(target.folder)
        staging.rename(target.folder)
        return found
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _keep(folder: Path) -> None:
    """Rename what is in the way of a new data folder, unless it is empty."""
    if folder.is_dir() and any(folder.iterdir()):
        number = 1
        while (kept := folder.with_name(f"{folder.name}.old-{number}")).exists():
            number += 1
        folder.rename(kept)
    elif folder.is_dir():
        folder.rmdir()


@contextmanager
def locked(target: Target) -> Iterator[None]:
    """One process at a time for one competition; the system frees the lock of a killed one.

    An empty working folder is removed in the end; else it holds a broken download to go on with.
    """
    target.root.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(target.root / f".{target.slug}.lock", blocking=False).acquire()
    except Timeout:
        raise DataError(
            f"another process is fetching {target.slug}", "wait until it is done", "另一个进程正在下载，请等它完成"
        ) from None
    with lock:
        try:
            yield
        finally:
            if target.work.is_dir() and not any(target.work.iterdir()):
                target.work.rmdir()
