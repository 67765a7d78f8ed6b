"""csv bytes -> a frame, or one error in plain words: a damaged file is refused, not guessed at."""

import csv
import io

import pandas as pd

from pipelines.errors import DataError

MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]  # in number columns; in text only "" is missing


def parse_csv(name: str, data: bytes, text_columns: tuple[str, ...]) -> pd.DataFrame:
    """Strict csv: UTF-8, comma, unique header, the same number of fields in each row.

    A byte-order mark and CRLF are fine. The index holds each row's line number in the file.
    Raises: DataError with the file's `name`, the line and what to do.
    """
    text = _decode(name, data)
    header, lines = _scan(name, text)
    missing = {column: [""] if column in text_columns else MISSING for column in header}
    frame = pd.read_csv(
        io.StringIO(text),
        dtype=dict.fromkeys(text_columns, "str"),
        keep_default_na=False,
        na_values=missing,
        index_col=False,
        low_memory=False,
    )
    frame.index = pd.Index(lines)
    return frame


def _decode(name: str, data: bytes) -> str:
    if not data.strip():
        raise broken(name, "is empty", "文件为空")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8 text",
            "download the file again, or save it as 'CSV UTF-8' (a spreadsheet saved it in another encoding)",
            "请重新下载该文件，或另存为“CSV UTF-8”格式",
        ) from error
    if text.lstrip().startswith("<"):
        raise broken(name, "is a web page (HTML), not a csv file", "文件是网页而不是 csv")
    if "\0" in text:
        raise broken(name, "holds zero bytes", "文件含有空字节")
    return text


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
    if len(header) == 1 and (delimiter := next((d for d in ";\t|" if d in header[0]), None)):
        shown = {"\t": "tabs"}.get(delimiter, repr(delimiter))
        raise DataError(
            f"{name} is separated by {shown}, not by commas",
            "download the file again, or save it with commas",
            "请重新下载该文件，或用逗号分隔保存",
        )
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise broken(name, f"has column {twice[0]!r} more than once", f"列 {twice[0]!r} 重复")
    return header


def broken(name: str, what: str, what_zh: str) -> DataError:
    """The error for a file that has to be fetched again."""
    return DataError(f"{name} {what}", "download the file again, or restore your copy", f"{what_zh}；请重新下载该文件")
