"""Whatever happens to a csv file: the clean file's tables, what the damaged file says, or an error that names it.

Small files are made of the embedded samples' rows; Otto is narrowed to four of its counts, and `prices` are these
with a number for a target, in files separated by tabs. Nothing is trained: the same tables give the same features, the
same arrays and so the same predictions.

HOMEWORK_EXAMPLES in the environment asks for more examples than the suite takes.
"""

import csv
import io
import math
import os
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.competition import Number
from pipelines.data.sources import Source, from_sample
from pipelines.data.strict_csv import BLANKS, MARKS, MISSING, QUOTES, SEPARATORS
from pipelines.data.tables import read
from pipelines.errors import DataError
from pipelines.features.frames import make_features
from pipelines.metrics import Metric
from pipelines.settings.lookup import load

N_TRAIN, N_TEST = 9, 3
NAMES = ["titanic", "otto", "prices"]
RMSE = Metric("RMSE", score=lambda y, p: float(((y - p) ** 2).mean() ** 0.5), greater_is_better=False, of="values")
WORDS = [
    "NA",
    "nan",
    "None",
    "-",
    "N/A",
    "null",
    "NaN",
    "#N/A",
    "<NA>",
    "?",
    " ",
    "\xa0",
    "--",
    "NULL",
    "\\N",
    "none",
    "ＮＡ",
    "'NA'",
    "()",
    "n.d.",
]
GARBAGE = ["", "x", "1.5", "-1", "1e39", "1e400", "inf", "0x1F", "1,5", '"', "'", "True", "9" * 23, "é", "Class 1", "0"]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def thorough(examples):
    """So many examples in the suite, the same each time."""
    asked = os.environ.get("HOMEWORK_EXAMPLES")
    return settings(
        max_examples=int(asked or examples),
        derandomize=asked is None,
        database=None,
        deadline=None,
        suppress_health_check=SLOW,
    )


def separator(text: str) -> str:
    header = text.lstrip("\ufeff\r\n").splitlines()[:1]
    return max(SEPARATORS, key=header[0].count) if header else ","


def table(data: bytes) -> list[list[str]]:
    text = data.decode()
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator(text)))


def to_bytes(rows, **dialect) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **{"lineterminator": "\n"} | dialect).writerows(rows)
    return out.getvalue().encode()


@cache
def small(name):
    """A competition and the bytes of its three files: every class in train, ids without gaps."""
    competition = load("otto" if name == "prices" else name)
    train, test, sample = (table(from_sample(competition).files[file]) for file in competition.files)
    if name != "titanic":
        kept = ["id", "feat_1", "feat_14", "feat_24", "feat_40"]
        columns = {column: competition.schema.columns[column] for column in kept[1:]}
        competition = replace(competition, schema=pa.DataFrameSchema(columns))
        train, test = ([[row[rows[0].index(c)] for c in keep] for row in rows] for rows, keep in (
            (train, [*kept, "target"]), (test, kept)))  # fmt: skip
    target, seen, rows = train[0].index(competition.target), Counter(), []
    for row in train[1:]:
        seen[row[target]] += 1
        if seen[row[target]] <= N_TRAIN // len(competition.classes):
            rows.append(row)
    for number, row in enumerate(rows, 1):
        row[0] = str(number)
    for number, (row, example) in enumerate(
        zip(test[1 : N_TEST + 1], sample[1 : N_TEST + 1], strict=True), len(rows) + 1
    ):
        row[0] = example[0] = str(number)
    tables = [[train[0], *rows], test[: N_TEST + 1], sample[: N_TEST + 1]]
    if name != "prices":
        return competition, {file: to_bytes(rows) for file, rows in zip(competition.files, tables, strict=True)}
    for number, row in enumerate(rows):
        row[target] = f"{17.25 * number - 0.5}"
    tables[2] = [["id", "target"], *([row[0], "0.25"] for row in tables[2][1:])]
    competition = replace(competition, classes=(), number=Number(transform="log1p"), metric=RMSE, submit="values")
    ends = dict(zip(competition.files, "\t\t,", strict=True))
    return competition, {file: to_bytes(rows, delimiter=ends[file]) for file, rows in zip(ends, tables, strict=True)}


