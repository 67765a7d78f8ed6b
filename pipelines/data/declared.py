"""Cells of a csv -> what a schema declares: numbers, truth values, text, and missing where a word means it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from pipelines.competition import Competition
from pipelines.data.complaints import declared_at, rows_error
from pipelines.data.strict_csv import BLANKS, NUMBER, is_gap, raw_columns

SHOWN_WORDS = 8  # words for missing that a line names
LARGEST = 1e18  # float32 holds it, and its square, and the sum of some hundred squares
# How programs and people write false and true. A column holds one pair of them.
TRUTH = (
    ("False", "True"), ("false", "true"), ("FALSE", "TRUE"), ("0", "1"), ("0.0", "1.0"), ("F", "T"), ("f", "t"),
    ("No", "Yes"), ("no", "yes"), ("NO", "YES"), ("N", "Y"), ("n", "y"),
)  # fmt: skip
HELD = pa.Check(lambda values: abs(values) <= LARGEST, error=f"a finite number of at most {LARGEST:g} in size")
TRUE = {word: value for pair in TRUTH for word, value in zip(pair, (False, True), strict=True)}


@dataclass
class Told:
    """Words in the cells of one file that stand for missing in general, and what they were taken for."""

    missing: list[str]
    values: list[str]

    def lines(self, name: str, data: bytes) -> list[str]:
        """What a run says about the file."""
        said = {"missing": self.missing, "values, since the column must not lack any": self.values}
        lines = [f"{name}: taken for {what}: {_listed(words)}" for what, words in said.items() if words]
        if data[-1:].isdigit():  # the rest of a number may be lost; the rest of a row is missed by `parse_csv`
            lines.append(f"{name}: its last line has no end: was the file cut short?")
        return lines


def spelled_out(schema: pa.DataFrameSchema, header: Iterable[str]) -> dict[str, Any]:
    """The schema's columns by name; a regular expression stands for the columns of `header` that it matches whole."""
    columns = {name: spec for name, spec in schema.columns.items() if not spec.regex}
    for pattern, spec in schema.columns.items():
        if spec.regex:
            columns |= {n: spec for n in header if n not in columns and re.fullmatch(str(pattern), n)}
    return columns


