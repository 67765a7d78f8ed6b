"""Archives from elsewhere, extracted without trust: every member's name, kind and size is checked first."""

import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.errors import DataError

DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}
RATIO_FREE = 2**20  # bytes: what is smaller does no harm, however well it was compressed
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OverflowError, NotImplementedError)


class HostileArchiveError(DataError):
    """An archive that would write where it must not, or more than it should."""

    def __init__(self, message: str) -> None:
        super().__init__(
            f"nothing was extracted: {message}",
            "do not use this archive; download it again from Kaggle's own site",
            "请勿使用该压缩包，请从 Kaggle 官网重新下载",
        )


class DamagedArchiveError(DataError):
    """An archive that is cut short or whose checksums do not agree."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "download it again", "请重新下载")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an archive may hold; bytes, nested archives included."""

    members: int = 200_000
    total: int = 50 * 2**30
    ratio: int = 200  # uncompressed to compressed size of one member
    depth: int = 2  # a zip in a zip in a zip is one too many


def extract(archive: Path, folder: Path, limits: Limits | None = None) -> None:
    """Extract `archive` into the empty `folder`; a zip inside gives its members in its own place.

    Raises: HostileArchiveError or DamagedArchiveError, with the member's name; then throw `folder` away.
    """
    limits = limits or Limits()
    _extract(archive, folder, limits, limits.total, 1)


def unpack_nested(paths: Iterable[Path], limits: Limits | None = None) -> None:
    """Put the members of each zip of `paths` in its place; raises as `extract` does."""
    limits = limits or Limits()
    budget = limits.total
    for path in paths:
        budget = _unwrap(path, limits, budget, 1)


def _extract(archive: Path, folder: Path, limits: Limits, budget: int, depth: int) -> int:
    """Extract and return what is left of the budget (bytes)."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.filename.startswith("__MACOSX/")]
            total = sum(info.file_size for info in members)
            check(archive.name, members, limits, budget)
            _check_room(folder, total)
            for info in members:
                _write(opened, info, folder / PurePosixPath(info.filename))
    except DAMAGE as damage:
        raise DamagedArchiveError(f"{archive.name} is damaged: {damage}") from None
    budget -= total
    for path in [folder / info.filename for info in members if info.filename.lower().endswith(".zip")]:
        if depth >= limits.depth:
            raise HostileArchiveError(f"{archive.name} nests archives too deep, at {path.name!r}")
        budget = _unwrap(path, limits, budget, depth + 1)
    return budget


def _unwrap(path: Path, limits: Limits, budget: int, depth: int) -> int:
    """Put the members of the zip at `path` beside it, and remove it."""
    beside = path.with_name(f".{path.name}.members")
    budget = _extract(path, beside, limits, budget, depth)
    path.unlink()
    for member in sorted(beside.iterdir()):
        if (path.parent / member.name).exists():
            raise HostileArchiveError(f"{path.name} holds {member.name!r}, which is there already")
        member.rename(path.parent / member.name)
    beside.rmdir()
    return budget


def check(name: str, members: list[zipfile.ZipInfo], limits: Limits, budget: int) -> None:
    """Raise HostileArchiveError for the first member that must not be extracted."""
    if len(members) > limits.members:
        raise HostileArchiveError(f"{name} holds {len(members)} members, more than {limits.members}")
    total = sum(info.file_size for info in members)
    if total > budget:
        raise HostileArchiveError(f"{name} would grow to {total} bytes, more than the {budget} that are allowed")
    seen: dict[str, bool] = {}
    for info in members:
        reason = _reason(info, limits) or _clash(info, seen)
        if reason:
            raise HostileArchiveError(f"{name}: member {info.orig_filename!r} {reason}")


def _reason(info: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Why the member must not be extracted, or None."""
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    parts = name.rstrip("/").split("/")
    if "\\" in name or any(ord(letter) < 32 for letter in name):
        return "has a backslash or a control character in its name"
    if name.startswith("/") or ":" in name:
        return "has an absolute path or a drive in its name"
    if not all(parts) or any(part in (".", "..") for part in parts):
        return "leads out of the folder"
    if any(part.rstrip(". ") != part or part.split(".")[0].lower() in DEVICES for part in parts):
        return "has a name that not every system can have"
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        return "is a link or a device"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > RATIO_FREE and info.file_size > limits.ratio * max(1, info.compress_size):
        return f"grows more than {limits.ratio} times"
    return None


def _clash(info: zipfile.ZipInfo, seen: dict[str, bool]) -> str | None:
    """Whether the member's path, as any file system may see it, was there before as a file."""
    path = unicodedata.normalize("NFC", info.filename.rstrip("/")).casefold()
    parents = [str(parent) for parent in PurePosixPath(path).parents][:-1]
    if any(seen.get(parent) for parent in parents):
        return "lies in a folder that is a file as well"
    if path in seen and (seen[path] or not info.is_dir()):
        return "occurs twice"
    seen[path] = not info.is_dir()
    for parent in parents:
        seen.setdefault(parent, False)
    return None


def _check_room(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"the files need {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free",
            "make room on the disk, then run the same command again",
            "磁盘空间不足，请清理后重试",
        )


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    """Write one member; zipfile checks its checksum at the end, and never gives more than its size."""
    if info.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(info) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, 2**20)
        written = target.tell()
    if written != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename!r} has {written} bytes instead of {info.file_size}")
