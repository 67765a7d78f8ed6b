"""The data of the lectures: diabetes, names and digits, from the course's files or as a stand-in.

Shapes: N rows, H and W pixels.

Without the files and without a network a stand-in keeps every lecture runnable: scikit-learn's digits for
MNIST, made rows and made names for the others. It says so, and lectures apply other gates to it.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from lectures.course import fetching
from lectures.course.idx import as_idx, parse_idx
from lectures.course.lecture import Setting
from lectures.course.made_samples import made_diabetes, made_names
from pipelines.errors import DataError

STAND_INS = {
    "diabetes": "600 made rows",
    "names": "made names of five made countries",
    "mnist": "scikit-learn's digits, 8 x 8 pixels",
}
Pairs = Sequence[tuple[str, str]]  # name, country


@dataclass(frozen=True, kw_only=True)
class CourseData:
    """Where the rows come from, and whether they stand in for the course's."""

    source: str
    is_stand_in: bool


@dataclass(frozen=True, kw_only=True)
class Diabetes(CourseData):
    """Eight measurements of N patients, scaled to [-1, 1]: inputs (N, 8), target (N, 1) 0.0 or 1.0."""

    inputs: Tensor
    target: Tensor


@dataclass(frozen=True, kw_only=True)
class Names(CourseData):
    """Surnames with their countries."""

    train: Pairs
    test: Pairs


@dataclass(frozen=True, kw_only=True)
class Digits(CourseData):
    """Handwritten digits: images (N, 1, H, W) from 0.0 (paper) to 1.0 (ink), labels (N,) 0 to 9."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> "Digits":
        """All of it on a device: what is compared has to lie on the same."""
        parts = {name: getattr(self, name).to(device) for name in ("train", "train_labels", "test", "test_labels")}
        return replace(self, **parts)

    @property
    def padding(self) -> int:
        """For kernels of 5: none, as in the notes, or 2 where the images are too small to lose an edge."""
        return 2 if self.is_stand_in else 0


@dataclass(frozen=True, kw_only=True)
class ProgramFiles(CourseData):
    """The course's files as a program reads them, unpacked, by their place in its folder: `mnist/train-images-...`."""

    contents: dict[str, bytes]


def files_for_program(group: Literal["diabetes", "names", "mnist"], setting: Setting) -> ProgramFiles:
    """A group's files; the stand-in's have the same formats, its images 28 x 28 pixels."""
    files = {"diabetes": fetching.DIABETES, "names": fetching.NAMES, "mnist": fetching.MNIST}[group]
    contents, source = _files(files, setting, STAND_INS[group])
    check: Callable[[bytes], object] = {"diabetes": parse_diabetes, "names": parse_names, "mnist": parse_idx}[group]
    for content in contents:
        check(content)  # a damaged file is said in plain words, not by the program that reads it
    made = {} if contents else made_files(group)
    named = {f"{group}/{file.name}": content for file, content in zip(files, contents, strict=False)} or made
    return ProgramFiles(contents=named, source=source, is_stand_in=not contents)


def made_files(group: str) -> dict[str, bytes]:
    """A stand-in in the course's formats, by place."""
    if group == "diabetes":
        buffer = io.BytesIO()
        np.savetxt(buffer, made_diabetes(), fmt="%.6g", delimiter=",")
        return {"diabetes/diabetes.csv": buffer.getvalue()}
    if group == "names":
        parts = zip(("names/names_train.csv", "names/names_test.csv"), made_names(), strict=True)
        return {place: "".join(f'"{name}","{country}"\n' for name, country in pairs).encode() for place, pairs in parts}
    names, tensors = [f"mnist/{file.name}" for file in fetching.MNIST], _small_digits()
    images = [(tensors[n] * 255 / 16).round().to(torch.uint8) for n in (0, 2)]
    larger = [nn.functional.pad(each.repeat_interleave(3, 1).repeat_interleave(3, 2), (2, 2, 2, 2)) for each in images]
    labels = [tensors[n].to(torch.uint8) for n in (1, 3)]
    return {name: as_idx(each) for name, each in zip(names, (larger[0], labels[0], larger[1], labels[1]), strict=True)}


def load_diabetes(setting: Setting) -> Diabetes:
    """759 patients; the stand-in is 600 made rows."""
    files, source = _files(fetching.DIABETES, setting, STAND_INS["diabetes"])
    rows = parse_diabetes(files[0]) if files else made_diabetes()
    table = torch.from_numpy(rows)
    return Diabetes(inputs=table[:, :8], target=table[:, 8:], source=source, is_stand_in=not files)


