"""The course's data: local copies, the public mirrors, or a stand-in that needs no network.

Shapes: N rows, D features, T letters.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.errors import DataError
from pipelines.files import sha256
from pipelines.lectures.idx import read_idx
from pipelines.lectures.lecture import Setting

CACHE = Path("data/lectures")
COURSE = "https://raw.githubusercontent.com/hunkim/PyTorchZeroToAll/8440894e621e3922a394da25b4a0806bdabee21c/data/"
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
IDX = ("images-idx3", "labels-idx1")
MIRRORS = {  # file: its public mirror, SHA-256 of its content once decompressed (mirrors compress differently)
    "diabetes/diabetes.csv.gz": (COURSE, "89e33de71cd5afdcd4fe8a722b60c4d69eb8f9b96446cea9347d735ff2df395e"),
    "names/names_train.csv.gz": (COURSE, "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521"),
    "names/names_test.csv.gz": (COURSE, "28ad30296998ee57bb43ef9c5ed21327f0a453210a86b7d30251daa9336b2a7f"),
    "mnist/train-images-idx3-ubyte.gz": (MNIST, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "mnist/train-labels-idx1-ubyte.gz": (MNIST, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "mnist/t10k-images-idx3-ubyte.gz": (MNIST, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "mnist/t10k-labels-idx1-ubyte.gz": (MNIST, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}


@dataclass(frozen=True)
class Digits:
    """Images (N, 1, H, W) between 0 and 1 and their labels (N,), to train on and to be tested on."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    is_stand_in: bool


@dataclass(frozen=True)
class Names:
    """Pairs of name and country."""

    train: list[tuple[str, str]]
    test: list[tuple[str, str]]
    is_stand_in: bool


def local_files(setting: Setting, *names: str) -> list[Path] | None:
    """Paths of these files: in the given folder, or fetched; None says that the stand-in has to do."""
    if setting.data is not None:
        missing = [name for name in names if not (setting.data / name).exists()]
        if missing:
            raise DataError(
                f"{setting.data} holds no {missing[0]}",
                "name the folder above it, or leave --data out",
                "请检查 --data",
            )
        setting.say(f"data: folder, {setting.data}")
        return [setting.data / name for name in names]
    if not setting.fetch:
        return None
    try:
        return list(_fetched(names))
    except OSError as error:  # requests' errors are among them
        setting.say(f"data: no way to the mirrors ({type(error).__name__})")
        return None


