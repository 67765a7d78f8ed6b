"""Archives from elsewhere, extracted without trust: every member's name, kind and size is checked first."""

import gzip
import io
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipelines.errors import DataError
from pipelines.files import check_room, full_disk_told

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


class Packed(NamedTuple):
    """A file in an archive: the names that lead to it, the folders in which it would lie, its bytes."""

    names: tuple[str, ...]
    home: tuple[str, ...]
    read: Callable[[], bytes]


def extract(archive: Path, folder: Path, limits: Limits | None = None) -> None:
    """Extract `archive` into the empty `folder`; a zip inside becomes a folder, or the one thing that it `wraps`.

    Raises: HostileArchiveError or DamagedArchiveError, with the member's name; then throw `folder` away.
    """
    limits = limits or Limits()
    _extract(archive, folder, limits, limits.total, 1)


def unpack_nested(paths: Iterable[Path], limits: Limits | None = None) -> None:
    """Do so with each zip of `paths`; raises as `extract` does."""
    limits = limits or Limits()
    budget = limits.total
    for path in paths:
        budget = _unwrap(path, limits, budget, 1)


def look(archive: Path, wanted: Collection[str], inside: tuple[str, ...] = ()) -> Iterator[Packed]:
    """The members whose names, in small letters, are `wanted`; those of zips inside only for what is lacking.

    Nothing is written. Raises as `extract` does.
    """
    with _opened(archive, inside) as opened:
        names = [info.filename for info in members_of(opened) if not info.is_dir()]
    own = (archive.name, *inside)[-1].rpartition("/")[2]
    above = () if wraps(own, names) else (own,)
    hits = [name for name in names if base(name) in wanted]
    for name in hits:
        yield Packed((*inside, name), (*above, *name.split("/")[:-1]), partial(_read, archive, inside, name))
    if inside or len(set(map(base, hits))) == len(wanted):
        return
    for name in (name for name in names if name.lower().endswith(".zip")):
        for packed in look(archive, wanted, (name,)):
            yield packed._replace(home=(*above, *name.split("/")[:-1], *packed.home))


def base(name: str) -> str:
    """The name of a file as it is looked for: without folders, in small letters, unpacked.

    >>> base("titanic/Train.csv.gz")
    'train.csv'
    """
    return name.rpartition("/")[2].lower().removesuffix(".gz")


def wraps(archive: str, names: Iterable[str]) -> bool:
    """Whether an archive holds only one file or folder, of its own name; its members then lie where it lies.

    >>> wraps("train.csv.zip", ["train.csv"]), wraps("train.zip", ["train/1.jpg"]), wraps("train.zip", ["1.jpg"])
    (True, True, False)
    """
    top = {name.split("/")[0].lower() for name in names}
    own = archive.lower().removesuffix(".zip")
    return len(top) == 1 and any(own in (name, name.rpartition(".")[0]) for name in top)


def gunzip(name: str, data: bytes) -> bytes:
    """What a gzip file holds; raises as `extract` does."""
    most = max(RATIO_FREE, Limits.ratio * len(data))
    try:
        with gzip.open(io.BytesIO(data)) as file:
            content = file.read(most + 1)
    except (gzip.BadGzipFile, *DAMAGE) as damage:
        raise DamagedArchiveError(f"{name} is damaged: {damage}") from None
    if len(content) > most:
        raise HostileArchiveError(f"{name} grows more than {Limits.ratio} times")
    return content


def _read(archive: Path, inside: tuple[str, ...], name: str) -> bytes:
    with _opened(archive, inside) as opened:
        data = opened.read(name)
    return gunzip(name, data) if name.lower().endswith(".gz") else data


def members_of(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members but for what macOS adds."""
    return [info for info in opened.infolist() if not info.filename.startswith("__MACOSX/")]


@contextmanager
def _opened(
    archive: Path, inside: Iterable[str] = (), limits: Limits = Limits(), budget: int = Limits.total
) -> Iterator[zipfile.ZipFile]:
    """The archive, or the one `inside` it, after the check of its members."""
    name = archive.name
    try:
        with ExitStack() as stack:
            opened = stack.enter_context(zipfile.ZipFile(archive))
            check(name, members_of(opened), limits, budget)
            for name in inside:
                opened = stack.enter_context(zipfile.ZipFile(stack.enter_context(opened.open(name))))
                check(name, members_of(opened), limits, budget)
            yield opened
    except DAMAGE as damage:
        raise DamagedArchiveError(f"{name} is damaged: {damage}") from None


def _extract(archive: Path, folder: Path, limits: Limits, budget: int, depth: int) -> int:
    """Extract and return what is left of the budget (bytes)."""
    with _opened(archive, (), limits, budget) as opened:
        members = members_of(opened)
        total = sum(info.file_size for info in members)
        check_room(folder, total)
        with full_disk_told(folder, total):
            folder.mkdir(parents=True, exist_ok=True)
            for info in members:
                _write(opened, info, folder / PurePosixPath(info.filename))
    budget -= total
    for path in [folder / info.filename for info in members if info.filename.lower().endswith(".zip")]:
        if depth >= limits.depth:
            raise HostileArchiveError(f"{archive.name} nests archives too deep, at {path.name!r}")
        budget = _unwrap(path, limits, budget, depth + 1)
    return budget


def _unwrap(path: Path, limits: Limits, budget: int, depth: int) -> int:
    """Put a folder of its members in the place of the zip at `path`; if it only `wraps` one, that one."""
    inside = path.with_name(f".{path.name}.members")
    budget = _extract(path, inside, limits, budget, depth)
    path.unlink()
    members = sorted(inside.iterdir())
    taken = {other.name.casefold() for other in path.parent.iterdir()}
    only = members[0] if wraps(path.name, [member.name for member in members]) else inside
    place = path.with_name(only.name)
    if only.is_dir() and (only is inside or place.name.casefold() in taken):
        own = path.stem.removesuffix(".csv")  # a folder train.csv would be in the way of the file
        inside.rename(path.with_name(path.name if own.casefold() in taken else own))
        return budget
    if place.name.casefold() not in taken:
        only.rename(place)
    elif not place.is_file() or place.read_bytes() != only.read_bytes():
        raise HostileArchiveError(f"{path.name} holds {place.name!r}, which is there already and is not the same")
    shutil.rmtree(inside)
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
