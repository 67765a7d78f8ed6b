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
from pipelines.features.belonging import group_codes, time_order
from pipelines.metrics import FloatArray, IntArray, Metric, Target
from pipelines.submission.record import HiddenScore
from pipelines.training.early_stopping import first_equal
from pipelines.validation.splits import split

PARTS = 5  # one of so many is hidden


@dataclass(frozen=True)
class Hidden:
    """`tables` with hidden rows in the place of the test rows, and their targets `truth` (M,).

    Rows of the same number in `groups` (M,) do not count as independent.
    """

    tables: Tables
    truth: Target
    groups: IntArray | None = None

    def score(self, metric: Metric, predictions: FloatArray) -> HiddenScore:
        """Score of predictions (M, P) of the hidden rows."""
        se = metric.se(self.truth, predictions, self.groups)
        return HiddenScore(metric(self.truth, predictions), se, len(self.truth))


def hide(competition: Competition, tables: Tables, seed: int) -> Hidden:
    """Take a fifth of the N training rows for test rows, without their targets: as Kaggle took its own.

    At random, stratified; or whole groups; or the latest rows. Rows that are equal but for the id are not parted.

    Raises: DataError when there are too few rows, groups or times for that.
    """
    twins = first_equal(tables.train.iloc[:, 1:], tables.y)
    groups, time = group_codes(competition, tables.train), time_order(competition, tables.train)
    try:
        if time is None:
            # The most uneven groups are dealt first, and the first part gets few of the even ones: any may be hidden.
            part = 0 if groups is None else int(np.random.default_rng(seed).integers(PARTS))
            shown, hidden = split(tables.y, PARTS, seed, twins, groups=groups)[part]
        else:
            shown, hidden = split(tables.y, PARTS - 1, seed, twins, time=time)[-1]
    except DataError as error:
        raise DataError(
            f"--practice hides one row in {PARTS} as one of {PARTS} folds, and {error.message}",
            "leave --practice out",
            "请去掉 --practice",
        ) from error
    train, test = (tables.train.iloc[rows].reset_index(drop=True) for rows in (shown, hidden))
    numbers = time if groups is None else groups
    counted = None if numbers is None else numbers[hidden]
    return Hidden(replace(tables, train=train, y=tables.y[shown], test=test), tables.y[hidden], counted)


def without_published(competition: Competition) -> Competition:
    """Without what others showed of Kaggle's own test rows: hidden rows are no harder, and all of them count."""
    return replace(competition, published=None, public_share=1.0)