def plain(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def lists(competition, tables):
    """What a network may learn from and is asked, as plain lists; the sample submission's rows in order of id."""
    named = {"train": tables.train.assign(y=tables.y), "test": tables.test}
    named["sample"] = tables.sample_submission.sort_values(competition.key)[sorted(tables.sample_submission)]
    return {
        name: [list(frame.columns), *([plain(v) for v in row] for row in frame.astype(object).to_numpy().tolist())]
        for name, frame in named.items()
    }


@cache
def clean(name):
    competition, files = small(name)
    return lists(competition, read(competition, Source("folder", "x", files)))


def oracle(competition, files):
    """The tables of these very bytes by Python's own csv module and float(); no check but that they can be had."""
    columns, key, target = competition.schema.columns, competition.key, competition.target
    codes = {str(value): code for code, value in enumerate(competition.classes)}

    def cell(name, text):
        text = text.strip(BLANKS)
        if name == key:
            return int(Decimal(text))
        if name == target and target in header:
            return codes.get(text, codes.get(text.removesuffix(".0"))) if codes else float(text)
        spec = columns.get(name)
        number = spec is None or spec.dtype.type.kind == "f"
        allowed = [v for check in (spec.checks if spec else []) for v in check.statistics.get("allowed_values", [])]
        word = text.strip(QUOTES).casefold()
        silent = (word in MISSING or MARKS.fullmatch(word)) and text not in allowed
        if text == "" or (silent and (number or spec.nullable)):
            return None
        return float(text) if number else text

    found = {}
    for part, file in zip(("train", "test", "sample"), competition.files, strict=True):
        text = files[file].decode().lstrip("\ufeff")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text), strict=True)
        header, *rows = [row for row in lines if row]
        header = [name.strip(BLANKS) for name in header]
        wanted = sorted(header) if part == "sample" else [key, *columns, *[target] * (part == "train")]
        made = [[cell(name, row[header.index(name)]) for name in wanted] for row in rows]
        made.sort(key=lambda row: row[wanted.index(key)])
        found[part] = [[*wanted[:-1], "y"] if part == "train" else wanted, *made]
    if competition.submit == "labels":  # labels of the example, as numbers
        found["sample"][1:] = [[float(v) for v in row] for row in found["sample"][1:]]
    return found


def numbers(tables):
    """The sample's labels are looked at as numbers: `0.0` writes the same submission as `0`."""
    return tables | {"sample": [tables["sample"][0], *([float(v) for v in row] for row in tables["sample"][1:])]}


def outcome(competition, files):
    try:
        return read(competition, Source("folder", "x", files)), None
    except DataError as error:
        return None, error


def same(found, wanted):
    return numbers(found) == numbers(wanted)


# --- what changes nothing -----------------------------------------------------------------------------------------

blanks = st.sampled_from(["", "", "", " ", "  ", "\t", "\xa0", "\u3000", "\u200b"])


def otherwise(text):
    """Other ways to write a number."""
    sign, digits, exponent = Decimal(text).as_tuple()
    whole = int("".join(map(str, digits)))
    forms = [text, f"+{text}", f"{whole}e{exponent}", f"{whole}0E{exponent - 1}", f"0{text}", f"{Decimal(text):E}"]
    return [f for f in forms if not sign] + [text + ("0" if "." in text else ".0")]


