"""A competition's files against each other."""

import re

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.data.complaints import rows_error
from pipelines.data.strict_csv import BLANKS, NUMBER, parse_csv, raw_column
from pipelines.errors import DataError

ONE_DOWNLOAD = "use the files of one download", "请使用同一次下载的文件"
WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")  # as programs write ids that are numbers; int64 holds them


def read_sample(competition: Competition, data: bytes) -> pd.DataFrame:
    """The example of a submission, its ids as text: columns and values as this competition's submissions have them.

    Raises: DataError.
    """
    name, key = competition.sample_submission, competition.key
    sample = parse_csv(name, data, (key,))
    if (problem := sample_columns(competition, list(sample.columns))) is not None:
        raise problem
    _complete(name, sample[key], sample[key])
    for column in sample.columns.drop(key):
        if competition.submit == "labels":
            labels = sample[column].astype(str).str.strip(BLANKS)
            fits = labels.isin(codes(competition))
            words = f"must be one of {', '.join(map(str, competition.classes))}"
        else:
            if sample[column].dtype.kind not in "biuf":
                sample[column] = pd.to_numeric(sample[column].astype(str).str.strip(BLANKS), errors="coerce")
            numbers = sample[column]
            fits = numbers.between(0, 1) & (numbers.dtype.kind != "b")
            words = "must be a number from 0 to 1"
        if not fits.all():
            raise rows_error(name, words, raw_column(data, column)[~fits])
        if competition.submit == "labels":
            sample[column] = [competition.classes[code] for code in labels.map(codes(competition))]
    return sample


def sample_columns(competition: Competition, found: list[str]) -> DataError | None:
    """What is wrong with the columns of the example of a submission: the target, or a column for each class.

    Probabilities of two classes may stand in one column, which is that of the last class.
    """
    key, classes = competition.key, [str(value) for value in competition.classes]
    one_column, by_class = [key, competition.target], [key, *classes]
    labels = competition.submit == "labels"
    if sorted(found) == sorted(one_column if labels or len(classes) == 2 else by_class) or (
        not labels and sorted(found) == sorted(by_class)
    ):
        return None
    wanted = ", ".join(one_column if labels else by_class)
    return DataError(
        f"{competition.sample_submission} has the columns {', '.join(found[:12])} in place of {wanted}",
        f"download {competition.sample_submission} again: a submission of {competition.slug} has these columns",
        "请重新下载该文件：提交文件必须含有这些列",
    )


