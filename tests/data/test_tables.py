"""Damaged input is refused with file, column, rows and next step; harmless variants are read."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from pipelines.data.sources import Source, from_sample
from pipelines.data.strict_csv import parse_csv
from pipelines.data.tables import read
from pipelines.errors import DataError
from pipelines.settings.lookup import load


@pytest.fixture
def read_changed(titanic, sample_files):
    """Read the sample files with some of them replaced."""

    def go(**changed: bytes):
        files = sample_files | {name.replace("_csv", ".csv"): data for name, data in changed.items()}
        return read(titanic, Source("folder", "x", files))

    return go


@pytest.fixture
def edit(sample_files):
    """A file of the sample as csv bytes after a change to its frame."""

    def go(name, change):
        frame = pd.read_csv(io.BytesIO(sample_files[name]), dtype={"Ticket": "str"})
        return change(frame).to_csv(index=False).encode()

    return go


def put(column, row, value):
    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return change


def test_a_class_without_a_row_is_refused():
    otto = load("otto")
    files = dict(from_sample(otto).files)
    lines = files["train.csv"].splitlines(keepends=True)
    files["train.csv"] = b"".join(line for line in lines if not line.rstrip().endswith(b"Class_4"))
    with pytest.raises(DataError, match="column 'target': no row holds Class_4"):
        read(otto, Source("folder", "x", files))


@pytest.mark.parametrize("count", [b"1.5", b"-1"])
def test_products_are_counted_in_whole_numbers(count):
    otto = load("otto")
    files = dict(from_sample(otto).files)
    header, first, *rest = files["train.csv"].splitlines(keepends=True)
    cells = first.split(b",")
    files["train.csv"] = b"".join([header, b",".join([cells[0], count, *cells[2:]]), *rest])
    with pytest.raises(DataError, match=rf"feat_1': must be a whole number, 0 or more: line 2 \({count.decode()}"):
        read(otto, Source("folder", "x", files))


def test_reads_the_sample(read_changed):
    data = read_changed()
    assert data.train.shape == (891, 11)
    assert data.test.shape == (418, 11)
    assert data.sample_submission.shape == (418, 2)
    assert data.y.dtype == np.int64
    assert set(data.y) == {0, 1}
    assert "Survived" not in data.train
    assert data.train["Fare"].dtype == np.float64


@pytest.mark.parametrize(
    "harmless",
    [
        lambda data: b"\xef\xbb\xbf" + data,  # byte-order mark
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.rstrip(b"\n"),
        lambda data: data + b"\n\n",
    ],
    ids=["byte-order mark", "CRLF", "no newline at the end", "blank lines at the end"],
)
def test_harmless_variants_read_the_same(read_changed, sample_files, harmless):
    changed = read_changed(train_csv=harmless(sample_files["train.csv"]))
    pd.testing.assert_frame_equal(changed.train, read_changed().train)


def test_columns_in_another_order_read_the_same(read_changed, edit):
    changed = read_changed(test_csv=edit("test.csv", lambda frame: frame[frame.columns[::-1]]))
    pd.testing.assert_frame_equal(changed.test, read_changed().test)


@pytest.mark.parametrize("word", ["NA", "None", "-", "Nil"])
def test_a_word_for_missing_in_a_column_that_lacks_nothing_is_a_value_and_told(read_changed, edit, word):
    data = read_changed(train_csv=edit("train.csv", put("Ticket", 0, word)))
    assert data.train.loc[0, "Ticket"] == word
    told = f"taken for values, since the column must not lack any: {word!r} in column 'Ticket' (1 row)"
    assert data.notes == (f"train.csv: {told}",)


def test_a_word_that_the_schema_lists_is_a_value(titanic, sample_files):
    columns = titanic.schema.columns
    ports = pa.Column(str, pa.Check.isin(["None", "S", "C", "Q"]), nullable=True)
    competition = replace(titanic, schema=pa.DataFrameSchema({**columns, "Embarked": ports}))
    frame = pd.read_csv(io.BytesIO(sample_files["train.csv"]), dtype={"Ticket": "str"})
    frame.loc[:2, "Embarked"] = ["None", "NA", "S"]
    files = sample_files | {"train.csv": frame.to_csv(index=False).encode()}
    tables = read(competition, Source("folder", "x", files))
    assert tables.train["Embarked"].iloc[0] == "None"
    assert tables.train["Embarked"].isna().iloc[1]
    assert "'NA' in column 'Embarked' (1 row)" in tables.notes[0]
    assert "None" not in tables.notes[0]


@pytest.mark.parametrize("blanks", [" ", "\t", "\xa0", "\u3000", "\u200b"], ids=ascii)
def test_blanks_around_text_are_not_of_it(read_changed, edit, blanks):
    def around(frame):
        text = ["Name", "Sex", "Ticket", "Cabin", "Embarked"]
        return frame.assign(**{name: blanks + frame[name] + blanks for name in text})

    changed = read_changed(train_csv=edit("train.csv", around), test_csv=edit("test.csv", around))
    pd.testing.assert_frame_equal(changed.train, read_changed().train)
    assert changed.notes == ()


def test_rows_in_another_order_read_the_same(read_changed, edit):
    changed = read_changed(train_csv=edit("train.csv", lambda frame: frame.iloc[::-1]))
    pd.testing.assert_frame_equal(changed.train, read_changed().train)
    np.testing.assert_array_equal(changed.y, read_changed().y)


def test_a_lost_row_is_told(read_changed, edit):
    changed = read_changed(train_csv=edit("train.csv", lambda frame: frame.drop(index=[4, 7])))
    assert changed.notes == (
        "train.csv and test.csv: no row has PassengerId 5, nor 1 others from 1 to 1309: were rows lost?",
    )


def test_a_changed_id_far_behind_the_others_hides_no_lost_row(read_changed, edit):
    changed = read_changed(train_csv=edit("train.csv", lambda frame: frame.replace({"PassengerId": {5: 9000}})))
    (note,) = changed.notes
    assert "no row has PassengerId 5, nor 7690 others from 1 to 9000: were rows lost?" in note


@pytest.mark.parametrize(
    ("lost", "told"), [([], ()), ([4, 7], ("no row has PassengerId 4, nor 1 others from 0 to 1308",))]
)
def test_rows_may_be_numbered_from_0(read_changed, edit, lost, told):
    def earlier(frame):
        return frame.assign(PassengerId=frame["PassengerId"] - 1)

    changed = read_changed(
        train_csv=edit("train.csv", lambda frame: earlier(frame).drop(index=lost)),
        test_csv=edit("test.csv", earlier),
        gender_submission_csv=edit("gender_submission.csv", earlier),
    )
    assert changed.notes == tuple(f"train.csv and test.csv: {words}: were rows lost?" for words in told)


def test_more_lost_rows_than_there_are_left_are_told(read_changed, edit):
    changed = read_changed(train_csv=edit("train.csv", lambda frame: frame.head(100)))
    (note,) = changed.notes
    assert "no row has PassengerId 101, nor 790 others from 1 to 1309" in note


def test_what_cannot_be_seen_inside_a_text_is_not_of_it(read_changed, edit):
    def between(frame):
        return frame.assign(Name=frame["Name"].str.replace(", ", ",\u200b "))

    changed = read_changed(train_csv=edit("train.csv", between), test_csv=edit("test.csv", between))
    pd.testing.assert_frame_equal(changed.train, read_changed().train)
    pd.testing.assert_frame_equal(changed.test, read_changed().test)


@pytest.mark.parametrize(
    ("column", "value"),
    [("Cabin", "0"), ("Cabin", "U"), ("Cabin", "c85"), ("Name", "Mr. James Kelly"), ("Ticket", "330911.0"),
     ("Ticket", "3.30911E+05"), ("Ticket", "'330911")],
)  # fmt: skip
def test_a_text_in_another_form_than_titanics_is_refused_in_its_line(read_changed, edit, column, value):
    with pytest.raises(DataError, match=rf"test.csv, column '{column}': must be .*: line 2 \('?\"?"):
        read_changed(test_csv=edit("test.csv", put(column, 0, value)))


OTHER_FILES = {
    "gzip": (lambda _: b"\x1f\x8b\x08\0\x91", "is compressed by gzip", "rename it to train.csv.gz and unpack it"),
    "zip": (lambda data: zipped(data, "train.csv"), "is a zip archive (of train.csv)", "rename it to train.csv.zip"),
    "xlsx": (lambda data: zipped(data, "xl/workbook.xml"), "is an Excel workbook (xlsx)", "save it as 'CSV UTF-8'"),
    "xls": (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel workbook", "save it as 'CSV UTF-8'"),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), "is UTF-16 text", "save it with the encoding UTF-8"),
    "UTF-16 bare": (lambda data: data.decode().encode("utf-16-le"), "is UTF-16 text without", "the encoding UTF-8"),
    "Parquet": (lambda _: b"PAR1\x15\x04\0\xff", "is a Parquet file", "download the csv file itself"),
    "JSON": (lambda _: b'{"code":404}', "is JSON", "download the csv file itself"),
    "JSON's list": (lambda _: b'[\n  {"id": 1}]', "is JSON", "download the csv file itself"),
    "HTML": (lambda _: b"\n<HTML lang='en'>", "is a web page (HTML)", "download the csv file itself"),
    "Git LFS": (lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
    "sep=": (lambda data: b"sep=,\n" + data, "a line for Excel before its header", "delete its first line"),
}


def zipped(data, member):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, data)
    return out.getvalue()


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_other_files_that_are_named_csv_are_told_by_what_they_are(read_changed, sample_files, kind):
    make, what, step = OTHER_FILES[kind]
    with pytest.raises(DataError) as caught:
        read_changed(train_csv=make(sample_files["train.csv"]))
    assert caught.value.message.startswith("train.csv ")
    assert what in caught.value.message
    assert step in caught.value.hint
    assert "a spreadsheet saved it in another encoding" not in caught.value.hint


@pytest.mark.parametrize("header", ["{id},x", '"{id}",x', "[0],x", "<id>,x"])
def test_a_header_may_begin_with_any_sign(header):
    frame = parse_csv("train.csv", f"{header}\n1,2\n".encode())
    assert (list(frame)[1], frame["x"].tolist()) == ("x", [2])


SAMPLE_FAULTS = {
    "decimal ids": (
        lambda f: f.assign(PassengerId=f["PassengerId"].astype(float)),
        "'PassengerId': not written as a plain whole number: line 2 (892.0)",
    ),
    "an id in words": (put("PassengerId", 3, "x"), "'PassengerId': not written as a plain whole number: line 5 ('x')"),
    "an id twice": (put("PassengerId", 3, 892), "'PassengerId': the same value more than once: line 2 (892), line 5"),
    "no id": (put("PassengerId", 3, None), "'PassengerId': value missing: line 5 ('')"),
    "True and False": (lambda f: f.assign(Survived=f["Survived"] == 1), "'Survived': must be one of 0, 1: line 2 ('"),
    "one True": (put("Survived", 3, True), "'Survived': must be one of 0, 1: line 5 ('True')"),
    "text": (put("Survived", 3, "yes"), "'Survived': must be one of 0, 1: line 5 ('yes')"),
    "half": (put("Survived", 3, 0.5), "'Survived': must be one of 0, 1: line 5 (0.5)"),
    "no label": (put("Survived", 3, None), "'Survived': must be one of 0, 1: line 5 ('')"),
}


@pytest.mark.parametrize("fault", SAMPLE_FAULTS)
def test_faults_of_the_sample_file_are_found_at_the_reading(read_changed, edit, fault):
    change, says = SAMPLE_FAULTS[fault]
    with pytest.raises(DataError) as caught:
        read_changed(gender_submission_csv=edit("gender_submission.csv", change))
    assert caught.value.message.startswith(f"gender_submission.csv, column {says}")


@pytest.mark.parametrize("form", ["{}.0", " {}", "{}\u200b", "{}\xa0"], ids=ascii)
def test_labels_of_the_sample_file_are_classes_however_they_are_written(read_changed, edit, form):
    def change(frame):
        return frame.assign(Survived=frame["Survived"].map(form.format))

    changed = read_changed(gender_submission_csv=edit("gender_submission.csv", change))
    pd.testing.assert_frame_equal(changed.sample_submission, read_changed().sample_submission)


def test_ids_of_train_and_test_may_be_written_otherwise(read_changed, edit):
    changed = read_changed(test_csv=edit("test.csv", lambda f: f.assign(PassengerId=f["PassengerId"].astype(float))))
    pd.testing.assert_frame_equal(changed.test, read_changed().test)


@pytest.fixture(scope="module")
def otto_files():
    return dict(from_sample(load("otto")).files)


def otto_with(files, name, line, place, cell):
    lines = files[name].split(b"\n")
    cells = lines[line - 1].split(b",")
    cells[place] = cell
    lines[line - 1] = b",".join(cells)
    return Source("folder", "x", files | {name: b"\n".join(lines)})


@pytest.mark.parametrize("count", [b"1e39", b"1e307", b"1e400", b"9223372036854775808", b"9" * 30, b"-1e20"])
def test_numbers_beyond_float32_are_refused_in_their_line(otto_files, count):
    with pytest.raises(DataError) as caught:
        read(load("otto"), otto_with(otto_files, "test.csv", 3, 1, count))
    assert caught.value.message.startswith("test.csv, column 'feat_1': must be a ")
    assert caught.value.message.endswith(f": line 3 ({count.decode()})")


@pytest.mark.parametrize("line", [2, 8])
def test_one_long_number_blames_its_own_line_only(read_changed, edit, line):
    with pytest.raises(DataError) as caught:
        read_changed(train_csv=edit("train.csv", put("Age", line - 2, "12345678901234567890123")))
    assert caught.value.message.endswith(f"at most 1e+18 in size: line {line} (12345678901234567890123)")


def test_true_and_false_are_no_numbers(read_changed, edit):
    with pytest.raises(DataError, match=r"'SibSp': not a number: line 2 \('True'\), line 3"):
        read_changed(train_csv=edit("train.csv", lambda frame: frame.assign(SibSp=True)))


def test_otto_is_asked_for_each_class(otto_files):
    ids = [line.split(b",")[0] for line in otto_files["sampleSubmission.csv"].split()[1:]]
    sample = b"id,target\n" + b"".join(number + b",0.5\n" for number in ids)
    with pytest.raises(DataError, match=r"sampleSubmission.csv has the columns id, target in place of id, Class_1"):
        read(load("otto"), Source("folder", "x", otto_files | {"sampleSubmission.csv": sample}))


def test_a_class_is_named_as_the_file_must_hold_it(otto_files):
    with pytest.raises(DataError, match=r"must be one of Class_1, Class_2, .*: line 5 \('Class 1'\)"):
        read(load("otto"), otto_with(otto_files, "train.csv", 5, 94, b"Class 1"))


def test_probabilities_of_two_classes_may_stand_in_one_column(titanic, sample_files):
    tables = read(replace(titanic, submit="probabilities"), Source("folder", "x", sample_files))
    assert list(tables.sample_submission) == ["PassengerId", "Survived"]


RAW_DAMAGE = {
    "empty file": (lambda _: b"", ["train.csv", "is empty"]),
    "only white space": (lambda _: b" \n\n", ["train.csv", "is empty"]),
    "only a header": (lambda data: data.splitlines()[0], ["train.csv", "has a header and no rows"]),
    "HTML": (lambda _: b"<!DOCTYPE html><html><body>Sign in</body></html>", ["train.csv", "web page (HTML)"]),
    "semicolons in names": (
        lambda data: data.replace(b",", b";"),
        ["train.csv", "'Name'", "line 2", "'Vortidrel; Rev."],
    ),
    "latin-1": (
        lambda data: data.replace(b"Mr.", b"\xe9", 1),
        ["train.csv, line ", "byte 0xe9 is not UTF-8", "CSV UTF-8"],
    ),
    "zero bytes": (lambda data: data + b"\0", ["train.csv", "zero bytes"]),
    "cut in a field": (lambda data: data[:-12], ["train.csv", "line 892", "cut short?"]),
    "cut before the last field": (
        lambda data: data.rstrip(b"\n").rpartition(b",")[0] + b",",
        ["train.csv", "ends in the middle of line 892"],
    ),
    "cut inside quotes": (
        lambda data: data[: data.rindex(b'"')],
        ["train.csv", "line 892", "unexpected end of data"],
    ),
    "a field too many": (
        lambda data: data.rstrip(b"\n") + b",1\n",
        ["line 892 has 13 fields", "header has 12"],
    ),
    "duplicated column": (
        lambda data: data.replace(b"SibSp", b"Parch", 1),
        ["train.csv", "column 'Parch' more than once"],
    ),
    "renamed column": (
        lambda data: data.replace(b"Age", b"Years", 1),
        ["train.csv", "lacks column 'Age'", "has unknown column 'Years'", "the columns must be PassengerId"],
    ),
}


@pytest.mark.parametrize("damage", RAW_DAMAGE)
def test_damaged_bytes_are_refused(read_changed, sample_files, damage):
    change, says = RAW_DAMAGE[damage]
    with pytest.raises(DataError) as caught:
        read_changed(train_csv=change(sample_files["train.csv"]))
    for words in [*says, "what to do:", "怎么办:"]:
        assert words in str(caught.value)


FRAME_DAMAGE = {
    "target in words": ("train.csv", put("Survived", 10, "yes"), ["'Survived'", "one of 0, 1: line 12 ('yes')\n"]),
    "target True and False": ("train.csv", lambda f: f.assign(Survived=f["Survived"] == 1), ["one of 0, 1", "'False'"]),
    "id in words": ("train.csv", put("PassengerId", 4, "abc"), ["'PassengerId'", "line 6 ('abc')"]),
    "half an id": ("train.csv", put("PassengerId", 4, 1.5), ["'PassengerId'", "not a whole number: line 6 (1.5)"]),
    "half a sibling": ("test.csv", put("SibSp", 0, 0.5), ["test.csv, column 'SibSp'", "line 2 (0.5)"]),
    "renamed column of the sample": (
        "gender_submission.csv",
        lambda f: f.rename(columns={"Survived": "survived"}),
        ["has the columns PassengerId, survived in place of PassengerId, Survived"],
    ),
    "missing column": ("train.csv", lambda f: f.drop(columns="Cabin"), ["lacks column 'Cabin'"]),
    "train without target": ("train.csv", lambda f: f.drop(columns="Survived"), ["lacks column 'Survived'"]),
    "test with target": (
        "test.csv",
        lambda f: f.assign(Survived=0),
        ["test.csv holds the target column 'Survived'", "copy of train.csv"],
    ),
    "duplicated id": (
        "train.csv",
        put("PassengerId", 5, 1),
        ["'PassengerId'", "the same value more than once", "line 2 (1)", "line 7 (1)"],
    ),
    "missing id": ("train.csv", put("PassengerId", 5, None), ["'PassengerId'", "value missing", "line 7"]),
    "unknown target": ("train.csv", put("Survived", 3, 2), ["'Survived'", "one of 0, 1", "line 5 ('2')"]),
    "missing target": ("train.csv", put("Survived", 3, None), ["'Survived'", "value missing", "line 5"]),
    "one class only": ("train.csv", lambda f: f.assign(Survived=1), ["'Survived'", "every row holds '1'"]),
    "all-NaN column": ("train.csv", lambda f: f.assign(Age=None), ["column 'Age'", "no row holds a value"]),
    "text in a number column": (
        "train.csv",
        put("Fare", 10, "cheap"),
        ["'Fare'", "not a number", "line 12 ('cheap')"],
    ),
    "infinite value": ("train.csv", put("Age", 10, "inf"), ["'Age'", "line 12 (inf)"]),
    "infinity in test": ("test.csv", put("Fare", 0, "-inf"), ["test.csv", "'Fare'", "line 2 (-inf)"]),
    "out of range": ("train.csv", put("Age", 0, -3), ["'Age'", "line 2 (-3)"]),
    "unknown class of ticket": (
        "train.csv",
        put("Pclass", 0, 4),
        ["'Pclass'", "not one of [1, 2, 3]", "line 2 (4)"],
    ),
    "unknown sex": ("test.csv", put("Sex", 0, "Male"), ["test.csv", "'Sex'", "line 2 ('Male')"]),
    "test row lost": (
        "test.csv",
        lambda f: f.iloc[:-1],
        ["test.csv (417 rows)", "gender_submission.csv (418 rows)"],
    ),
    "sample without ids": (
        "gender_submission.csv",
        lambda f: f.iloc[:, 1:],
        ["gender_submission.csv has the columns Survived in place of PassengerId, Survived"],
    ),
}


@pytest.mark.parametrize("damage", FRAME_DAMAGE)
def test_wrong_values_are_refused(read_changed, edit, damage):
    name, change, says = FRAME_DAMAGE[damage]
    with pytest.raises(DataError) as caught:
        read_changed(**{name.replace(".csv", "_csv"): edit(name, change)})
    for words in [name, *says, "what to do:", "怎么办:"]:
        assert words in str(caught.value)


def test_many_offending_rows_are_counted_not_listed(read_changed, edit):
    with pytest.raises(DataError, match=r"line 2 \('x'\), line 3 \('x'\), line 4 \('x'\) and 888 more"):
        read_changed(train_csv=edit("train.csv", lambda f: f.assign(Age="x")))


def test_line_numbers_count_lines_inside_quotes():
    frame = parse_csv("a.csv", b'id,name\n1,"two\nlines"\n2,b\n', ("name",))
    assert list(frame.index) == [2, 4]
    assert frame.loc[2, "name"] == "two\nlines"


def test_a_row_in_both_files_is_refused_but_equal_numbering_is_not(titanic, read_changed, sample_files):
    """Kaggle numbers both of Otto's files from 1; the same passenger in both files is another matter."""
    frames = {name: pd.read_csv(io.BytesIO(data), dtype={"Ticket": "str"}) for name, data in sample_files.items()}
    for name in ("test.csv", "gender_submission.csv"):
        frames[name]["PassengerId"] -= 891

    def read_frames():
        return read_changed(**{n.replace(".csv", "_csv"): f.to_csv(index=False).encode() for n, f in frames.items()})

    assert read_frames().test["PassengerId"].iloc[0] == 1
    frames["test.csv"].loc[0] = frames["train.csv"].drop(columns="Survived").loc[0]
    with pytest.raises(DataError, match=r"PassengerId 1 stands in train.csv and in test.csv \(1 such rows\)"):
        read_frames()


@pytest.mark.parametrize("word", ["", "NA", "?"])
def test_training_rows_without_a_target_are_an_error_or_left_out_with_a_word(titanic, sample_files, edit, word):
    train = edit("train.csv", lambda frame: frame.astype({"Survived": object}).assign(
        Survived=lambda rows: rows["Survived"].where(~rows.index.isin([2, 5]), word)))  # fmt: skip
    source = Source("folder", "x", {**sample_files, "train.csv": train})
    with pytest.raises(DataError, match=r"'Survived': .*line 4 .*line 7") as error:
        read(titanic, source)
    assert ("drop_unlabelled=True" in error.value.hint) == (word == "")
    tables = read(replace(titanic, drop_unlabelled=True), source)
    assert "train.csv: left out: 2 rows have no Survived, the first in line 4" in tables.notes
    assert (len(tables.train), len(tables.y)) == (889, 889)
    assert not {3, 6} & set(tables.train["PassengerId"])
