"""Every reason not to upload a csv, found in its finished bytes."""

import re

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.data.agreement import read_sample, spellings
from pipelines.data.declared import LARGEST
from pipelines.data.strict_csv import parse_csv
from pipelines.errors import DataError, SubmissionError
from pipelines.submission.writer import n_ranked

Range = tuple[float, float]  # the lowest and the highest of something
SUM_TOLERANCE = 1e-4  # nine probabilities written with six decimals are off by 5e-6 at most
FEWEST_DECIMALS = 4  # rounding to two decimals turned a log loss of 0.494 into 0.620


def check(competition: Competition, csv: bytes, sample_csv: bytes, known: Range | None = None) -> None:
    """Raise SubmissionError with every reason not to upload `csv`."""
    problems = lint(competition, csv, sample_csv, known)
    if problems:
        raise SubmissionError(
            "the submission is refused: " + "; ".join(problems),
            f"compare it with {competition.sample_submission} and predict again",
            f"请与 {competition.sample_submission} 对照后重新生成预测",
        )


def lint(competition: Competition, csv: bytes, sample_csv: bytes, known: Range | None = None) -> list[str]:
    """Every reason not to upload `csv`; an empty list if there is none.

    `sample_csv` is Kaggle's sample submission. Both are the bytes of a file. `known` are the lowest and the highest
    target of the training rows, where it is a number; far beyond them nothing is believed.
    """
    key, id_name = competition.key, competition.sample_id or competition.key
    try:
        sample = read_sample(competition, sample_csv)
        text = list(sample.columns) if competition.submit in ("labels", "ranked") else [key]
        header = [id_name if column == key else column for column in sample.columns]
        found = parse_csv("the submission", csv, [id_name, *text], separators=",")
    except DataError as error:
        return [error.message]
    if list(found.columns) != header:
        return [f"its columns are {', '.join(map(str, found.columns))}; Kaggle expects {', '.join(map(str, header))}"]
    found = found.rename(columns={id_name: key})
    problems = _id_problems(id_name, found[key], sample[key])
    values, example = found.drop(columns=key), sample.drop(columns=key)
    missing = values.isna()
    if missing.any(axis=None):
        row, column = np.argwhere(missing.to_numpy())[0]
        count = int(missing.to_numpy().sum())
        problems.append(
            f"{count} values are missing, the first at {id_name} {found[key].iloc[row]}, {values.columns[column]}"
        )
    elif competition.submit == "labels":
        problems += _label_problems(spellings(competition, example.iloc[:, 0]), values.iloc[:, 0])
    elif competition.submit == "ranked":
        problems += _ranking_problems(competition, found[key], values.iloc[:, 0])
    elif competition.submit == "values":
        problems += _value_problems(competition, found[key], values.iloc[:, 0], known)
    else:
        problems += _probability_problems(key, found[key], values)
    if not problems:
        problems += _same_values(competition, values, example)
    return problems


def _id_problems(key: str, found: pd.Series, wanted: pd.Series) -> list[str]:
    """What is wrong with the ids, which are compared as text: Kaggle wants them back as it wrote them."""
    found = found.fillna("")
    if found.duplicated().any():
        return [f"{key} {found[found.duplicated()].iloc[0]} occurs more than once"]
    odd, lost = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
    if odd and len(found) == len(wanted):
        there, here = (pd.to_numeric(ids, errors="coerce").to_numpy(dtype=np.float64) for ids in (wanted, found))
        if np.array_equal(there, here):
            place = int((found.to_numpy() != wanted.to_numpy()).argmax())
            return [f"{key} is written as {found.iloc[place]}, Kaggle writes {wanted.iloc[place]}"]
    problems = [f"{len(odd)} ids are not in the test file, for example {key} {odd[0]}"] if odd else []
    problems += [f"{len(lost)} ids are missing, for example {key} {lost[0]}"] if lost else []
    if not problems and list(found) != list(wanted):
        problems.append(f"the order of {key} is not that of the sample submission")
    return problems


