"""Every reason not to upload a csv, found in its finished bytes."""

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.data.agreement import read_sample
from pipelines.data.strict_csv import parse_csv
from pipelines.errors import DataError, SubmissionError

SUM_TOLERANCE = 1e-4  # nine probabilities written with six decimals are off by 5e-6 at most
FEWEST_DECIMALS = 4  # rounding to two decimals turned a log loss of 0.494 into 0.620


def check(competition: Competition, csv: bytes, sample_csv: bytes) -> None:
    """Raise SubmissionError with every reason not to upload `csv`."""
    problems = lint(competition, csv, sample_csv)
    if problems:
        raise SubmissionError(
            "the submission is refused: " + "; ".join(problems),
            f"compare it with {competition.sample_submission} and predict again",
            f"请与 {competition.sample_submission} 对照后重新生成预测",
        )


def lint(competition: Competition, csv: bytes, sample_csv: bytes) -> list[str]:
    """Every reason not to upload `csv`; an empty list if there is none.

    `sample_csv` is Kaggle's sample submission. Both are the bytes of a file.
    """
    key = competition.key
    try:
        sample = read_sample(competition, sample_csv)
        found = parse_csv("the submission", csv, (key,))
    except DataError as error:
        return [error.message]
    if list(found.columns) != list(sample.columns):
        wanted = ", ".join(map(str, sample.columns))
        return [f"its columns are {', '.join(map(str, found.columns))}; Kaggle expects {wanted}"]
    problems = _id_problems(key, found[key], sample[key])
    values, example = found.drop(columns=key), sample.drop(columns=key)
    missing = values.isna()
    if missing.any(axis=None):
        row, column = np.argwhere(missing.to_numpy())[0]
        count = int(missing.to_numpy().sum())
        problems.append(
            f"{count} values are missing, the first at {key} {found[key].iloc[row]}, {values.columns[column]}"
        )
    elif competition.submit == "labels":
        problems += _label_problems(competition, values.iloc[:, 0])
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


def _label_problems(competition: Competition, values: pd.Series) -> list[str]:
    known = {str(label) for label in competition.classes}
    odd = [value for value in values.unique() if str(value) not in known]
    if odd:
        shown = ", ".join(str(value) for value in odd[:3])
        kind = "probabilities, or labels written as decimals" if values.dtype.kind == "f" else "unknown classes"
        return [f"{values.name} holds {shown}: {kind}; labels are {', '.join(sorted(known))}"]
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
    if np.array_equal(values.to_numpy(), example.to_numpy()):
        return [f"it is the sample submission {competition.sample_submission}, not a prediction"]
    if len(values) > 1 and (values == values.iloc[0]).all(axis=None):
        return ["it says the same for every row"]
    return []
