"""Numbers as people write them (3,5; 1.234,50; $1,200; 45 %) -> numbers to compute with."""

import re
from collections.abc import Iterable
from typing import Literal

import pandas as pd

from pipelines.errors import DataError

Decimal = Literal[".", ","]
BESIDE = "€$£¥₹%"  # what may stand beside a number
MANTISSA = {  # whole numbers whose thousands may be parted, and decimals
    ".": re.compile(r"(\d+|\d{1,3}([,'’ \u00a0\u202f])\d{3}(\2\d{3})*)(\.\d*)?|\.\d+", re.ASCII),
    ",": re.compile(r"(\d+|\d{1,3}([.'’ \u00a0\u202f])\d{3}(\2\d{3})*)(,\d*)?|,\d+", re.ASCII),
}


def as_numbers(cells: pd.Series, decimal: Decimal) -> pd.Series:
    """Text (N,) as float64, missing where it is; `decimal` is the sign before decimals, thousands may have another.

    Signs of currencies and of percent are dropped: 45 % is 45.

    >>> as_numbers(pd.Series(["3,5", "-1.234,25", None, "€ 7"]), decimal=",").tolist()
    [3.5, -1234.25, nan, 7.0]

    Raises: DataError for a cell that is no such number.
    """
    known = cells[cells.notna()]
    plain = {cell: _plain(str(cell), decimal) for cell in known.unique()}
    odd = next((cell for cell, number in plain.items() if number is None), None)
    if odd is not None:
        raise DataError(
            f"column {cells.name!r}: {odd!r} is no number with {decimal!r} before its decimals",
            "correct that cell, or the other sign: as_numbers(..., decimal=...) in competition.py",
            "请更正该单元格，或修改 competition.py 中 as_numbers 的 decimal",
        )
    return cells.map(plain).astype("float64")


def decimal_of(cells: Iterable[str], separator: str) -> Decimal | None:
    """The sign before the decimals of numbers that are not written plainly; None where a cell is no number.

    Where either could be (1,234), it is the one that does not part the file's fields.

    >>> decimal_of(["3,5", "12"], ";"), decimal_of(["1,234", "567,890"], ","), decimal_of(["1,234"], ";")
    (',', '.', ',')
    >>> decimal_of(["$1,200.50", "$3"], ","), decimal_of(["3,5", "x"], ";"), decimal_of(["0,5", "007"], ";")
    ('.', None, None)
    >>> decimal_of(["３,5", "１２"], ";")  # digits of other scripts are text
    """
    values = list(cells)
    if len({frozenset(sign for sign in BESIDE if sign in value) for value in values}) != 1:
        return None
    if any(re.match(r"[+-]?0\d", value) for value in values):  # a name
        return None
    order: tuple[Decimal, Decimal] = (".", ",") if separator == "," else (",", ".")
    return next((sign for sign in order if all(_plain(value, sign) is not None for value in values)), None)


def _plain(cell: str, decimal: Decimal) -> float | None:
    cell = cell.strip()
    sign = cell[0] if cell[:1] in ("+", "-") else ""
    number = re.sub(rf"^[{BESIDE}]\s*|\s*[{BESIDE}]$", "", cell.removeprefix(sign).lstrip())
    if not MANTISSA[decimal].fullmatch(number):
        return None
    whole, _, decimals = number.partition(decimal)
    return float(f"{sign}{re.sub(r'[^0-9]', '', whole) or '0'}.{decimals or '0'}")
