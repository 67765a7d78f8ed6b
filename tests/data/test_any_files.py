"""Files of any tabular competition: names, separators, rows without ids, ids as text, targets, further tables."""

import gzip
import io
import re
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from pipelines.competition import Number
from pipelines.data.sources import Source, from_sample, locate
from pipelines.data.strict_csv import parse_csv
from pipelines.data.tables import read
from pipelines.errors import DataError, UsageError
from pipelines.metrics import Metric
from pipelines.settings import lookup
from pipelines.submission.linter import lint
from pipelines.submission.writer import to_csv

RMSE = Metric("RMSE", score=lambda y, p: float(((y - p) ** 2).mean() ** 0.5), greater_is_better=False, of="values")
SIZE = {"size": pa.Column(float)}


@pytest.fixture
def made(titanic):
    """A competition of one column, `size`, and its files; what is given replaces either."""

    def go(columns=SIZE, **fields):
        given = {"slug": "made", "id_column": "id", "target": "kind", "classes": ("a", "b"), "published": None,
                 "sample_submission": "sample.csv", "baselines": {}, "add_features": None}  # fmt: skip
        return replace(titanic, schema=pa.DataFrameSchema(columns), **(given | fields))

    return go


TRAIN = b"id,size,kind\n1,0.5,a\n2,1.5,b\n3,2.5,a\n"
TEST = b"id,size\n4,0.5\n5,1.5\n"
SAMPLE = b"id,kind\n4,a\n5,a\n"


def tables(competition, train=TRAIN, test=TEST, sample=SAMPLE, **more):
    names = (competition.train_file, competition.test_file, competition.sample_submission)
    files = dict(zip(names, (train, test, sample), strict=True))
    return read(
        competition, Source("folder", "x", files | {name.replace("_csv", ".csv"): d for name, d in more.items()})
    )


def numbers(made, **fields):
    return made(**{"target": "price", "classes": (), "number": Number(), "metric": RMSE, "submit": "values"} | fields)


PRICES = {
    "train": b"id,size,price\n1,0.5,10\n2,1.5,20.5\n3,2.5,1e2\n", "sample": b"id,price\n4,0\n5,0\n",
}  # fmt: skip


# --- names --------------------------------------------------------------------------------------------------------


def test_files_are_called_as_the_competition_says(made, tmp_path):
    competition = made(train_file="learn.tsv", test_file="ask.csv", tables=("stores.csv",))
    assert competition.files == ("learn.tsv", "ask.csv", "sample.csv", "stores.csv")
    files = {"learn.tsv": TRAIN, "ask.csv": TEST, "sample.csv": SAMPLE, "stores.csv": b"size,town\n0.5,x\n"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert dict(locate(competition, tmp_path).files) == files
    (tmp_path / "stores.csv").unlink()
    with pytest.raises(DataError, match="lacks stores.csv; it holds ask.csv, learn.tsv, sample.csv"):
        locate(competition, tmp_path)


OUTLINES = {
    'sample_submission="s.csv"': ("train.csv", "test.csv", "s.csv"),
    'sample_submission="s.csv", train_file="a.tsv", tables=("b.csv", "c.csv")': (
        "a.tsv", "test.csv", "s.csv", "b.csv", "c.csv",
    ),
    'sample_submission="s.csv", train_file=NAME': None,
    'sample_submission="s.csv", tables=("b.csv", NAME)': None,
    'sample_submission="s.csv", tables=TABLES': None,
    'train_file="a.csv"': None,
}  # fmt: skip


@pytest.mark.parametrize("fields", OUTLINES)
def test_file_names_are_known_without_the_code(fields, monkeypatch, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "competition.py").write_text(f'COMPETITION = Competition(slug="a-b", {fields})')
    monkeypatch.setattr(lookup, "FOLDER", tmp_path)
    assert lookup.Outline("new").files == OUTLINES[fields]


def test_the_sample_makes_every_file_in_its_form(made):
    frames = {name: pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}) for name in ("train.tsv", "test.csv", "sample.csv")}
    competition = made(train_file="train.tsv", tables=("stores.csv",), make_sample=lambda: frames)
    with pytest.raises(UsageError, match="make_sample of made makes no stores.csv; it makes train.tsv, test.csv, s"):
        from_sample(competition)
    frames["stores.csv"] = pd.DataFrame({"x": [1]})
    assert dict(from_sample(competition).files) == {
        "train.tsv": b"x\ty\n1\ta\n2\tb\n", "test.csv": b"x,y\n1,a\n2,b\n", "sample.csv": b"x,y\n1,a\n2,b\n",
        "stores.csv": b"x\n1\n",
    }  # fmt: skip


