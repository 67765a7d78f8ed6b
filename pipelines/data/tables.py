"""csv bytes -> checked frames.

The checks are pandera's; this module reads strictly (a damaged file is refused, not guessed at) and
turns what pandera finds into one error in plain words. Line numbers are those of the file.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from pipelines.competition import Competition
from pipelines.errors import DataError
from pipelines.metrics import IntArray
from pipelines.data.sources import Source

MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]  # in number columns; in text only "" is missing
SHOWN = 3  # offending rows and columns that an error names


@dataclass(frozen=True)
class RawData:
    """A competition's files, checked. Rows are in file order.

    `train` and `test` hold the id column and every column of the schema; the target is kept apart,
    as class codes `y` (N,) in the order of `competition.classes`.
    """

    train: pd.DataFrame
    y: IntArray
    test: pd.DataFrame
    sample_submission: pd.DataFrame


def read(competition: Competition, source: Source) -> RawData:
    """Check every file of `source` and the files against each other.

    Raises: DataError, naming file, column, the first offending rows and what to do.
    """
    train_file, test_file, sample_file = competition.files
    columns = competition.schema.columns
    train = _frame(competition, train_file, source.files[train_file], [*columns, competition.target])
    test = _frame(competition, test_file, source.files[test_file], list(columns))
    sample = parse_csv(sample_file, source.files[sample_file], ())
    _agree(competition, train, test, sample)
    y = np.asarray(train.pop(competition.target).map(_codes(competition)), dtype=np.int64)
    return RawData(train.reset_index(drop=True), y, test.reset_index(drop=True), sample.reset_index(drop=True))


def parse_csv(name: str, data: bytes, text_columns: tuple[str, ...]) -> pd.DataFrame:
    """Strict csv: UTF-8, comma, unique header, the same number of fields in each row.

    A byte-order mark and CRLF are fine. The index holds each row's line number in the file.
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
        raise _broken(name, "is empty", "文件为空")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise DataError(
            f"{name}, line {line}: byte 0x{byte:02x} is not UTF-8 text",
            "download the file again, or save it as 'CSV UTF-8' (a spreadsheet saved it in another encoding)",
            "请重新下载该文件，或另存为“CSV UTF-8”格式",
        ) from error
    if text.lstrip().startswith("<"):
        raise _broken(name, "is a web page (HTML), not a csv file", "文件是网页而不是 csv")
    if "\0" in text:
        raise _broken(name, "holds zero bytes", "文件含有空字节")
    return text


def _scan(name: str, text: str) -> tuple[list[str], list[int]]:
    """Header and line number of each row, after checking that no row is longer or shorter than it."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    lines: list[int] = []
    start = 1
    fields: list[str] = []
    try:
        for fields in reader:
            if fields and not header:
                header = _checked_header(name, fields)
            elif fields:
                if len(fields) != len(header):
                    cut = " (cut short?)" if len(fields) < len(header) else ""
                    what = f"line {start} has {len(fields)} fields where the header has {len(header)}{cut}"
                    raise _broken(name, what, f"第 {start} 行字段数不对")
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise _broken(name, f"line {start}: {error}", f"第 {start} 行格式错误") from error
    if not lines:
        raise _broken(name, "has a header and no rows", "文件只有表头")
    if not text.endswith(("\n", "\r")) and fields[-1] == "":
        raise _broken(name, f"ends in the middle of line {lines[-1]} (cut short?)", "文件末行不完整")
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
        raise _broken(name, f"has column {twice[0]!r} more than once", f"列 {twice[0]!r} 重复")
    return header


def _broken(name: str, what: str, what_zh: str) -> DataError:
    return DataError(f"{name} {what}", "download the file again, or restore your copy", f"{what_zh}；请重新下载该文件")


def _frame(competition: Competition, name: str, data: bytes, wanted: list[str]) -> pd.DataFrame:
    """One checked frame: id column first, then `wanted`."""
    columns = competition.schema.columns
    text_columns = tuple(column for column, spec in columns.items() if str(spec.dtype).startswith("str"))
    frame = parse_csv(name, data, (*text_columns, competition.target))
    wanted = [competition.id_column, *wanted]
    _same_columns(competition, name, list(frame.columns), wanted)
    frame = frame[wanted]
    empty = [column for column in wanted if frame[column].isna().all()]
    if empty:
        raise _broken(name, f"column {empty[0]!r}: no row holds a value", f"列 {empty[0]!r} 全为空")
    try:
        checked: pd.DataFrame = _schema(competition, competition.target in wanted).validate(frame, lazy=True)
    except SchemaErrors as error:
        raise _data_error(name, error.failure_cases) from error
    return checked


def _same_columns(competition: Competition, name: str, found: list[str], wanted: list[str]) -> None:
    missing = [column for column in wanted if column not in found]
    extra = [column for column in found if column not in wanted]
    if not missing and not extra:
        return
    if extra == [competition.target]:
        what = f"{name} holds the target column {competition.target!r}; only train.csv may"
        raise DataError(what, "is this a copy of train.csv?", "测试文件不应包含目标列，是否误用了 train.csv？")
    parts = [f"lacks column {missing[0]!r}"] if missing else []
    parts += [f"has unknown column {extra[0]!r}"] if extra else []
    if len(missing) + len(extra) > len(parts):
        parts.append(f"{len(missing)} missing and {len(extra)} unknown in all")
    raise DataError(
        f"{name} " + "; ".join(parts),
        f"the columns must be {', '.join(wanted[:13])}" + (", ..." if len(wanted) > 13 else ""),
        "列名必须与 Kaggle 的原始文件一致",
    )


def _schema(competition: Competition, with_target: bool) -> pa.DataFrameSchema:
    """The competition's schema, finite numbers, unique ids and known target values."""
    finite = pa.Check(lambda values: ~np.isinf(values), name="finite", error="a finite number")
    columns = {
        name: pa.Column(
            spec.dtype,
            checks=[
                *spec.checks,
                *([finite] if spec.dtype is not None and "float" in str(spec.dtype) else []),
            ],
            nullable=spec.nullable,
            coerce=True,
        )
        for name, spec in competition.schema.columns.items()
    }
    columns[competition.id_column] = pa.Column(nullable=False, unique=True)
    if with_target:
        columns[competition.target] = pa.Column(
            checks=pa.Check.isin(list(_codes(competition)), error=f"one of {', '.join(map(str, competition.classes))}"),
            nullable=False,
        )
    return pa.DataFrameSchema(columns)


