"""The csv has the sample's form; the linter refuses what Kaggle or the score would punish."""

import io

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import SubmissionError
from pipelines.submission import record as records
from pipelines.submission import writer
from pipelines.submission.linter import check, lint
from pipelines.submission.record import Record
from pipelines.submission.writer import save, to_csv

SAMPLE = b"PassengerId,Survived\r\n892,0\r\n893,1\r\n894,0\r\n895,0\r\n"
IDS = [892, 893, 894, 895]
GOOD = b"PassengerId,Survived\n892,1\n893,1\n894,0\n895,0\n"
SAMPLE_P = b"id,Class_1,Class_2,Class_3\n1,1,0,0\n2,1,0,0\n3,1,0,0\n"
GOOD_P = b"id,Class_1,Class_2,Class_3\n1,0.71234,0.18766,0.1\n2,0.2,0.3,0.5\n3,0.31111,0.3,0.38889\n"


@pytest.fixture
def probabilities(titanic):
    from dataclasses import replace

    return replace(
        titanic,
        id_column="id",
        target="target",
        classes=("Class_1", "Class_2", "Class_3"),
        submit="probabilities",
    )


def test_labels_take_form_order_and_types_from_the_sample(titanic):
    sample = pd.read_csv(io.BytesIO(SAMPLE))
    proba = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    shuffled = pd.Series([895, 892, 894, 893])
    csv = to_csv(titanic, sample, shuffled, proba)
    assert csv == b"PassengerId,Survived\n892,0\n893,0\n894,1\n895,1\n"
    assert lint(titanic, csv, SAMPLE) == []


def test_probabilities_keep_their_digits_and_column_order(probabilities):
    sample = pd.read_csv(io.BytesIO(SAMPLE_P))
    proba = np.random.default_rng(0).dirichlet(np.ones(3), 3)
    csv = to_csv(probabilities, sample, pd.Series([1, 2, 3]), proba)
    back = pd.read_csv(io.BytesIO(csv))
    assert list(back.columns) == ["id", "Class_1", "Class_2", "Class_3"]
    np.testing.assert_allclose(back.iloc[:, 1:], proba, rtol=1e-8)
    assert lint(probabilities, csv, SAMPLE_P) == []


def test_one_column_of_probabilities_is_the_last_class(titanic):
    from dataclasses import replace

    sample = pd.read_csv(io.BytesIO(SAMPLE))
    proba = np.array([[0.25, 0.75], [0.5, 0.5], [0.875, 0.125], [0.0625, 0.9375]])
    csv = to_csv(replace(titanic, submit="probabilities"), sample, pd.Series(IDS), proba)
    assert csv.splitlines()[1] == b"892,0.75"


LABEL_FAULTS = {
    "missing value": (
        GOOD.replace(b"893,1", b"893,"),
        "1 values are missing, the first at PassengerId 893, Survived",
    ),
    "unknown id": (
        GOOD.replace(b"893", b"999"),
        "1 ids are not in the test file, for example PassengerId 999",
    ),
    "missing id": (GOOD.replace(b"893,1\n", b""), "1 ids are missing, for example PassengerId 893"),
    "duplicated id": (GOOD.replace(b"894", b"893"), "PassengerId 893 occurs more than once"),
    "other order": (b"PassengerId,Survived\n893,1\n892,1\n894,0\n895,0\n", "the order of PassengerId"),
    "decimal ids": (GOOD.replace(b",1", b".0,1").replace(b",0", b".0,0"), "PassengerId is written as"),
    "unknown class": (GOOD.replace(b"893,1", b"893,2"), "Survived holds 2: unknown classes; labels are 0, 1"),
    "decimal labels": (GOOD.replace(b"893,1", b"893,1.0"), "labels written as decimals"),
    "probabilities": (GOOD.replace(b"893,1", b"893,0.83"), "probabilities, or labels written as decimals"),
    "text": (GOOD.replace(b"893,1", b"893,yes"), "unknown classes"),
    "constant": (GOOD.replace(b",1", b",0"), "says the same for every row"),
    "the sample itself": (SAMPLE.replace(b"\r", b""), "it is the sample submission gender_submission.csv"),
    "other columns": (GOOD.replace(b"Survived", b"survived"), "Kaggle expects PassengerId, Survived"),
    "index column": (
        GOOD.replace(b"\n8", b"\n0,8").replace(b"Pass", b",Pass"),
        "its columns are Unnamed: 0, PassengerId, Survived; Kaggle expects PassengerId, Survived",
    ),
    "empty": (b"", "the submission is empty"),
    "HTML": (b"<html></html>", "web page"),
}