def test_a_tsv_may_lie_in_a_zip_in_a_zip_or_be_gzipped(made, tmp_path):
    competition = made(train_file="train.tsv", test_file="test.tsv")
    inner = zipped({"train.tsv": TRAIN.replace(b",", b"\t")})
    files = {"train.tsv.zip": inner, "test.tsv.gz": gzip.compress(TEST.replace(b",", b"\t")), "sample.csv": SAMPLE}
    (tmp_path / "all.zip").write_bytes(zipped(files))
    assert_same(read(competition, locate(competition, tmp_path / "all.zip")), tables(made()))


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


# --- separators ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
@pytest.mark.parametrize("quoted", [False, True])
def test_the_separator_is_found_in_the_file(made, separator, quoted):
    train = TRAIN.decode().replace(",", separator)
    if quoted:
        train = re.sub(r"[\w.]+", lambda cell: f'"{cell[0]}"', train)
    assert_same(tables(made(), train.encode()), tables(made()))


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.train, other.train)
    pd.testing.assert_frame_equal(one.test, other.test)
    np.testing.assert_array_equal(one.y, other.y)


def test_commas_in_the_text_of_a_tsv_are_text():
    frame = parse_csv("a.tsv", b"id\tname, or title\n1\tone, two, three\n2\tfour\n", ("name, or title",))
    assert frame["name, or title"].tolist() == ["one, two, three", "four"]


@pytest.mark.parametrize(
    "data", [b"id\t,number\t\n1\t,0\t\n2\t,7\t\n", b"\tid,\tnumber\n1,\t0\t\n2,\t7\t\n", b"id ,number\n1 ,0\n2 ,7\n"]
)
def test_tabs_around_what_commas_separate_are_blanks(data):
    frame = parse_csv("a.csv", data, ("id", "number"))
    assert frame.to_dict("list") == {"id": ["1", "2"], "number": ["0", "7"]}


def test_a_separator_that_two_may_be_is_asked_for():
    with pytest.raises(DataError, match="a.csv can be read as separated by commas or by ';'"):
        parse_csv("a.csv", b"a;b,c\n1;2,3\n")


def test_of_two_separators_the_one_that_every_row_has_is_meant():
    assert list(parse_csv("a.csv", b"a;b,c\n1,3\n4,5\n")) == ["a;b", "c"]
    with pytest.raises(DataError, match="a.csv, line 3|a.csv line 3 has 1 fields where the header has 2"):
        parse_csv("a.csv", b"a;b,c\n1,3\n4\n")


def test_a_submission_has_commas(made):
    assert lint(made(), b"id;kind\n4;a\n5;b\n", SAMPLE) == ["the submission is separated by ';', not by commas"]


# --- rows without ids ---------------------------------------------------------------------------------------------

PIXELS = {r"pixel\d+": pa.Column("uint8", regex=True)}
DIGITS = {"id_column": None, "sample_id": "ImageId", "target": "label", "sample_columns": ("Label",), "classes": (0, 1)}
DIGIT_FILES = {
    "train": b"label,pixel0,pixel1\n1,0,255\n0,7,0\n1,0,255\n", "test": b"pixel0,pixel1\n0,255\n7,1\n",
    "sample": b"ImageId,Label\n1,0\n2,0\n",
}  # fmt: skip


def test_rows_without_ids_are_numbered_in_each_file(made):
    competition = made(PIXELS, **DIGITS)
    data = tables(competition, **DIGIT_FILES)
    assert list(data.train) == list(data.test) == ["ImageId", "pixel0", "pixel1"]
    assert data.train["ImageId"].tolist() == [1, 2, 3]
    assert data.test["ImageId"].tolist() == [1, 2]
    assert data.train["pixel1"].dtype == data.test["pixel0"].dtype == np.uint8
    assert data.train["pixel1"].tolist() == [255, 0, 255]
    assert data.y.tolist() == [1, 0, 1]
    assert data.notes == ()
    csv = to_csv(competition, data.sample_submission, data.test["ImageId"], np.array([[0.2, 0.8], [0.9, 0.1]]))
    assert csv == b"ImageId,Label\n1,1\n2,0\n"
    assert lint(competition, csv, DIGIT_FILES["sample"]) == []


