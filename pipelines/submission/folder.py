"""The folder of a competition's submissions: its room, its leftovers, and names that are taken once."""

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pipelines.files import check_room, claim, remove_abandoned
from pipelines.settings.knobs import refuse_unwritable

RECORD_AND_PICTURE = 500_000  # bytes, plenty
DIGITS = 16  # bytes of one value at most, with its comma

reserved_here: list[Path] = []  # csv files that this process has begun to save; those that exist are whole


def prepare(folder: Path, sample_csv: bytes) -> None:
    """Make sure, before the training, that a csv like `sample_csv` can be saved in `folder`; remove leftovers.

    Raises: UsageError for a folder that cannot be written to; NoRoomError with the room needed and the room there.
    """
    refuse_unwritable(folder)
    remove_leftovers(folder)
    rows, columns = sample_csv.count(b"\n"), sample_csv.partition(b"\n")[0].count(b",")
    needed = len(sample_csv) + DIGITS * rows * columns + RECORD_AND_PICTURE
    check_room(folder, needed)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left: temporary files, and the record of a csv that was never written.

    What a run is just writing stays, and so does the record of a csv that somebody moved away.
    """
    for part in folder.glob(".*.part"):
        csv = folder / part.name[1:].removesuffix(".part")  # whose mark it is, if it is one
        if remove_abandoned(part) and csv.suffix == ".csv" and not csv.exists():
            csv.with_suffix(".json").unlink(missing_ok=True)


@contextlib.contextmanager
def reserved(folder: Path, name: str) -> Iterator[Path]:
    """Yield the path of a csv in `folder` that nobody has and nobody else gets: `name`, or `name-2` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        path = folder / f"{name}{f'-{number}' * (number > 1)}.csv"
        if _taken(path):
            continue
        with contextlib.suppress(FileExistsError):
            descriptor = claim(_mark(path))
            if not _taken(path):
                break
            _release(path, descriptor)  # its owner had just finished
    try:
        reserved_here.append(path)
        yield path
    finally:
        _release(path, descriptor)


def _taken(path: Path) -> bool:
    return path.exists() or path.with_suffix(".json").exists()


def _mark(path: Path) -> Path:
    """What is there, and locked, while a csv and its record are being written."""
    return path.with_name(f".{path.name}.part")


def _release(path: Path, descriptor: int) -> None:
    if os.name == "nt":
        os.close(descriptor)
    with contextlib.suppress(OSError):
        _mark(path).unlink()
    if os.name != "nt":
        os.close(descriptor)
