"""What was found -> sample.py: the statistics that made rows are drawn from."""

from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from pipelines.made import AT, MAKERS, N_TEST, N_TRAIN, Blocks, Categories, Dates, Ids, Made, Numbers
from pipelines.new.columns import as_dates, describe, of_texts, round_to, shape_of
from pipelines.new.roles import Roles
from pipelines.new.schema import as_python, made_lines, made_of, quoted, wrapped
from pipelines.new.text import BY, Found, Side

SHORTEST = 1 / 60  # hours


def sample_text(found: Found) -> str:
    """sample.py: the statistics, and the function that draws from them."""
    lines, roles = made_lines(found.columns, _split_by(found)), found.roles
    files = (roles.train.name, roles.test.name, roles.sample.name)
    value = [
        "FILES = MadeFiles(",
        "    columns=COLUMNS,",
        f"    target={quoted(roles.target)},",
        *wrapped(f"    values={as_python(_values(found))},", 8),
        f"    files={as_python(files)},",
        f"    id={as_python(roles.id)},",
        f"    ids={as_python(found.ids)},",
        f"    sample_id={as_python(roles.sample_id)},",
        *wrapped(f"    predicted={as_python(_predicted(found))},", 8),
        *_tables(found),
        ")  # fmt: skip",
    ]
    body = ["COLUMNS: dict[str, Made] = {", *lines, "}  # fmt: skip", *value]
    used = ["Made", *(name for name in MAKERS if any(f"{name}(" in line for line in body))]
    return (
        f'''"""Made rows in the form of the competition's files: drawn from statistics, no row is theirs.

{BY}.
"""

import pandas as pd

from pipelines.made import {", ".join(sorted(used))}

'''
        + "\n".join(body)
        + '''


def make_sample() -> dict[str, pd.DataFrame]:
    """The three files, always the same."""
    return FILES.make()
'''
    )


def _tables(found: Found) -> list[str]:
    """The argument from which further tables are made."""
    if not found.sides:
        return []
    lines = ["    tables={"]
    for side in found.sides:
        inner = [f"    {line}" for line in made_lines(side.columns, {})]
        lines += [f"        {quoted(side.name)}: Further({quoted(side.key)}, {{", *inner, "        }),"]
    return [*lines, "    },"]


def sides_of(roles: Roles) -> list[Side]:
    """Further tables that have one column in common with train and test, and a row for each of its values."""
    found = []
    for table in roles.more:
        shared = [name for name in table.columns if name in roles.features]
        if len(shared) != 1 or len(table.columns) < 2:
            continue
        cells, others = table.frame[shared[0]], [name for name in table.columns if name != shared[0]]
        same_kind = cells.dtype.kind == roles.train.frame[shared[0]].dtype.kind
        if same_kind and cells.is_unique and cells.notna().all() and not set(others) & set(roles.train.columns):
            columns = [describe(name, (table,)) for name in others if table.frame[name].notna().any()]
            found.append(Side(table.name, shared[0], columns))
    return found


def ids_of(roles: Roles) -> Ids:
    """How the rows are named: by numbers, dates, or texts of one shape."""
    if roles.id is None:
        return Ids("again")
    train, test = (table.text(roles.id) for table in (roles.train, roles.test))
    if all(cell.isdecimal() and str(int(cell)) == cell for cell in test):
        return Ids("again" if set(train) & set(test) else "numbers")
    if train.str.fullmatch(r"\d+_\d+").all() and test.str.fullmatch(r"\d+_\d+").all():
        return Ids("members", "_")
    dates = as_dates(pd.concat([train, test]))
    if dates is not None:
        made = made_of(of_texts(roles.id, pd.concat([train, test])))
        assert isinstance(made, Dates)
        return Ids("dates", dates=replace(made, hours=_step(dates), rising=True))
    shape = shape_of([*train, *test][:2000])
    varied = sum(shape.count(sign) for sign in "Aa9")
    return Ids("shape", shape + "9" * max(0, 5 - varied))


def _step(dates: pd.Series) -> float:
    """Hours from one date to the next one, as they are most often."""
    seconds = dates.sort_values().diff().dropna().dt.total_seconds()
    return max(SHORTEST, round(float(seconds.median()) / 3600, 3))


def _values(found: Found) -> Made:
    """What draws the target."""
    task = found.task
    if task.values is None:
        return Categories({label: max(round(share, 3), 0.001) for label, share in task.shares.items()})
    whole = bool((task.values % 1 == 0).all())
    quantiles = tuple(round_to(float(value), 3) for value in np.quantile(task.values, AT))
    return Numbers(quantiles, 0 if whole else 3)


def _split_by(found: Found) -> dict[str, Made]:
    """What draws the column of groups, which the files do not share, or of times, which come one after the other."""
    split, roles = found.split, found.roles
    if split.groups is not None:
        column = next(c for c in found.columns if c.name == split.groups)
        n_rows = roles.train.n_rows
        size = max(2, min(20, round(n_rows / roles.train.frame[split.groups].nunique())))
        if column.kind == "number":
            size = max(size, ceil((N_TRAIN + N_TEST) / (column.bounds[1] - 2)))
        return {split.groups: Blocks(1, size, "" if column.kind == "number" else "group")}
    if split.time is not None and split.time != roles.id:
        column = next(c for c in found.columns if c.name == split.time)
        made = made_of(column)
        return {split.time: replace(made, rising=True) if isinstance(made, Dates) else Blocks(int(column.low), 10)}
    return {}


def _predicted(found: Found) -> dict[str, Any]:
    """What all rows of the made example say."""
    task, names = found.task, found.roles.predicted
    if task.values is not None:
        return {names[0]: round_to(float(np.median(task.values)), 3)}
    if len(names) > 1:
        return {name: round(1 / len(names), 4) for name in names}
    labels = list(task.shares)
    if task.submit == "ranked":
        return {names[0]: " ".join(str(label) for label in labels[: int(task.metric.partition("@")[2])])}
    return {names[0]: 0.5 if task.submit == "probabilities" else labels[0]}