def _data_error(name: str, cases: pd.DataFrame) -> DataError:
    """One error out of pandera's table: the first column's problem with its rows, and how many more."""
    cases = cases[cases["index"].notna()]
    cases = cases.assign(words=cases["check"].astype(str).map(_in_words))
    cases = cases.drop_duplicates(["column", "words", "index"]).sort_values("index", kind="stable")
    first = cases.iloc[0]
    same = cases[(cases["column"] == first["column"]) & (cases["words"] == first["words"])]
    rows = [f"line {line} ({_shown(value)})" for line, value in zip(same["index"], same["failure_case"], strict=True)]
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    others = sorted({*cases["column"]} - {first["column"]})
    also = f"; problems in {', '.join(map(repr, others[:SHOWN]))} too" if others else ""
    return DataError(
        f"{name}, column {first['column']!r}: {first['words']}: {', '.join(rows[:SHOWN])}{more}{also}",
        "correct these rows, or download the file again",
        "请更正这些行，或重新下载该文件",
    )


def _shown(value: object) -> str:
    """A value as it would stand in Python, without numpy's wrapping.

    >>> _shown(np.int64(1)), _shown("x")
    ('1', "'x'")
    """
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def _in_words(check: str) -> str:
    """What a failed pandera check means.

    >>> _in_words("isin([0, 1])")
    'not one of [0, 1]'
    """
    if check.startswith("isin("):
        return f"not one of {check.removeprefix('isin(').removesuffix(')')}"
    words = {
        "coerce_dtype('float64')": "not a number",
        "dtype('float64')": "not a number",
        "not_nullable": "value missing",
        "field_uniqueness": "the same value more than once",
        "finite": "not a finite number",
    }
    return words.get(check, f"must be {check}".replace("_", " "))


def _agree(competition: Competition, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame) -> None:
    """No row stands in both files; the sample submission has exactly the test file's ids.

    Equal ids alone are fine: some competitions number each file from 1.
    """
    train_file, test_file, sample_file = competition.files
    key = competition.id_column
    _check_sample_columns(competition, list(sample.columns))
    for name, frame in ((train_file, train), (test_file, test)):
        _check_id_kind(name, frame[key], sample[key])
    both = train[train[key].isin(test[key])].merge(test, how="inner")[key]
    if len(both):
        what = f"{key} {_shown(both.iloc[0])} stands in {train_file} and in {test_file} ({len(both)} such rows)"
        raise DataError(what, "use the files of one download", "请使用同一次下载的文件")
    if set(sample[key]) != set(test[key]) or len(sample) != len(test):
        odd = sorted(set(sample[key]) ^ set(test[key]), key=str)
        example = f", for example {_shown(odd[0])}" if odd else ""
        what = f"{test_file} ({len(test)} rows) and {sample_file} ({len(sample)} rows) differ in {key}{example}"
        raise DataError(what, "use the files of one download", "请使用同一次下载的文件")
    values = train[competition.target].unique()
    if len(values) < 2:
        what = f"{train_file}, column {competition.target!r}: every row holds {_shown(values[0])}"
        raise DataError(what, "a classifier needs at least two classes", "训练数据至少需要两个类别")
    codes = _codes(competition)
    missing = set(codes.values()) - {codes[value] for value in values}
    if missing:
        what = f"{train_file}, column {competition.target!r}: no row holds {competition.classes[min(missing)]}"
        raise DataError(what, "download the file again: rows are missing", "请重新下载该文件：缺少数据行")


def _check_sample_columns(competition: Competition, found: list[str]) -> None:
    key, classes = competition.id_column, [str(value) for value in competition.classes]
    one_column = [key, competition.target]
    fits = sorted(found) == sorted(one_column)
    if competition.submit == "probabilities":
        fits = fits or sorted(found) == sorted([key, *classes])
    if not fits:
        wanted = ", ".join(one_column if competition.submit == "labels" else [key, *classes])
        raise DataError(
            f"{competition.sample_submission} has the columns {', '.join(found[:12])} in place of {wanted}",
            "download the file again",
            "请重新下载该文件",
        )


def _check_id_kind(name: str, ids: pd.Series, wanted: pd.Series) -> None:
    if wanted.dtype.kind != "i" or ids.dtype.kind == "i":
        return
    as_numbers = pd.to_numeric(ids, errors="coerce")
    odd = ids[as_numbers.isna() | (as_numbers % 1 != 0)]
    line, value = (odd.index[0], odd.iloc[0]) if len(odd) else (ids.index[0], ids.iloc[0])
    raise _broken(name, f"column {ids.name!r}: not a whole number: line {line} ({_shown(value)})", "编号必须是整数")


def _codes(competition: Competition) -> dict[str, int]:
    """Code of each target value as it may stand in a csv file: the class itself, a whole number with `.0` too."""
    exact = {str(value): i for i, value in enumerate(competition.classes)}
    return exact | {f"{value}.0": i for i, value in enumerate(competition.classes) if isinstance(value, int)}
