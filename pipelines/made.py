"""Made rows in the form of a competition's files, drawn from what its columns' statistics say; no row is a real one.

Shapes: n made rows, training rows first.

Each column is drawn by places (n,) between 0 and 1, its quantiles: every second column's place leans on the target, so
that there is something to learn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from scipy.special import ndtr

from pipelines.metrics import FloatArray

N_TRAIN, N_TEST = 1200, 500
LEAST_OF_A_CLASS = 12
LEANING = 0.8  # correlation of a column's place with what the target says
AT = (0.01, 0.25, 0.5, 0.75, 0.99)  # where the quantiles of numbers are taken
SYLLABLES = (
    "ba",
    "dro",
    "fen",
    "gal",
    "hol",
    "ki",
    "lun",
    "mor",
    "nev",
    "ost",
    "pel",
    "qua",
    "ru",
    "sev",
    "tam",
    "ulv",
)
LETTERS, CAPITALS, DIGITS = "abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"


MAKERS = (
    "Blocks",
    "Categories",
    "Dates",
    "Further",
    "Ids",
    "MadeFiles",
    "Numbers",
    "Shaped",
    "Words",
)  # by which files are told


class Made(Protocol):
    """What draws a column."""

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:
        """Cells (n,) at those places of the column's distribution."""


@dataclass(frozen=True)
class Numbers:
    """Numbers between quantiles, those at 1, 25, 50, 75 and 99 %; `gaps` is the share that is missing."""

    quantiles: tuple[float, ...]
    decimals: int = 0
    gaps: float = 0.0

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:
        """float64, or int64 where whole numbers have no gaps."""
        values = pd.Series(np.interp(places, AT, self.quantiles).round(self.decimals))
        whole = self.decimals == 0 and self.gaps == 0
        return values.astype("int64") if whole else with_gaps(values, self.gaps, rng)


@dataclass(frozen=True)
class Categories:
    """A few values, each with its share."""

    shares: Mapping[Any, float]
    gaps: float = 0.0

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:
        """The values as they are."""
        ends = np.cumsum(list(self.shares.values()))
        codes = np.minimum(np.searchsorted(ends / ends[-1], places), len(ends) - 1)
        return with_gaps(pd.Series(list(self.shares), dtype=object)[codes].reset_index(drop=True), self.gaps, rng)


@dataclass(frozen=True)
class Words:
    """Invented words, so many in a cell (fewest, most); `different` is how many cells there are to draw from."""

    words: tuple[int, int]
    different: int
    gaps: float = 0.0

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:
        """Text; cells of neighbouring places begin alike."""
        pool = [self._cell(i / self.different, rng) for i in range(self.different)]
        cells = pd.Series(pool, dtype=object)[(places * self.different).astype(int)].reset_index(drop=True)
        return with_gaps(cells, self.gaps, rng)

    def _cell(self, place: float, rng: np.random.Generator) -> str:
        n_words = int(rng.integers(self.words[0], self.words[1] + 1))
        words = ["".join(rng.choice(SYLLABLES, size=3)) for _ in range(n_words)]
        words[0] = SYLLABLES[int(place * len(SYLLABLES))] + words[0] * (n_words == 1)
        return " ".join(words)


@dataclass(frozen=True)
class Shaped:
    """Text of one shape: `A` stands for a capital, `a` for a small letter, `9` for a digit, all else for itself.

    The first letter is one of `letters`, if there are any: those that no real text begins with.
    """

    shape: str
    gaps: float = 0.0
    letters: str = ""

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:
        """Text; the first sign that varies says the place, the others are drawn."""
        return with_gaps(pd.Series([self.text(place, rng) for place in places], dtype=object), self.gaps, rng)

    def text(self, place: float, rng: np.random.Generator) -> str:
        """One text."""
        signs, first, rare = [], True, self.letters
        for sign in self.shape:
            choice = {"A": CAPITALS, "a": LETTERS, "9": DIGITS}.get(sign, sign)
            if sign in "Aa" and rare:
                choice, rare = rare, ""
            drawn = int(place * len(choice)) if first else int(rng.integers(len(choice)))
            signs.append(choice[drawn])
            first = first and len(choice) == 1
        return "".join(signs)


@dataclass(frozen=True)
class Dates:
    """Dates from `first` on, `hours` between one row's and the next one's, if `rising`; else in any order."""

    first: str
    hours: float
    form: str = "%Y-%m-%d"
    rising: bool = False
    gaps: float = 0.0

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:
        """Text in that form."""
        steps = np.arange(len(places)) if self.rising else np.floor(places * len(places))
        dates = pd.Timestamp(self.first) + pd.to_timedelta(steps * self.hours, unit="h")
        return with_gaps(pd.Series(dates.strftime(self.form), dtype=object), self.gaps, rng)


