"""Predictions -> a csv in the form of Kaggle's own sample submission, saved beside its record.

Shapes: M test rows, P predictions of a row: the probabilities of C classes, or one value.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.data.agreement import classes_of, spellings
from pipelines.files import sha256, write_whole
from pipelines.metrics import FloatArray
from pipelines.submission.folder import reserved
from pipelines.submission.record import Record, beside


def to_csv(competition: Competition, sample: pd.DataFrame, test_ids: pd.Series, predictions: FloatArray) -> bytes:
    """The csv of predictions (M, P) for `test_ids` (M,), in the form and order of `sample`."""
    key, submit = competition.key, competition.submit
    columns = [column for column in sample.columns if column != key]
    rows = pd.Index(test_ids).get_indexer(pd.Index(sample[key]))
    assert (rows >= 0).all(), "tables.read has checked that the sample submission has the ids of the test file"
    out, said = sample[[key]].copy(), predictions[rows]
    if submit == "probabilities":
        out[columns] = said[:, classes_of(competition, columns)]
    elif submit == "values":
        out[columns[0]] = competition.metric.given(said)  # as it is scored: none below what the metric takes
    else:
        labels = np.array(spellings(competition, sample[columns[0]]), dtype=object)
        n_best = n_ranked(competition) if submit == "ranked" else 1
        best = labels[np.argsort(-said, axis=1, kind="stable")[:, :n_best]]
        out[columns[0]] = [" ".join(row) for row in best]
    out = out[list(sample.columns)].rename(columns={key: competition.sample_id or key})
    return out.to_csv(index=False, lineterminator="\n", float_format="%.9g").encode()


def n_ranked(competition: Competition) -> int:
    """How many classes a row of ranked ones names: as many as the metric looks at, three if it does not say."""
    return min(getattr(competition.metric, "k", None) or 3, len(competition.classes))


def save(folder: Path, name: str, csv: bytes, record: Record) -> Path:
    """Write `<time>-<name>.csv` and its record `<time>-<name>.json` to `folder`; returns the csv's path.

    Of a run with a folder they have the folder's name. The record comes first: a csv that is there has a record.
    """
    own = folder / f"{record.run}.csv"
    if record.run and getattr(beside(own, record.slug, sha256(csv)), "run", None) == record.run:
        return own  # the run was killed when all but its own record was written
    with reserved(folder, record.run or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{name}") as path:  # in UTC, as folders
        record.save(path.with_suffix(".json"))
        try:
            write_whole(path, csv)
        except BaseException:  # Ctrl-C as well: a record without its csv says that there was a submission
            if not path.exists():
                path.with_suffix(".json").unlink(missing_ok=True)
            raise
    return path
