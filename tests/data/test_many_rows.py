"""A file of many rows is read a block at a time; nothing but the memory tells."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from pipelines.data import strict_csv
from pipelines.data.sources import Source, from_sample
from pipelines.data.strict_csv import parse_csv, raw_column
from pipelines.data.tables import read
from pipelines.errors import DataError
from pipelines.features.frames import make_features
from pipelines.settings.lookup import load

COLUMNS = {
    "whole": ["1", "2", "3", "4", "5", "-6", "7", "8"],
    "a gap": ["1", "2", "3", "4", "", "6", "7", "8"],
    "no value in a block": ["1", "2", "3", "", "", "", "7", "8"],
    "decimals": ["0.1", "0.2", "3.5", "4.7", "1e3", "6.0", "inf", "8.25"],
    "decimals late": ["1", "2", "3", "4", "5", "6", "7", "0.5"],
    "too large for float64": ["9007199254740993", "2", "3", "4", "5", "6", "7", "0.5"],
    "too large for int64": ["1", "2", "3", "4", "5", "6", "7", "18446744073709551615"],
    "truth": ["True", "False"] * 4,
    "truth with a gap": ["True", "False", "True", "False", "", "True", "True", "True"],
    "a word late": ["1", "2", "3", "4", "5", "6", "007", "word"],
    "words": ["a", "b", "", "d", "e", "f", "g", "h"],
    "truth then numbers": ["True", "False", "True", "1", "0", "1", "0", "1"],
}


def csv_of(columns, end="\n"):
    rows = zip(*columns.values(), strict=True)
    return end.join([",".join(columns), *(",".join(row) for row in rows), ""]).encode()


@pytest.fixture(params=[2, 3, 5, 8])
def few_at_a_time(request, monkeypatch):
    monkeypatch.setattr(strict_csv, "ROWS_AT_A_TIME", request.param)
    monkeypatch.setattr(strict_csv, "CHARACTERS_AT_A_TIME", 10 * request.param)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_read_in_blocks_is_as_pandas_reads_it_whole(few_at_a_time, mark, end):
    data = csv_of(COLUMNS, end)
    whole = pd.read_csv(
        io.BytesIO(data), keep_default_na=False, na_values=[""], low_memory=False, dtype={"words": "str"}
    )
    found = parse_csv("a.csv", mark + data, ("words",))
    assert found.index.tolist() == list(range(2, 10))
    pd.testing.assert_frame_equal(found.reset_index(drop=True), whole)
    assert raw_column(mark + data, "a word late").tolist() == COLUMNS["a word late"]
    assert raw_column(mark + data, "a gap").tolist() == COLUMNS["a gap"]


def test_lines_are_counted_over_blocks(few_at_a_time):
    data = b'a,b\n1,2\n3,4\n\n5,6\n7,8\n9,"x\ny"\n1,2\n\n'
    assert parse_csv("a.csv", data).index.tolist() == [2, 3, 5, 6, 7, 9]
    plain = data.replace(b'"x\ny"', b"x")
    assert parse_csv("a.csv", plain).index.tolist() == [2, 3, 5, 6, 7, 8]
    assert parse_csv("a.csv", plain.rstrip().replace(b"\n", b"\r")).index.tolist() == [2, 3, 5, 6, 7, 8]
    with pytest.raises(DataError, match="line 7 has 3 fields where the header has 2"):
        parse_csv("a.csv", plain.replace(b"9,x", b"9,x,x"))


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ("127", "int8"), ("128", "int16"), ("-128", "int8"), ("-129", "int16"), ("32767", "int16"),
        ("32768", "int32"), ("2147483647", "int32"), ("2147483648", "int64"), ("0.5", "float64"), ("", "float64"),
    ],
)  # fmt: skip
def test_whole_numbers_are_held_in_the_smallest_type_that_holds_them(monkeypatch, last, kind):
    monkeypatch.setattr(strict_csv, "ROWS_AT_A_TIME", 3)
    data = csv_of({"id": ["1", "2", "3", "4"], "n": ["1", "2", "3", last]})
    small, usual = parse_csv("a.csv", data, small=("n",)), parse_csv("a.csv", data)
    assert small["n"].dtype == kind
    assert small["id"].dtype == usual["id"].dtype == np.int64
    pd.testing.assert_series_equal(small["n"], usual["n"], check_dtype=False)


@pytest.fixture
def read_counts():
    """Otto's tables where the first cells of feat_1 are changed, and its column is declared in another way."""
    otto = load("otto")
    files = dict(from_sample(otto).files)

    def go(cells, spec=None):
        header, *rows = files["train.csv"].splitlines(keepends=True)
        for i, cell in enumerate(cells):
            parts = rows[i].split(b",")
            rows[i] = b",".join([parts[0], cell.encode(), *parts[2:]])
        columns = otto.schema.columns | ({} if spec is None else {"feat_1": spec})
        changed = replace(otto, schema=pa.DataFrameSchema(columns))
        return changed, read(changed, Source("folder", "x", files | {"train.csv": b"".join([header, *rows])}))

    return go


