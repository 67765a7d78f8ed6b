"""The course's files: from a folder, laid out as here, as in the notes or by torchvision, or fetched once and checked.

A checksum is the SHA-256 of the unpacked file, so that it holds for every way of packing. A mirror
whose file has another one is refused and the next one is tried. GitHub addresses name a commit.
"""

import functools
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import DataError
from pipelines.web.addresses import without_secrets

GITHUB = "https://raw.githubusercontent.com/"
ZERO_TO_ALL = f"{GITHUB}hunkim/PyTorchZeroToAll/8440894e621e3922a394da25b4a0806bdabee21c/data/"
MIRRORS = {
    "diabetes": (ZERO_TO_ALL, f"{GITHUB}cwnga2/cwnga_PyTorchZeroToAll/27f0a060007b5230d98d46941da8d795a3577c09/data/"),
    "names": (ZERO_TO_ALL, f"{GITHUB}Kwonkunkun/Deep_Learning_Practice/752fb4b02ca02b47c631d10a2f611ca79afe3f1b/data/"),
    "mnist": (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
}
CHECKSUMS = {
    "diabetes": {"diabetes.csv": "89e33de71cd5afdcd4fe8a722b60c4d69eb8f9b96446cea9347d735ff2df395e"},
    "names": {
        "names_train.csv": "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521",
        "names_test.csv": "28ad30296998ee57bb43ef9c5ed21327f0a453210a86b7d30251daa9336b2a7f",
    },
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
}
SECONDS = 20.0  # without a byte, before a mirror counts as lost


@dataclass(frozen=True)
class CourseFile:
    """A file of the course: in a folder where `places` says, packed or not; `mirror + name.gz` on the net.

    `sha256` is that of the unpacked file.
    """

    group: str
    name: str
    sha256: str
    mirrors: tuple[str, ...]


DIABETES, NAMES, MNIST = (
    tuple(CourseFile(group, name, checksum, MIRRORS[group]) for name, checksum in CHECKSUMS[group].items())
    for group in ("diabetes", "names", "mnist")
)


def places(file: CourseFile) -> tuple[str, ...]:
    """Where a file may lie in a folder: as here, as in the notes, as torchvision keeps it; packed or not.

    >>> places(DIABETES[0])
    ('diabetes/diabetes.csv.gz', 'diabetes/diabetes.csv', 'diabetes.csv.gz', 'diabetes.csv')
    """
    torchvision = ("mnist/MNIST/raw", "MNIST/raw") if file.group == "mnist" else ()
    folders = (file.group, *torchvision, "")
    return tuple(f"{folder}/{file.name}{ending}".lstrip("/") for folder in folders for ending in (".gz", ""))


def located(files: tuple[CourseFile, ...], folder: Path) -> list[Path]:
    """Where each file lies in `folder`: the first of its places.

    Raises: DataError when one is missing.
    """
    found = []
    for file in files:
        there = [folder / place for place in places(file) if (folder / place).is_file()]
        if not there:
            first, *others = places(file)
            raise _refused(f"{folder / first} is not there", f"; also looked for there: {', '.join(others)}")
        found.append(there[0])
    return found


def from_folder(files: tuple[CourseFile, ...], folder: Path) -> list[bytes]:
    """The unpacked files from `folder`, where they are `located`.

    Raises: DataError when one is missing or cannot be read.
    """
    return [_unpacked(path) for path in located(files, folder)]


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise _refused(f"{path} cannot be {'unpacked' if path.suffix == '.gz' else 'read'}: {error}") from None


def _refused(what: str, looked_for: str = "") -> DataError:
    return DataError(
        f"{what}{looked_for}",
        "put the course's file there, or leave --data out to have it fetched",
        "请把课程数据文件放到该位置，或去掉 --data 以自动下载",
    )


@functools.cache
def fetched(files: tuple[CourseFile, ...], cache: Path) -> tuple[bytes, ...] | str:
    """The unpacked files, fetched into `cache/group/name` unless they are there; or why there are none.

    The answer is kept while the program runs: eight lectures do not wait eight times for a net that is not there.
    """
    contents = []
    for file in files:
        answer = _fetch(file, cache)
        if isinstance(answer, str):
            return answer
        contents.append(answer.read_bytes())
    return tuple(contents)


def _fetch(file: CourseFile, cache: Path) -> Path | str:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    reasons = []
    for mirror in file.mirrors:
        url = f"{mirror}{file.name}.gz"
        try:
            return Path(pooch.retrieve(url, f"sha256:{file.sha256}", file.name, cache / file.group, downloader=_unpack))
        except requests.RequestException as error:
            reasons.append(f"{url}: {type(error).__name__}")
        except (ValueError, OSError, EOFError, zlib.error) as error:  # another checksum; no gzip file; a full disk
            said = without_secrets((str(error) or type(error).__name__).splitlines()[0])
            reasons.append(f"{url}: refused, {said}")
    return "; ".join(reasons)


def _unpack(url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:  # noqa: FBT001, FBT002, RUF100
    """A downloader for pooch that unpacks: what pooch then checks and keeps is the file itself."""
    import pooch

    packed = Path(f"{output_file}.gz")
    try:
        pooch.HTTPDownloader(timeout=SECONDS)(url, str(packed), _pooch, check_only)
        Path(output_file).write_bytes(gzip.decompress(packed.read_bytes()))
    finally:
        packed.unlink(missing_ok=True)
