"""What is wrong with a file, in plain words."""

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.errors import DataError

SHOWN = 3  # offending rows and columns that an error names


def differing_columns(competition: Competition, name: str, found: list[str], wanted: list[str]) -> DataError:
    """The error for a file whose columns are not those wanted."""
    missing = [column for column in wanted if column not in found]
    extra = [column for column in found if column not in wanted]
    if extra == [competition.target]:
        what = f"{name} holds the target column {competition.target!r}; only train.csv may"
        return DataError(what, "is this a copy of train.csv?", "测试文件不应包含目标列，是否误用了 train.csv？")
    parts = [f"lacks column {missing[0]!r}"] if missing else []
    parts += [f"has unknown column {extra[0]!r}"] if extra else []
    if len(missing) + len(extra) > len(parts):
        parts.append(f"{len(missing)} missing and {len(extra)} unknown in all")
    return DataError(
        f"{name} " + "; ".join(parts),
        f"the columns must be {', '.join(wanted[:13])}" + (", ..." if len(wanted) > 13 else ""),
        "列名必须与 Kaggle 的原始文件一致",
    )


def schema_error(name: str, cases: pd.DataFrame) -> DataError:
    """One error out of pandera's table: the first column's problem with its rows, and how many more."""
    cases = cases[cases["index"].notna()]
    cases = cases.assign(words=cases["check"].astype(str).map(_in_words))
    cases = cases.drop_duplicates(["column", "words", "index"]).sort_values("index", kind="stable")
    first = cases.iloc[0]
    same = cases[(cases["column"] == first["column"]) & (cases["words"] == first["words"])]
    rows = [f"line {line} ({shown(value)})" for line, value in zip(same["index"], same["failure_case"], strict=True)]
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    others = sorted({*cases["column"]} - {first["column"]})
    also = f"; problems in {', '.join(map(repr, others[:SHOWN]))} too" if others else ""
    return DataError(
        f"{name}, column {first['column']!r}: {first['words']}: {', '.join(rows[:SHOWN])}{more}{also}",
        "correct these rows, or download the file again",
        "请更正这些行，或重新下载该文件",
    )


def shown(value: object) -> str:
    """A value as it would stand in Python, without numpy's wrapping.

    >>> shown(np.int64(1)), shown("x")
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
