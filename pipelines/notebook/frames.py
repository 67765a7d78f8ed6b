"""What a run said, as frames: ids as in the file, plain labels, folds from 0.

Shapes: N training rows, C classes.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd

from pipelines.audit.hardest import losses_of
from pipelines.competition import Competition
from pipelines.data.agreement import ids_as
from pipelines.metrics import IntArray
from pipelines.runs.predictions import RowPredictions
from pipelines.submission.record import Importance, Record


def oof(competition: Competition, said: RowPredictions) -> pd.DataFrame:
    """A row for each training row that a fold scores: id, truth, prediction, `probability_<label>` (C), loss, fold.

    The loss is that by which the report ranks the hardest rows: minus the logarithm of the truth's probability; of a
    number the absolute error as it is learned, which is that of logarithms where these are.
    """
    known = np.flatnonzero(said.fold >= 0)
    ids = pd.Series([said.ids[row] for row in known.tolist()], dtype="str")
    columns: dict[str, Any] = {competition.key: ids_as("the run", ids, ids)}
    y, proba = said.y[known], said.oof[known]
    if competition.number is not None:
        columns |= {"truth": y, "prediction": proba[:, 0]}
    else:
        codes = y.astype(np.int64)
        columns |= {"truth": labels(competition, codes), "prediction": labels(competition, proba.argmax(axis=1))}
        columns |= {f"probability_{label}": proba[:, code] for code, label in enumerate(competition.classes)}
    return pd.DataFrame(columns | {"loss": losses_of(competition, y, proba), "fold": said.fold[known]})


def hardest(competition: Competition, said: RowPredictions, train: pd.DataFrame, n: int) -> pd.DataFrame:
    """The n rows of `oof` with the greatest loss, the greatest first, each with its row of the file."""
    worst, known = oof(competition, said).nlargest(n, "loss"), np.flatnonzero(said.fold >= 0)
    rows = train.drop(columns=competition.key).iloc[known[worst.index]]  # by place: an id may come more than once
    rows = rows.rename(columns={name: f"{name}_of_file" for name in rows.columns.intersection(worst.columns)})
    return pd.concat([worst, rows.set_index(worst.index)], axis=1).reset_index(drop=True)


def labels(competition: Competition, codes: IntArray) -> pd.Series:
    """The classes of those codes, as the file has them."""
    return pd.Series([competition.classes[code] for code in codes]).infer_objects()


def folds(record: Record, said: RowPredictions) -> pd.DataFrame:
    """A row for each fold: rows that it scores, the score and its standard error."""
    rows = [int((said.fold == fold).sum()) for fold in range(len(record.fold_scores))]
    return pd.DataFrame(
        {"fold": range(len(rows)), "rows": rows, "score": record.fold_scores, "se": record.fold_se}
    )  # fmt: skip


def variants(record: Record) -> pd.DataFrame:
    """A row for each variant: its score alone, its weight in the pool, what it cost."""
    columns = ("name", "score", "weight", "seconds")
    return pd.DataFrame([{name: getattr(each, name) for name in columns} for each in record.variants], columns=columns)


def baselines(record: Record) -> pd.DataFrame:
    """A row for each baseline: its score, and how much better the run is, with standard errors; the best first."""
    rows = sorted(record.baselines, key=lambda each: each.gain)
    return pd.DataFrame([asdict(each) for each in rows], columns=["name", "score", "se", "gain", "gain_se"])


def importance(found: Sequence[Importance]) -> pd.DataFrame:
    """A row for each column, or group of columns alike: what the metric loses without it; the greatest loss first."""
    rows = [(each.name, each.loss, each.se) for each in found]
    return pd.DataFrame(rows, columns=["columns", "loss", "se"])


def curves(record: Record) -> pd.DataFrame:
    """A row for each variant, fold and epoch (from 1): the loss of training rows, and of rows held out where kept."""
    rows = [
        (variant.name, fold, epoch, *losses)
        for variant in record.variants
        for fold, both in enumerate(zip_longest(variant.losses, variant.held_out, fillvalue=()))
        for epoch, losses in enumerate(zip_longest(*both, fillvalue=np.nan), start=1)
    ]
    return pd.DataFrame(rows, columns=["variant", "fold", "epoch", "training", "held_out"])