def agree(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """No row stands in both files; the sample submission has exactly the test file's ids, one row each.

    Equal ids alone are fine: some competitions number each file from 1. Returns the frames, whose ids are whole
    numbers if they are so in the sample submission: then train and test are sorted by them.
    """
    train_file, test_file, sample_file = competition.files
    key = competition.key
    frames = _with_ids(competition, dict(zip(competition.files, (train, test, sample), strict=True)))
    train, test, sample = (frames[name] for name in competition.files)
    both = train[train[key].isin(test[key])].merge(test, how="inner")[key]
    if len(both):
        what = f"{key} {both.iloc[0]} stands in {train_file} and in {test_file} ({len(both)} such rows)"
        hint, hint_zh = ONE_DOWNLOAD
        raise DataError(what, f"{hint}, or take these rows out of one", f"{hint_zh}，或从其中一个文件删除这些行")
    odd = sorted(set(sample[key]) ^ set(test[key]))
    if odd:
        lacking = test_file if odd[0] in set(sample[key]) else sample_file
        what = f"{test_file} ({len(test)} rows) and {sample_file} ({len(sample)} rows) differ in {key}"
        raise DataError(f"{what}, for example {odd[0]}, which {lacking} lacks", *ONE_DOWNLOAD)
    _every_class(competition, train[competition.target])
    return train, test, sample


def lost_rows(competition: Competition, train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """A line for each file that is numbered from 1 with gaps: rows may have been lost.

    Train and test are looked at together unless each is numbered from 1. Ids with more gaps than rows are not numbers
    of rows, unless the test rows have none and stand behind the training rows.
    """
    train_file, test_file, _ = competition.files
    ids = train[competition.key], test[competition.key]
    if ids[0].dtype.kind != "i" or ids[1].dtype.kind != "i":
        return []
    files = {train_file: set(ids[0]), test_file: set(ids[1])}
    if not files[train_file] & files[test_file]:
        files = {f"{train_file} and {test_file}": files[train_file] | files[test_file]}
    behind = min(ids[1]) > max(ids[0]) and np.ptp(ids[1]) == len(ids[1]) - 1 > 0
    lines = []
    for name, numbers in files.items():
        gaps = max(numbers) - len(numbers)
        if min(numbers) >= 1 and gaps > 0 and (gaps < len(numbers) or behind):
            first = next(number for number in range(1, max(numbers)) if number not in numbers)
            what = f"no row has {competition.key} {first}"
            more = f", nor {gaps - 1} others from 1 to {max(numbers)}" if gaps > 1 else ""
            lines.append(f"{name}: {what}{more}: were rows lost?")
    return lines


def codes(competition: Competition) -> dict[str, int]:
    """Code of each target value as it may stand in a csv file: the class itself, a whole number with `.0` too."""
    exact = {str(value): i for i, value in enumerate(competition.classes)}
    return exact | {f"{value}.0": i for i, value in enumerate(competition.classes) if isinstance(value, int)}


def _with_ids(competition: Competition, frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The frames with ids that can be compared: whole numbers, sorted, if those of test or sample are, else text.

    Kaggle wants the ids back as it wrote them: those of the sample submission have to be plain already.
    """
    key, (_, test_file, sample_file) = competition.key, competition.files
    plain = {name: frames[name][key].map(lambda cell: bool(WHOLE.fullmatch(cell))) for name in frames}
    numbers = plain[test_file].all() or plain[sample_file].all()
    sample_ids = frames[sample_file][key]
    odd = sample_ids[~plain[sample_file]] if numbers else sample_ids[sample_ids.str.fullmatch(r"[0-9]+\.0*")]
    if len(odd):
        raise rows_error(sample_file, "not written as a plain whole number", odd)
    done = {}
    for name, frame in frames.items():
        ids = _whole(name, frame[key]) if numbers else frame[key]
        _complete(name, ids, frame[key])
        done[name] = frame.assign(**{key: ids})
        if numbers and name != sample_file:
            done[name] = done[name].sort_values(key)
        done[name] = done[name].reset_index(drop=True)
    return done


def _whole(name: str, ids: pd.Series) -> pd.Series:
    """Text ids as int64, however the numbers are written."""
    plain = ids.map(lambda cell: bool(WHOLE.fullmatch(cell)))
    others = ids[~plain].map(lambda cell: float(cell) if NUMBER.fullmatch(cell) else np.nan)
    odd = others[~((others % 1 == 0) & (others.abs() < 2**53))]
    if len(odd):
        raise rows_error(name, "not a whole number", ids[odd.index])
    return pd.concat([ids[plain].astype("int64"), others.astype("int64")]).loc[ids.index]


def _complete(name: str, ids: pd.Series, cells: pd.Series) -> None:
    """Every row has an id of its own."""
    for words, odd in (("value missing", ids.isna()), ("the same value more than once", ids.duplicated(keep=False))):
        if odd.any():
            raise rows_error(name, words, cells[odd].fillna(""))


def _every_class(competition: Competition, target: pd.Series) -> None:
    values = target.unique()
    name = f"{competition.files[0]}, column {competition.target!r}"
    if len(values) < 2:
        raise DataError(
            f"{name}: every row holds {values[0]!r}",
            "download the file again: a classifier needs rows of at least two classes",
            "请重新下载该文件：训练数据至少需要两个类别",
        )
    code = codes(competition)
    missing = set(code.values()) - {code[value] for value in values}
    if missing:
        raise DataError(
            f"{name}: no row holds {competition.classes[min(missing)]}",
            "download the file again: rows are missing",
            "请重新下载该文件：缺少数据行",
        )
