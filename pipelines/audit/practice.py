"""Practice without an upload: some training rows play Kaggle's test file, and their labels stay hidden.

Shapes: N training rows, M hidden rows, C classes.

The example of a submission that Kaggle gives out (for Titanic: women live, men die) is not the truth; a score
against it measures likeness to that rule. Hidden rows have a truth.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.competition import Competition
from pipelines.data.tables import Tables
from pipelines.errors import DataError
from pipelines.metrics import FloatArray, IntArray, Metric
from pipelines.submission.record import HiddenScore
from pipelines.training.early_stopping import first_equal
from pipelines.validation.splits import split

PARTS = 5  # one of so many is hidden


@dataclass(frozen=True)
class Hidden:
    """`tables` with hidden rows in the place of the test rows, and their class codes `truth` (M,)."""

    tables: Tables
    truth: IntArray

    def score(self, metric: Metric, proba: FloatArray, groups: IntArray | None = None) -> HiddenScore:
        """Score of probabilities (M, C) of the hidden rows, whose `groups` (M,) count as one in its error."""
        return HiddenScore(metric(self.truth, proba), metric.se(self.truth, proba, groups), len(self.truth))


def hide(tables: Tables, seed: int) -> Hidden:
    """Take a stratified fifth of the N training rows for test rows, without their labels.

    Rows that are equal, but for the id, are hidden together.

    Raises: DataError when a class has fewer different rows than there are parts.
    """
    twins = first_equal(tables.train.iloc[:, 1:], tables.y)
    counts = np.bincount(tables.y[np.unique(twins)])
    if counts.min() < PARTS:
        raise DataError(
            f"--practice hides one row in {PARTS} of each class, and the smallest class has {counts.min()} rows",
            "leave --practice out",
            "请去掉 --practice",
        )
    shown, hidden = split(tables.y, PARTS, seed, twins)[0]
    train, test = (tables.train.iloc[rows].reset_index(drop=True) for rows in (shown, hidden))
    return Hidden(replace(tables, train=train, y=tables.y[shown], test=test), tables.y[hidden])


def without_published(competition: Competition) -> Competition:
    """Without what others showed of Kaggle's own test rows: hidden rows are no harder, and all of them count."""
    return replace(competition, published=None, public_share=1.0)
