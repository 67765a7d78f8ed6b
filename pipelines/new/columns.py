"""What each column holds: kind, range or categories, gaps; and the statistics that made rows are drawn from.

Shapes: N rows of train and test together.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pipelines.data.declared import LARGEST
from pipelines.data.strict_csv import NUMBER, is_gap, word_of
from pipelines.features.numerals import decimal_of
from pipelines.made import AT, CAPITALS, LETTERS
from pipelines.new.look import Table

Kind = Literal["number", "flag", "category", "date", "text"]

FEW = 25  # categories at most, to be listed one by one
LONGEST = 40  # signs of a category
# Words for missing that are as often a value, "has none"; told from a gap by `Categories`.
VALUES_TOO = {"none", "<none>", "nil", "unknown", "<unknown>", "missing", "<missing>", "empty", "blank", "undefined",
              "not specified", "not known", "not applicable", "no value", "未知", "无", "空"}  # fmt: skip
ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?")
SLASHED = re.compile(r"\d{1,4}([/.])\d{1,2}\1\d{1,4}( \d{1,2}:\d{2}(:\d{2})?)?")
DATES = ("ISO8601", *(f"{day}{time}" for day in ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
                      for time in ("", " %H:%M", " %H:%M:%S")))  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What one column holds, in train and test together.

    `numbers` are quantiles (see rows.AT), `low` and `high` the range; `shares` those of categories; `words` the fewest
    and most of a text; `form` the shape of a date or of all texts.
    """

    name: str
    kind: Kind
    gaps: float = 0.0  # share of the rows
    n_different: int = 0
    numbers: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    decimals: int = 0
    shares: tuple[tuple[str, float], ...] = ()
    words: tuple[int, int] = (1, 1)
    form: str = ""
    letters: str = ""  # that no text of this shape begins with
    nullable: bool = False
    decimal: str = ""  # the sign before decimals, of numbers that are not written plainly: text until they are read

    @property
    def bounds(self) -> tuple[float, float]:
        """A range that rows yet to come will fit into, too: as wide again above, and below unless that is under 0."""
        span = (self.high - self.low) or abs(self.high) or 1.0
        least = 0.0 if self.low >= 0 else outward(self.low - span)
        return least, outward(self.high + span) if self.high + span > 0 else 0.0


def describe(name: str, tables: Sequence[Table]) -> Column:
    """What a column of train and test holds; in each at least one cell is no gap."""
    frames = [table.frame[name] for table in tables]
    if all(frame.dtype.kind in "iuf" for frame in frames):
        values = pd.concat(frames).astype("float64")
        if values.abs().max() <= LARGEST:
            return of_numbers(name, values)
    return of_texts(name, pd.concat([table.text(name) for table in tables]), tables[0].separator)


def of_texts(name: str, cells: pd.Series, separator: str = ",") -> Column:
    """What the text `cells` (N,) of a column hold, in files whose fields are parted by `separator`."""
    counts = cells.value_counts()
    gaps = {cell for cell in counts.index if is_gap(cell)}
    hard = {cell for cell in gaps if word_of(cell) not in VALUES_TOO}
    if all(is_number(cell) for cell in counts.index if cell not in gaps):
        return of_numbers(name, cells.mask(cells.isin(gaps)).astype("float64"))
    known = counts[~counts.index.isin(hard)]
    share = float(1 - known.sum() / len(cells))
    values = [str(value) for value in known.index]
    if (decimal := decimal_of(filter(lambda cell: cell not in gaps, counts.index), separator)) is not None:
        form = shape_of([value for value in values if value not in gaps])
        return Column(name, "text", share, len(values), form=form, nullable=bool(gaps), decimal=decimal)
    if {value.casefold() for value in values} <= {"true", "false"} and len(values) == 2:
        return Column(name, "flag", share, 2, shares=_shares(known), nullable=bool(hard))
    dated = as_dates(known.index.to_series())
    if dated is not None:
        return Column(name, "date", share, len(values), form=_date_form(values, dated), nullable=bool(gaps))
    if len(values) <= FEW and len(values) * 2 <= known.sum() and max(map(len, values)) <= LONGEST:
        return Column(name, "category", share, len(values), shares=_shares(known), nullable=bool(hard))
    return _text(name, values, share, nullable=bool(gaps))