def load_names(setting: Setting) -> Names:
    """13,374 names to learn from and 6,700 to test with, of 18 countries; the stand-in is made of syllables."""
    files, source = _files(fetching.NAMES, setting, STAND_INS["names"])
    train, test = map(parse_names, files) if files else made_names()
    unknown = {country for _, country in test} - {country for _, country in train}
    if unknown:
        raise _unexpected(f"the test names have countries that no training name has: {', '.join(sorted(unknown))}")
    return Names(train=train, test=test, source=source, is_stand_in=not files)


def load_digits(setting: Setting) -> Digits:
    """MNIST: 60,000 images to learn from, 10,000 to test with; the stand-in has 1,200 and 597 of 8 x 8 pixels."""
    files, source = _files(fetching.MNIST, setting, STAND_INS["mnist"])
    names, ink = [file.name for file in fetching.MNIST], 255 if files else 16
    tensors = [parse_idx(*each) for each in zip(files, names, strict=True)] if files else _small_digits()
    for images, labels in (tensors[:2], tensors[2:]):
        if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels) or int(labels.max()) > 9:
            raise _unexpected(f"images {tuple(images.shape)} and labels {tuple(labels.shape)}")
    # NOTE[DIFF]: the notes say that ToTensor moves the channels; it also scales 0 to 255 to 0 to 1, as here.
    train, test = (images.unsqueeze(1).float() / ink for images in tensors[::2])
    labels, test_labels = (labels.long() for labels in tensors[1::2])
    return Digits(
        train=train, train_labels=labels, test=test, test_labels=test_labels, source=source, is_stand_in=not files
    )


def _small_digits() -> list[Tensor]:
    """Images (N, 8, 8) from 0 to 16 and labels to learn from, then those to test with."""
    from sklearn import datasets

    digits = datasets.load_digits()
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return [part for rows in (order[:1200], order[1200:]) for part in (images[rows], labels[rows])]


def _files(files: tuple[fetching.CourseFile, ...], setting: Setting, stand_in: str) -> tuple[list[bytes], str]:
    """The unpacked files, or none where the stand-in must do; and where they come from, which is said."""
    contents: list[bytes] = []
    if setting.data is not None:
        contents = fetching.from_folder(files, setting.data)
        source = f"folder {fetching.located(files, setting.data)[0].parent}"
    elif setting.stand_in:
        source = f"stand-in: {stand_in}"
    else:
        if not all((setting.cache / file.group / file.name).exists() for file in files):
            setting.say(f"fetching {', '.join(file.name for file in files)}")
        answer = fetching.fetched(files, setting.cache)
        if isinstance(answer, str):
            setting.say(f"the course's files cannot be fetched ({answer})")
            source = f"stand-in: {stand_in}"
        else:
            contents, source = list(answer), f"fetched, in {setting.cache / files[0].group}"
    setting.say(f"data: {source}" if contents else f"data: {source}; not the course's files, so other gates hold")
    return contents, source


def parse_diabetes(data: bytes) -> "np.typing.NDArray[np.float32]":
    """Rows (N, 9) of numbers, the last column 0 or 1.

    Raises: DataError when the table is another one.
    """
    try:
        rows = np.loadtxt(data.decode("ascii").splitlines(), delimiter=",", dtype=np.float32, ndmin=2)
    except ValueError as error:
        raise _unexpected(f"diabetes.csv: {error}") from None
    if rows.shape[1] != 9 or not np.isin(rows[:, 8], (0.0, 1.0)).all() or not np.isfinite(rows).all():
        raise _unexpected(f"diabetes.csv has {rows.shape[1]} columns; expected 9 of finite numbers, the last 0 or 1")
    return rows


def parse_names(data: bytes) -> Pairs:
    """Pairs of name and country.

    Raises: DataError when a row has not two cells, or an empty one, or the text is not UTF-8.

    >>> parse_names(b'"Adsit","Czech"')
    (('Adsit', 'Czech'),)
    """
    try:
        rows = [row for row in csv.reader(data.decode("utf-8-sig").splitlines()) if row]
    except UnicodeDecodeError as error:
        raise _unexpected(f"the names are not UTF-8: {error}") from None
    wrong = next((row for row in rows if len(row) != 2 or not all(row)), None)
    if wrong is not None or not rows:
        raise _unexpected(f"a row of the names is {wrong}; expected name and country")
    return tuple((name, country) for name, country in rows)


def _unexpected(what: str) -> DataError:
    return DataError(
        what, "point --data to the course's own files, or leave it out", "请用 --data 指向课程原始数据，或去掉该选项"
    )