def as_declared(
    competition: Competition, name: str, data: bytes, frame: pd.DataFrame, columns: Mapping[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """The frame with its cells as `columns` declare them, and lines for the run's output about words for missing.

    Numbers are float64 or of the declared size, if they fit: whole ones where none may be missing, and in float32 where
    it holds each of them (up to 2^24).
    Truth values with gaps are pandas' "boolean". A word that the column may hold is a value; so is one in a text column
    where nothing may be missing.
    Raises: DataError with the lines of cells that are no number or no truth value.
    """
    told, types = Told([], []), {}
    unread = [column for column, spec in columns.items() if _is_unread(spec, frame[column].dtype.kind)]
    as_they_stand = raw_columns(data, unread)
    for column, spec in columns.items():
        number, truth, cells = is_number(spec), is_truth(spec), frame[column]
        if _is_unread(spec, cells.dtype.kind):
            raw = next(as_they_stand)
            cells = raw.mask(raw == "")
        elif number or truth or not (is_text(spec) or pd.api.types.is_string_dtype(cells)):
            types[column] = _type(spec, cells)
            continue
        plain, words = _without_words(cells, _allowed(spec))
        if number or truth:
            convert = as_numbers if number else as_truth
            frame[column] = convert(competition, name, plain)
            types[column] = _type(spec, frame[column])
        else:
            frame[column] = plain if spec.nullable else cells.mask(cells.str.strip(BLANKS) == "")
        (told.missing if number or truth or spec.nullable else told.values).extend(_counts(column, words))
    typed = frame.astype({column: dtype for column, dtype in types.items() if dtype})
    return typed.copy(), told.lines(name, data)  # in one piece for each type


def _is_unread(spec: Any, kind: str) -> bool:
    """Whether pandas has made something else of a column than the number or truth value that is declared."""
    return (is_number(spec) and kind not in "iuf") or (is_truth(spec) and kind != "b")


def checked_as(spec: Any, cells: pd.Series) -> Any:
    """The column that pandera checks these cells by, which `as_declared` has converted; None if nothing is left to see.

    Numbers can be computed with, and are whole where that is declared.
    """
    if is_truth(spec):
        return pa.Column(str(cells.dtype), checks=spec.checks, nullable=spec.nullable)
    if not is_number(spec):
        return pa.Column(spec.dtype, checks=spec.checks, nullable=spec.nullable, coerce=True)
    checks, limits = list(spec.checks), _limits(spec)
    if limits is not None and cells.dtype != _dtype(spec):
        whole = partial(_is_whole, *limits)
        checks.append(pa.Check(whole, error=f"a whole number from {limits[0]} to {limits[1]}"))
    if limits is None or cells.dtype.kind == "f":
        checks.insert(0, HELD)
    return pa.Column(checks=checks, nullable=spec.nullable) if checks else None


def _is_whole(low: int, high: int, values: pd.Series) -> pd.Series:
    return (values % 1 == 0) & values.between(low, high)


def is_number(spec: Any) -> bool:
    """Whether a schema's column holds numbers."""
    return any(kind in str(spec.dtype).lower() for kind in ("float", "int"))


def is_text(spec: Any) -> bool:
    """Whether a schema's column holds text."""
    return str(spec.dtype).startswith("str")


def by_kind(columns: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The names of a schema's columns of text, and of those of numbers."""
    texts, numbers = ([name for name, spec in columns.items() if of_kind(spec)] for of_kind in (is_text, is_number))
    return texts, numbers


def is_truth(spec: Any) -> bool:
    """Whether a schema's column holds truth values."""
    return str(spec.dtype).startswith("bool")


def as_numbers(competition: Competition, name: str, cells: pd.Series) -> pd.Series:
    """Text cells as float64.

    Raises: DataError with the lines of cells that are no number.
    """
    odd = cells[cells.map(lambda cell: isinstance(cell, str) and not NUMBER.fullmatch(cell))]
    if len(odd):
        raise rows_error(name, "not a number", odd, text=True, mend=declared_at(competition, str(cells.name)))
    return cells.map(float, na_action="ignore").astype("float64")


def as_truth(competition: Competition, name: str, cells: pd.Series) -> pd.Series:
    """Text cells as pandas' "boolean".

    Raises: DataError with the lines of cells that are neither true nor false.
    """
    odd = cells[cells.notna() & ~cells.isin(list(TRUE))]
    if len(odd):
        raise rows_error(name, "neither True nor False", odd, text=True, mend=declared_at(competition, str(cells.name)))
    return cells.map(TRUE).astype("boolean")


def as_found(name: str, data: bytes, frame: pd.DataFrame, columns: Iterable[str]) -> tuple[pd.DataFrame, list[str]]:
    """The frame with numbers in those of its `columns` whose cells are all numbers, or words for missing, and lines.

    Truth values are told in the same way; whatever else is text, as it stands.
    """
    told = Told([], [])
    texts = [column for column in columns if frame[column].dtype.kind not in "iufb"]
    for column, raw in zip(texts, raw_columns(data, texts), strict=True):
        plain, words = _without_words(raw.mask(raw == ""), set())
        left = plain.dropna()
        if left.map(lambda cell: bool(NUMBER.fullmatch(cell))).all():
            frame[column] = plain.map(float, na_action="ignore").astype("float64")
        elif left.isin(list(TRUE)).all():
            frame[column] = plain.map(TRUE).astype("boolean")
        else:
            frame[column] = raw.mask(raw == "")
            continue
        told.missing += _counts(column, words)
    return frame, told.lines(name, data)


def labelled(
    competition: Competition, name: str, frame: pd.DataFrame, lines: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The training rows that have a target, and a line more if `drop_unlabelled` lets others be left out."""
    if not competition.drop_unlabelled:
        return frame, lines
    cells, known = frame[competition.target], {str(value).casefold() for value in competition.classes}
    words = [w for w in cells.dropna().unique() if is_gap(str(w).strip(BLANKS)) and str(w).casefold() not in known]
    lacking = cells.isna() | cells.isin(words)
    if not lacking.any():
        return frame, lines
    n, first = int(lacking.sum()), cells.index[lacking][0]
    none = f"{n} row{'s have' if n > 1 else ' has'} no {competition.target}"
    return frame[~lacking], [*lines, f"{name}: left out: {none}, the first in line {first}"]


def _type(spec: Any, cells: pd.Series) -> Any:
    """The dtype of a column of numbers or truth values; None leaves it as it is, to be refused by `checked_as`."""
    if is_truth(spec):
        return "boolean" if spec.nullable or cells.isna().any() else "bool"
    if not is_number(spec):
        return None
    if (limits := _limits(spec)) is None:
        if (cells.abs() > np.finfo(_dtype(spec)).max).any():
            return None
        exact = cells.dtype.kind == "f" or (cells.astype(_dtype(spec)) == cells).all()
        return _dtype(spec) if exact else np.dtype("float64")
    if spec.nullable:
        return np.dtype("float64")
    whole = cells.dtype.kind in "iu" or (np.isfinite(cells) & (cells % 1 == 0)).all()
    return _dtype(spec) if whole and limits[0] <= cells.min() and cells.max() <= limits[1] else None


def _dtype(spec: Any) -> np.dtype[Any]:
    """Numpy's type for a schema's number."""
    return np.dtype(str(spec.dtype).lower())


def _limits(spec: Any) -> tuple[int, int] | None:
    """The least and largest whole number of a column of whole numbers; None for other numbers."""
    dtype = _dtype(spec)
    return (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) if dtype.kind in "iu" else None


def _without_words(cells: pd.Series, known: set[str]) -> tuple[pd.Series, Counter[str]]:
    """Text with missing in place of words that mean it, and how often each word stands there."""
    values = {value.casefold() for value in known}
    meant: dict[str, str | None] = {}
    words: Counter[str] = Counter()
    for cell, n in cells.value_counts(sort=False).items():
        plain = str(cell).strip(BLANKS)
        silent = is_gap(plain) and plain.casefold() not in values
        meant[str(cell)] = None if silent else plain
        if silent:
            words[plain or str(cell)] += int(n)
    return cells.map(meant).astype(cells.dtype), words


def _allowed(spec: Any) -> set[str]:
    """The values that a column's checks list."""
    return {str(value) for check in spec.checks for value in (check.statistics or {}).get("allowed_values", ())}


def _counts(column: str, words: Counter[str]) -> list[str]:
    return [f"{word!r} in column {column!r} ({n} row{'s' * (n > 1)})" for word, n in words.most_common()]


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - SHOWN_WORDS} more" if len(words) > SHOWN_WORDS else ""
    return ", ".join(words[:SHOWN_WORDS]) + more