def is_number(cell: str) -> bool:
    """Whether a cell is a number to compute with; with leading zeros it is a name.

    >>> [is_number(cell) for cell in ("0.5", "-1e3", "007", "1e30", "inf")]
    [True, True, False, False, False]
    """
    return bool(NUMBER.fullmatch(cell)) and not re.match(r"[+-]?0\d", cell) and abs(float(cell)) <= LARGEST


def as_dates(cells: pd.Series) -> pd.Series | None:
    """The cells as dates, if all are dates of one form; else None."""
    if not len(cells) or not cells.map(lambda cell: bool(ISO.fullmatch(cell) or SLASHED.fullmatch(cell))).all():
        return None
    for form in DATES:
        dates = pd.to_datetime(cells, format=form, errors="coerce")
        if dates.notna().all():
            return dates
    return None


def outward(value: float) -> float:
    """A number away from zero with two digits.

    >>> outward(157.0), outward(-0.0123)
    (160.0, -0.013)
    """
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{np.sign(value) * np.ceil(round(abs(value) / step, 6)) * step:.2g}")


def shape_of(texts: Sequence[str]) -> str:
    """The shape that most texts have: `A` for a capital, `a` for a small letter, `9` for a digit, other signs stay.

    >>> shape_of(["A5 17", "B6 20", "B"])
    'A9 99'
    """
    shapes = Counter("".join(map(_sign, text)) for text in texts[:2000])
    return shapes.most_common(1)[0][0]


def rare_letters(form: str, texts: Sequence[str]) -> str:
    """Letters of which none is the first of a text, for made ones of the shape `form`; none where all are.

    >>> rare_letters("A9", ["B1", "C2"])[:4]
    'ADEF'
    """
    first = next((sign for sign in form if sign in "Aa"), None)
    if first is None:
        return ""
    seen = {letter for text in texts if (letter := next(filter(str.isalpha, text), ""))}
    return "".join(letter for letter in (CAPITALS if first == "A" else LETTERS) if letter not in seen)


def _sign(sign: str) -> str:
    if sign.isdecimal():
        return "9"
    return ("A" if sign.isupper() else "a") if sign.isalpha() else sign


def of_numbers(name: str, values: pd.Series) -> Column:
    """What numbers (N,) of a column, NaN where one is missing, say of it."""
    known, share = values.dropna().to_numpy(), float(values.isna().mean())
    few = known[:1000]
    decimals = next((d for d in range(5) if (few.round(d) == few).all()), 6)
    decimals = decimals or int((known % 1 != 0).any())
    numbers = tuple(round_to(float(q), 4) for q in np.quantile(known, AT))
    low, high = float(known.min()), float(known.max())
    return Column(
        name, "number", share, len(np.unique(known)), numbers, low, high, decimals, nullable=share > 0
    )  # fmt: skip


def round_to(value: float, digits: int) -> float:
    """A number with so many digits.

    >>> round_to(1234.5, 3)
    1230.0
    """
    return float(f"{value:.{digits}g}")


def _text(name: str, texts: Sequence[str], gaps: float, *, nullable: bool) -> Column:
    n_words = np.array([len(text.split()) for text in texts])
    words = int(np.quantile(n_words, 0.05)) or 1, int(np.quantile(n_words, 0.95)) or 1
    marks = {re.sub(r"[A-Za-z]+|\d+", "", text) for text in texts[:500]}
    shaped = max(words) == 1 and len(marks) == 1 and any(sign.isdigit() for sign in texts[0])
    form = shape_of(texts) if shaped else ""
    return Column(
        name, "text", gaps, len(texts), words=words, form=form, letters=rare_letters(form, texts), nullable=nullable
    )


def _shares(counts: pd.Series) -> tuple[tuple[str, float], ...]:
    ordered = sorted(counts.items(), key=lambda pair: str(pair[0]))
    return tuple((str(value), max(round(float(n / counts.sum()), 3), 0.001)) for value, n in ordered)


def _date_form(values: list[str], dates: pd.Series) -> str:
    """How dates are written, as strftime has it."""
    first = values[0]
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", *DATES[1:]):
        if dates.iloc[0].strftime(form) == first:
            return form
    return "%Y-%m-%d"
