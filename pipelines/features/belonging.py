"""Which rows belong together, and which come first: groups, times, and rows that are equal.

Shapes: N rows.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.competition import Competition
from pipelines.errors import DataError, DataWarning, UsageError, code_named
from pipelines.metrics import IntArray

if TYPE_CHECKING:
    from pipelines.features.frames import Features


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
        of = "" if name == "<lambda>" else f" ({name})"
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


def split_lines(competition: Competition, folds: int, features: "Features") -> Iterator[str]:
    """What binds training rows to a fold, if anything does: equal rows, groups, time."""
    if n_twins := features.n_twins:
        repeat = "rows repeat" if n_twins > 1 else "row repeats"
        yield f"equal rows: {n_twins} training {repeat} another but for the id; equal ones share a fold"
    if line := split_line(competition, folds, features.groups, features.time):
        yield line