def test_rows_without_ids_or_any_name_for_them(made):
    competition = made(PIXELS, **DIGITS | {"sample_id": None, "sample_columns": ()})
    assert tables(competition, **DIGIT_FILES | {"sample": b"id,label\n1,0\n2,0\n"}).test.columns[0] == "id"


DIGIT_FAULTS = {
    "a row of test lost": (
        {"test": b"pixel0,pixel1\n0,255\n"},
        "test.csv (1 rows) and sample.csv (2 rows) differ in ImageId, which numbers the rows of test.csv",
    ),
    "ids that number no rows": ({"sample": b"ImageId,Label\n2,0\n3,0\n"}, "for example 1, which sample.csv lacks"),
    "ids in words": ({"sample": b"ImageId,Label\na,0\n2,0\n"}, "not written as a plain whole number: line 2 ('a')"),
    "an id in train": (
        {"train": b"ImageId,label,pixel0,pixel1\n1,1,0,255\n"},
        "train.csv has a column 'ImageId', and id_column=None says that its rows have no id",
    ),
    "a pixel lost": ({"test": b"pixel0\n0\n7\n"}, "test.csv lacks column 'pixel1'"),
    "a pixel more": ({"test": b"pixel0,pixel1,pixel2\n0,1,2\n7,1,2\n"}, "test.csv has unknown column 'pixel2'"),
    "a pixel too light": (
        {"test": b"pixel0,pixel1\n0,255\n7,256\n"},
        "test.csv, column 'pixel1': must be a whole number from 0 to 255: line 3 (256)",
    ),
    "half a pixel": (
        {"test": b"pixel0,pixel1\n0,255\n7,1.5\n"}, "'pixel1': must be a whole number from 0 to 255: line 3 (1.5)",
    ),
    "no pixel": ({"test": b"pixel0,pixel1\n0,255\n7,\n"}, "'pixel1': value missing: line 3 ('')"),
    "a word": ({"test": b"pixel0,pixel1\n0,255\n7,x\n"}, "'pixel1': not a number: line 3 ('x')"),
}  # fmt: skip


def test_rows_without_ids_are_numbered_from_0_where_the_sample_submission_does_so(made):
    numbered = DIGIT_FILES["sample"].replace(b"\n1,", b"\n0,").replace(b"\n2,", b"\n1,")
    data = tables(made(PIXELS, **DIGITS), **DIGIT_FILES | {"sample": numbered})
    assert data.test["ImageId"].tolist() == data.sample_submission["ImageId"].tolist() == [0, 1]
    assert data.notes == ()


@pytest.mark.parametrize("fault", DIGIT_FAULTS)
def test_faults_of_files_without_ids(made, fault):
    changed, says = DIGIT_FAULTS[fault]
    with pytest.raises(DataError) as caught:
        tables(made(PIXELS, **DIGITS), **DIGIT_FILES | changed)
    assert says in caught.value.message


@pytest.mark.parametrize(("dtype", "cell"), [("int8", "-128"), ("int16", "32767"), ("uint16", "65535"), ("int32", "-7"),
                                             (int, "-9007199254740993"), ("float32", "0.5")])  # fmt: skip
def test_numbers_keep_their_declared_size(made, dtype, cell):
    data = tables(made({"size": pa.Column(dtype)}), test=f"id,size\n4,{cell}\n5,1\n".encode(),
                  train=b"id,size,kind\n1,5,a\n2,1,b\n")  # fmt: skip
    assert data.test["size"].dtype == np.dtype(dtype)
    assert str(data.test["size"].iloc[0]) == cell
    assert data.train["size"].tolist() == [5, 1]


def test_whole_numbers_with_gaps_are_float64_and_still_whole(made):
    competition = made({"size": pa.Column("uint8", nullable=True)})
    train = b"id,size,kind\n1,,a\n2,1.0,b\n3,,b\n"
    data = tables(competition, train, test=b"id,size\n4,7\n5,NA\n")
    assert data.train["size"].dtype == np.float64
    assert data.notes == ("test.csv: taken for missing: 'NA' in column 'size' (1 row)",)
    with pytest.raises(DataError, match=r"'size': must be a whole number from 0 to 255: line 3 \(1.5\)"):
        tables(competition, train.replace(b"1.0", b"1.5"), test=b"id,size\n4,7\n5,\n")


