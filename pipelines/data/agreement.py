"""A competition's files against each other."""

import re

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.data.complaints import rows_error
from pipelines.data.declared import LARGEST, TRUTH
from pipelines.data.strict_csv import BLANKS, NUMBER, parse_csv, raw_column
from pipelines.errors import DataError, UsageError
from pipelines.settings import written

ONE_DOWNLOAD = "use the files of one download", "请使用同一次下载的文件"
PLACE = re.compile(r"-?[0-9]+(\.0*)?")  # what stands in every row of some examples in place of labels
WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")  # as programs write ids that are numbers; int64 holds them


def read_sample(competition: Competition, data: bytes) -> pd.DataFrame:
    """The example of a submission, its ids as text under the name `competition.key`, its columns in the file's order.

    Labels are the competition's classes; truth values, and what is ranked, are text. A number that is no class only
    holds their place where it stands in every row.
    Raises: DataError.
    """
    name, given = competition.sample_submission, competition.sample_id or competition.key
    text = competition.submit in ("labels", "ranked")
    sample = parse_csv(name, data, {given, *(c for way in columns_of(competition) for c in way)} if text else (given,))
    if (problem := differing_sample(competition, list(sample.columns))) is not None:
        raise problem
    _complete(name, sample[given], sample[given])
    for column in sample.columns.drop(given):
        if text:
            fits, words = _labels(competition, sample, column)
        else:
            if sample[column].dtype.kind not in "biuf":
                sample[column] = pd.to_numeric(sample[column].astype(str).str.strip(BLANKS), errors="coerce")
            numbers, bounded = sample[column], competition.submit == "probabilities"
            fits = numbers.between(*((0, 1) if bounded else (-LARGEST, LARGEST))) & (numbers.dtype.kind != "b")
            words = "must be a number from 0 to 1" if bounded else "must be a finite number"
        if not fits.all():
            mend = written.field(competition.slug, "classes" if text else "submit")
            raise rows_error(name, words, raw_column(data, column)[~fits], mend=mend)
    return sample.rename(columns={given: competition.key})


def _labels(competition: Competition, sample: pd.DataFrame, column: str) -> tuple[pd.Series, str]:
    """Which cells of a column of `sample` are classes, and words for the others; what is one becomes it."""
    cells, known = sample[column].str.strip(BLANKS), codes(competition)
    if competition.submit == "ranked":
        fits = cells.map(lambda cell: isinstance(cell, str) and set(cell.split()) <= set(known))
    else:
        fits = cells.isin(known)
        if fits.all() and not _are_truth(competition):
            sample[column] = [competition.classes[code] for code in cells.map(known)]
    holds_a_place = len(cells) > 1 == cells.nunique(dropna=False) and PLACE.fullmatch(str(cells.iloc[0])) is not None
    return fits | holds_a_place, f"must be one of {', '.join(map(str, competition.classes))}"


def columns_of(competition: Competition) -> list[list[str]]:
    """How the columns of a submission may be called, ids left out: in the order of classes, or one column.

    Raises: UsageError for `sample_columns` of another number.
    """
    classes, named = [str(value) for value in competition.classes], list(competition.sample_columns)
    by_class = competition.submit == "probabilities"
    n_columns = {1} if not by_class else {1, 2} if len(classes) == 2 else {len(classes)}
    if named and len(named) not in n_columns:
        hint, hint_zh = written.field(competition.slug, "sample_columns")
        wanted = f"a column for each of {len(classes)} classes" if by_class else "one column"
        raise UsageError(
            f"Competition: sample_columns of {competition.slug} are {', '.join(named)}, where {wanted} is needed",
            f"name the columns of {competition.sample_submission} but for its ids{hint}",
            f"请给出 {competition.sample_submission} 中除 id 以外的列名{hint_zh}",
        )
    if named:
        return [named]
    one = [[competition.target]]
    if not by_class:
        return one
    return [classes, *one, *([value] for value in classes)] if len(classes) == 2 else [classes]


def classes_of(competition: Competition, columns: list[str]) -> list[int]:
    """The class, by its code, whose probability stands in each of a submission's columns.

    A single column is that of the class that it is named after, else of the last class.
    """
    way = next(way for way in columns_of(competition) if sorted(way) == sorted(columns))
    names = [str(value) for value in competition.classes]
    if len(way) > 1:
        return [way.index(column) for column in columns]
    return [names.index(way[0]) if way[0] in names else len(names) - 1]


