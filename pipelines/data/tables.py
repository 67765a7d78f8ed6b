"""The competition's files -> checked frames.

Shapes: N training rows, M test rows.

The checks are pandera's; this module turns what pandera finds into one error in plain words. Line numbers are those
of the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from keyword import iskeyword
from pathlib import PurePath
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray
from pandera.errors import SchemaErrors

from pipelines.competition import Competition
from pipelines.data.agreement import WHOLE, agree, codes, first_number, lost_rows, read_sample
from pipelines.data.complaints import broken, differing_columns, schema_error
from pipelines.data.declared import HELD, as_declared, as_found, as_numbers, by_kind, checked_as, labelled, spelled_out
from pipelines.data.sources import Source
from pipelines.data.strict_csv import header_of, parse_csv, raw_column
from pipelines.errors import DataError
from pipelines.settings import written

TAKEN = ("rows", "pd", "group_of")  # names that a competition's file has already


@dataclass(frozen=True)
class Tables:
    """A competition's files, checked. Rows are in the order of their ids where those are numbers, else in file order.

    `train` and `test` hold the id column, which numbers the rows as the sample submission does where the files have
    none, and every column of the schema; the target is kept apart, as class codes `y` (N,) in the order of
    `competition.classes`, or as values in the file's units. `notes` says what was read otherwise than it stands.
    """

    train: pd.DataFrame
    y: NDArray[Any]  # int64 or float64
    test: pd.DataFrame
    sample_submission: pd.DataFrame
    notes: tuple[str, ...] = ()
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # the competition's further tables, by stem


def read(competition: Competition, source: Source) -> Tables:
    """Check every file of `source` and the files against each other.

    Raises: DataError, naming file, column, the first offending rows and what to do.
    """
    train_file, test_file, sample_file = competition.files[:3]
    sample = read_sample(competition, source.files[sample_file])
    columns = _columns(competition, source)
    frame_of = partial(_frame, competition, columns=columns, first=first_number(sample[competition.key]))
    train, of_train = frame_of(train_file, source.files[train_file], with_target=True)
    test, of_test = frame_of(test_file, source.files[test_file], with_target=False)
    train, test, sample = agree(competition, train, test, sample)
    target = train.pop(competition.target)
    y = target.to_numpy() if competition.number else np.asarray(target.map(codes(competition)), dtype=np.int64)
    more, of_more = further(competition, source, by_kind(columns)[0], test)
    notes = (*of_train, *of_test, *of_more, *lost_rows(competition, train, test))
    return Tables(train, y, test, sample, notes, more)


def read_rows(competition: Competition, name: str, data: bytes, known: Sequence[str], first: int = 1) -> pd.DataFrame:
    """The rows of any csv with the columns of the test file, read as strictly; a target and others are passed over.

    `known` are the columns that the run had, which a schema with regular expressions does not tell. A column may be
    empty. Where rows have no ids they are numbered from `first`.
    Raises: DataError, naming file, column, the first offending rows and what to do.
    """
    columns = spelled_out(competition.schema, [column for column in known if column != competition.target])
    frame_of = partial(_frame, competition, columns=columns, first=first)
    return frame_of(name, data, with_target=None)[0].reset_index(drop=True)


def table_name(file: str) -> str:
    """The name by which `add_features` gets a further table: the file's, made one that Python takes.

    >>> table_name("stores.csv"), table_name("holidays-events.tsv"), table_name("2016 data.csv"), table_name("rows.csv")
    ('stores', 'holidays_events', '_2016_data', '_rows')
    """
    name = re.sub(r"\W", "_", normalize("NFKC", PurePath(file).stem))
    return name if name.isidentifier() and not iskeyword(name) and name not in TAKEN else f"_{name}"


def _columns(competition: Competition, source: Source) -> dict[str, Any]:
    """The columns of both files, regular expressions spelled out by the training file's header."""
    header: list[str] = []
    if any(spec.regex for spec in competition.schema.columns.values()):
        header = header_of(competition.train_file, source.files[competition.train_file])
    kept = {competition.key, competition.target}
    return spelled_out(competition.schema, [column for column in header if column not in kept])