# --- the example of a submission ----------------------------------------------------------------------------------

PROBA = np.array([[0.25, 0.75], [0.875, 0.125]])


@pytest.mark.parametrize(
    ("fields", "sample", "first"),
    [
        ({"sample_id": "ID"}, b"ID,kind\n4,a\n5,a\n", b"ID,kind\n4,b\n"),
        ({"sample_columns": ("Kind",)}, b"id,Kind\n4,a\n5,a\n", b"id,Kind\n4,b\n"),
        ({}, b"kind,id\na,4\na,5\n", b"kind,id\nb,4\n"),
        ({"submit": "probabilities"}, b"id,kind\n4,0\n5,0\n", b"id,kind\n4,0.75\n"),
        ({"submit": "probabilities"}, b"id,a\n4,0\n5,0\n", b"id,a\n4,0.25\n"),
        ({"submit": "probabilities"}, b"id,b\n4,0\n5,0\n", b"id,b\n4,0.75\n"),
        ({"submit": "probabilities"}, b"id,b,a\n4,1,0\n5,1,0\n", b"id,b,a\n4,0.75,0.25\n"),
        (
            {"submit": "probabilities", "sample_columns": ("Status_a", "Status_b")},
            b"id,Status_b,Status_a\n4,0,1\n5,0,1\n",
            b"id,Status_b,Status_a\n4,0.75,0.25\n",
        ),
        ({"submit": "probabilities", "sample_columns": ("p",)}, b"id,p\n4,0\n5,0\n", b"id,p\n4,0.75\n"),
        ({"submit": "ranked"}, b"id,kind\n4,a b\n5,a b\n", b"id,kind\n4,b a\n"),
        ({"submit": "labels"}, b"id,kind\n4,0\n5,0\n", b"id,kind\n4,b\n"),  # 0 holds a place
    ],
)
def test_a_submission_has_the_form_of_the_example(made, fields, sample, first):
    competition = made(**fields)
    data = tables(competition, sample=sample)
    csv = to_csv(competition, data.sample_submission, data.test["id"], PROBA + [[0.0001, -0.0001]] * 2)
    plain = to_csv(competition, data.sample_submission, data.test["id"], PROBA)
    assert plain.startswith(first)
    assert lint(competition, csv, sample) == []


def test_values_are_written_with_nine_digits(made):
    competition = numbers(made)
    data = tables(competition, **PRICES)
    csv = to_csv(competition, data.sample_submission, data.test["id"], np.array([[12.3456789012], [1e-12]]))
    assert csv == b"id,price\n4,12.3456789\n5,1e-12\n"
    assert lint(competition, csv, PRICES["sample"], (10, 100)) == []


def test_the_best_three_are_ranked_unless_the_metric_looks_at_more(made):
    classes = ("a", "b", "c", "d")
    train = b"id,size,kind\n1,0.5,a\n2,1.5,b\n3,2.5,c\n6,2.5,d\n"
    competition = made(classes=classes, submit="ranked")
    data = tables(competition, train, sample=b"id,kind\n4,a b c\n5,a b c\n")
    proba = np.array([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
    csv = to_csv(competition, data.sample_submission, data.test["id"], proba)
    assert csv == b"id,kind\n4,d c b\n5,a b c\n"  # of equals the first

    class OfTwo(Metric):
        k = 2

    of_two = replace(competition, metric=OfTwo("map@2", score=lambda _y, _p: 0.0))
    assert to_csv(of_two, data.sample_submission, data.test["id"], proba) == b"id,kind\n4,d c\n5,a b\n"


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        (b"id,kind\n4,a b c\n5,a b a\n", "kind holds 'a b a' at id 5, where 3 different classes belong"),
        (b"id,kind\n4,a b c\n5,a b\n", "kind holds 'a b' at id 5, where 3 different classes belong"),
        (b"id,kind\n4,a b c\n5,a b x\n", "kind holds x at id 5: an unknown class"),
        (b"id,kind\n4,a b d\n5,a b d\n", "it says the same for every row"),
        (b"id,kind\n4,a b c\n5,\n", "1 values are missing, the first at id 5, kind"),
    ],
)
def test_faulty_rankings_are_refused(made, csv, says):
    competition = made(classes=("a", "b", "c", "d"), submit="ranked")
    assert lint(competition, csv, b"id,kind\n4,a b c\n5,a b c\n") == [says]


