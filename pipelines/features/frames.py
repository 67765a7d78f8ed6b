"""What a competition makes of its rows: feature frames, the target, and what binds rows together.

Shapes: N training rows, M test rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipelines.competition import Competition
from pipelines.data.tables import Tables
from pipelines.errors import UsageError, code_named
from pipelines.features.belonging import group_codes, time_order, together
from pipelines.metrics import IntArray, Target
from pipelines.training.early_stopping import first_equal


@dataclass(frozen=True)
class Features:
    """Feature frames of the training rows (N) and test rows (M), and class codes, or numbers of the file, `y` (N,).

    `rows` (N) are the training rows as the file has them, but for the id; None where `train` is that. `groups` (N,)
    are the numbers of the rows' groups, `time` (N,) the places of their times, where the competition names them.
    """

    train: pd.DataFrame
    y: Target
    test: pd.DataFrame
    rows: pd.DataFrame | None = None
    groups: IntArray | None = None
    time: IntArray | None = None

    @cached_property
    def twins(self) -> IntArray:
        """For each training row the first that equals it, label and all: rows that no fold may part; (N,)."""
        return first_equal(self.train if self.rows is None else self.rows, self.y)

    @cached_property
    def units(self) -> IntArray:
        """For each training row the first of those that no fold may part: twins, and rows of one group; (N,)."""
        return self.twins if self.groups is None else together(self.twins, self.groups)

    @property
    def dependent(self) -> IntArray | None:
        """Numbers that rows share which errors must not count as independent: those of one unit, or of one time."""
        return self.time if self.groups is None else self.units

    @property
    def n_twins(self) -> int:
        """Training rows that equal one before them."""
        return int((self.twins != np.arange(len(self.y))).sum())


def make_features(competition: Competition, tables: Tables) -> Features:
    """Feature frames from train and test rows together, without the target; where nothing is added, without a copy."""
    rows, test = (frame.drop(columns=competition.key) for frame in (tables.train, tables.test))
    train = rows
    if competition.add_features is not None or not rows.dtypes.equals(test.dtypes):
        together = pd.concat([tables.train, tables.test], ignore_index=True)
        features = features_of(competition, together, tables.more)
        train, test = features.iloc[: len(rows)], features.iloc[len(rows) :].reset_index(drop=True)
    groups, when = group_codes(competition, tables.train), time_order(competition, tables.train)
    return Features(train, tables.y, test, rows, groups, when)


def features_of(competition: Competition, rows: pd.DataFrame, more: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What the competition makes of train and test rows together, ids too, and of its further tables.

    The id is no feature: it leaves with the frame. A competition that wants it as one gives it another name.

    Raises: UsageError for code of the competition that fails, with its file and line, and for rows lost or moved.
    """
    if competition.add_features is None:
        return rows.drop(columns=competition.key)
    given = rows.index
    with code_named(f"add_features of {competition.slug}"):
        features = competition.add_features(rows, **more)
    if not isinstance(features, pd.DataFrame):
        raise UsageError(
            f"add_features of {competition.slug} returns {type(features).__name__}, where a DataFrame is needed",
            "let it return the frame with the new columns; a def without return gives None",
            "请让它返回带有新列的 DataFrame；没有 return 的函数返回 None",
        )
    if not features.index.equals(given):
        raise UsageError(
            f"add_features of {competition.slug} must keep every row in its place: "
            f"{len(given)} rows went in, {len(features)} came back or their order changed",
            "add columns only; fill gaps or count in groups (transform) in place of dropna, merge and sort_values",
            "请只添加列：用填充或 groupby(...).transform 代替 dropna、merge 和 sort_values",
        )
    return features.drop(columns=competition.key, errors="ignore")
