"""A competition's files against each other."""

import pandas as pd

from pipelines.competition import Competition
from pipelines.data.complaints import shown
from pipelines.data.strict_csv import broken
from pipelines.errors import DataError


def agree(competition: Competition, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame) -> None:
    """No row stands in both files; the sample submission has exactly the test file's ids.

    Equal ids alone are fine: some competitions number each file from 1.
    """
    train_file, test_file, sample_file = competition.files
    key = competition.id_column
    _sample_columns(competition, list(sample.columns))
    for name, frame in ((train_file, train), (test_file, test)):
        _id_kind(name, frame[key], sample[key])
    both = train[train[key].isin(test[key])].merge(test, how="inner")[key]
    if len(both):
        what = f"{key} {shown(both.iloc[0])} stands in {train_file} and in {test_file} ({len(both)} such rows)"
        raise DataError(what, "use the files of one download", "请使用同一次下载的文件")
    if set(sample[key]) != set(test[key]) or len(sample) != len(test):
        odd = sorted(set(sample[key]) ^ set(test[key]), key=str)
        example = f", for example {shown(odd[0])}" if odd else ""
        what = f"{test_file} ({len(test)} rows) and {sample_file} ({len(sample)} rows) differ in {key}{example}"
        raise DataError(what, "use the files of one download", "请使用同一次下载的文件")
    values = train[competition.target].unique()
    if len(values) < 2:
        what = f"{train_file}, column {competition.target!r}: every row holds {shown(values[0])}"
        raise DataError(what, "a classifier needs at least two classes", "训练数据至少需要两个类别")
    code = codes(competition)
    missing = set(code.values()) - {code[value] for value in values}
    if missing:
        what = f"{train_file}, column {competition.target!r}: no row holds {competition.classes[min(missing)]}"
        raise DataError(what, "download the file again: rows are missing", "请重新下载该文件：缺少数据行")


def _sample_columns(competition: Competition, found: list[str]) -> None:
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


def _id_kind(name: str, ids: pd.Series, wanted: pd.Series) -> None:
    if wanted.dtype.kind != "i" or ids.dtype.kind == "i":
        return
    as_numbers = pd.to_numeric(ids, errors="coerce")
    odd = ids[as_numbers.isna() | (as_numbers % 1 != 0)]
    line, value = (odd.index[0], odd.iloc[0]) if len(odd) else (ids.index[0], ids.iloc[0])
    raise broken(name, f"column {ids.name!r}: not a whole number: line {line} ({shown(value)})", "编号必须是整数")


def codes(competition: Competition) -> dict[str, int]:
    """Code of each target value as it may stand in a csv file: the class itself, a whole number with `.0` too."""
    exact = {str(value): i for i, value in enumerate(competition.classes)}
    return exact | {f"{value}.0": i for i, value in enumerate(competition.classes) if isinstance(value, int)}