EXAMPLE_FAULTS = {
    "another id": ({"sample": b"ID,kind\n4,a\n5,a\n"}, "sample.csv has the columns ID, kind in place of id, kind"),
    "another target": ({"sample": b"id,Kind\n4,a\n5,a\n"}, "sample.csv has the columns id, Kind in place of id, kind"),
    "several": ({"sample_columns": ("x", "y")}, "sample_columns of made are x, y, where one column is needed"),
    "three of two": (
        {"sample_columns": ("x", "y", "z"), "submit": "probabilities"},
        "sample_columns of made are x, y, z, where a column for each of 2 classes is needed",
    ),
    "no number": (
        {"submit": "probabilities", "sample": b"id,kind\n4,a\n5,0\n"},
        "sample.csv, column 'kind': must be a number from 0 to 1: line 2 ('a')",
    ),
    "a rank of strangers": (
        {"submit": "ranked", "sample": b"id,kind\n4,a b\n5,a c\n"},
        "sample.csv, column 'kind': must be one of a, b: line 3 ('a c')",
    ),
    "several that are no class": ({"sample": b"id,kind\n4,0\n5,1\n"}, "must be one of a, b: line 2 (0), line 3 (1)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", EXAMPLE_FAULTS)
def test_faults_of_the_example_are_told(made, fault):
    fields, says = dict(EXAMPLE_FAULTS[fault][0]), EXAMPLE_FAULTS[fault][1]
    sample = fields.pop("sample", SAMPLE)
    with pytest.raises((DataError, UsageError)) as caught:
        tables(made(**fields), sample=sample)
    assert says in caught.value.message


# --- ids ----------------------------------------------------------------------------------------------------------

IDS = [
    "008694",
    "8694e3",
    "1_0",
    "0013_01",
    "2011-01-20 00:00:00",
    "1.50",
    "a,b",
    "00ff",
    "1e5",
    "123456789012345678901",
]


@pytest.mark.parametrize("pair", list(zip(IDS, IDS[1:] + IDS[:1], strict=True)))
def test_ids_go_out_as_they_came_in(made, pair):
    cells = [f'"{cell}"' if "," in cell else cell for cell in pair]
    test = "id,size\n" + "".join(f"{cell},0.5\n" for cell in cells)
    sample = "id,kind\n" + "".join(f"{cell},a\n" for cell in cells)
    competition = made()
    data = tables(competition, TRAIN, test.encode(), sample.encode())
    assert data.test["id"].tolist() == list(pair)
    csv = to_csv(competition, data.sample_submission, data.test["id"], PROBA)
    assert csv.decode() == f"id,kind\n{cells[0]},b\n{cells[1]},a\n"
    assert lint(competition, csv, sample.encode()) == []


def test_whole_numbers_are_sorted_as_numbers_and_others_are_not(made):
    data = tables(made(), b"id,size,kind\n10,0.5,a\n9,1.5,b\n", b"id,size\n12,1\n8,1\n", b"id,kind\n12,a\n8,a\n")
    assert data.train["id"].tolist() == [9, 10]
    assert data.test["id"].tolist() == [8, 12]
    assert data.sample_submission["id"].tolist() == [12, 8]
    data = tables(made(), b"id,size,kind\n10,0.5,a\n9,1.5,b\n", b"id,size\n012,1\n8,1\n", b"id,kind\n8,a\n012,a\n")
    assert data.train["id"].tolist() == ["10", "9"]
    assert data.test["id"].tolist() == ["012", "8"]


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        (b"id,kind\n8694,a\n1_0,b\n", "id is written as 8694|1 ids are not in the test file, for example id 8694"),
        (b"id,kind\n008694,a\n10,b\n", "1 ids are not in the test file, for example id 10"),
        (b"id,kind\n1_0,a\n008694,b\n", "the order of id is not that of the sample submission"),
    ],
)
def test_the_linter_compares_ids_as_text(made, csv, says):
    assert re.search(says, "; ".join(lint(made(), csv, b"id,kind\n008694,a\n1_0,a\n")))


