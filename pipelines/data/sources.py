"""Where the data comes from: a folder, Kaggle, or the embedded sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.competition import Competition
from pipelines.data import manifest
from pipelines.errors import DataError
from pipelines.files import sha256
from pipelines.knobs import refuse_incomplete

Kind = Literal["folder", "kaggle", "sample"]
Fetch = Callable[[Competition, Path], bool]  # put the files into the folder; False without credentials


@dataclass(frozen=True)
class Source:
    """The bytes of a competition's files, and where they were found."""

    kind: Kind
    where: str
    files: Mapping[str, bytes]

    @property
    def line(self) -> str:
        """One line for the start (and, for the sample, the end) of a run."""
        if self.kind == "sample":
            return (
                "data: embedded SAMPLE (made rows, not the competition's): "
                "the score says nothing about Kaggle, and no csv of it may be uploaded"
            )
        return f"data: {self.kind}, {self.where}"

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file, by file name."""
        return {name: sha256(data) for name, data in self.files.items()}


def locate(
    competition: Competition,
    folder: Path | None = None,
    *,
    data_root: Path = Path("data"),
    fetch: Fetch | None = None,
) -> Source:
    """Find the data: `folder` if given, else `data_root/<slug>`, else Kaggle, else the sample.

    `fetch` downloads into `data_root/<slug>` and says whether it could; without it Kaggle is passed
    over. A folder that holds only some of the files is an error, not a reason to look further.
    """
    if folder is not None:
        return from_folder(competition, folder)
    default = data_root / competition.slug
    if any((default / name).exists() for name in competition.files):
        return from_folder(competition, default, kind=_kind(competition, default))
    packed = sorted(default.glob("*.zip"))
    if packed:
        raise DataError(
            f"{default} holds {packed[0].name}, but not {', '.join(competition.files)}",
            f"unpack it there, or: python -m pipelines data {competition.slug} --from {packed[0]}",
            f"请解压，或运行 python -m pipelines data {competition.slug} --from {packed[0]}",
        )
    if fetch is not None and fetch(competition, default):
        return from_folder(competition, default, kind="kaggle")
    return from_sample(competition)


def from_folder(competition: Competition, folder: Path, kind: Kind = "folder") -> Source:
    """Read the competition's files from `folder`.

    Raises: DataError, naming every file that is not there or cannot be read.
    """
    refuse_incomplete(folder, competition.files, competition.url)
    return Source(kind, str(folder), {name: _read(folder / name) for name in competition.files})


def _kind(competition: Competition, folder: Path) -> Kind:
    """`kaggle` if the files are as they were downloaded from there, else `folder`."""
    found = manifest.read(folder)
    if found is None or found.source != "kaggle" or found.problems(folder, competition.files):
        return "folder"
    return "kaggle"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}",
            "check the file's permissions",
            "请检查文件权限",
        ) from error


def from_sample(competition: Competition) -> Source:
    """The competition's made rows, as the csv files that Kaggle would have sent."""
    frames = competition.make_sample()
    files = {name: frames[name].to_csv(index=False, lineterminator="\n").encode() for name in competition.files}
    return Source("sample", "made rows", files)
