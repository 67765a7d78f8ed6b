"""What the command line may override, and what is wrong with it, told before torch is loaded."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from pipelines.errors import DataError, UsageError, meant
from pipelines.settings.allowed import DEVICE
from pipelines.settings.lookup import Outline
from pipelines.settings.tuned import TUNED, nothing_tuned, practised, with_tuned_name

SHOWN = 5  # names in a message
OTHER_ARCHIVES = (".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".bz2", ".xz")  # which Python's zipfile does not read
LEAST = {"folds": 2, "seeds": 1, "epochs": 1, "seed": 0, "memory": 1, "jobs": 1, "shares": 1}
MOST_JOBS = 256
MOST_MINUTES = 7 * 24 * 60
LOCAL_CLUSTER = re.compile(r"local:[1-9][0-9]{0,3}")
SCHEDULER = re.compile(r"(tcp|tls)://([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")


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
    jobs: int | None = None  # processes that train at the same time; None: threads of this one
    cluster: str | None = None  # a Dask scheduler's address, or local:4
    shares: int | None = None  # programs that stacks are shared out for; None: the cores of this computer
    practice: bool = False  # hide some training rows and score on them; such a run writes no csv
    runs: Path | None = Path("runs")  # where each run has a folder; None keeps nothing
    restart: bool = False  # take over nothing that other runs have finished
    note: str | None = None
    importance: bool = False  # ask which columns matter
    idea: Path | None = None  # a file whose functions are put into the competition, kept beside what they made
    minutes: float | None = None  # for all of it: as many variants and seeds as these allow

    @property
    def what(self) -> str:
        """What such a run is called: its preset, or its minutes.

        >>> Knobs(preset="best").what, Knobs(minutes=5).what, Knobs(minutes=0.5).what
        ('best', '5min', '0.5min')
        """
        return self.preset if self.minutes is None else f"{self.minutes:g}min"


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
    refuse_minutes(knobs)
    refuse_device(knobs.device, torch_version())
    check_executor(knobs)
    check_names(outline.name, knobs, outline.presets, with_tuned_name(outline.variants, knobs.runs, outline.slug))
    if knobs.practice and TUNED in (knobs.variants or ()) and TUNED not in (outline.variants or [TUNED]):
        raise practised(outline.name)
    if write:
        refuse_unwritable(knobs.output / (outline.slug or ""))
    if knobs.importance and knobs.runs is None:
        what = '--importance asks the models that a run keeps, and --runs "" keeps none'
        raise UsageError(what, "leave --runs out, or name a folder", "请去掉 --runs，或为其指定文件夹")
    if knobs.runs is not None:
        refuse_unwritable(knobs.runs / (outline.slug or ""), "--runs")


def torch_version() -> str:
    """The version of the installed torch, as its package says it; empty where there is none that says so."""
    try:
        return metadata.version("torch") or ""  # None, of a package that is half removed
    except metadata.PackageNotFoundError:
        return ""


def refuse_device(device: str, torch: str, system: str = sys.platform) -> None:
    """Refuse a device that is none, or that this version of torch does not compute on, told by its name alone.

    Whether there is one is known once torch is loaded (`hardware.pick_device`).
    Raises: UsageError.
    """
    if device == "auto":
        return
    hints = "leave --device out, or use --device cpu", "请去掉 --device，或使用 --device cpu"
    if not DEVICE.holds(device):
        why = "known: auto, cpu, cuda, mps"
    elif device.startswith("cuda") and system == "darwin":
        why = "a Mac has no CUDA, its GPU is mps"
        hints = "leave --device out, or use --device mps", "请去掉 --device，或使用 --device mps"
    elif device.startswith("cuda") and torch.endswith("+cpu"):
        why = f"torch {torch} is the one for the CPU"
        hints = (
            f"{hints[0]}; where there is an NVIDIA GPU, install torch for CUDA (pytorch.org, Get Started)",
            f"{hints[1]}；若有 NVIDIA GPU，请安装 CUDA 版 torch（见 pytorch.org 的 Get Started）",
        )
    elif device.startswith("mps") and system != "darwin":
        why = "mps is a Mac's"
    else:
        return
    raise UsageError(f"device {device!r} is not available here; {why}", *hints)


def check_executor(knobs: Knobs) -> None:
    """Refuse processes or a cluster that cannot be.

    Raises: UsageError.
    """
    if knobs.jobs is not None and knobs.jobs > MOST_JOBS:
        what = f"--jobs must be at most {MOST_JOBS}, got {knobs.jobs}"
        raise UsageError(what, "choose as many as there are cores", "请选择不超过处理器核数的值")
    if knobs.cluster is None:
        return
    if knobs.jobs is not None:
        what = "--jobs and --cluster do not go together: one names processes of this computer, one a cluster's workers"
        raise UsageError(what, "leave one of them out", "两者只能使用其中一个")
    if not LOCAL_CLUSTER.fullmatch(knobs.cluster) and not SCHEDULER.fullmatch(knobs.cluster):
        raise UsageError(
            f"--cluster {knobs.cluster!r} is no address of a scheduler",
            "give --cluster tcp://HOST:8786 (or tls://), as dask scheduler says it; or --cluster local:2 for two "
            "workers on this computer",
            "请使用 --cluster tcp://主机:8786（或 tls://），即 dask scheduler 显示的地址；"
            "或用 --cluster local:2 在本机启动两个 worker",
        )
    if find_spec("distributed") is None:
        raise UsageError(
            "--cluster needs the package distributed, which is not installed",
            'python -m pip install --constraint constraints.txt --editable ".[dask]"; or --jobs 2 for two processes '
            "without it",
            '请运行 python -m pip install --constraint constraints.txt --editable ".[dask]"；'
            "也可用 --jobs 2 直接使用两个进程",
        )


def check_names(competition: str, knobs: Knobs, presets: Iterable[str] | None, variants: Iterable[str] | None) -> None:
    """Refuse a preset or a variant that is not among those; None if they are not known yet."""
    if presets is not None and knobs.preset not in presets and knobs.minutes is None:
        known = ", ".join(presets)
        hints = meant(knobs.preset, presets, f"choose one of {known}", f"请从 {known} 中选择")
        raise UsageError(f"there is no preset {knobs.preset!r}", *hints)
    unknown = [name for name in knobs.variants or () if variants is not None and name not in variants]
    if unknown[:1] == [TUNED]:
        raise nothing_tuned(competition, knobs.runs)
    if unknown:
        raise UsageError(
            f"{competition} has no variant {unknown[0]!r}; known: {', '.join(variants or ())}",
            *meant(
                unknown[0],
                variants or (),
                "choose from these, with commas between the names",
                "请从中选择，名称之间用逗号隔开",
            ),
        )


def refuse_minutes(knobs: Knobs) -> None:
    """Refuse minutes that are no time, and what contradicts them.

    Raises: UsageError.
    """
    if knobs.minutes is None:
        return
    if not 0 < knobs.minutes <= MOST_MINUTES:
        what = f"--minutes must be above 0 and at most {MOST_MINUTES} (a week), got {knobs.minutes:g}"
        raise UsageError(what, "give the minutes that the run may take, 5 say", "请给出运行可用的分钟数，例如 5")
    for given, option, why, hint, hint_zh in (
        (
            knobs.seeds is not None, "--seeds", "the time says how many seeds there are",
            "leave one of them out", "请去掉其中一个",
        ),
        (
            knobs.preset != "fast", f"--preset {knobs.preset}", "the time says what is trained, of all variants",
            "leave one of them out; --variants names those that may be trained",
            "请去掉其中一个；可用 --variants 指定参与的 variant",
        ),
        (
            knobs.jobs is not None or knobs.cluster is not None, "--jobs or --cluster",
            "the time is reckoned for this computer's own cores", "leave one of them out", "请去掉其中一个",
        ),
        (
            knobs.importance, "--importance", "it asks when the training is over, for nobody knows how long",
            "leave one of them out", "请去掉其中一个",
        ),
    ):  # fmt: skip
        if given:
            raise UsageError(f"--minutes together with {option}: {why}", hint, hint_zh)


def refuse_place(place: Path, names: Sequence[str]) -> NoReturn:
    """Refuse --data that is neither a folder nor a zip with the files `names`."""
    wanted = ", ".join(names or ("train.csv", "test.csv"))
    if not os.path.lexists(place):
        what = f"there is no folder {place}"
    else:
        what = f"{place} is neither a folder nor a zip that holds {wanted}"
    raise DataError(
        what,
        f"name the folder or zip that holds all of {wanted}; or, for run, cv and tune, --data sample for made rows",
        f"请指定包含 {wanted} 的文件夹或 zip；run、cv、tune 也可用 --data sample（示例数据）",
    )


def refuse_incomplete(
    place: Path, names: Sequence[str], missing: Sequence[str], there: Sequence[str], trouble: Sequence[str], slug: str
) -> NoReturn:
    """Refuse a folder that lacks files: which, what is `there`, what could not be opened, and the next step."""
    shown = ", ".join(there[:SHOWN]) + (f" and {len(there) - SHOWN} more" if len(there) > SHOWN else "")
    what = f"{place} lacks {', '.join(missing)}" + (f"; it holds {shown}" if there else "")
    if there and len(missing) == len(names):
        what = f"{place} holds {shown}, but not {', '.join(missing)}"
    what += "".join(f"\n  note: {line}" for line in trouble[:SHOWN])
    url = f"https://www.kaggle.com/competitions/{slug}/data"
    hint = f"download the files from {url} and put them there, packed or not"
    hint_zh = f"请从 {url} 下载并放入该文件夹，无需解压"
    if trouble:
        hint, hint_zh = (
            f"mend or remove what is noted, or {hint}",
            f"请修正或删除上述文件，或{hint_zh.removeprefix('请')}",
        )
    others = [name for name in there if name.lower().endswith(OTHER_ARCHIVES)]
    if others:
        hint, hint_zh = f"unpack {others[0]} there: of archives only zip and gzip are read", f"请先解压 {others[0]}"
    renames = [(copy, name) for name in missing for copy in there if _is_copy(copy, name) and copy not in names]
    if renames:
        hint = f"rename {', '.join(f'{copy!r} to {name!r}' for copy, name in renames)}"
        hint_zh = f"请改名：{'，'.join(f'{copy} → {name}' for copy, name in renames)}"
    raise DataError(
        what,
        f"{hint}; or, for run, cv and tune, --data sample for made rows",
        f"{hint_zh}；run、cv、tune 也可用 --data sample（示例数据）",
    )


def _is_copy(found: str, name: str) -> bool:
    """Whether a file name is what a browser or a system makes of `name` when that is taken, or hides its ending.

    >>> [_is_copy(found, "train.csv") for found in ("train (1).csv", "train.csv.txt", "train_labels.csv")]
    [True, True, False]
    """
    stem, ending = (re.escape(part) for part in (Path(name).stem, Path(name).suffix))
    return bool(re.fullmatch(rf"{stem}\W*(copy|副本)?\W*\d*\W*{ending}(.csv|.txt)?", found, re.IGNORECASE))


def refuse_unwritable(folder: Path, option: str = "--output") -> None:
    """Say before the training, not after it, that what an option names cannot be written to."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "is not a folder" if not there.is_dir() else "cannot be written to"
        raise UsageError(f"{option}: {there} {what}", "choose another folder", "请选择其他输出文件夹")