def test_decimals_among_plain_ids_of_the_example_are_damage(made):
    with pytest.raises(
        DataError, match=r"sample.csv, column 'id': not written as a plain whole number: line 2 \(4.0\)"
    ):
        tables(made(), test=TEST.replace(b"4,", b"4.0,"), sample=SAMPLE.replace(b"4,", b"4.0,"))


# --- targets ------------------------------------------------------------------------------------------------------


def test_a_number_is_kept_in_the_files_units(made):
    data = tables(numbers(made), **PRICES)
    assert data.y.dtype == np.float64
    assert data.y.tolist() == [10.0, 20.5, 100.0]
    assert list(data.train) == ["id", "size"]
    log = tables(numbers(made, number=Number(transform="log1p")), **PRICES)
    assert log.y.tolist() == [10.0, 20.5, 100.0]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["10", "x", "3"], r"train.csv, column 'price': not a number: line 3 \('x'\)"),
        (["10", "NA", "3"], r"train.csv, column 'price': not a number: line 3 \('NA'\)"),
        (["10", "", "3"], r"train.csv, column 'price': value missing: line 3 \(''\)"),
        (["10", "inf", "3"], r"must be a finite number of at most 1e\+18 in size: line 3 \(inf\)"),
        (["10", "-1", "-3"], r"must be greater than -1, .*: line 3 \(-1\), line 4 \(-3\)"),
        (["10", "10.0", "1e1"], "train.csv, column 'price': every row holds 10$"),
        (["", "", ""], "train.csv column 'price': no row holds a value"),
        (["1_0", "2", "3"], r"not a number: line 2 \('1_0'\)"),
    ],
)
def test_faults_of_a_number_are_told_with_their_lines(made, cells, says):
    train = "id,size,price\n" + "".join(f"{i},0.5,{cell}\n" for i, cell in enumerate(cells, 1))
    with pytest.raises(DataError) as caught:
        tables(numbers(made, number=Number(transform="log1p")), train.encode(), sample=PRICES["sample"])
    assert re.search(says, caught.value.message), caught.value.message


@pytest.mark.parametrize(
    ("cells", "other"),
    [(("False", "True"), "True"), (("FALSE", "TRUE"), "TRUE"), (("false", "true"), "true"), (("0", "1"), "1"),
     (("no", "yes"), "yes"), (("N", "Y"), "Y")],
)  # fmt: skip
@pytest.mark.parametrize("written", [("False", "True"), ("true", "TRUE"), ("1", "0")])
def test_truth_values_go_out_as_the_example_writes_them(made, cells, other, written):
    competition = made(classes=(False, True))
    train = f"id,size,kind\n1,0.5,{written[0]}\n2,1.5,{written[1]}\n3,1,False\n9,1,yes\n"
    sample = f"id,kind\n4,{cells[0]}\n5,{cells[0]}\n".encode()
    data = tables(competition, train.encode(), sample=sample)
    assert data.y.tolist() == [int(word.lower() in {"true", "1"}) for word in written] + [0, 1]
    csv = to_csv(competition, data.sample_submission, data.test["id"], PROBA)
    assert csv.decode() == f"id,kind\n4,{other}\n5,{cells[0]}\n"
    assert lint(competition, csv, sample) == []
    if cells != ("0", "1"):
        (problem,) = lint(competition, csv.swapcase().replace(b"ID,KIND", b"id,kind"), sample)
        assert problem.startswith(f"kind holds {other.swapcase()}, {cells[0].swapcase()}: capital or small letters ")
        assert problem.endswith(f"; labels are {cells[0]}, {other}")


