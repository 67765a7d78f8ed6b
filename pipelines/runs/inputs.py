"""The files that add_features needs beside new rows, kept in a run's folder: training rows and further tables."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

from pipelines.competition import Competition
from pipelines.files import write_whole
from pipelines.runs.tensors import DamagedError

FOLDER, LEVEL = "inputs", 3


def save(run: Path, competition: Competition, files: Mapping[str, bytes]) -> None:
    """Write them to the run's folder, packed; the same bytes each time."""
    for name in (competition.train_file, *competition.tables):
        write_whole(run / FOLDER / f"{Path(name).name}.gz", gzip.compress(files[name], LEVEL, mtime=0))


def load(run: Path, competition: Competition) -> dict[str, bytes]:
    """The files by name.

    Raises: DamagedError.
    """
    found = {}
    for name in (competition.train_file, *competition.tables):
        path = run / FOLDER / f"{Path(name).name}.gz"
        try:
            found[name] = gzip.decompress(path.read_bytes())  # which knows a checksum of its own
        except (OSError, EOFError, zlib.error) as error:
            raise DamagedError(f"{FOLDER}/{path.name} cannot be read: {error}") from None
    return found
