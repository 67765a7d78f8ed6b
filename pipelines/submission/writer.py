"""Predictions -> a csv in the form of Kaggle's own sample submission, saved beside its record.

Shapes: M test rows, C classes.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.files import write_whole
from pipelines.metrics import FloatArray
from pipelines.submission.folder import reserved
from pipelines.submission.record import Record


def to_csv(competition: Competition, sample: pd.DataFrame, test_ids: pd.Series, proba: FloatArray) -> bytes:
    """The csv of probabilities (M, C) for `test_ids` (M,), in the form and order of `sample`."""
    columns = [column for column in sample.columns if column != competition.key]
    rows = pd.Index(test_ids).get_indexer(pd.Index(sample[competition.key]))
    assert (rows >= 0).all(), "tables.read has checked that the sample submission has the ids of the test file"
    out = sample[[competition.key]].copy()
    if competition.submit == "labels":
        labels = np.array(competition.classes)[proba[rows].argmax(axis=1)]
        out[columns[0]] = labels.astype(sample[columns[0]].dtype.type if labels.dtype.kind in "if" else object)
    else:
        by_class = pd.DataFrame(proba[rows], columns=[str(value) for value in competition.classes], index=out.index)
        out[columns] = by_class[columns] if len(columns) > 1 else by_class.iloc[:, -1:]
    text = out[list(sample.columns)].to_csv(index=False, lineterminator="\n", float_format="%.9g")
    return text.encode()


def save(folder: Path, name: str, csv: bytes, record: Record) -> Path:
    """Write `<time>-<name>.csv` and its record `<time>-<name>.json` to `folder`; returns the csv's path.

    The record comes first: a csv that is there has a record. Times are UTC.
    """
    with reserved(folder, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{name}") as path:
        record.save(path.with_suffix(".json"))
        try:
            write_whole(path, csv)
        except BaseException:  # Ctrl-C as well: a record without its csv says that there was a submission
            if not path.exists():
                path.with_suffix(".json").unlink(missing_ok=True)
            raise
    return path