@st.composite
def rewritten(draw, name):
    """The files of a competition, one of them written in another way."""
    competition, files = small(name)
    file = draw(st.sampled_from(competition.files))
    header, *rows = table(files[file])
    columns, is_sample = competition.schema.columns, file == competition.sample_submission
    for place, column in enumerate(header):
        spec, before, after = columns.get(column), draw(blanks), draw(blanks)
        number = spec is not None and spec.dtype.type is np.dtype("float64")
        form = draw(st.integers(0, 11)) if (number or column == competition.key) and not is_sample else 11
        word = draw(st.sampled_from(["", *WORDS]))
        for row in rows:
            if row[place] == "" and spec is not None:
                row[place] = word
            elif form < 11:
                forms = otherwise(row[place])
                row[place] = forms[form % len(forms)]
            row[place] = before + row[place] + after
    rows = draw(st.permutations(rows))
    order = draw(st.permutations(range(len(header))))
    ends = draw(st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    titles = [before + title + after for title in header]  # the last column's blanks
    data = to_bytes(
        [[row[i] for i in order] for row in [titles, *rows]],
        lineterminator=ends,
        quoting=quoting,
        delimiter=draw(st.sampled_from(SEPARATORS)),
    )  # blanks are quoted with the cell, or stand unquoted around it
    data = b"\xef\xbb\xbf" * draw(st.integers(0, 2)) + data
    return files | {file: data + ends.encode() * draw(st.integers(0, 2))}


@pytest.mark.parametrize("name", NAMES)
def test_another_way_to_write_the_same_gives_the_same(name):
    competition, _ = small(name)

    @thorough(15)
    @given(rewritten(name))
    def check(files):
        tables = read(competition, Source("folder", "x", files))
        assert same(lists(competition, tables), clean(name))

    check()


@pytest.mark.parametrize("name", ["titanic", "otto"])
def test_the_same_tables_give_the_same_arrays(name):
    competition, files = small(name)
    arrays = []
    for end in ("\n", "\r\n"):
        changed = {file: to_bytes(table(data), lineterminator=end) for file, data in files.items()}
        features = make_features(competition, read(competition, Source("folder", "x", changed)))
        for variant in list(competition.variants.values())[:2]:
            encoder = variant.make_encoder()
            arrays.append([encoder.fit_transform(features.train, features.y), encoder.transform(features.test)])
    half = len(arrays) // 2
    for ours, theirs in zip(arrays[:half], arrays[half:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


# --- damage -------------------------------------------------------------------------------------------------------

snippets = st.sampled_from([
    b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xc2\xa0", b"\0", b";", b"\t", b" ", b"'", b"\xff",
    b"\xe9", b"\x1a", b".", b"e", b"-", b"+", b"NA", b"\\", b"\n\n", b",,", b'","', b"\xe2\x80\x8b",
])  # fmt: skip


def of_bytes(draw, data):
    """Bytes flipped, cut out, cut off, put in; another encoding."""
    at = draw(st.integers(0, len(data) - 1))
    kind = draw(st.sampled_from(["flip", "cut", "cut off", "put in", "put in", "encode"]))
    if kind == "flip":
        return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    if kind == "cut":
        return data[:at] + data[at + draw(st.integers(1, 80)) :]
    if kind == "cut off":
        return data[:at]
    if kind == "encode":
        text = data.decode("utf-8", "replace")
        return text.encode(draw(st.sampled_from(["utf-16", "utf-16-le", "utf-8-sig", "utf-7", "utf-32"])))
    return data[:at] + draw(snippets) + data[at:]


def of_lines(draw, data):
    """Lines lost, doubled, exchanged, cut, blank; other separators and ends."""
    lines = data.splitlines(keepends=True) or [b""]
    at, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    kind = draw(st.sampled_from(["lose", "double", "exchange", "cut", "blank", "separator", "ends"]))
    if kind == "lose":
        del lines[at]
    elif kind == "double":
        lines.insert(other, lines[at])
    elif kind == "exchange":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "cut":
        lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    elif kind == "blank":
        lines.insert(at, draw(st.sampled_from([b"\n", b"  \n", b"\xc2\xa0\n", b",\n", b'""\n'])))
    elif kind == "separator":
        known = b"\t" if b"\t" in lines[0] else b","
        return data.replace(known, draw(st.sampled_from([b";", b"\t", b"|", b",", known + b" ", b" " + known])))
    else:
        return data.replace(b"\n", draw(st.sampled_from([b"\r", b"\r\n", b"\r\r\n", b"\n\n"])))
    return b"".join(lines)


def of_cells(draw, data):
    """Cells emptied, replaced, exchanged; columns added, lost, doubled, exchanged."""
    try:
        rows = [row for row in table(data) if row]
    except (UnicodeDecodeError, csv.Error):
        return data
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return data
    line, place = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, len(rows[0]) - 1))
    other = draw(st.integers(0, len(rows[0]) - 1))
    kind = draw(st.sampled_from(["replace", "replace", "exchange", "add", "lose", "all", "titles"]))
    if kind == "replace":
        rows[line][place] = draw(st.sampled_from([*WORDS, *GARBAGE]))
    elif kind == "exchange":
        rows[line][place], rows[line][other] = rows[line][other], rows[line][place]
    elif kind == "add":
        rows = [[*row, draw(st.sampled_from([*WORDS, *GARBAGE]))] for row in rows]
    elif kind == "lose":
        rows = [row[:place] + row[place + 1 :] for row in rows]
    elif kind == "all":
        rows = [rows[0], *[[*row[:place], draw(st.sampled_from(WORDS)), *row[place + 1 :]] for row in rows[1:]]]
    else:
        rows[0][place], rows[0][other] = rows[0][other], rows[0][place]
    return to_bytes(rows, delimiter=separator(data.decode()))


@st.composite
def damaged(draw, name):
    """The files of a competition, some of them damaged once or several times."""
    competition, files = small(name)
    files = dict(files)
    for _ in range(draw(st.integers(1, 3))):
        file = draw(st.sampled_from(competition.files))
        if files[file]:
            files[file] = draw(st.sampled_from([of_bytes, of_lines, of_cells]))(draw, files[file])
    return files


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_read_as_it_stands_or_refused(name):
    """Damage that leaves a whole csv with other values in it (a digit for a digit, a letter in a name, titles or cells
    of two columns exchanged, a line lost) cannot be told from data. Then the tables hold what the bytes say, by another
    reader: nothing is guessed, shifted or dropped. A line lost from the rows' numbers, and a word taken for missing,
    are told.
    """
    competition, _ = small(name)

    @thorough(40)
    @given(damaged(name))
    def check(files):
        tables, error = outcome(competition, files)
        if error is not None:
            assert error.exit_code == 2
            assert any(file in error.message for file in competition.files)
            assert "np." not in str(error)
            return
        found = lists(competition, tables)
        if not same(found, clean(name)):
            assert same(found, oracle(competition, files))
        lost = len(found["train"]) < len(clean(name)["train"])
        assert not lost or tables.notes or found["train"][-1][0] == len(found["train"]) - 1

    check()


def with_cells(cell):
    """Titanic's tables with the first Cabin, Age and port that are there replaced by `cell`."""
    competition, files = small("titanic")
    rows = table(files["train.csv"])
    for column in ("Cabin", "Age", "Embarked"):
        place = rows[0].index(column)
        next(row for row in rows[1:] if row[place])[place] = cell
    return competition, read(competition, Source("folder", "x", files | {"train.csv": to_bytes(rows)}))


@pytest.fixture(scope="module")
def emptied():
    competition, tables = with_cells("")
    assert tables.notes == ()
    return lists(competition, tables)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_missing_is_an_empty_cell_and_told(word, emptied):
    competition, tables = with_cells(word)
    assert lists(competition, tables) == emptied
    places = ", ".join(f"{word!r} in column {column!r} (1 row)" for column in ("Age", "Cabin", "Embarked"))
    assert tables.notes == (f"train.csv: taken for missing: {places}",)
