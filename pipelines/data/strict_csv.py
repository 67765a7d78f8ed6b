"""csv bytes -> a frame, or one error in plain words: a damaged file is refused, not guessed at."""

import csv
import io
import re
import unicodedata
from array import array
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from pipelines.data.complaints import broken, foreign
from pipelines.errors import DataError

SEPARATORS = ",\t;|"  # the one that every row has as often as the header is meant
ROWS_AT_A_TIME = 50_000  # that are read in one go: the parser takes 16 bytes of each cell before it makes a number
CHARACTERS_AT_A_TIME = 2**20  # whose lines are counted in one go
EXACT = 2**53  # up to which float64 holds every whole number
CELLS = 2_000_000  # of columns that are read as they stand, at a time

# What may stand around a value and is not of it: white space of any script, zero-width characters, byte-order marks.
UNSEEN = "\u180e\u200b\u200c\u200d\u2060\ufeff"
INSIDE = re.compile(f"[{UNSEEN}]")
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


def word_of(cell: str) -> str:
    """A cell as it is looked up among the words for missing.

    >>> word_of("'Ｎ/Ａ'")
    'n/a'
    """
    return unicodedata.normalize("NFKC", cell).strip(QUOTES).casefold()


def is_gap(cell: str) -> bool:
    """Whether a cell, without blanks around it, says that a value is missing.

    >>> [is_gap(cell) for cell in ("", "NA", "?", "()", "none", "Naples")]
    [True, True, True, True, True, False]
    """
    word = word_of(cell)
    return word in MISSING or bool(MARKS.fullmatch(word))


def parse_csv(
    name: str,
    data: bytes,
    text_columns: Collection[str] = (),
    separators: str = SEPARATORS,
    small: Collection[str] = (),
) -> pd.DataFrame:
    """Strict csv: UTF-8, one of the `separators`, unique header, the same number of fields in each row.

    A byte-order mark, CRLF and blanks around a value are fine. An empty cell is missing; other words
    for it are told apart by `declared`. The index holds each row's line number in the file. Whole numbers are int64;
    where there are many rows, those of the columns `small` are of the smallest type that holds all of the column.
    Raises: DataError with the file's `name`, the line and what to do.
    """
    separator, header, lines = _scan(name, _decode(name, data), separators)
    text_columns = [column for column in text_columns if column in header]
    options = {"sep": separator, "names": header, "dtype": dict.fromkeys(text_columns, "str"), "na_values": [""]}
    frame = _read(data, options, small)
    if len(frame) != len(lines):
        raise broken(name, "has lines of nothing but blanks", "文件含有空白行")
    frame.index = pd.Index(np.asarray(lines))
    for column in text_columns:
        frame[column] = _trimmed(name, frame[column])
    return frame


def raw_column(data: bytes, column: str) -> pd.Series:
    """A column's cells as they stand in a file that `parse_csv` has read; empty ones are "". Indexed by line."""
    return next(raw_columns(data, [column]))


def raw_columns(data: bytes, columns: Collection[str]) -> Iterator[pd.Series]:
    """Several of a file's columns, one after the other, in their order; the file is read once for many cells."""
    if not columns:
        return
    separator, header, lines = _scan("", _decode("", data), SEPARATORS)
    at_a_time, wanted = max(1, CELLS // len(lines)), list(columns)
    for start in range(0, len(wanted), at_a_time):
        some = wanted[start : start + at_a_time]
        raw = _read(data, {"sep": separator, "names": header, "usecols": some, "dtype": "str", "na_filter": False})
        raw.index = pd.Index(np.asarray(lines))
        yield from (raw[column] for column in some)


def _read(data: bytes, options: dict[str, Any], small: Collection[str] = ()) -> pd.DataFrame:
    """The cells of a file, a block of rows at a time; a column is of the type that pandas sees in all of its cells."""
    while data.startswith(BOM_UTF8):
        data = data[len(BOM_UTF8) :]
    options = options | {"header": 0, "keep_default_na": False, "index_col": False, "low_memory": False}
    columns: dict[str, list[pd.Series]] = {}
    with pd.read_csv(io.BytesIO(data), chunksize=ROWS_AT_A_TIME, **options) as blocks:
        for block in blocks:
            if not columns and len(block) < ROWS_AT_A_TIME:
                return block
            for column in block:
                cells = _smallest(block[column]) if column in small else block[column]
                columns.setdefault(str(column), []).append(cells)
    mixed = [column for column, parts in columns.items() if not _of_one_type(parts)]
    whole = pd.read_csv(io.BytesIO(data), **options | {"usecols": mixed}) if mixed else pd.DataFrame()
    return pd.DataFrame(
        {c: whole[c] if c in whole else pd.concat(columns.pop(c), ignore_index=True) for c in list(columns)}
    )


def _smallest(cells: pd.Series) -> pd.Series:
    if cells.dtype.kind != "i":
        return cells
    kinds = (np.dtype(f"int{8 * size}") for size in (1, 2, 4, 8))
    low, high = cells.min(), cells.max()
    return cells.astype(next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))


def _of_one_type(parts: list[pd.Series]) -> bool:
    """Whether blocks of a column, put together, are what the whole column would have been read as."""
    kinds = {"int" if part.dtype.kind == "i" else str(part.dtype) for part in parts}
    if kinds == {"int", "float64"}:  # some of the whole numbers' blocks have gaps, or decimals
        return all(part.dtype.kind == "f" or bool(part.between(-EXACT, EXACT).all()) for part in parts)
    return len(kinds) == 1


