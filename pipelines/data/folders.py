"""A data folder: checked, replaced in one rename, and only by one process at a time."""

import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.data import manifest
from pipelines.data.archives import extract, unpack_nested
from pipelines.data.manifest import Manifest, complete, find, is_dir, is_file, visible
from pipelines.errors import DataError, UsageError
from pipelines.files import full_disk_told
from pipelines.settings.knobs import refuse_place
from pipelines.settings.lookup import find as find_competition

KAGGLE_INPUT = Path("/kaggle/input")  # of a Kaggle notebook


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
        """Whether the data folder is not there, or holds nothing but hidden files; raises as `visible` does."""
        return not visible(self.folder)

    @property
    def kept(self) -> list[Path]:
        """The folders that were replaced, the last one last."""
        numbers = ((re.fullmatch(r".+\.old-(\d+)", path.name), path) for path in self.root.glob(f"{self.slug}.old-*"))
        return [path for _, path in sorted((int(number[1]), path) for number, path in numbers if number)]

    @property
    def leftovers(self) -> list[Path]:
        """What a killed process was writing; not the broken download, which is gone on with."""
        parts = [*self.work.glob(".*.part"), *self.folder.glob(".*.part")]
        return [*self.work.glob("files-*"), *parts]


def prepare(target: Target) -> str:
    """Mend what a killed process left, if it left anything; returns what was put back, in words.

    Raises: DataError if the data folder is missing and another process, or a disk that cannot be written to, is why.
    """
    missing = not os.path.lexists(target.folder)
    try:
        if target.leftovers or (missing and (target.kept or target.work.is_dir())):
            with locked(target) as restored:
                return restored
    except DataError as error:
        if missing and target.kept:
            error.hint += f"; what was there before is in {target.kept[-1]}: --data {target.kept[-1]}"
            error.hint_zh += f"；原文件夹为 {target.kept[-1]}，可用 --data {target.kept[-1]}"
        if missing:
            raise
    return ""


def attached(target: Target) -> Path | None:
    """Where a Kaggle notebook has the competition's files, all of them, if it has been given them; else None."""
    for place in (KAGGLE_INPUT / target.slug, KAGGLE_INPUT / "competitions" / target.slug):
        if is_dir(place) and not find(place, target.expected).missing:
            return place
    return None


def refuse_strays(target: Target) -> None:
    """Refuse to pass over files that lie beside the place of the data folder and are probably meant.

    Raises: DataError that names the first.
    """
    meant = {target.slug, *target.expected}
    with suppress(UsageError):
        meant.add(find_competition(target.slug).name)
    names = {name.lower() for name in (*meant, *(f"{name}.zip" for name in meant))}
    for path in visible(target.root):
        if path == target.folder or path.name.lower() not in names or (is_dir(path) and not visible(path)):
            continue
        place = target.root if path.name in target.expected else path
        hint, hint_zh = f"use it with --data {place}", f"请加上 --data {place}"
        if find(place, target.expected).missing:
            hint = f"put {', '.join(target.expected)} into {target.folder}, packed or not"
            hint_zh = f"请把 {', '.join(target.expected)} 放入 {target.folder}（无需解压）"
        raise DataError(
            f"{path} is there, and is not where the data of {target.slug} is looked for: {target.folder}",
            f"{hint}; or, for run, cv and tune, --data sample for made rows",
            f"{hint_zh}；run、cv、tune 也可用 --data sample（示例数据）",
        )


def verify(target: Target) -> Manifest | None:
    """The manifest of a good data folder; None if there is no folder, or an empty one.

    Raises: DataError that names every changed, damaged or missing file.
    """
    if target.is_empty:
        return None
    folder = target.folder
    found = manifest.read(folder)
    if found is None:
        anew, anew_zh = (
            "download anew with --force (what is there is kept beside it)",
            "加 --force 重新下载（原文件会保留在旁边）",
        )
        try:
            complete(folder, target.expected, target.slug)
        except DataError as error:
            raise DataError(error.message, f"{anew}; or {error.hint}", f"请{anew_zh}；或{error.hint_zh}") from None
        raise DataError(
            f"{folder} holds files that this command did not put there; nothing was changed",
            f"use them as they are: python -m pipelines run {target.slug}; or {anew}",
            f"可直接使用现有文件：python -m pipelines run {target.slug}；或{anew_zh}",
        )
    problems = found.problems(folder, dict.fromkeys([*found.files, *target.expected]))
    if found.slug != target.slug:
        problems.insert(0, f"the files are those of {found.slug}")
    if problems:
        raise DataError(
            f"{folder} is not as it was downloaded: {'; '.join(problems)}",
            "download anew with --force (the old folder is kept beside it)",
            "请加 --force 重新下载（原文件夹会保留在旁边）",
        )
    return found