@pytest.mark.parametrize("fault", LABEL_FAULTS)
def test_faulty_labels_are_refused(titanic, fault):
    csv, says = LABEL_FAULTS[fault]
    assert any(says in problem for problem in lint(titanic, csv, SAMPLE)), lint(titanic, csv, SAMPLE)
    with pytest.raises(SubmissionError, match="the submission is refused: "):
        check(titanic, csv, SAMPLE)


PROBABILITY_FAULTS = {
    "below zero": (
        GOOD_P.replace(b"0.2,0.3,0.5", b"-0.2,0.7,0.5"),
        "-0.2 at id 2, Class_1 is outside [0, 1]",
    ),
    "above one": (GOOD_P.replace(b"0.2,0.3,0.5", b"0.2,1.3,0.5"), "1.3 at id 2, Class_2 is outside [0, 1]"),
    "infinite": (GOOD_P.replace(b"0.2,0.3,0.5", b"inf,0.3,0.5"), "outside [0, 1]"),
    "sum": (GOOD_P.replace(b"0.2,0.3,0.5", b"0.2,0.3,0.4"), "1 rows do not sum to one; id 2 sums to 0.9"),
    "labels": (SAMPLE_P.replace(b"2,1,0,0", b"2,0,1,0"), "labels (only 0 and 1) where probabilities belong"),
    "rounded": (
        b"id,Class_1,Class_2,Class_3\n1,0.71,0.19,0.1\n2,0.2,0.3,0.5\n3,0.31,0.3,0.39\n",
        "rounded to 3 decimals or fewer",
    ),
    "constant": (
        b"id,Class_1,Class_2,Class_3\n1,0.71234,0.18766,0.1\n2,0.71234,0.18766,0.1\n3,0.71234,0.18766,0.1\n",
        "says the same for every row",
    ),
    "text": (GOOD_P.replace(b"0.2,0.3,0.5", b"Class_1,0.3,0.5"), "text where probabilities belong"),
    "missing value": (
        GOOD_P.replace(b"0.2,0.3,0.5", b",0.3,0.5"),
        "1 values are missing, the first at id 2, Class_1",
    ),
    "shifted columns": (
        GOOD_P.replace(b"Class_1,Class_2", b"Class_2,Class_1"),
        "its columns are id, Class_2",
    ),
}


@pytest.mark.parametrize("fault", PROBABILITY_FAULTS)
def test_faulty_probabilities_are_refused(probabilities, fault):
    csv, says = PROBABILITY_FAULTS[fault]
    problems = lint(probabilities, csv, SAMPLE_P)
    assert any(says in problem for problem in problems), problems


def test_ids_are_shown_as_the_files_have_them(titanic):
    problems = lint(titanic, GOOD.replace(b",1", b".0,1").replace(b",0", b".0,0"), SAMPLE)
    assert problems == ["PassengerId is written as 892.0, Kaggle writes 892"]


def test_a_sample_of_one_column_asks_for_two_classes_at_most(probabilities):
    one = b"id,target\n1,0.1234\n2,0.2345\n3,0.3456\n"
    assert lint(probabilities, one, one.replace(b"0.1", b"0.9")) == [
        "gender_submission.csv has the columns id, target in place of id, Class_1, Class_2, Class_3"
    ]


def test_good_files_pass(titanic, probabilities):
    assert lint(titanic, GOOD, SAMPLE) == []
    assert lint(titanic, GOOD.replace(b"\n", b"\r\n"), SAMPLE) == []
    assert lint(probabilities, GOOD_P, SAMPLE_P) == []


def test_saving_twice_in_one_second_keeps_both(tmp_path):
    made = [Record(slug="titanic", data="folder", seed=n) for n in range(3)]
    paths = [save(tmp_path, "fast", GOOD, record) for record in made]
    assert len(set(paths)) == 3
    for record, path in zip(made, paths, strict=True):
        assert path.read_bytes() == GOOD
        assert Record.load(path.with_suffix(".json")) == record
    assert len(list(tmp_path.iterdir())) == 6


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        save(tmp_path, "fast", GOOD, Record(slug="titanic", data="folder", where=object()))
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_between_record_and_csv_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(path, data):
        if path.suffix == ".csv":
            raise KeyboardInterrupt
        path.write_bytes(data)

    for module in (writer, records):
        monkeypatch.setattr(module, "write_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, "fast", GOOD, Record(slug="titanic", data="folder"))
    assert list(tmp_path.iterdir()) == []


def test_probabilities_go_under_their_classes_name_whatever_the_columns_order(probabilities):
    sample = pd.DataFrame({"id": [1], "Class_2": [1], "Class_1": [0], "Class_3": [0]})
    csv = to_csv(probabilities, sample, pd.Series([1]), np.array([[0.5, 0.3, 0.2]]))
    assert csv == b"id,Class_2,Class_1,Class_3\n1,0.3,0.5,0.2\n"
