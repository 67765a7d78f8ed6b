"""What a place holds: a competition's files, wherever they lie in it; and `manifest.json`, what was downloaded.

A place is a folder or a zip. Nothing is unpacked onto the disk to read it.
"""

import errno
import json
import os
import sys
import zipfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.data.archives import base, gunzip, look
from pipelines.errors import DataError
from pipelines.files import sha256, sha256_file, write_whole
from pipelines.settings.knobs import refuse_incomplete, refuse_place

NAME = "manifest.json"
HIDDEN = ("__macosx", "thumbs.db", "desktop.ini")  # and what begins with a dot: systems put it there
DEEPEST = 3  # folders below a place in which its files are looked for
MOST = 5_000  # files that are looked at
SAMPLE = Path("sample")  # for --data: the embedded sample, unless something of that name is there
is_dir, is_file = os.path.isdir, os.path.isfile  # a Path's own raise where it may not look


@dataclass(frozen=True)
class Manifest:
    """The files of a data folder: name -> {"size": bytes, "sha256", "date"}; `source` is kaggle or import."""

    slug: str
    source: str
    date: str
    files: dict[str, dict[str, Any]]

    def problems(self, folder: Path, names: Iterable[str] | None = None) -> list[str]:
        """Every file, of `names` or of all, that is not as it was downloaded; an empty list if none is."""
        found = []
        for name in self.files if names is None else names:
            entry, path = self.files.get(name), folder / name
            if entry is None:
                found.append(f"{name} was not downloaded")
                continue
            try:
                if not is_file(path):
                    found.append(f"{name} is missing")
                elif path.stat().st_size != entry["size"]:
                    found.append(f"{name} has {path.stat().st_size} bytes instead of {entry['size']}")
                elif sha256_file(path) != entry["sha256"]:
                    found.append(f"{name} is changed or damaged")
            except OSError as error:
                found.append(f"{name} cannot be read: {error.strerror}")
        return found


def write(folder: Path, slug: str, source: str) -> Manifest:
    """Record every file of `folder`. Dates are UTC."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / NAME)
    files = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": sha256_file(path),
            "date": date,
        }
        for path in paths
    }
    text = json.dumps({"slug": slug, "source": source, "date": date, "files": files}, indent=2)
    write_whole(folder / NAME, f"{text}\n".encode())
    return Manifest(slug, source, date, files)


def read(folder: Path) -> Manifest | None:
    """The manifest of `folder`; None if it has none.

    Raises: DataError if it cannot be understood.
    """
    path = folder / NAME
    if not is_file(path):
        return None
    try:
        value = json.loads(path.read_bytes())
        files = {
            str(name): {**entry, "size": int(entry["size"]), "sha256": str(entry["sha256"])}
            for name, entry in value["files"].items()
        }
        return Manifest(str(value["slug"]), str(value["source"]), str(value["date"]), files)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise DataError(
            f"{path} is damaged",
            f"download anew: python -m pipelines data {folder.name} --force (the old folder is kept beside it)",
            f"请运行 python -m pipelines data {folder.name} --force 重新下载（原文件夹会保留在旁边）",
        ) from None


@dataclass(frozen=True)
class Item:
    """A file in a place: `label` says where, `home` are its folders there; of equals the lowest `rank` counts."""

    label: str
    home: tuple[str, ...]
    rank: int
    read: Callable[[], bytes]
    path: Path | None = None  # None: it is packed


@dataclass(frozen=True)
class Found:
    """A competition's files in a place: all of them, or none and which are `missing`."""

    place: Path
    items: dict[str, Item]
    missing: list[str]
    trouble: list[str] = field(default_factory=list)  # what could not be looked into

    @property
    def note(self) -> str:
        """Where the files come from that do not lie at the top under their own names."""
        labels = [item.label for name, item in self.items.items() if item.label != name]
        shown = sorted({label.rpartition("/")[0] or label for label in labels})
        return f" (from {', '.join(shown)})" if shown else ""