def spellings(competition: Competition, cells: pd.Series) -> list[str]:
    """How each class is written in a submission: as the sample's `cells` (M,) write it."""
    if not _are_truth(competition):
        return [str(value) for value in competition.classes]
    pair = next((pair for pair in TRUTH if str(cells.iloc[0]) in pair), TRUTH[0])
    return [pair[int(value)] for value in competition.classes]


def differing_sample(competition: Competition, found: list[str]) -> DataError | None:
    """What is wrong with the columns of the example of a submission."""
    given, ways = competition.sample_id or competition.key, columns_of(competition)
    if sorted(found) in [sorted([given, *way]) for way in ways]:
        return None
    hint, hint_zh = written.field(competition.slug, "sample_columns", "sample_id", "sample_submission")
    return DataError(
        f"{competition.sample_submission} has the columns {', '.join(found[:12])} in place of "
        f"{', '.join([given, *ways[0]])}",
        f"download {competition.sample_submission} again: a submission of {competition.slug} has these columns; where "
        f"Kaggle's names are others, sample_id and sample_columns say so{hint}",
        f"请重新下载该文件：提交文件必须含有这些列；若 Kaggle 的列名不同，请用 sample_id、sample_columns 说明{hint_zh}",
    )


def agree(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """No row stands in both files; the sample submission has exactly the test file's ids, one row each.

    Equal ids alone are fine: some competitions number each file from 1. Returns the frames, whose ids are whole
    numbers if they are so in the sample submission: then train and test are sorted by them.
    """
    train_file, test_file, sample_file = names = competition.files[:3]
    key = competition.key
    frames = _with_ids(competition, dict(zip(names, (train, test, sample), strict=True)))
    train, test, sample = (frames[name] for name in names)
    shared = train[train[key].isin(test[key])] if competition.id_column else train.head(0)
    both = shared.merge(test, how="inner")[key]
    if len(both):
        what = f"{key} {both.iloc[0]} stands in {train_file} and in {test_file} ({len(both)} such rows)"
        hint, hint_zh = ONE_DOWNLOAD
        raise DataError(what, f"{hint}, or take these rows out of one", f"{hint_zh}，或从其中一个文件删除这些行")
    odd = sorted(set(sample[key]) ^ set(test[key]))
    if odd:
        lacking = test_file if odd[0] in set(sample[key]) else sample_file
        raise DataError(
            f"{test_file} ({len(test)} rows) and {sample_file} ({len(sample)} rows) differ in {key}"
            f"{'' if competition.id_column else f', which numbers the rows of {test_file}'}"
            f", for example {odd[0]}, which {lacking} lacks",
            *ONE_DOWNLOAD,
        )
    _differing(competition, train[competition.target])
    return train, test, sample


def first_number(ids: pd.Series) -> int:
    """The number of the first row where rows have no ids: 0 where the sample submission's `ids` (M,) begin so, else 1.

    >>> first_number(pd.Series(["0", "1"])), first_number(pd.Series(["1", "2"]))
    (0, 1)
    """
    return 1 - int(len(ids) > 0 and ids.iloc[0] == "0")


MOST_CHANGED = 3  # ids that stand alone, far from the others, among those of rows that are numbered


def lost_rows(competition: Competition, train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """A line for each file that is numbered from 0 or 1 with gaps: rows may have been lost.

    Train and test are looked at together unless each is numbered from there. Ids with more gaps than rows are not
    numbers of rows, unless all but a few follow one another from there (one id that was changed makes many gaps), or
    the test rows have none and stand behind the training rows.
    """
    train_file, test_file = competition.train_file, competition.test_file
    ids = train[competition.key], test[competition.key]
    if competition.id_column is None or ids[0].dtype.kind != "i" or ids[1].dtype.kind != "i":
        return []
    files = {train_file: set(ids[0]), test_file: set(ids[1])}
    if not files[train_file] & files[test_file]:
        files = {f"{train_file} and {test_file}": files[train_file] | files[test_file]}
    behind = min(ids[1]) > max(ids[0]) and np.ptp(ids[1]) == len(ids[1]) - 1 > 0
    lines = []
    for name, numbers in files.items():
        start = 0 if 0 in numbers else 1
        gaps = max(numbers) - start + 1 - len(numbers)
        alone = {number for number in numbers if not {number - 1, number + 1} & numbers}
        rest = numbers - alone if len(alone) <= MOST_CHANGED else numbers
        one_by_one = len(rest) > 0 and max(rest) - start + 1 - len(rest) < len(rest)
        if min(numbers) >= 0 and gaps > 0 and (gaps < len(numbers) or one_by_one or behind):
            first = next(number for number in range(start, max(numbers)) if number not in numbers)
            what = f"no row has {competition.key} {first}"
            more = f", nor {gaps - 1} others from {start} to {max(numbers)}" if gaps > 1 else ""
            lines.append(f"{name}: {what}{more}: were rows lost?")
    return lines


def codes(competition: Competition) -> dict[str, int]:
    """Code of each target value as it may stand in a csv file.

    That is the class itself, for a whole number with `.0` too, for truth values any word of `declared.TRUTH`.
    """
    if _are_truth(competition):
        return {pair[int(value)]: i for i, value in enumerate(competition.classes) for pair in TRUTH}
    exact = {str(value): i for i, value in enumerate(competition.classes)}
    return exact | {f"{value}.0": i for i, value in enumerate(competition.classes) if isinstance(value, int)}


def _are_truth(competition: Competition) -> bool:
    return all(isinstance(value, bool) for value in competition.classes) and bool(competition.classes)


def ids_as(name: str, ids: pd.Series, others: pd.Series) -> pd.Series:
    """Ids, as text, of a file's rows as those of `others` are: whole numbers where these are.

    Raises: DataError for what is no whole number then.
    """
    return _whole(name, ids) if others.map(lambda cell: bool(WHOLE.fullmatch(str(cell)))).all() else ids


def _with_ids(competition: Competition, frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The frames with ids that can be compared: whole numbers, sorted, if those of test or sample are, else text.

    Kaggle wants the ids back as it wrote them: those of the sample submission have to be plain already.
    """
    key, test_file, sample_file = competition.key, competition.test_file, competition.sample_submission
    plain = {name: frames[name][key].map(lambda cell: bool(WHOLE.fullmatch(cell))) for name in frames}
    numbers = plain[test_file].all() or plain[sample_file].all()
    sample_ids = frames[sample_file][key]
    decimals = sample_ids.str.fullmatch(r"[0-9]+\.0*")
    damaged = plain[sample_file].any() and (plain[sample_file] | decimals).all()
    odd = sample_ids[~plain[sample_file]] if numbers or damaged else sample_ids.head(0)
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
    numbers = (float(cell) if NUMBER.fullmatch(cell) else np.nan for cell in ids[~plain])
    others = pd.Series(numbers, ids.index[~plain], dtype="float64")  # also where there are none
    odd = others[~((others % 1 == 0) & (others.abs() < 2**53))]
    if len(odd):
        raise rows_error(name, "not a whole number", ids[odd.index])
    return pd.concat([ids[plain].astype("int64"), others.astype("int64")]).loc[ids.index]


def _complete(name: str, ids: pd.Series, cells: pd.Series) -> None:
    """Every row has an id of its own."""
    for words, odd in (("value missing", ids.isna()), ("the same value more than once", ids.duplicated(keep=False))):
        if odd.any():
            raise rows_error(name, words, cells[odd].fillna(""))


def _differing(competition: Competition, target: pd.Series) -> None:
    """The training rows do not all have one target, and those of every class are there."""
    values = target.unique()
    name = f"{competition.train_file}, column {competition.target!r}"
    if len(values) < 2:
        value, number = values[0], competition.number is not None
        needed = ("a model needs two values", "两个不同的值") if number else ("a classifier needs rows", "两个类别")
        raise DataError(
            f"{name}: every row holds {f'{value:g}' if number else repr(value)}",
            f"download the file again: {needed[0]} {'at least' if number else 'of at least two classes'}",
            f"请重新下载该文件：训练数据至少需要{needed[1]}",
        )
    if competition.number is not None:
        return
    code = codes(competition)
    missing = set(code.values()) - {code[value] for value in values}
    if missing:
        raise DataError(
            f"{name}: no row holds {competition.classes[min(missing)]}",
            "download the file again: rows are missing",
            "请重新下载该文件：缺少数据行",
        )
