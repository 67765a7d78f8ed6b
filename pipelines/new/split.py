"""Which rows belong together, and which come later: what folds must keep, found by comparing train and test.

Kaggle splits whole groups, or at a moment: then no value of that column, or of that part of the id, is in both files.
"""

import re
from dataclasses import dataclass, field

import pandas as pd

from pipelines.data.strict_csv import is_gap
from pipelines.errors import UsageError
from pipelines.new.columns import as_dates
from pipelines.new.roles import Roles, Said

PREFIX = "prefix"  # for --groups: the part of the id before its sign
SIGNS = "_-/:"
BEFORE_TIME = " T"
LEAST_GROUPS, LEAST_SIZE = 20, 2.0  # groups in each file, and rows of one on average, to be taken for groups
LEAST_SHARED = 0.1  # of the rows that share an id's prefix with another
TIMELY = re.compile(r"date|time|year|month|week|day|since|stamp", re.IGNORECASE)


@dataclass(frozen=True)
class Split:
    """A column that groups rows, or the sign (`prefix_of`) before which the id does; or the column of their time.

    `notes` says why; `unused` what looks like a time and is none to split by.
    """

    groups: str | None = None
    prefix_of: str | None = None
    time: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    unused: str | None = None


def find_split(roles: Roles, said: Said) -> Split:
    """How folds are to be made.

    Raises: UsageError for a column that is not there, and for groups and time both.
    """
    if said.groups is not None and said.time is not None:
        raise UsageError(
            "--groups and --time: rows are split by one of them",
            "keep the one by which Kaggle split train and test rows",
            "请只保留 Kaggle 划分训练集和测试集所依据的那一项",
        )
    if said.time is not None:
        _check("--time", said.time, roles)
        return Split(time=said.time)
    if said.groups is not None:
        return _said_groups(roles, said.groups)
    time, unused = _time(roles)
    if time is not None:
        return Split(time=time, notes={"time": f"every {time} of {roles.test.name} is later than all of train"})
    sign = prefix_sign(roles)
    if sign is not None:
        of_one_day = sign in BEFORE_TIME
        what = (
            "rows of one day, and no day is in both files"
            if of_one_day
            else (f"ids agree before {sign!r}, and no such part is in both files")
        )
        return Split(prefix_of=sign, notes={"groups": what}, unused=roles.id if of_one_day else None)
    column = _group_column(roles)
    notes = {} if column is None else {"groups": f"its values repeat, and none is in both {_both(roles)}"}
    return Split(groups=column, notes=notes, unused=unused)


def _said_groups(roles: Roles, name: str) -> Split:
    if name not in (PREFIX, roles.id):
        _check("--groups", name, roles)
        return Split(groups=name)
    ids = roles.train.text(roles.id) if roles.id else pd.Series(dtype="str")
    for sign in SIGNS:
        if len(ids) and ids.str.contains(sign, regex=False).all():
            return Split(prefix_of=sign)
    raise UsageError(
        f"--groups {name}: the ids have no part before one of {' '.join(SIGNS)}",
        "name a column: --groups COLUMN",
        "请用 --groups 指定一列",
    )


def prefix_sign(roles: Roles) -> str | None:
    """The sign before which ids repeat within a file and never across files."""
    if roles.id is None or roles.train.frame[roles.id].dtype.kind in "iuf":
        return None
    train, test = (table.text(roles.id) for table in (roles.train, roles.test))
    for sign in SIGNS if as_dates(train) is None else BEFORE_TIME:  # whole days
        if not (train.str.contains(sign, regex=False).all() and test.str.contains(sign, regex=False).all()):
            continue
        ours, theirs = (ids.str.partition(sign)[0] for ids in (train, test))
        repeats = float(ours.duplicated(keep=False).mean())
        if repeats >= LEAST_SHARED and _apart(ours, theirs):
            return sign
    return None


def _group_column(roles: Roles) -> str | None:
    """The column whose values repeat, and of which none is in both files; the one with most values."""
    found = []
    for name in roles.features:
        train, test = (known(table.frame[name]) for table in (roles.train, roles.test))
        numbers = [cells.dtype.kind in "iuf" for cells in (train, test)]
        whole = numbers[0] == numbers[1] and (not numbers[0] or bool((train % 1 == 0).all()))
        if whole and _apart(train, test) and len(train) >= LEAST_SIZE * train.nunique():
            found.append((train.nunique(), name))
    return max(found)[1] if found else None


def _apart(train: pd.Series, test: pd.Series) -> bool:
    """Whether both hold many different values, and none in common."""
    ours, theirs = set(train.unique()), set(test.unique())
    return min(len(ours), len(theirs)) >= LEAST_GROUPS and not ours & theirs


def _time(roles: Roles) -> tuple[str | None, str | None]:
    """The column of dates, or of numbers whose name says so, of which all of test is later; else one that is not so."""
    unused = None
    for name in [*([roles.id] if roles.id else []), *roles.features]:
        train, test = (known(table.frame[name]) for table in (roles.train, roles.test))
        if train.nunique() < LEAST_GROUPS or len(train) < roles.train.n_rows or not len(test):
            continue
        if train.dtype.kind in "iuf" and test.dtype.kind in "iuf":
            if TIMELY.search(name) and name != roles.id and test.min() > train.max():
                return name, None
            continue
        before, after = (as_dates(cells.drop_duplicates().astype("str")) for cells in (train, test))
        if before is not None and after is not None:
            if after.min() > before.max():
                return name, None
            unused = unused or name
    return None, unused


def known(cells: pd.Series) -> pd.Series:
    """The cells that hold something."""
    if cells.dtype.kind in "iuf":
        return cells.dropna()
    return cells[cells.notna() & ~cells.isin([cell for cell in cells.dropna().unique() if is_gap(cell)])]


def _check(option: str, name: str, roles: Roles) -> None:
    known = [*([roles.id] if roles.id else []), *roles.features]
    if name not in known:
        raise UsageError(
            f"{option} {name!r} is not a column of both {_both(roles)}",
            f"choose one of {', '.join(known[:12])}{', ...' * (len(known) > 12)}",
            f"请从两个文件共有的列中选择：{'、'.join(known[:12])}",
        )


def _both(roles: Roles) -> str:
    return f"{roles.train.name} and {roles.test.name}"
