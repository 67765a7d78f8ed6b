"""Where the data comes from: a folder, Kaggle, or the embedded sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.competition import Competition
from pipelines.data import manifest
from pipelines.data.folders import Target, attached, prepare, refuse_strays
from pipelines.errors import DataError, UsageError
from pipelines.files import sha256
from pipelines.settings import written

Kind = Literal["folder", "kaggle", "sample"]
Fetch = Callable[[Competition, Path], bool]  # put the files into the folder; False without credentials


@dataclass(frozen=True)
class Source:
    """The bytes of a competition's files, and where they were found."""

    kind: Kind
    where: str
    files: Mapping[str, bytes]
    note: str = ""  # what is not as expected about where they lie

    @property
    def line(self) -> str:
        """One line for the start (and, for the sample, the end) of a run."""
        if self.kind == "sample":
            return (
                "data: embedded SAMPLE (made rows, not the competition's): "
                "the score says nothing about Kaggle, and no csv of it may be uploaded"
            )
        return f"data: {self.kind}, {self.where}{self.note}"

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
    """Find the data: `folder` (or zip) if given, else `data_root/<slug>`, a notebook's input, Kaggle, else the sample.

    `fetch` downloads into `data_root/<slug>` and says whether it could; without it Kaggle is passed
    over. Whatever is there and cannot be used is an error, not a reason to look further.
    """
    if folder is not None:
        return from_sample(competition) if manifest.is_sample(folder) else from_folder(competition, folder)
    target = Target(competition.slug, data_root, competition.files)
    restored = prepare(target)
    if not target.is_empty:
        return from_folder(competition, target.folder, _kind(competition, target.folder), restored)
    if (there := attached(target)) is not None:
        return from_folder(competition, there)
    if fetch is not None and fetch(competition, target.folder):
        return from_folder(competition, target.folder, kind="kaggle")
    refuse_strays(target)
    return from_sample(competition)


def from_folder(competition: Competition, folder: Path, kind: Kind = "folder", note: str = "") -> Source:
    """Read the competition's files from `folder`, or a zip: loose, packed, or one folder deeper.

    Raises: DataError, naming every file that is not there or cannot be read.
    """
    found = manifest.complete(folder, competition.files, competition.slug)
    return Source(kind, str(found.place), {name: item.read() for name, item in found.items.items()}, found.note + note)


def _kind(competition: Competition, folder: Path) -> Kind:
    """`kaggle` if the files are as they were downloaded from there, else `folder`."""
    try:
        found = manifest.read(folder)
    except DataError:  # the files may be good all the same
        return "folder"
    if found is None or found.source != "kaggle" or found.problems(folder, competition.files):
        return "folder"
    return "kaggle"


def from_sample(competition: Competition) -> Source:
    """The competition's made rows, as the files that Kaggle would have sent.

    Raises: UsageError for a sample that lacks one.
    """
    frames, files = competition.make_sample(), {}
    for name in competition.files:
        if name not in frames:
            hint, hint_zh = written.field(competition.slug, "make_sample")
            raise UsageError(
                f"make_sample of {competition.slug} makes no {name}; it makes {', '.join(frames)}",
                f"let it make each of {', '.join(competition.files)}{hint}",
                f"make_sample 应给出 {'、'.join(competition.files)}{hint_zh}",
            )
        separator = "\t" if name.lower().endswith(".tsv") else ","
        files[name] = frames[name].to_csv(index=False, sep=separator, lineterminator="\n").encode()
    return Source("sample", "made rows", files)
