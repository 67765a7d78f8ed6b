"""Folds: which rows train, and which are scored by networks that have not seen them.

Shapes: N rows.

Rows are dealt at random, stratified by the target; or by groups, of which none is parted; or by time, and later rows
are scored by earlier ones. Rows that are equal (twins) stay together.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

from pipelines.competition import Competition
from pipelines.errors import DataError, DataWarning, UsageError, code_named
from pipelines.metrics import IntArray, Target
from pipelines.training.early_stopping import strata
from pipelines.validation.conditions import refuse_few, refuse_few_times, refuse_unseen_classes


class Fold(NamedTuple):
    """Row numbers: `train` may be learned from, `scored` may not be seen before they are predicted."""

    train: IntArray
    scored: IntArray


def split(
    y: Target,
    folds: int,
    seed: int,
    twins: IntArray | None = None,
    *,
    groups: IntArray | None = None,
    time: IntArray | None = None,
) -> list[Fold]:
    """Folds of rows with the target `y` (N,): class codes, or values; no row is scored twice.

    `twins` (N,) holds for each row the first that equals it: such rows stay in one fold. So do those of one number in
    `groups` (N,). With `time` (N,), whole numbers in order, each fold is scored by the rows before it; the rows
    before the first of `folds` blocks of equal size are never scored. Otherwise every row is.

    Raises: DataError when there are fewer different rows, groups or times than that takes.
    """
    twins = np.arange(len(y)) if twins is None else twins
    if time is not None:
        return _by_time(y, folds, twins, time)
    if groups is not None:
        return _by_groups(y, folds, seed, together(twins, groups))
    first, is_class = np.unique(twins), y.dtype.kind != "f"
    counts = np.bincount(y[first]) if is_class else np.array([len(first)])
    refuse_few(counts, folds, "different rows" if len(first) < len(y) else "rows", of_class=is_class)
    fold_of = np.empty(len(y), dtype=np.int64)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(first, strata(y[first], folds))
    for fold, (_, scored) in enumerate(parts):
        fold_of[first[scored]] = fold
    return _folds(fold_of[twins], folds)


def together(twins: IntArray, groups: IntArray) -> IntArray:
    """For each row the first of its unit: rows of one group, and of groups that equal rows tie together; (N,).

    >>> together(np.array([0, 1, 2, 0, 4]), np.array([7, 7, 8, 9, 9])).tolist()
    [0, 0, 2, 0, 0]
    """
    n, of_group = len(twins), np.unique(groups, return_inverse=True)[1]
    nodes = n + int(of_group.max(initial=0)) + 1
    rows, others = np.tile(np.arange(n), 2), np.concatenate([twins, n + of_group])
    _, unit = connected_components(coo_array((np.ones(2 * n), (rows, others)), shape=(nodes, nodes)), directed=False)
    _, first, which = np.unique(unit[:n], return_index=True, return_inverse=True)
    return np.asarray(first[which], dtype=np.int64)


def _by_groups(y: Target, folds: int, seed: int, units: IntArray) -> list[Fold]:
    """Whole units, dealt so that the folds are of like size and hold the classes in like shares."""
    is_class = y.dtype.kind != "f"
    of_class = y if is_class else np.zeros(len(y), dtype=np.int64)
    counts = np.bincount(np.unique(np.column_stack([of_class, units]), axis=0)[:, 0])
    refuse_few(counts, folds, "groups", of_class=is_class)
    kind = StratifiedGroupKFold if is_class else GroupKFold
    fold_of = np.empty(len(y), dtype=np.int64)
    for fold, (_, scored) in enumerate(kind(folds, shuffle=True, random_state=seed).split(units, y, units)):
        fold_of[scored] = fold
    found = _folds(fold_of, folds)
    refuse_unseen_classes(y, [fold.train for fold in found])
    return found


def _folds(fold_of: IntArray, folds: int) -> list[Fold]:
    return [Fold(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]


def _by_time(y: Target, folds: int, twins: IntArray, time: IntArray) -> list[Fold]:
    """Blocks as scikit-learn's TimeSeriesSplit has them, moved to where a new time begins."""
    times, before = np.unique(np.sort(time), return_index=True)  # how many rows are before each time
    refuse_few_times(len(times), folds)
    starts = [0]  # of the blocks, among the times
    for block in range(folds):
        start = np.searchsorted(before, len(y) - (folds - block) * (len(y) // (folds + 1)))
        starts.append(int(np.clip(start, starts[-1] + 1, len(times) - folds + block)))
    block_of = np.searchsorted(times[starts], time, side="right") - 1
    found = []
    for block in range(1, folds + 1):
        train, scored = np.flatnonzero(block_of < block), np.flatnonzero(block_of == block)
        found.append(Fold(train[~np.isin(twins[train], twins[scored])], scored))
    refuse_unseen_classes(y, [fold.train for fold in found])
    return found


def group_codes(competition: Competition, rows: pd.DataFrame) -> IntArray | None:
    """The number of each row's group; a row of none has one of its own. None where there are no groups.

    Warns: DataWarning where rows have none. Raises: see `group_names`.
    """
    names = group_names(competition, rows)
    if names is None:
        return None
    alone = int(names.isna().sum())
    if alone:
        said = f"groups of {competition.slug}: {alone} rows have none; each is taken for a group of its own"
        warnings.warn(said, DataWarning, stacklevel=2)
    return codes_of(names)


def group_names(competition: Competition, rows: pd.DataFrame) -> pd.Series | None:
    """What names each row's group, missing where nothing does; None where the competition has no groups.

    Raises: UsageError for a column that is not there, or a function that fails or gives no value a row.
    """
    of = competition.groups
    if of is None:
        return None
    return _column(competition, "groups", of, rows) if isinstance(of, str) else _named_by(competition, of, rows)


def codes_of(names: pd.Series) -> IntArray:
    """A number for each name, and for each row without one.

    >>> codes_of(pd.Series(["b", None, "a", "b", None])).tolist()
    [0, 2, 1, 0, 3]
    """
    codes = np.asarray(pd.factorize(names)[0], dtype=np.int64)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(len(alone))
    return codes


def time_order(competition: Competition, rows: pd.DataFrame) -> IntArray | None:
    """The place of each row's time among all times; None where rows have none.

    Raises: UsageError for a column that is not there, DataError for values that are neither numbers nor dates.
    """
    if competition.time is None:
        return None
    column = _column(competition, "time", competition.time, rows)
    when = column if column.dtype.kind in "iufM" else pd.to_numeric(column, errors="coerce")
    if when.isna().all():
        when = pd.to_datetime(column, errors="coerce", format="mixed")
    if when.isna().any():
        name, held = rows.loc[when.isna().to_numpy(), [competition.key, competition.time]].astype(str).iloc[0]
        raise DataError(
            f"time={competition.time!r} of {competition.slug}: the row of {competition.key} {name} holds {held!r}, "
            "which is neither a number nor a date",
            "name a column that says of each row when it was, in competition.py",
            "请在 competition.py 中将 time 设为每行都有数值或日期的列",
        )
    return np.asarray(when.rank(method="dense"), dtype=np.int64) - 1


def split_line(competition: Competition, folds: int, groups: IntArray | None, time: IntArray | None) -> str:
    """How the rows are split, where it is not row by row at random; else nothing."""
    if groups is not None:
        name = getattr(competition.groups, "__name__", competition.groups)  # of a function, or of a column
        of = "" if name == "<lambda>" else f" of {name}"
        return f"split: {folds} folds by groups{of}: {len(np.unique(groups))} groups, none in two folds"
    if time is not None:
        return (
            f"split: {folds} folds by {competition.time}: {len(np.unique(time))} times in {folds + 1} blocks, each "
            "scored by those before it, the first never"
        )
    return ""


def _column(competition: Competition, field: str, name: str, rows: pd.DataFrame) -> pd.Series:
    if name not in rows:
        known = ", ".join(map(str, rows.columns))
        raise UsageError(
            f"{field}={name!r} of {competition.slug} is no column of the training rows: {known}",
            f"name one of these as {field} in competition.py",
            f"请在 competition.py 中将 {field} 设为其中一列",
        )
    return rows[name]


def _named_by(competition: Competition, function: Callable[[pd.DataFrame], pd.Series], rows: pd.DataFrame) -> pd.Series:
    """What the competition's function says, checked: a value for each row."""
    with code_named(f"groups of {competition.slug}"):
        names = function(rows.copy())
    n_values = len(names) if isinstance(names, pd.Series | np.ndarray | list | tuple) else None
    if n_values != len(rows) or getattr(names, "ndim", 1) != 1:
        came = f"{n_values} values" if n_values is not None else type(names).__name__
        raise UsageError(
            f"groups of {competition.slug} gives {came} for {len(rows)} rows, where one for each row is needed",
            "let it return a Series: lambda rows: rows['Id'].str.partition('_')[0]",
            "请让它为每行返回一个值，例如 lambda rows: rows['Id'].str.partition('_')[0]",
        )
    return pd.Series(names)
