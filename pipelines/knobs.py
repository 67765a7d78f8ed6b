"""What the command line may override, and what is wrong with it, told before torch is loaded."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import DataError, UsageError
from pipelines.lookup import Outline

LEAST = {"folds": 2, "seeds": 1, "epochs": 1, "seed": 0, "memory": 1}


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """How a run is to be; None keeps what the competition's preset says."""

    data: Path | None = None
    output: Path = Path("submissions")
    preset: str = "fast"
    variants: tuple[str, ...] | None = None
    folds: int | None = None
    seeds: int | None = None
    epochs: int | None = None
    seed: int = 0
    device: str = "auto"
    memory: int | None = None  # 10^6 bytes
    practice: bool = False  # hide some training rows and score on them; such a run writes nothing


def check(knobs: Knobs, outline: Outline, *, write: bool) -> None:
    """Refuse what can be known to be wrong without the competition's code.

    Raises: UsageError or DataError with the value and what to do.
    """
    if knobs.seed >= 2**32:
        raise UsageError(f"--seed must be below 2^32, got {knobs.seed}", "choose a smaller one", "--seed 必须小于 2^32")
    for name, least in LEAST.items():
        value = getattr(knobs, name)
        if value is not None and value < least:
            what = f"--{name} must be at least {least}, got {value}"
            raise UsageError(what, f"choose --{name} {least} or more", f"--{name} 至少为 {least}")
    if not re.fullmatch(r"auto|cpu(:0)?|mps(:0)?|cuda(:[0-9]+)?", knobs.device):
        what = f"device {knobs.device!r} is not available here; known: auto, cpu, cuda, mps"
        raise UsageError(what, "leave --device out, or use --device cpu", "请去掉 --device，或使用 --device cpu")
    check_names(outline.name, knobs, outline.presets, outline.variants)
    if knobs.data is not None:
        refuse_incomplete(knobs.data, outline.files or (), f"https://www.kaggle.com/competitions/{outline.slug}")
    if write:
        refuse_unwritable(knobs.output / (outline.slug or ""))


def check_names(competition: str, knobs: Knobs, presets: Iterable[str] | None, variants: Iterable[str] | None) -> None:
    """Refuse a preset or a variant that is not among those; None if they are not known yet."""
    if presets is not None and knobs.preset not in presets:
        known = ", ".join(presets)
        raise UsageError(f"there is no preset {knobs.preset!r}", f"choose one of {known}", f"可选的 preset: {known}")
    unknown = [name for name in knobs.variants or () if variants is not None and name not in variants]
    if unknown:
        raise UsageError(
            f"{competition} has no variant {unknown[0]!r}; known: {', '.join(variants or ())}",
            "choose from these, with commas between the names",
            "请从中选择，名称之间用逗号隔开",
        )


def refuse_incomplete(folder: Path, files: Sequence[str], url: str) -> None:
    """Refuse a data folder that is not there, or lacks files.

    Raises: DataError that names every one of them.
    """
    if not folder.is_dir():
        names = ", ".join(files or ("train.csv", "test.csv"))
        what = f"there is no folder {folder}"
        raise DataError(what, f"name the folder that holds {names}", f"请指定包含 {names} 的文件夹")
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"{folder} lacks {', '.join(missing)}",
            f"download the files from {url}/data and unpack them there",
            f"请从 {url}/data 下载并解压到该文件夹",
        )


def refuse_unwritable(folder: Path) -> None:
    """Say before the training, not after it, that the output cannot be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "is not a folder" if not there.is_dir() else "cannot be written to"
        raise UsageError(f"--output: {there} {what}", "choose another folder", "请选择其他输出文件夹")