@pytest.mark.parametrize(
    ("classes", "cells"), [((1, 7), ("1.0", "7.0")), (("01", "1"), ("01", "1")), ((-1, 1), ("-1", "1"))]
)
def test_classes_are_told_apart_as_text(made, classes, cells):
    competition = made(classes=classes)
    train = f"id,size,kind\n1,0.5,{cells[0]}\n2,1.5,{cells[1]}\n".encode()
    sample = f"id,kind\n4,{cells[0]}\n5,{cells[0]}\n".encode()
    data = tables(competition, train, sample=sample)
    assert data.y.tolist() == [0, 1]
    csv = to_csv(competition, data.sample_submission, data.test["id"], PROBA)
    assert csv.decode() == f"id,kind\n4,{classes[1]}\n5,{classes[0]}\n"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["12", "x"], ["it holds text where numbers belong"]),
        (["12", "inf"], ["inf at id 5 is no finite number (1 such rows)"]),
        (["12", "191"], ["191 at id 5 is far outside the training rows' 10 to 100 (1 such rows)"]),
        (["-81", "191"], ["-81 at id 4 is far outside the training rows' 10 to 100 (2 such rows)"]),
        (["12", "189"], []),
        (["12", "12"], ["it says the same for every row"]),
        (["0", "0.0"], ["it is the sample submission sample.csv, not a prediction"]),
        (["12", ""], ["1 values are missing, the first at id 5, price"]),
        (["12", "-1"], ["-1 at id 5 has no logarithm (log1p) (1 such rows)"]),
    ],
)
def test_values_are_finite_sane_and_a_prediction(made, cells, says):
    competition = numbers(made, number=Number(transform="log1p"))
    csv = f"id,price\n4,{cells[0]}\n5,{cells[1]}\n".encode()
    assert lint(competition, csv, PRICES["sample"], (10, 100)) == says
    if "191" in cells:
        assert (lint(competition, csv, PRICES["sample"]) == []) == (
            cells[0] != "-81"
        )  # `submit` knows no training rows


# --- columns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["boolean", "bool", bool])
def test_a_truth_column_keeps_its_gaps(made, declared):
    competition = made({"asleep": pa.Column(declared, nullable=True)})
    train = b"id,asleep,kind\n1,True,a\n2,,b\n3,false,a\n6,NA,a\n"
    data = tables(competition, train, b"id,asleep\n4,True\n5,False\n")
    assert str(data.train["asleep"].dtype) == str(data.test["asleep"].dtype) == "boolean"
    assert [None if pd.isna(cell) else bool(cell) for cell in data.train["asleep"]] == [True, None, False, None]
    assert data.notes == ("train.csv: taken for missing: 'NA' in column 'asleep' (1 row)",
                          "train.csv and test.csv: no row has id 1, were rows lost?")[:1]  # fmt: skip
    with pytest.raises(DataError, match=r"test.csv, column 'asleep': neither True nor False: line 3 \('maybe'\)"):
        tables(competition, train, b"id,asleep\n4,True\n5,maybe\n")


def test_a_truth_column_without_gaps_is_bool_and_a_gap_is_refused(made):
    competition = made({"asleep": pa.Column(bool)})
    train = b"id,asleep,kind\n1,True,a\n2,0,b\n"
    data = tables(competition, train, b"id,asleep\n4,True\n5,False\n")
    assert data.train["asleep"].dtype == data.test["asleep"].dtype == bool
    assert data.train["asleep"].tolist() == [True, False]
    with pytest.raises(DataError, match=r"test.csv, column 'asleep': value missing: line 3 \(''\)"):
        tables(competition, train, b"id,asleep\n4,True\n5,\n")


def test_text_is_text_whatever_it_looks_like(made):
    columns = {"code": pa.Column(str), "day": pa.Column(str, nullable=True)}
    train, test = b"id,code,day\n4,007,2020-01-02\n5,1e3,\n", b"id,code,day,kind\n1,1_0,2020-01-03,a\n2,True,,b\n"
    data = tables(made(columns), test, train)
    assert data.test["code"].tolist() == ["007", "1e3"]
    assert data.train["code"].tolist() == ["1_0", "True"]
    assert data.test["day"].tolist()[0] == "2020-01-02"
    assert data.test["day"].isna().tolist() == [False, True]


# --- further tables -----------------------------------------------------------------------------------------------


def test_further_tables_are_read_as_they_stand(made):
    files = ("stores.csv", "2016 days.csv")
    competition = made({"size": pa.Column(float), "town": pa.Column(str)}, tables=files)
    stores = b"id,town,rooms,price,open,note,word\n4,01,3,1.5,True,,x\n5,2,4,NA,,3,NA\n"
    data = tables(
        competition, b"id,size,town,kind\n1,1,01,a\n2,2,2,b\n3,2,2,b\n", b"id,size,town\n4,1,01\n5,2,2\n",
        **{"stores.csv": stores, "2016 days.csv": b"day;holiday\n2016-01-01;yes\n2016-01-02;no\n"},
    )  # fmt: skip
    assert list(data.more) == ["stores", "_2016_days"]
    found = data.more["stores"]
    assert [str(found[c].dtype) for c in ("id", "rooms", "price", "open", "note")] == [
        "int64", "int64", "float64", "boolean", "float64",
    ]  # fmt: skip
    assert found["town"].tolist() == ["01", "2"]
    assert found["word"].tolist() == ["x", "NA"]
    assert found["price"].isna().tolist() == [False, True]
    assert data.notes == ("stores.csv: taken for missing: 'NA' in column 'price' (1 row)",)
    assert data.more["_2016_days"]["day"].tolist() == ["2016-01-01", "2016-01-02"]
    assert data.test.merge(found, on=["id", "town"])["rooms"].tolist() == [3, 4]


