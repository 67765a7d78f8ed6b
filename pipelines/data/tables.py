"""The competition's files -> checked frames.

Shapes: N training rows, M test rows.

The checks are pandera's; this module turns what pandera finds into one error in plain words. Line numbers are those
of the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from pipelines.competition import Competition
from pipelines.data.agreement import agree, codes, lost_rows, read_sample
from pipelines.data.complaints import broken, differing_columns, schema_error
from pipelines.data.sources import Source
from pipelines.data.strict_csv import as_declared, is_number, is_text, parse_csv, raw_column
from pipelines.metrics import IntArray

LARGEST = 1e18  # float32 holds it, and its square, and the sum of some hundred squares


@dataclass(frozen=True)
class Tables:
    """A competition's files, checked. Rows are in the order of their ids where those are numbers, else in file order.

    `train` and `test` hold the id column and every column of the schema; the target is kept apart,
    as class codes `y` (N,) in the order of `competition.classes`. `notes` says what was read otherwise than it stands.
    """

    train: pd.DataFrame
    y: IntArray
    test: pd.DataFrame
    sample_submission: pd.DataFrame
    notes: tuple[str, ...] = ()
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # the competition's further tables, by stem


def read(competition: Competition, source: Source) -> Tables:
    """Check every file of `source` and the files against each other.

    Raises: DataError, naming file, column, the first offending rows and what to do.
    """
    train_file, test_file, sample_file = competition.files
    sample = read_sample(competition, source.files[sample_file])
    train, of_train = _frame(competition, train_file, source.files[train_file], with_target=True)
    test, of_test = _frame(competition, test_file, source.files[test_file], with_target=False)
    train, test, sample = agree(competition, train, test, sample)
    y = np.asarray(train.pop(competition.target).map(codes(competition)), dtype=np.int64)
    return Tables(train, y, test, sample, (*of_train, *of_test, *lost_rows(competition, train, test)))


def _frame(competition: Competition, name: str, data: bytes, *, with_target: bool) -> tuple[pd.DataFrame, list[str]]:
    """One checked frame, its id column (text yet) first, and the lines about it."""
    key, target, columns = competition.key, competition.target, competition.schema.columns
    text_columns = [column for column, spec in columns.items() if is_text(spec)]
    frame = parse_csv(name, data, (key, target, *text_columns))
    wanted = [key, *columns, *[target] * with_target]
    if sorted(frame.columns) != sorted(wanted):
        raise differing_columns(competition, name, list(frame.columns), wanted)
    frame = frame[wanted].copy()
    notes = as_declared(name, data, frame, columns)
    empty = [column for column in wanted if frame[column].isna().all()]
    if empty:
        raise broken(name, f"column {empty[0]!r}: no row holds a value", f"列 {empty[0]!r} 全为空")
    try:
        checked: pd.DataFrame = _schema(competition, with_target=with_target).validate(frame, lazy=True)
    except SchemaErrors as error:
        raise schema_error(name, error.failure_cases, partial(raw_column, data)) from error
    return checked, notes


def _schema(competition: Competition, *, with_target: bool) -> pa.DataFrameSchema:
    """The competition's schema, numbers that can be computed with, ids and known target values."""
    held = pa.Check(lambda values: abs(values) <= LARGEST, error=f"a finite number of at most {LARGEST:g} in size")
    columns = {}
    for name, spec in competition.schema.columns.items():
        checks = [held, *spec.checks] if is_number(spec) else spec.checks
        columns[name] = pa.Column(spec.dtype, checks=checks, nullable=spec.nullable, coerce=True)
    columns[competition.key] = pa.Column(nullable=False)
    if with_target:
        known = pa.Check.isin(list(codes(competition)), error=f"one of {', '.join(map(str, competition.classes))}")
        columns[competition.target] = pa.Column(checks=known, nullable=False)
    return pa.DataFrameSchema(columns)