def _frame(
    competition: Competition, name: str, data: bytes, columns: Mapping[str, Any], first: int, *,
    with_target: bool | None,
) -> tuple[pd.DataFrame, list[str]]:  # fmt: skip
    """One checked frame, its id column (text yet) first, and the lines about it.

    With a target of None one is passed over, as further columns are, and columns may be empty.
    """
    key, target = competition.key, competition.target
    texts, numbers = by_kind(columns)
    frame = parse_csv(name, data, (key, target, *texts), small=numbers)
    if competition.id_column is None:
        frame = _numbered(competition, name, frame, first)
    wanted = [key, *columns, *[target] * bool(with_target)]
    if with_target is None:  # rows of somebody's own, which may say more
        frame = frame[[column for column in frame if column in wanted]]
    if competition.schema.strict == "filter":  # pandera's word: what the schema does not name is left out
        frame = frame[[column for column in frame if column in (*wanted, target)]]
    if sorted(frame.columns) != sorted(wanted):
        raise differing_columns(competition, name, list(frame.columns), wanted)
    frame, notes = as_declared(competition, name, data, frame.reindex(columns=wanted), columns)
    empty = [column for column in wanted if frame[column].isna().all()]
    if empty and with_target is not None:
        raise broken(name, f"column {empty[0]!r}: no row holds a value", f"列 {empty[0]!r} 全为空")
    checks = {column: checked_as(spec, frame[column]) for column, spec in columns.items()}
    checks[key] = pa.Column(nullable=False)
    if with_target:
        frame, notes = labelled(competition, name, frame, notes)
        if competition.number is not None:
            frame[target] = as_numbers(competition, name, frame[target])
        checks[target] = _target(competition)
    schema = pa.DataFrameSchema({column: check for column, check in checks.items() if check is not None})
    try:
        return schema.validate(frame, lazy=True), notes
    except SchemaErrors as error:
        raise schema_error(competition, name, error.failure_cases, partial(raw_column, data)) from error


def _numbered(competition: Competition, name: str, frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """The frame with the numbers of its rows, as text, in the column `competition.key`."""
    key = competition.key
    if key in frame:
        hint, hint_zh = written.field(competition.slug, "id_column", "sample_id")
        raise DataError(
            f"{name} has a column {key!r}, and id_column=None says that its rows have no id",
            f"let id_column name it{hint}",
            f"请用 id_column 给出该列{hint_zh}",
        )
    ids = pd.Series(np.arange(first, first + len(frame)), index=frame.index, name=key).astype("str")
    return pd.concat([ids, frame], axis=1)


def _target(competition: Competition) -> pa.Column:
    """What the target may hold: one of the classes, or a number that can be computed with."""
    if competition.number is None:
        known = pa.Check.isin(list(codes(competition)), error=f"one of {', '.join(map(str, competition.classes))}")
        return pa.Column(checks=known, nullable=False)
    checks = [HELD]
    if competition.number.transform == "log1p":
        checks.append(pa.Check.gt(-1, error="greater than -1, for its logarithm (log1p) is learned"))
    return pa.Column(checks=checks, nullable=False)


def further(
    competition: Competition, source: Source, text: list[str], test: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The further tables by name, and lines about them. Ids, and what the schema declares as `text`, are as in `test`.

    Other columns are numbers or truth values where every cell is one, else text; empty cells are missing.
    """
    more, notes, key = {}, [], competition.key
    for file in competition.tables:
        frame = parse_csv(file, source.files[file], (key, *text))
        others = [column for column in frame.columns if column not in (key, *text)]
        frame, lines = as_found(file, source.files[file], frame, others)
        if key in frame and test[key].dtype.kind == "i" and frame[key].str.fullmatch(WHOLE.pattern).eq(True).all():
            frame[key] = frame[key].astype("int64")
        more[table_name(file)] = frame.reset_index(drop=True)
        notes += lines
    return more, notes