def find(place: Path, names: Sequence[str], deepest: int = DEEPEST) -> Found:
    """Look for the files `names` in `place`; small or capital letters make no difference.

    Those at the top count, or else those of the one folder or zip that holds all and lies nearest; else each must
    be there only once, or be the same everywhere.
    Raises: DataError for a place that cannot be looked into, or a file that is there twice and not the same.
    """
    trouble: list[str] = []
    wanted = {name.lower(): name for name in names}
    found: dict[str, list[Item]] = {name: [] for name in names}
    for item in _at_the_top(place, names) or _anywhere(place, set(wanted), deepest, trouble):
        found[wanted[base(item.label)]].append(item)
    missing = [name for name in names if not found[name]]
    if missing and is_file(place):  # one of several that lie beside each other?
        beside = find(place.parent, names, 0)
        if any(item.label.split("/")[0] == place.name for item in beside.items.values()):
            return beside
    return Found(place, {} if missing else _choose(place, found), missing, trouble)


def complete(place: Path, names: Sequence[str], slug: str) -> Found:
    """As `find`, and all must be there.

    Raises: DataError that names those that are not, what is there instead, and what to do.
    """
    found = find(place, names)
    if not is_dir(place) and (found.missing or not (names or is_file(place))):
        refuse_place(place, names)
    if found.missing:
        there = [path.name for path in visible(place)]
        refuse_incomplete(place, names, found.missing, there, found.trouble, slug)
    return found


def check_place(place: Path | None, names: Sequence[str] | None, slug: str | None) -> None:
    """Refuse what --data names unless it is the sample or holds all files; before anything heavy is loaded."""
    if place is not None and not is_sample(place):
        complete(place, names or (), slug or "")


def is_sample(place: Path) -> bool:
    """Whether --data asks for the embedded sample."""
    return place == SAMPLE and not os.path.lexists(place)


def every_table(place: Path, endings: tuple[str, ...]) -> list[Item]:
    """All files of `place` whose names end so, packed or not; nothing of what they hold is read.

    Raises: DataError for a place that cannot be looked into.
    """
    if not os.path.lexists(place):
        raise DataError(f"there is no folder {place}", "name the folder or zip that holds the files", "请检查路径")
    trouble: list[str] = []
    found = list(_anywhere(place, NamesThatEnd(endings), DEEPEST, trouble))
    if trouble and not found:
        raise DataError(trouble[0], "mend or remove it, or name another folder", "请修正或删除它，或指定其他文件夹")
    return found


class NamesThatEnd(Collection[str]):
    """All file names with one of these endings: more than any archive holds."""

    def __init__(self, endings: tuple[str, ...]) -> None:
        self.endings = endings

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.endswith(self.endings) and not name.startswith(".")

    def __iter__(self) -> Iterator[str]:
        return iter(self.endings)

    def __len__(self) -> int:
        return sys.maxsize


def content(place: Path, name: str) -> bytes | None:
    """The bytes of one file in a place; None if it is not there or cannot be told."""
    try:
        return find(place, (name,)).items[name].read()
    except (DataError, KeyError):
        return None