@dataclass(frozen=True)
class Blocks:
    """Whole numbers from `first` on, each for `size` rows that belong together; those of the test rows are others.

    With a `word` before them they are text.
    """

    first: int
    size: int
    word: str = ""

    def draw(self, places: FloatArray, rng: np.random.Generator) -> pd.Series:  # noqa: ARG002 they need no chance
        """int64, or text."""
        rows = np.arange(len(places))
        numbers = pd.Series(self.first + (rows + self.size * (rows >= N_TRAIN)) // self.size)
        return self.word + numbers.astype(str) if self.word else numbers


@dataclass(frozen=True)
class Ids:
    """How rows are named: `numbers` from 1 on, or each file's from 1 (`again`); `members` as 0001_01; or of a shape."""

    kind: Literal["numbers", "again", "members", "shape", "dates"]
    form: str = ""
    dates: Dates | None = None

    def make(self, n: int, rng: np.random.Generator) -> pd.Series:
        """Ids of n rows, no two of one file alike."""
        rows = np.arange(n)
        if self.kind == "members":  # three rows of one group, then one alone
            group, member = rows // 4 * 2 + (rows % 4 == 3), np.where(rows % 4 == 3, 0, rows % 4)
            return pd.Series([f"{g:04d}{self.form}{m + 1:02d}" for g, m in zip(group, member, strict=True)])
        if self.kind == "shape":
            shaped = Shaped(self.form)
            made: dict[str, None] = {}
            while len(made) < n:
                made[shaped.text(rng.random(), rng)] = None
            return pd.Series(list(made))
        if self.dates is not None:
            return self.dates.draw(rows / n, rng)
        return pd.Series(rows % N_TRAIN + 1 if self.kind == "again" else rows + 1)


@dataclass(frozen=True)
class Further:
    """A further table: a row for each value of the column `key`."""

    key: str
    columns: Mapping[str, Made]

    def make(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """What it says of the values in `rows`."""
        keys = pd.Series(np.sort(rows[self.key].dropna().unique()), name=self.key)
        drawn = {name: made.draw(rng.random(len(keys)), rng) for name, made in self.columns.items()}
        return pd.DataFrame({self.key: keys, **drawn})


@dataclass(frozen=True, kw_only=True)
class MadeFiles:
    """A competition's files: their names, columns and ids."""

    columns: Mapping[str, Made]
    target: str
    values: Made  # of the target
    files: tuple[str, str, str]  # training rows, test rows, example of a submission
    id: str | None
    ids: Ids = Ids("numbers")
    sample_id: str
    predicted: Mapping[str, Any]  # the other columns of the example, each with the value of all rows
    tables: Mapping[str, Further] = field(default_factory=dict)

    def make(self, seed: int = 0) -> dict[str, pd.DataFrame]:
        """The files by name, 1200 training and 500 test rows; one seed always makes the same."""
        rng = np.random.default_rng(seed)
        said, target = self._target(rng)
        n = len(said)
        columns = {
            name: made.draw(self._places(i, said, rng), rng) for i, (name, made) in enumerate(self.columns.items())
        }
        ids = self.ids.make(n, rng)
        rows = pd.DataFrame({**({} if self.id is None else {self.id: ids}), **columns})
        test = rows[N_TRAIN:].reset_index(drop=True)
        names = ids[N_TRAIN:].reset_index(drop=True) if self.id else pd.Series(np.arange(1, N_TEST + 1))
        example = pd.DataFrame({self.sample_id: names, **self.predicted})
        train = rows[:N_TRAIN].assign(**{self.target: target[:N_TRAIN]})
        further = {name: table.make(rows, rng) for name, table in self.tables.items()}
        return dict(zip(self.files, (train, test, example), strict=True)) | further

    @cached_property
    def _classes(self) -> list[Any]:
        return list(self.values.shares) if isinstance(self.values, Categories) else []

    def _target(self, rng: np.random.Generator) -> tuple[FloatArray, pd.Series]:
        """What the columns lean on (n, K), and the target (n,): a class says something else of each column."""
        n = N_TRAIN + N_TEST
        if not isinstance(self.values, Categories):
            said = rng.standard_normal((n, 1))
            return said, self.values.draw(ndtr(said[:, 0]), rng)
        shares = np.array(list(self.values.shares.values()))
        sizes = np.round(shares / shares.sum() * N_TRAIN).astype(int)
        sizes = np.maximum(sizes, min(LEAST_OF_A_CLASS, N_TRAIN // len(sizes)))
        sizes[np.argmax(sizes)] += N_TRAIN - sizes.sum()
        train = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        codes = np.concatenate([train, rng.choice(train, N_TEST)])
        by_class = rng.standard_normal((len(sizes), len(self.columns)))
        by_class = (by_class - by_class.mean(axis=0)) / by_class.std(axis=0)
        return by_class[codes], pd.Series(self._classes, dtype=object)[codes].reset_index(drop=True)

    def _places(self, column: int, said: FloatArray, rng: np.random.Generator) -> FloatArray:
        leaning = LEANING * (column % 2 == 0)
        lean = said[:, min(column, said.shape[1] - 1)]
        chance = rng.standard_normal(len(said))
        return np.asarray(np.clip(ndtr(leaning * lean + np.sqrt(1 - leaning**2) * chance), 0, 1 - 1e-9))


def with_gaps(values: pd.Series, share: float, rng: np.random.Generator) -> pd.Series:
    """The values, so many of them missing."""
    return values.mask(rng.random(len(values)) < share) if share else values
