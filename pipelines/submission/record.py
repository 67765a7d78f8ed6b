"""What a run found out, as one value that is kept beside its csv."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, Self

from pipelines.files import sha256_file, write_whole
from pipelines.submission.plain import from_plain

VERSION = 2  # of the form; records without a number are older and load all the same
OPTIONAL = ("practice", "kaggle", "run", "note", "importance", "ran_on")  # left out of the file where there is none


class RecordError(ValueError):
    """A file that should be a record is not one, and why."""


@dataclass(frozen=True)
class Baseline:
    """A simple model on the same folds, and how much better ours is: the mean paired gain per row."""

    name: str
    score: float
    se: float
    gain: float
    gain_se: float


@dataclass(frozen=True)
class Forecast:
    """Where the public score should fall: a mean, its standard error, and a 95 % interval for `n_public` test rows."""

    mean: float
    low: float
    high: float
    n_public: int
    n_published: int = 0  # models of others behind the shift from cross-validated to public; 0: none known
    error: float | None = None  # older records have none: see `se`
    averaging: float = 0.0  # of the mean: what it is worth that test rows are predicted by the mean over folds' models

    @property
    def se(self) -> float:
        """The standard error; of older records by the width of their interval."""
        return (self.high - self.low) / (2 * 1.96) if self.error is None else self.error

    def interval(self, level: float) -> tuple[float, float]:
        """Between which scores the public one should fall that often; the error counts as normal.

        >>> [round(bound, 3) for bound in Forecast(0.8, 0.702, 0.898, 100).interval(0.5)]
        [0.766, 0.834]
        """
        half = NormalDist().inv_cdf((1 + level) / 2) * self.se
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class VariantScore:
    """One variant alone: the score of its networks' mean, of single networks, and its weight in the blend.

    `score` is taken as the blend's is, with a temperature that other folds chose; `seed_scores` are the bare
    scores of one network per fold, one number per seed; `weight` is the mean over folds; `seconds` are those of all
    its networks, counted twice where two trained side by side.

    `losses` holds the training loss of each epoch for each fold, `held_out` that of rows that the networks do not train
    on (those for early stopping, else some of the scored rows, which choose nothing): means over seeds, beside which
    `losses_spread` and `held_out_spread` are standard deviations. `by_fold_and_seed` holds for each fold, and in it
    for each seed, the bare score of one model on the fold's scored rows. Each is empty where nothing is known.
    """

    name: str
    score: float
    seed_scores: list[float]
    weight: float
    losses: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    model: str = ""  # what one network looks like
    recipe: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what the encoder left out, split, or read as a date
    held_out: list[list[float]] = field(default_factory=list)
    held_out_spread: list[list[float]] = field(default_factory=list)
    losses_spread: list[list[float]] = field(default_factory=list)
    by_fold_and_seed: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class HiddenScore:
    """Practice: the score on hidden rows, its standard error, and how many rows they were."""

    score: float
    se: float
    rows: int


@dataclass(frozen=True)
class Importance:
    """What the metric loses when these columns are permuted among scored rows; its standard error over folds."""

    name: str
    columns: list[str]
    loss: float
    se: float


@dataclass(frozen=True)
class Verdict:
    """What Kaggle said of the csv."""

    ref: int | None = None
    tag: str = ""
    status: str | None = None
    public: float | None = None
    private: float | None = None
    rank: int | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything needed to know where a submission came from and to make it again. What is not known is None."""

    slug: str
    data: str  # folder, kaggle or sample
    where: str | None = None
    inputs_sha256: Mapping[str, str] = field(default_factory=dict)
    csv_sha256: str | None = None
    metric: str | None = None
    cv_mean: float | None = None
    cv_se: float | None = None
    fold_scores: list[float] = field(default_factory=list)
    fold_se: list[float] = field(default_factory=list)
    variants: list[VariantScore] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)
    forecast: Forecast | None = None
    leaks: list[str] = field(default_factory=list)  # what the leak watch said
    practice: HiddenScore | None = None
    folds: int | None = None
    seeds: int | None = None
    seed: int | None = None
    preset: str | None = None
    device: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    seconds: float | None = None
    peak_memory_mb: float | None = None  # 10^6 bytes
    kaggle: Verdict | None = None
    run: str | None = None  # name of the folder that the run has left
    importance: list[Importance] | None = None  # the greatest loss first
    note: str | None = None  # what the user wants to remember of it
    ran_on: str | None = None  # where it ran, if not on the computer whose folders have it
    version: int = VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)  # what other versions have beside these

    def to_json(self) -> str:
        """Plain JSON; `practice` and `kaggle` are left out where there is none."""
        value = {name: part for name, part in asdict(self).items() if part is not None or name not in OPTIONAL}
        return json.dumps(value.pop("extra") | value, indent=2)

    def save(self, path: Path) -> None:
        """Write it to `path`, whole or not at all."""
        write_whole(path, f"{self.to_json()}\n".encode())

    @classmethod
    def load(cls, path: Path) -> Self:
        """The record at `path`, of this form or an older one.

        Raises: RecordError, which names the file and what is wrong with it.
        """
        try:
            value = json.loads(path.read_bytes())
            own = {"version": 1} | value if isinstance(value, dict) else value
            record: Self = from_plain(cls, own, "")
            extra = {name: own[name] for name in own.keys() - {f.name for f in fields(cls)}}
            record = replace(record, extra=extra)
            record.to_json()  # what is nested too deeply is found here
        except FileNotFoundError:
            raise RecordError(f"there is no record {path.name}") from None
        except OSError as error:
            raise RecordError(f"{path.name} cannot be read: {error.strerror}") from None
        except RecursionError:
            raise RecordError(f"{path.name} is no record: it is nested too deeply") from None
        except json.JSONDecodeError as error:
            raise RecordError(f"{path.name} is no record: no JSON at line {error.lineno}") from None
        except ValueError as error:
            said = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error
            raise RecordError(f"{path.name} is no record: {said}") from None
        return record


def beside(csv: Path, slug: str, csv_sha256: str | None = None) -> Record | str:
    """The record beside a csv, if it is that of these bytes and this competition; else why not, in words.

    `csv_sha256` is the hash of the bytes, or its beginning, where it is known already; without it the csv is read.
    """
    try:
        record = Record.load(csv.with_suffix(".json"))
        found = sha256_file(csv) if csv_sha256 is None else csv_sha256
    except RecordError as error:
        return str(error)
    except OSError as error:
        return f"{csv.name} cannot be read: {error.strerror}"
    if record.slug != slug:
        return f"{csv.with_suffix('.json').name} is of {record.slug!r}, not of {slug}"
    if not (record.csv_sha256 or "").startswith(found):
        return f"{csv.name} is not the file that {csv.with_suffix('.json').name} was written for"
    return record