def test_a_damaged_further_table_is_refused(made):
    with pytest.raises(DataError, match="stores.csv line 3 has 1 fields where the header has 2"):
        tables(made(tables=("stores.csv",)), stores_csv=b"size,town\n0.5,x\n1\n")


# --- errors for authors -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A competition's folder whose code is only read."""
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh" / "competition.py").write_text(
        '"""x"""\nSCHEMA = pa.DataFrameSchema(\n    {\n        "size": pa.Column(float),\n        r"pixel\\d+": '
        'pa.Column("uint8", regex=True),\n    }\n)\nCOMPETITION = Competition(\n    slug="made",\n    id_column="id",\n'
        '    target="kind",\n    sample_submission="sample.csv",\n)\n'
    )
    (tmp_path / "fresh" / "sample.py").write_text('def make_sample():\n    return {"size": Column()}\n')
    monkeypatch.setattr(lookup, "FOLDER", tmp_path)


AUTHORS = {
    "a cell": ({"test": b"id,size\n4,x\n5,1\n"}, 4),
    "a range": ({"test": b"id,size\n4,1e300\n5,1\n"}, 4),
    "a column lacking": ({"test": b"id\n4\n5\n"}, 4),
    "a column more": ({"test": b"id,size,colour\n4,1,1\n5,1,1\n"}, 2),
    "another id": ({"test": b"Id,size\n4,1\n5,1\n"}, 10),
    "another target": ({"train": b"id,size,Kind\n1,1,a\n2,1,b\n"}, 11),
    "an unknown class": ({"train": b"id,size,kind\n1,1,a\n2,1,c\n"}, 11),
    "another example": ({"sample": b"id,Kind\n4,a\n5,a\n"}, 12),
}


@pytest.mark.parametrize("fault", AUTHORS)
def test_an_author_is_told_the_line_that_may_be_wrong(made, folder, fault):
    files, line = AUTHORS[fault]
    with pytest.raises(DataError) as caught:
        tables(made(), **files)
    assert f"or correct competitions/fresh/competition.py, line {line}" in f"{caught.value.hint}\n"
    assert f"或更正 competitions/fresh/competition.py 第 {line} 行" in caught.value.hint_zh


def test_an_author_is_told_of_a_check_that_fails(made, folder):
    competition = made({"size": pa.Column(float, pa.Check(lambda x: x.nothing > 1, error="large"))})
    with pytest.raises(
        DataError, match="train.csv, column 'size': the schema's check large fails: .*AttributeErr"
    ) as caught:
        tables(competition)
    assert caught.value.hint.endswith("or correct competitions/fresh/competition.py, line 4")


def test_an_author_is_told_the_line_of_a_regular_expression(made, folder):
    with pytest.raises(DataError) as caught:
        tables(made(PIXELS, **DIGITS), **DIGIT_FILES | {"test": b"pixel0,pixel1\n0,255\n7,256\n"})
    assert caught.value.hint.endswith("or correct competitions/fresh/competition.py, line 5")


# --- width --------------------------------------------------------------------------------------------------------


def test_a_wide_file_of_bytes_stays_small(made):
    """784 columns of bytes, each a column to be checked."""
    rng = np.random.default_rng(0)
    names, pixels = [f"pixel{i}" for i in range(784)], rng.integers(0, 256, (300, 784))

    def lines(label, rows):
        return "\n".join([label + ",".join(names), *(",".join(map(str, row)) for row in rows), ""]).encode()

    train = lines("label,", np.column_stack([np.arange(300) % 2, pixels]))
    data = tables(made(PIXELS, **DIGITS), train, lines("", pixels[:2]), DIGIT_FILES["sample"])
    np.testing.assert_array_equal(data.train[names], pixels)
    assert data.train[names].memory_usage(index=False).sum() == 300 * 784
