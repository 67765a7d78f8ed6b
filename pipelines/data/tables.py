"""The competition's files -> checked frames.

Shapes: N training rows, M test rows.

The checks are pandera's; this module turns what pandera finds into one error in plain words. Line numbers are those
of the file.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from pipelines.competition import Competition
from pipelines.data.agreement import agree, codes
from pipelines.data.complaints import differing_columns, schema_error
from pipelines.data.sources import Source
from pipelines.data.strict_csv import broken, parse_csv
from pipelines.metrics import IntArray


@dataclass(frozen=True)
class Tables:
    """A competition's files, checked. Rows are in file order.

    `train` and `test` hold the id column and every column of the schema; the target is kept apart,
    as class codes `y` (N,) in the order of `competition.classes`.
    """

    train: pd.DataFrame
    y: IntArray
    test: pd.DataFrame
    sample_submission: pd.DataFrame


def read(competition: Competition, source: Source) -> Tables:
    """Check every file of `source` and the files against each other.

    Raises: DataError, naming file, column, the first offending rows and what to do.
    """
    train_file, test_file, sample_file = competition.files
    columns = competition.schema.columns
    train = _frame(competition, train_file, source.files[train_file], [*columns, competition.target])
    test = _frame(competition, test_file, source.files[test_file], list(columns))
    sample = parse_csv(sample_file, source.files[sample_file], ())
    agree(competition, train, test, sample)
    y = np.asarray(train.pop(competition.target).map(codes(competition)), dtype=np.int64)
    return Tables(train.reset_index(drop=True), y, test.reset_index(drop=True), sample.reset_index(drop=True))


def _frame(competition: Competition, name: str, data: bytes, wanted: list[str]) -> pd.DataFrame:
    """One checked frame: id column first, then `wanted`."""
    columns = competition.schema.columns
    text_columns = tuple(column for column, spec in columns.items() if str(spec.dtype).startswith("str"))
    frame = parse_csv(name, data, (*text_columns, competition.target))
    wanted = [competition.id_column, *wanted]
    if sorted(frame.columns) != sorted(wanted):
        raise differing_columns(competition, name, list(frame.columns), wanted)
    frame = frame[wanted]
    empty = [column for column in wanted if frame[column].isna().all()]
    if empty:
        raise broken(name, f"column {empty[0]!r}: no row holds a value", f"列 {empty[0]!r} 全为空")
    try:
        checked: pd.DataFrame = _schema(competition, competition.target in wanted).validate(frame, lazy=True)
    except SchemaErrors as error:
        raise schema_error(name, error.failure_cases) from error
    return checked


def _schema(competition: Competition, with_target: bool) -> pa.DataFrameSchema:
    """The competition's schema, finite numbers, unique ids and known target values."""
    finite = pa.Check(lambda values: ~np.isinf(values), name="finite", error="a finite number")
    columns = {}
    for name, spec in competition.schema.columns.items():
        checks = [*spec.checks, finite] if "float" in str(spec.dtype) else spec.checks
        columns[name] = pa.Column(spec.dtype, checks=checks, nullable=spec.nullable, coerce=True)
    columns[competition.id_column] = pa.Column(nullable=False, unique=True)
    if with_target:
        known = pa.Check.isin(list(codes(competition)), error=f"one of {', '.join(map(str, competition.classes))}")
        columns[competition.target] = pa.Column(checks=known, nullable=False)
    return pa.DataFrameSchema(columns)