def import_files(path: Path, target: Target, *, force: bool = False) -> Manifest:
    """Put files that were downloaded by hand into the data folder: a zip, zips side by side, or a folder.

    Raises: DataError if there are none, an archive is hostile, or files are lacking.
    """
    if not os.path.lexists(path):
        raise DataError(f"there is no file {path}", "name the downloaded zip or folder", "请指定下载的 zip 或文件夹")
    with locked(target):
        inside = target.folder.resolve() in (path.resolve(), *path.resolve().parents)
        packed = inside and not any(is_file(target.folder / name) for name in target.expected)
        if not (force or packed or target.is_empty):
            raise DataError(
                f"{target.folder} is there already; nothing was changed",
                "replace it with --force (it is kept beside the new one), or use it as it is",
                "请加 --force 替换（原文件夹会保留在旁边），或直接使用",
            )
        return install(partial(_fill, path, target), target, "import")


def _fill(path: Path, target: Target, folder: Path) -> None:
    """All of an archive, and of a folder what a run needs; everything where that is not known."""
    if is_dir(path) and not target.expected:
        shutil.copytree(path, folder, ignore=shutil.ignore_patterns(".*"))
        return unpack_nested(sorted(folder.rglob("*.zip")))
    found = complete(path, target.expected, target.slug) if is_dir(path) else find(path, target.expected)
    if is_file(path) and found.place == path:
        if path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path):
            refuse_place(path, target.expected)
        return extract(path, folder)
    folder.mkdir(parents=True)
    for name, item in found.items.items():
        (folder / name).write_bytes(item.read())
    return None


def link(source: Path, folder: Path) -> None:
    """The tree of `source` again, of links: a notebook's input is large and stays where it is."""
    shutil.copytree(source, folder, copy_function=os.symlink)
    unpack_nested(sorted(folder.rglob("*.zip")))


def install(fill: Callable[[Path], None], target: Target, source: str) -> Manifest:
    """Fill a folder, check and record it, and put it in place with one rename."""
    staging = target.work / f"files-{secrets.token_hex(4)}"
    target.work.mkdir(parents=True, exist_ok=True)
    try:
        with full_disk_told(target.root):
            fill(staging)
            _settle(staging, target)
            found = manifest.write(staging, target.slug, source)
        _keep(target)
        staging.rename(target.folder)
        return found
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        _put_back(target)


def _settle(folder: Path, target: Target) -> None:
    """Put the expected files at the top of `folder`, from wherever they lie in it."""
    found = find(folder, target.expected)
    if found.missing:
        raise DataError(
            f"the archive has no {', '.join(found.missing)}",
            f"is it the one of {target.slug}? compare with kaggle.com/competitions/{target.slug}/data; "
            "where each file has a zip of its own, name the folder that holds them all: --from FOLDER",
            f"请确认这是 {target.slug} 的压缩包；若每个文件各有一个 zip，请用 --from 指定它们所在的文件夹",
        )
    for name, item in found.items.items():
        if item.label != name:
            beside, place = folder / f".{name}", folder / name
            item.path.rename(beside) if item.path else beside.write_bytes(item.read())
            if is_dir(place):
                place.rename(folder / f"{name}.folder")
            beside.rename(place)


def _keep(target: Target) -> None:
    """Rename what is in the way of a new data folder, unless it is empty."""
    if is_dir(target.folder) and not target.folder.is_symlink() and not any(target.folder.iterdir()):
        target.folder.rmdir()
    elif os.path.lexists(target.folder):
        last = target.kept[-1].name.rpartition("-")[2] if target.kept else "0"
        target.folder.rename(target.root / f"{target.slug}.old-{int(last) + 1}")


def _put_back(target: Target) -> str:
    """Give the last folder that was replaced its name again, if no other took it; returns that in words."""
    if os.path.lexists(target.folder) or not target.kept:
        return ""
    kept = target.kept[-1]
    kept.rename(target.folder)
    return f" ({kept.name} put back: its replacement was cut short)"


@contextmanager
def locked(target: Target) -> Iterator[str]:
    """One process at a time for one competition; the system frees the lock of a killed one.

    Yields what of a killed one was put back, in words; what it was writing is removed. An empty working folder is
    removed in the end; else it holds a broken download to go on with.
    """
    try:
        target.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.root / f".{target.slug}.lock", blocking=False).acquire()
    except Timeout:
        raise DataError(
            f"another process is fetching {target.slug}", "wait until it is done", "另一个进程正在下载，请等它完成"
        ) from None
    except OSError as error:
        raise DataError(
            f"{target.root} cannot be written to: {error.strerror}",
            "mend its permissions or make room, or, for data, choose another place with --root",
            "请修正其权限或清理磁盘；data 命令也可用 --root 指定其他位置",
        ) from None
    with lock:
        try:
            for path in target.leftovers:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            yield _put_back(target)
        finally:
            if target.work.is_dir() and not any(target.work.iterdir()):
                target.work.rmdir()