def _fetched(names: tuple[str, ...]) -> Iterator[Path]:
    """Each file in the cache; one whose content is not what it should be is removed and refused."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    for name in names:
        mirror, digest = MIRRORS[name]
        folder, _, file = name.rpartition("/")
        download = pooch.HTTPDownloader(timeout=30)
        path = Path(pooch.retrieve(mirror + file, None, file, CACHE / folder, downloader=download))
        try:
            found = sha256(gzip.decompress(path.read_bytes()))
        except (gzip.BadGzipFile, EOFError, zlib.error):
            found = "no gzip"
        if found != digest:
            path.unlink()
            raise DataError(
                f"{mirror}{file} is not the course's file: SHA-256 of its content {found[:12]}, wanted {digest[:12]}",
                "try again; or bring the files yourself and name their folder with --data",
                "请重试；或自行准备文件并用 --data 指定文件夹",
            )
        yield path


def load_digits(setting: Setting) -> Digits:
    """MNIST: 60,000 and 10,000 images of 28 x 28 pixels; the stand-in: 1,797 of 8 x 8."""
    files = local_files(setting, *(f"mnist/{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in IDX))
    if files is None:
        return _small_digits(setting)
    images, labels, test_images, test_labels = (read_idx(path) for path in files)
    for pixels, classes in ((images, labels), (test_images, test_labels)):
        if pixels.ndim != 3 or pixels.shape[:1] != classes.shape:
            raise DataError(
                f"MNIST: {tuple(pixels.shape)} pixels and {tuple(classes.shape)} labels do not belong together",
                "fetch the four files again",
                "请重新下载四个文件",
            )
    return Digits(_unit(images, 255), labels.long(), _unit(test_images, 255), test_labels.long(), is_stand_in=False)


def _small_digits(setting: Setting) -> Digits:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    setting.say("data: stand-in, scikit-learn's 1,797 digits of 8 x 8 pixels; the gates are the stand-in's")
    digits = datasets.load_digits()
    split = train_test_split(digits.images, digits.target, test_size=500, stratify=digits.target, random_state=0)
    images, test_images, labels, test_labels = (torch.from_numpy(np.asarray(part)) for part in split)
    return Digits(_unit(images, 16), labels.long(), _unit(test_images, 16), test_labels.long(), is_stand_in=True)


def _unit(pixels: Tensor, brightest: int) -> Tensor:
    """(N, H, W) counts to (N, 1, H, W) between 0 and 1.

    # NOTE[DIFF]: the notes say that ToTensor moves the channels only; it does this division as well.
    """
    return pixels.float().div(brightest).unsqueeze(1)


def load_diabetes(setting: Setting) -> tuple[Tensor, Tensor, bool]:
    """Eight measurements (759, 8), already between -1 and 1, the outcome (759,), and whether it is a stand-in."""
    files = local_files(setting, "diabetes/diabetes.csv.gz")
    if files is None:
        return (*_patients(setting), True)
    table = np.loadtxt(files[0], delimiter=",", dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != 9 or not np.isin(table[:, 8], (0, 1)).all():
        raise DataError(
            f"{files[0].name}: shape {table.shape}; wanted are 9 columns, the last one 0 or 1",
            "fetch it again",
            "请重新下载",
        )
    return torch.from_numpy(table[:, :8]), torch.from_numpy(table[:, 8]).long(), False


def _patients(setting: Setting) -> tuple[Tensor, Tensor]:
    """Made rows of the same form: eight measurements, two of which matter together."""
    setting.say("data: stand-in, 759 made rows of the same form; the gates are the stand-in's")
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (759, 8)).astype(np.float32)
    signal = 2 * X[:, 1] + 1.5 * X[:, 5] + X[:, 1] * X[:, 7] + 0.6
    return torch.from_numpy(X), torch.from_numpy((signal + rng.normal(0, 0.9, 759) > 0).astype(np.int64))


def load_names(setting: Setting) -> Names:
    """13,374 and 6,700 names of 18 countries; the stand-in: made names of four lands."""
    files = local_files(setting, "names/names_train.csv.gz", "names/names_test.csv.gz")
    if files is None:
        return _made_names(setting)
    train, test = (_read_names(path) for path in files)
    return Names(train, test, is_stand_in=False)


def _read_names(path: Path) -> list[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    wrong = next((row for row in rows if len(row) != 2), None)
    if wrong is not None:
        raise DataError(f"{path.name}: a row of {len(wrong)} fields: {wrong}", "fetch it again", "请重新下载")
    return [(name, country) for name, country in rows]


def _made_names(setting: Setting) -> Names:
    """Names of four lands that are on no map; each has vowels, consonants and an ending of its own."""
    setting.say("data: stand-in, 2,000 made names of four lands; the gates are the stand-in's")
    rng = np.random.default_rng(0)
    rows = []
    for land, (vowels, consonants, ending) in LANDS.items():
        for _ in range(500):
            syllables = (rng.choice(list(consonants)) + rng.choice(list(vowels)) for _ in range(rng.integers(1, 4)))
            rows.append((("".join(syllables) + ending).capitalize(), land))
    order = rng.permutation(len(rows))
    return Names([rows[i] for i in order[:1500]], [rows[i] for i in order[1500:]], is_stand_in=True)


LANDS = {"Brevia": ("iu", "hjqx", ""), "Consonia": ("ae", "kstrzg", "sk"),
         "Doublia": ("oe", "bdnp", "tt"), "Vowelia": ("aeiou", "lmnr", "ia")}  # fmt: skip
