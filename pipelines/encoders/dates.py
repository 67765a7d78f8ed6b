"""Dates -> numbers: which strings are dates, and what a date says.

Shapes: N rows.
"""

import re

import numpy as np
import pandas as pd

LOOKS_LIKE_ONE = re.compile(r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([ T]\d{1,2}:\d{2}.*)?")
DAYS = ("%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y")
FORMATS = ("ISO8601", *(day + time for day in DAYS for time in ("", " %H:%M", " %H:%M:%S")))
FIRST_LOOK = 100  # rows that are tried before all
DAY = 86_400.0  # seconds
FROM = pd.Timestamp(2000, 1, 1)


def date_format(text: pd.Series) -> str | None:
    """The first of `FORMATS` in which all strings (N,) are dates; None if there is none.

    >>> date_format(pd.Series(["2011-01-20 00:00:00", "2012-12-01"])), date_format(pd.Series(["1/31/2014"]))
    ('ISO8601', '%m/%d/%Y')
    """
    few = text.head(FIRST_LOOK)
    if not few.str.fullmatch(LOOKS_LIKE_ONE).all():
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
