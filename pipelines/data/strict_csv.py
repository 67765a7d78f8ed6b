"""csv bytes -> a frame, or one error in plain words: a damaged file is refused, not guessed at."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from pipelines.data.complaints import broken, foreign, rows_error
from pipelines.errors import DataError

if TYPE_CHECKING:
    import pandera.pandas as pa

SHOWN_WORDS = 8  # words for missing that a line names

# What may stand around a value and is not of it: white space of any script, zero-width characters, byte-order marks.
UNSEEN = "\u180e\u200b\u200c\u200d\u2060\ufeff"
BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + UNSEEN
QUOTES = "\"'`“”‘’()[]{}<>.;"  # what may stand around a word for missing

# What programs and people write for a value that they do not have; compared without case.
MISSING = frozenset(
    word.strip(QUOTES)
    for word in (
        "na", "n/a", "n.a.", "n.a", "#n/a", "#na", "#n/a n/a", "<na>", "nan", "-nan", "+nan", "nan(ind)", "-nan(ind)",
        "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "nat", "null", "<null>", "(null)", "[null]", "none", "<none>",
        "nil", "\\n", "missing", "<missing>", "unknown", "<unknown>", "undefined", "not available", "not applicable",
        "no data", "blank", "(blank)", "empty", "(empty)", "#null!", "#value!", "#ref!", "#div/0!", "#num!", "#name?",
        "not known", "not recorded", "not specified", "no value", "n.d", "n/d", "n/k", "tbd", "tba", "np.nan",
        "numpy.nan", "pd.na", "无", "空", "未知", "缺失", "无数据", "暂无",
    )
)  # fmt: skip
MARKS = re.compile(r"[-‐‑‒–—―−?？._/\\*#~ ]*")  # a cell of nothing else says nothing either
NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity)", re.IGNORECASE)


def parse_csv(name: str, data: bytes, text_columns: tuple[str, ...]) -> pd.DataFrame:
    """Strict csv: UTF-8, comma, unique header, the same number of fields in each row.

    A byte-order mark, CRLF and blanks around a value are fine. An empty cell is missing; other words
    for it are told apart by `as_declared`. The index holds each row's line number in the file.
    Raises: DataError with the file's `name`, the line and what to do.
    """
    text = _decode(name, data)
    header, lines = _scan(name, text)
    text_columns = tuple(column for column in text_columns if column in header)
    frame = pd.read_csv(
        io.StringIO(text),
        names=header,
        header=0,
        dtype=dict.fromkeys(text_columns, "str"),
        keep_default_na=False,
        na_values=[""],
        index_col=False,
        low_memory=False,
    )
    if len(frame) != len(lines):
        raise broken(name, "has lines of nothing but blanks", "文件含有空白行")
    frame.index = pd.Index(lines)
    for column in text_columns:
        frame[column] = _trimmed(name, frame[column])
    return frame


def raw_column(data: bytes, column: str) -> pd.Series:
    """A column's cells as they stand in a file that `parse_csv` has read; empty ones are "". Indexed by line."""
    header, lines = _scan("", text := _decode("", data))
    raw = pd.read_csv(
        io.StringIO(text), names=header, header=0, usecols=[column], dtype="str", na_filter=False, index_col=False
    )[column]
    raw.index = pd.Index(lines)
    return raw


def as_declared(name: str, data: bytes, frame: pd.DataFrame, columns: Mapping[str, "pa.Column"]) -> list[str]:
    """Turn the cells of `frame` into what a schema's `columns` declare: numbers, and missing for words that mean it.

    Returns a line for the run's output about such words. A word that the column may hold is a value; so is one in a
    text column where nothing may be missing.
    Raises: DataError with the lines of cells that are no number.
    """
    missing: list[str] = []
    kept: list[str] = []
    for column, spec in columns.items():
        number, cells = is_number(spec), frame[column]
        if number and cells.dtype.kind not in "iuf":
            raw = raw_column(data, column)
            cells = raw.mask(raw == "")
        elif number or not (is_text(spec) or pd.api.types.is_string_dtype(cells)):
            continue
        plain, words = _without_words(cells, _allowed(spec))
        told = [f"{word!r} in column {column!r} ({n} row{'s' * (n > 1)})" for word, n in words.most_common()]
        if number or spec.nullable:
            frame[column] = as_numbers(name, plain) if number else plain
            missing += told
        else:
            frame[column] = cells.mask(cells.str.strip(BLANKS) == "")
            kept += told
    said = {"taken for missing": missing, "taken for values, since the column must not lack any": kept}
    lines = [f"{name}: {what}: {_listed(words)}" for what, words in said.items() if words]
    if data[-1:].isdigit():  # the rest of a number may be lost; the rest of a row is missed by `parse_csv`
        lines.append(f"{name}: its last line has no end: was the file cut short?")
    return lines


def is_number(spec: "pa.Column") -> bool:
    """Whether a schema's column holds numbers."""
    return any(kind in str(spec.dtype).lower() for kind in ("float", "int"))