@pytest.mark.parametrize(
    ("declared", "largest", "held"),
    [
        (float, 127, "float64"), (float, 2**53, "float64"), ("float32", 2**24, "float32"),
        ("float32", 2**24 + 1, "float64"), (int, 300, "int64"), ("int16", 32767, "int16"), ("uint8", 255, "uint8"),
        ("int32", 7, "int32"),
    ],
)  # fmt: skip
def test_numbers_are_of_the_declared_type_where_that_holds_them(read_counts, declared, largest, held):
    _, tables = read_counts([str(largest)], pa.Column(declared))
    assert tables.train["feat_1"].dtype == held
    assert int(tables.train["feat_1"].iloc[0]) == largest
    assert tables.test["feat_1"].dtype == np.dtype(declared)


def test_a_number_that_the_declared_type_does_not_hold_is_refused(read_counts):
    with pytest.raises(DataError, match=r"feat_1': must be a whole number from 0 to 255: line 2 \(256\)"):
        read_counts(["256"], pa.Column("uint8"))


def test_squares_of_counts_do_not_overflow(read_counts):
    """What is held in little memory behaves in `add_features` as the numbers of the file do."""
    competition, tables = read_counts(["200", "255", "4000"])

    def add_features(rows):
        counts = rows["feat_1"]
        return rows.assign(square=counts * counts, twice=counts + counts, sum=rows.filter(like="feat_").sum(axis=1))

    features = make_features(replace(competition, add_features=add_features), tables).train
    assert features["square"].iloc[:3].tolist() == [40_000, 65_025, 16_000_000]
    assert features["twice"].iloc[:3].tolist() == [400, 510, 8_000]
    exact = tables.train.filter(like="feat_").to_numpy(dtype=np.int64).sum(axis=1)
    assert features["sum"].tolist() == exact.tolist()


def test_rows_to_which_nothing_is_added_are_those_of_the_file(read_counts):
    competition, tables = read_counts(["7"])
    features = make_features(competition, tables)
    pd.testing.assert_frame_equal(features.train, tables.train.drop(columns=competition.key))
    copied = make_features(replace(competition, add_features=lambda rows: rows), tables)
    pd.testing.assert_frame_equal(features.train, copied.train)
    pd.testing.assert_frame_equal(features.test, copied.test)
    assert features.twins.tolist() == copied.twins.tolist()


def test_rows_to_which_nothing_is_added_are_not_copied(read_counts):
    pytest.importorskip("pandas", "3", reason="before pandas 3 a frame with a column less is a copy")
    competition, tables = read_counts(["7"])
    features = make_features(competition, tables)
    assert np.shares_memory(features.train["feat_2"].to_numpy(), tables.train["feat_2"].to_numpy())
    assert np.shares_memory(features.test["feat_2"].to_numpy(), tables.test["feat_2"].to_numpy())


def test_columns_of_another_type_in_the_test_file_get_that_of_both(read_counts):
    competition, tables = read_counts([str(2**24 + 1)])
    features = make_features(competition, tables)
    assert features.train["feat_1"].dtype == features.test["feat_1"].dtype == np.float64
    assert features.train["feat_2"].dtype == features.test["feat_2"].dtype == np.float32
