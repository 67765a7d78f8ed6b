"""`manifest.json`: what was downloaded into a data folder, so that a change is seen later."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.errors import DataError
from pipelines.files import sha256_file, write_whole

NAME = "manifest.json"


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
            if not path.is_file():
                found.append(f"{name} is missing")
            elif path.stat().st_size != entry["size"]:
                found.append(f"{name} has {path.stat().st_size} bytes instead of {entry['size']}")
            elif sha256_file(path) != entry["sha256"]:
                found.append(f"{name} is changed or damaged")
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
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_bytes())
        files = {str(name): {"size": int(e["size"]), **e} for name, e in value["files"].items()}
        return Manifest(str(value["slug"]), str(value["source"]), str(value["date"]), files)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{path} is damaged",
            f"remove the folder {folder} and download again",
            f"请删除文件夹 {folder} 后重新下载",
        ) from None