def header_of(name: str, data: bytes) -> list[str]:
    """The column names of a csv; raises as `parse_csv` does."""
    headers = _headers(name, text := _decode(name, data), SEPARATORS)
    return next(iter(headers.values())) if len(headers) == 1 else _scan(name, text, SEPARATORS)[1]


def _trimmed(name: str, cells: pd.Series) -> pd.Series:
    """Text without what cannot be seen; a cell of blanks stays, to be told of as a word for missing."""
    different = cells.drop_duplicates().dropna()
    if all(cell == cell.strip(BLANKS) and not INSIDE.search(cell) for cell in different):
        return cells
    plain = cells.str.replace(INSIDE, "", regex=True).str.strip(BLANKS)
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


def _scan(name: str, text: str, separators: str) -> tuple[str, list[str], "array[int]"]:
    """Separator, header and the line number of each row, after checking that all are as long as the header."""
    headers = _headers(name, text, separators)
    read: dict[str, array[int]] = {}
    errors: list[DataError] = []
    for separator, header in headers.items():
        try:
            read[separator] = _lines_of_rows(name, text, separator, len(header))
        except DataError as error:
            errors.append(error)
    if not read:
        raise errors[0]
    plain = [each for each in read if len(read) > 1 and _is_plain(headers[each], read)]
    if len(plain) == 1:  # by tabs, "id<tab>,target<tab>" holds a title that begins with a comma, and one that is empty
        read = {plain[0]: read[plain[0]]}
    if len(read) > 1:
        words = " or by ".join(map(_shown, read))
        raise DataError(
            f"{name} can be read as separated by {words}",
            "download the file again, or save it with commas",
            "请重新下载该文件，或用逗号分隔保存",
        )
    (separator, lines), *_ = read.items()
    return separator, _checked_header(name, headers[separator]), lines


def _is_plain(header: list[str], separators: Iterable[str]) -> bool:
    """Whether all titles are there, and none holds what may be a separator, but for blanks around it."""
    titles = [title.strip(BLANKS) for title in header]
    return all(titles) and not any(separator in title for title in titles for separator in separators)


def _headers(name: str, text: str, separators: str) -> dict[str, list[str]]:
    """The header's fields by each separator that may be meant, that of most fields first."""
    found: dict[str, list[str]] = {}
    trouble: list[csv.Error] = []
    for separator in (separators[0], *(each for each in separators[1:] if each in text)):
        try:
            found[separator] = next(filter(None, csv.reader(_lines(text), delimiter=separator, strict=True)), [""])
        except csv.Error as error:
            trouble.append(error)
    meant = sorted((each for each in found if len(found[each]) > 1), key=lambda each: -len(found[each]))
    if not meant and trouble:
        raise broken(name, f"line 1: {trouble[0]}", "第 1 行格式错误")
    other = next((each for each in SEPARATORS if not meant and each in found[separators[0]][0]), None)
    if other is not None:
        raise DataError(
            f"{name} is separated by {_shown(other)}, not by commas",
            "download the file again, or save it with commas",
            "请重新下载该文件，或用逗号分隔保存",
        )
    return {each: found[each] for each in meant or separators[0]}


def _shown(separator: str) -> str:
    return {"\t": "tabs", ",": "commas"}.get(separator, repr(separator))


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, each with its end."""
    return (line[0] for line in re.finditer(r"[^\r\n]*(\r\n|\r|\n)|[^\r\n]+", text))


def _lines_of_rows(name: str, text: str, separator: str, n_fields: int) -> "array[int]":
    """The line where each row begins, the header left out."""
    lines = array("q")
    for line, found in _counted(name, text, separator):
        if found and found != n_fields:
            cut = " (cut short?)" if found < n_fields else ""
            what = f"line {line} has {found} fields where the header has {n_fields}{cut}"
            raise broken(name, what, f"第 {line} 行字段数不对")
        if found:
            lines.append(line)
    if len(lines) < 2:
        raise broken(name, "has a header and no rows", "文件只有表头")
    if text.endswith(separator):
        raise broken(name, f"ends in the middle of line {lines[-1]} (cut short?)", "文件末行不完整")
    return lines[1:]


def _counted(name: str, text: str, separator: str) -> Iterator[tuple[int, int]]:
    """The line where each record begins, and how many fields it has; none for a blank line.

    Without quotation marks a line is a record, and its separators can be counted, ten times as fast.
    """
    if '"' not in text:
        for line, row in enumerate(_plain_lines(text), 1):
            yield line, row.count(separator) + 1 if row else 0
        return
    reader, start = csv.reader(_lines(text), delimiter=separator, strict=True), 1
    try:
        for fields in reader:
            yield start, len(fields)
            start = reader.line_num + 1
    except csv.Error as error:
        raise broken(name, f"line {start}: {error}", f"第 {start} 行格式错误") from error


def _plain_lines(text: str) -> Iterator[str]:
    """The lines of a text without their ends; so many at a time as are soon split."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + CHARACTERS_AT_A_TIME) + 1 or len(text)
        block = text[start:end].replace("\r\n", "\n").replace("\r", "\n")
        yield from block.removesuffix("\n").split("\n")
        start = end


def _checked_header(name: str, header: list[str]) -> list[str]:
    """Column names without blanks around them; one that is empty is named by its place, as pandas does."""
    header = [column.strip(BLANKS) or f"Unnamed: {place}" for place, column in enumerate(header)]
    twice = sorted(column for column, n in Counter(header).items() if n > 1)
    if twice:
        raise broken(name, f"has column {twice[0]!r} more than once", f"列 {twice[0]!r} 重复")
    return header