def _label_problems(labels: list[str], cells: pd.Series) -> list[str]:
    odd = [value for value in cells.unique() if value not in labels]
    if not odd:
        return []
    if any(re.fullmatch(r"[-+0-9.e]*\.[-+0-9e]*", value) for value in odd):
        kind = "probabilities, or labels written as decimals"
    elif {value.casefold() for value in odd} <= {label.casefold() for label in labels}:
        kind = "capital or small letters where the competition has the others"
    else:
        kind = "unknown classes"
    return [f"{cells.name} holds {', '.join(odd[:3])}: {kind}; labels are {', '.join(sorted(labels))}"]


def _ranking_problems(competition: Competition, ids: pd.Series, cells: pd.Series) -> list[str]:
    known, wanted = {str(value) for value in competition.classes}, n_ranked(competition)
    for number, cell in zip(ids, cells, strict=True):
        labels = cell.split()
        odd = [label for label in labels if label not in known]
        if odd:
            return [f"{cells.name} holds {odd[0]} at {ids.name} {number}: an unknown class"]
        if not len(set(labels)) == len(labels) == wanted:
            return [f"{cells.name} holds {cell!r} at {ids.name} {number}, where {wanted} different classes belong"]
    return []


def _value_problems(competition: Competition, ids: pd.Series, values: pd.Series, known: Range | None) -> list[str]:
    if values.dtype.kind not in "if":
        return ["it holds text where numbers belong"]
    low, high = known or (-LARGEST, LARGEST)
    where = f"the training rows' {low:g} to {high:g}" if known else "what can be computed with"
    is_log = competition.number is not None and competition.number.transform == "log1p"
    faults = {
        "is no finite number": ~np.isfinite(values),
        f"is far outside {where}": ~values.between(2 * low - high, 2 * high - low),
        "has no logarithm (log1p)": values <= (-1 if is_log else -np.inf),
    }
    for words, odd in faults.items():
        if odd.any():
            row = int(odd.to_numpy().argmax())
            return [f"{values.iloc[row]:g} at {ids.name} {ids.iloc[row]} {words} ({int(odd.sum())} such rows)"]
    return []


def _probability_problems(key: str, ids: pd.Series, values: pd.DataFrame) -> list[str]:
    if not all(dtype.kind in "if" for dtype in values.dtypes):
        return ["it holds text where probabilities belong"]
    p = values.to_numpy(dtype=np.float64)
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        row, column = np.argwhere(outside)[0]
        return [f"{p[row, column]} at {key} {ids.iloc[row]}, {values.columns[column]} is outside [0, 1]"]
    off = np.abs(p.sum(axis=1) - 1) > SUM_TOLERANCE
    if p.shape[1] > 1 and off.any():
        row = int(np.argmax(off))
        return [
            f"{int(off.sum())} rows do not sum to one; {key} {ids.iloc[row]} sums to {p[row].sum():.6g} (lecture 9)"
        ]
    if np.isin(p, (0, 1)).all():
        return [
            "it holds labels (only 0 and 1) where probabilities belong; one miss costs a log loss of 34.5 (lecture 9)"
        ]
    if (p == p.round(FEWEST_DECIMALS - 1)).all():
        return [f"its probabilities are rounded to {FEWEST_DECIMALS - 1} decimals or fewer, which costs score"]
    return []


def _same_values(competition: Competition, values: pd.DataFrame, example: pd.DataFrame) -> list[str]:
    if competition.submit in ("labels", "ranked"):
        example = example.astype(str)
    if np.array_equal(values.to_numpy(), example.to_numpy()):
        return [f"it is the sample submission {competition.sample_submission}, not a prediction"]
    if len(values) > 1 and (values == values.iloc[0]).all(axis=None):
        return ["it says the same for every row"]
    return []
