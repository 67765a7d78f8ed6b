"""What a column of a raw frame holds, as the training rows show it: numbers, categories, a date, parts, text.

Shapes: N rows.

A column becomes one or more *leaves*: named numbers (float64, NaN where a value is missing), categories or texts
(strings, None where missing). What was found is a frozen value, so that rows which come later are read the same way.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["number", "category", "text", "date", "parts", "left out"]
SEPARATORS = ("/", "|", "_", ":", ";", "-", ".")
MOST_PARTS = 6
WORD = r"\S+"
WORDS = 4.0  # of a value, on average, from which a column holds sentences
NEARLY_ALL = 0.9  # of the values differ: each names its row
LOOKS_LIKE_A_DATE = re.compile(r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([ T]\d{1,2}:\d{2}.*)?")
DAYS = ("%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y")
FORMATS = ("ISO8601", *(day + time for day in DAYS for time in ("", " %H:%M", " %H:%M:%S")))
FIRST_LOOK = 100  # rows that are tried before all
DAY = 86_400.0  # seconds
FROM = pd.Timestamp(2000, 1, 1)


@dataclass(frozen=True)
class Column:
    """One column of the raw frame, or one part of its values, and how it is read.

    `detail` is a date's format, the separator of parts, or the reason why a column is left out.
    """

    name: str
    kind: Kind
    detail: str = ""
    parts: "tuple[Column, ...]" = ()

    def leaves(self, values: pd.Series) -> "Iterator[tuple[Column, pd.Series]]":
        """What encoders get of `values` (N,): numbers, categories, texts, each with its name and kind."""
        if self.kind == "number":
            yield self, as_numbers(values)
        elif self.kind == "date":
            dates = as_dates(as_text(values) if self.detail else values, self.detail)
            for name, numbers in date_parts(dates).items():
                yield Column(f"{self.name} {name}", "number"), numbers
        elif self.kind == "parts":
            split = parts_of(as_text(values), self.detail, len(self.parts))
            for i, part in enumerate(self.parts):
                yield from part.leaves(split[i])
        elif self.kind != "left out":
            yield self, as_text(values)

    @property
    def note(self) -> str:
        """A sentence on what was done with the column; none for plain numbers and categories."""
        if self.kind == "left out":
            return f"{self.name} is left out: {self.detail}"
        if self.kind == "date":
            return f"{self.name} is read as a date"
        if self.kind == "parts":
            more = "".join(f"; {part.note}" for part in self.parts if part.note)
            return f"{self.name} is split at {self.detail!r} into {len(self.parts)} parts{more}"
        return ""


def look_at(values: pd.Series, name: str, few: int, *, of_parts: bool = False) -> Column:
    """Find out what the training rows' `values` (N,) hold.

    Up to `few` different strings are categories whatever they look like. Parts of values are not split again.
    """
    known = values[values.notna()]
    n_different = known.nunique()
    if n_different == 0:
        return Column(name, "left out", "no training row holds a value")
    if n_different == 1 and len(known) == len(values):
        return Column(name, "left out", "every training row holds the same value")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return Column(name, "date")
    if holds_numbers(known):
        return Column(name, "number")
    text = as_text(known)
    if (of_parts or n_different > few) and as_numbers(text).notna().all():
        return Column(name, "number")
    wanted = date_format(text)
    if wanted is not None:
        return Column(name, "date", wanted)
    return Column(name, "category") if n_different <= few else _of_many(text, name, few, of_parts=of_parts)


def _of_many(text: pd.Series, name: str, few: int, *, of_parts: bool) -> Column:
    """What strings hold of which there are many."""
    separator = None if of_parts else separator_of(text)
    if separator is not None:
        split = parts_of(text, separator, 1 + text.iloc[0].count(separator))
        parts = (look_at(split[i], f"{name}[{i}]", few, of_parts=True) for i in split)
        return Column(name, "parts", separator, tuple(parts))
    if text.str.count(WORD).mean() >= WORDS:
        return Column(name, "text")
    n_different = text.nunique()
    if n_different > NEARLY_ALL * len(text):
        return Column(name, "left out", f"{n_different:,} different values in {len(text):,} training rows")
    return Column(name, "category")


def holds_numbers(known: pd.Series) -> bool:
    """Whether values, none missing, are numbers, truth values or spans of time."""
    types = pd.api.types
    if types.is_numeric_dtype(known.dtype) or types.is_timedelta64_dtype(known.dtype):
        return True
    return types.infer_dtype(known) in {"integer", "floating", "mixed-integer-float", "boolean", "decimal"}


def as_numbers(values: pd.Series) -> pd.Series:
    """float64 (N,), NaN where there is no finite number; spans of time in seconds.

    >>> as_numbers(pd.Series([True, None], dtype="boolean")).tolist(), as_numbers(pd.Series(["07", "x"])).tolist()
    ([1.0, nan], [7.0, nan])
    """
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        numbers = values.dt.total_seconds()
    elif pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.astype("float64")
    else:
        numbers = pd.to_numeric(values.astype(object), errors="coerce").astype("float64")
    finite = np.isfinite(numbers.to_numpy())
    return numbers if finite.all() else pd.Series(np.where(finite, numbers, np.nan), numbers.index, name=numbers.name)


def as_text(values: pd.Series) -> pd.Series:
    """Strings (N,), None where a value is missing."""
    known = values.notna().to_numpy()
    text = np.full(len(values), None, dtype=object)  # by numpy: a frame may have thousands of columns
    text[known] = [str(value) for value in values.to_numpy(dtype=object)[known]]
    return pd.Series(text, index=values.index, name=values.name, dtype=object)


def parts_of(text: pd.Series, separator: str, n_parts: int) -> pd.DataFrame:
    """Columns 0 to `n_parts` - 1: what strings (N,) hold between separators, None where they have not so many parts.

    >>> parts_of(pd.Series(["B/0", "F", None]), "/", 2).values.tolist()
    [['B', '0'], [None, None], [None, None]]
    """
    whole = text.where(text.str.count(re.escape(separator)) == n_parts - 1, None)
    split = [value.split(separator) if isinstance(value, str) else [None] * n_parts for value in whole]
    return pd.DataFrame(split, index=text.index, columns=range(n_parts), dtype=object)


def separator_of(text: pd.Series) -> str | None:
    """The sign that parts all strings (N,) into the same number of parts, two to `MOST_PARTS`, none empty; else None.

    >>> separator_of(pd.Series(["B/0/P", "F/12/S"])), separator_of(pd.Series(["B/0/P", "F/12"]))
    ('/', None)
    """
    for separator in SEPARATORS:
        sign = re.escape(separator)
        n_signs = text.iloc[0].count(separator)
        whole = rf"[^\s{sign}]+({sign}[^\s{sign}]+){{{n_signs}}}"
        if 1 <= n_signs < MOST_PARTS and text.str.fullmatch(whole).all():
            return separator
    return None


def date_format(text: pd.Series) -> str | None:
    """The first of `FORMATS` in which all strings (N,) are dates; None if there is none.

    >>> date_format(pd.Series(["2011-01-20 00:00:00", "2012-12-01"])), date_format(pd.Series(["1/31/2014"]))
    ('ISO8601', '%m/%d/%Y')
    """
    few = text.head(FIRST_LOOK)
    if not few.str.fullmatch(LOOKS_LIKE_A_DATE).all():
        return None
    for wanted in FORMATS:
        if as_dates(few, wanted).notna().all() and as_dates(text, wanted).notna().all():
            return wanted
    return None


def as_dates(values: pd.Series, wanted: str) -> pd.Series:
    """Dates without time zone (in UTC, where the values name one), NaT for what is no date."""
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = pd.to_datetime(values, format=wanted, errors="coerce", utc=True)
    return values.dt.tz_convert(None) if values.dt.tz is not None else values


def date_parts(dates: pd.Series) -> dict[str, pd.Series]:
    """A date as numbers, float64 (N,) each, NaN where there is none; the year and the day also as circles.

    `days` counts from the start of 2000, which any scaling makes days since the first.

    >>> parts = date_parts(pd.Series(pd.to_datetime(["2000-01-03 06:00"])))
    >>> {name: round(float(part[0]), 2) for name, part in parts.items()} == {
    ...     "days": 2.25, "year": 2000, "month": 1, "day": 3, "weekday": 0, "hour": 6,
    ...     "sine of year": 0.03, "cosine of year": 1.0, "sine of day": 1.0, "cosine of day": 0.0,
    ... }
    True
    """
    date = dates.dt
    day = (dates - date.normalize()).dt.total_seconds() / DAY  # the part of it that is over
    year = (date.day_of_year - 1) / 366
    parts = {
        "days": (dates - FROM).dt.total_seconds() / DAY, "year": date.year, "month": date.month, "day": date.day,
        "weekday": date.day_of_week, "hour": date.hour,
        "sine of year": np.sin(2 * np.pi * year), "cosine of year": np.cos(2 * np.pi * year),
        "sine of day": np.sin(2 * np.pi * day), "cosine of day": np.cos(2 * np.pi * day),
    }  # fmt: skip
    return {name: part.astype("float64") for name, part in parts.items()}