def visible(folder: Path) -> list[Path]:
    """What lies in `folder` but for hidden files, by name; an empty list if there is no folder.

    Raises: DataError if there is something that cannot be looked into.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] != "." and path.name.lower() not in HIDDEN)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not (folder.is_symlink() or folder.parent.is_symlink()):
            return []
        raise DataError(
            f"{folder} cannot be looked into: {_why(folder, error)}",
            "mend or remove what stands there, or name another folder with --data",
            "请修正或删除它，或用 --data 指定其他文件夹",
        ) from None


def _at_the_top(place: Path, names: Sequence[str]) -> list[Item]:
    """The files as a download leaves them; an empty list if one is not there."""
    paths = [place / name for name in names]
    return [_loose(path, exact=True) for path in paths] if all(map(is_file, paths)) else []


def _anywhere(place: Path, wanted: Collection[str], deepest: int, trouble: list[str]) -> Iterator[Item]:
    """Every file of a wanted name, in whatever case, loose or packed; the nearest first."""
    waiting: deque[tuple[Path, tuple[str, ...]]] = deque([(place, ())])
    for _ in range(MOST if wanted else 0):
        if not waiting:
            return
        path, home = waiting.popleft()
        try:
            if is_dir(path) or (path == place and not is_file(path)):
                below = (*home, path.name) if path != place else ()
                waiting += [(inner, below) for inner in visible(path)] if len(below) <= deepest else []
            elif path.suffix.lower() == ".zip" or (path == place and zipfile.is_zipfile(path)):
                yield from _packed(path, home, wanted, "" if path == place else "/".join((*home, path.name, "")))
            elif base(path.name) in wanted and path != place:
                yield _loose(path, home)
        except DataError as error:
            if path == place:
                raise
            trouble.append(error.message)


def _loose(path: Path, home: tuple[str, ...] = (), *, exact: bool = False) -> Item:
    """A file in a folder, or what a gzip file holds."""
    if not is_file(path):
        what = "is a link that leads nowhere" if os.path.islink(path) else "cannot be read"  # noqa: PTH114 never raises
        raise DataError(f"{path} {what}", "remove it, or mend its permissions", "请删除它或修正权限")
    packed = path.suffix.lower() == ".gz"
    read = partial(_unpacked, path) if packed else partial(_bytes, path)
    return Item("/".join((*home, path.name)), home, 2 if packed else not exact, read, None if packed else path)


def _packed(path: Path, home: tuple[str, ...], wanted: Collection[str], before: str) -> Iterator[Item]:
    """The files of wanted names in a zip, and in the zips inside it."""
    try:
        for packed in look(path, wanted):
            yield Item(before + "/".join(packed.names), (*home, *packed.home), 3, packed.read)
    except OSError as error:
        raise _unreadable(path, error) from None


def _choose(place: Path, found: dict[str, list[Item]]) -> dict[str, Item]:
    """One item for each name, out of one folder where that can be."""
    depths = [len(item.home) for items in found.values() for item in items]
    nearest = {item.home for items in found.values() for item in items if len(item.home) == min(depths)}
    whole = [home for home in nearest if all(home in {item.home for item in items} for items in found.values())]
    if len(whole) == 1:
        here = {name: [item for item in items if item.home == whole[0]] for name, items in found.items()}
        found = {name: [i for i in items if i.rank == min(j.rank for j in items)] for name, items in here.items()}
    return {name: _only(place, name, items) for name, items in found.items()}


def _only(place: Path, name: str, items: list[Item]) -> Item:
    """The best of items that hold the same.

    Raises: DataError if one differs.
    """
    if len(items) > 1 and len({sha256(item.read()) for item in items}) > 1:
        raise DataError(
            f"{place} holds {name} more than once, and not the same: {', '.join(item.label for item in items[:5])}",
            "keep only the one that you mean, or name its folder or zip: --data (run, cv) or --from (data)",
            "请只保留需要的那一份，或用 --data（run、cv）或 --from（data）指定其所在的文件夹或 zip",
        )
    return min(items, key=lambda item: item.rank)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unpacked(path: Path) -> bytes:
    return gunzip(str(path), _bytes(path))


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror}", "check the file's permissions", "请检查文件权限")


def _why(folder: Path, error: OSError) -> str:
    """What stands where a folder belongs."""
    if error.errno == errno.ELOOP:
        return "its links lead in a circle"
    links = [path for path in (folder, folder.parent) if path.is_symlink() and not path.exists()]
    return f"{links[0]} is a link to {links[0].readlink()}, which is not there" if links else str(error.strerror)