def is_text(spec: "pa.Column") -> bool:
    """Whether a schema's column holds text."""
    return str(spec.dtype).startswith("str")


def as_numbers(name: str, cells: pd.Series) -> pd.Series:
    """Text cells as float64.

    Raises: DataError with the lines of cells that are no number.
    """
    odd = cells[cells.map(lambda cell: isinstance(cell, str) and not NUMBER.fullmatch(cell))]
    if len(odd):
        raise rows_error(name, "not a number", odd, text=True)
    return cells.map(float).astype("float64")


def _without_words(cells: pd.Series, known: set[str]) -> tuple[pd.Series, Counter[str]]:
    """Text with missing in place of words that mean it, and how often each word stands there."""
    plain = cells.str.strip(BLANKS)
    lower = plain.map(_word, na_action="ignore")
    silent = lower.isin(MISSING) | lower.map(lambda word: isinstance(word, str) and bool(MARKS.fullmatch(word)))
    silent &= ~plain.str.casefold().isin({value.casefold() for value in known})
    return plain.mask(silent), Counter(plain.where(plain != "", cells)[silent])


def _word(cell: str) -> str:
    """A cell as it is looked up among the words for missing.

    >>> _word("'Ｎ/Ａ'")
    'n/a'
    """
    return unicodedata.normalize("NFKC", cell).strip(QUOTES).casefold()


def _allowed(spec: "pa.Column") -> set[str]:
    """The values that a column's checks list."""
    return {str(value) for check in spec.checks for value in (check.statistics or {}).get("allowed_values", ())}


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - SHOWN_WORDS} more" if len(words) > SHOWN_WORDS else ""
    return ", ".join(words[:SHOWN_WORDS]) + more


def _trimmed(name: str, cells: pd.Series) -> pd.Series:
    """Text without what cannot be seen; a cell of blanks stays, to be told of as a word for missing."""
    plain = cells.str.replace(f"[{UNSEEN}]", "", regex=True).str.strip(BLANKS)
    blank = cells[cells.notna() & (plain != cells)]
    quoted = blank[plain[blank.index].str.startswith('"') & ~blank.str.startswith('"')]
    if len(quoted):
        what = f"line {quoted.index[0]}, column {cells.name!r}: blanks before a quotation mark"
        raise broken(name, what, f"第 {quoted.index[0]} 行引号前有空格")
    return cells if blank.empty else plain.where(plain != "", cells)


def _decode(name: str, data: bytes) -> str:
    if not data.strip():
        raise broken(name, "is empty", "文件为空")
    try:
        text = data.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise foreign(name, data, binary=True) or _not_utf8(name, data, error) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        what = f"holds zero bytes, the first in line {line}"
        raise foreign(name, data, binary=True) or broken(name, what, "文件含有空字节")
    if (kind := foreign(name, text[:1000].encode(), binary=False)) is not None:
        raise kind
    return text


def _not_utf8(name: str, data: bytes, error: UnicodeDecodeError) -> DataError:
    line = data.count(b"\n", 0, error.start) + 1
    if error.reason == "unexpected end of data":
        return broken(name, f"ends in the middle of a character, in line {line} (cut short?)", "文件不完整")
    return DataError(
        f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8 text",
        "download the file again, or save it as 'CSV UTF-8' (a spreadsheet saved it in another encoding)",
        "请重新下载该文件，或另存为“CSV UTF-8”格式",
    )


def _scan(name: str, text: str) -> tuple[list[str], list[int]]:
    """Header and line number of each row, after checking that no row is longer or shorter than it."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    lines: list[int] = []
    start, fields = 1, []
    try:
        for fields in reader:
            if fields and not header:
                header = _checked_header(name, fields)
            elif fields:
                if len(fields) != len(header):
                    cut = " (cut short?)" if len(fields) < len(header) else ""
                    what = f"line {start} has {len(fields)} fields where the header has {len(header)}{cut}"
                    raise broken(name, what, f"第 {start} 行字段数不对")
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise broken(name, f"line {start}: {error}", f"第 {start} 行格式错误") from error
    if not lines:
        raise broken(name, "has a header and no rows", "文件只有表头")
    if not text.endswith(("\n", "\r")) and fields[-1] == "":
        raise broken(name, f"ends in the middle of line {lines[-1]} (cut short?)", "文件末行不完整")
    return header, lines


def _checked_header(name: str, header: list[str]) -> list[str]:
    """Column names without blanks around them; one that is empty is named by its place, as pandas does."""
    if len(header) == 1 and (delimiter := next((d for d in ";\t|" if d in header[0]), None)):
        shown = {"\t": "tabs"}.get(delimiter, repr(delimiter))
        raise DataError(
            f"{name} is separated by {shown}, not by commas",
            "download the file again, or save it with commas",
            "请重新下载该文件，或用逗号分隔保存",
        )
    header = [column.strip(BLANKS) or f"Unnamed: {place}" for place, column in enumerate(header)]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise broken(name, f"has column {twice[0]!r} more than once", f"列 {twice[0]!r} 重复")
    return header
