"""What is found out about a competition's files: which is which, id, target, task, metric, and what folds must keep."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from made_files import FIVE, dealt, written

from pipelines.errors import DataError, UsageError
from pipelines.new.commands import examine, found_lines, texts_of
from pipelines.new.roles import Said

FOUND = {  # id, target, classes (or the transform of a number), metric, what is submitted, time, left out
    "loans": ("id", "loan_status", (0, 1), "auc", "probabilities", None, ()),
    "forest-cover": ("Id", "Cover_Type", (1, 2, 3, 4, 5, 6, 7), "accuracy", "labels", None, ()),
    "leaf-species": ("id", "species", 99, "log-loss", "probabilities", None, ()),
    "bike-hours": ("datetime", "count", "log1p", "rmsle", "values", None, ("casual", "registered")),
    "store-days": ("id", "sales", "identity", "rmse", "values", "date", ()),
}


@pytest.mark.parametrize("slug", FIVE)
def test_roles_task_and_metric_of_five_competitions(slug, found):
    it = found(FIVE[slug]())
    classes = tuple(it.task.shares)
    task = it.task.transform if it.is_number else len(classes) if len(classes) > 9 else classes
    said = (it.roles.id, it.roles.target, task, it.task.metric, it.task.submit, it.split.time, it.roles.left_out)
    assert said == FOUND[slug]
    assert (it.split.groups, it.split.prefix_of) == (None, " " if slug == "bike-hours" else None)  # whole days


def table(n=60, **columns):
    """Rows with a number and a label that leans on it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n).round(3)
    return pd.DataFrame({"x": x, "colour": rng.choice(["red", "blue"], n), "y": (x > 0).astype(int)} | columns)


def three(rows, target="y", key="id", sample=None):
    """Two thirds of the rows to train on; the sample submission has ids and 0, or those columns."""
    train, test = dealt(rows, len(rows) * 2 // 3, target, key)
    answers = {target: 0} if sample is None else sample
    return {"train.csv": train, "test.csv": test, "sample_submission.csv": test[[key]].assign(**answers)}


def test_rows_without_ids_are_numbered_as_the_sample_submission_does(found):
    rng = np.random.default_rng(0)
    pixels = pd.DataFrame(rng.integers(0, 256, (90, 20)), columns=[f"pixel{i}" for i in range(20)])
    train = pixels[:60].assign(label=np.arange(60) % 10)
    test = pixels[60:]
    sample = pd.DataFrame({"ImageId": np.arange(1, 31), "Label": 0})
    it = found({"train.csv": train, "test.csv": test, "sample_submission.csv": sample})
    assert (it.roles.id, it.roles.sample_id, it.roles.target) == (None, "ImageId", "label")
    assert (tuple(it.task.shares), it.task.metric) == (tuple(range(10)), "accuracy")


NAMES = [
    ("Train.csv", "Test.csv", "SampleSubmission.csv"),
    ("train.tsv", "test.tsv", "sampleSubmission.csv"),
    ("training.csv", "testing.csv", "gender_submission.csv"),
    ("loan_train.csv", "loan_test.csv", "sample_submission_v2.csv"),
]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0])
def test_files_are_told_by_their_names(names, found):
    it = found(dict(zip(names, three(table()).values(), strict=True)))
    assert (it.roles.train.name, it.roles.test.name, it.roles.sample.name) == names
    assert (it.roles.id, it.roles.target) == ("id", "y")


def test_files_are_told_by_what_is_in_them_where_names_say_nothing(found):
    it = found(dict(zip(("a.csv", "b.csv", "c_submission.csv"), three(table()).values(), strict=True)))
    assert (it.roles.train.name, it.roles.test.name) == ("a.csv", "b.csv")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(separator, tmp_path):
    folder = written(three(table(note="a, b")), tmp_path / "files", separator)
    it = examine("a", "a", folder, Said())
    assert it.roles.features == ["x", "colour", "note"]


def test_files_packed_in_a_zip_in_a_zip_and_by_gzip(tmp_path):
    files = {name: frame.to_csv(index=False).encode() for name, frame in three(table()).items()}
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("train.csv", files["train.csv"])
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("deep/train.csv.zip", inner.getvalue())
        archive.writestr("deep/test.csv.gz", gzip.compress(files["test.csv"]))
        archive.writestr("deep/sample_submission.csv", files["sample_submission.csv"])
        archive.writestr("deep/readme.pdf", b"%PDF")
    it = examine("a", "a", tmp_path / "all.zip", Said())
    assert (it.roles.train.name, it.roles.test.name, it.roles.train.n_rows) == ("train.csv", "test.csv", 40)


def test_truth_values_with_gaps(found):
    rows = table(awake=["True", "False", None] * 20).assign(y=lambda rows: rows["y"] == 1)
    it = found(three(rows, sample={"y": False}))
    assert tuple(it.task.shares) == (False, True)
    awake = it.columns[-1]
    assert (awake.kind, awake.nullable, awake.gaps) == ("flag", True, pytest.approx(1 / 3))


def test_columns_of_the_sample_named_after_the_classes_in_another_way(found):
    rows = table().assign(y=["D", "C", "CL"] * 20)
    it = found(three(rows, sample={"Status_C": 0.6, "Status_CL": 0.1, "Status_D": 0.3}))
    assert tuple(it.task.shares) == ("C", "CL", "D")
    assert it.task.sample_columns == ("Status_C", "Status_CL", "Status_D")
    assert (it.task.metric, it.task.submit) == ("log-loss", "probabilities")


def test_columns_of_the_sample_that_say_nothing_are_those_of_the_classes_in_order(found):
    rows = table().assign(y=[3, 1, 2] * 20)
    it = found(three(rows, sample={"a": 0.6, "b": 0.1, "c": 0.3}))
    assert tuple(it.task.shares) == (1, 2, 3)
    assert "a is 1" in it.task.notes["classes"]


def test_a_target_spelt_otherwise_in_the_sample(found):
    files = three(
        table(Sale_Price=np.arange(60.0), other=1.0).drop(columns="y"), ["Sale_Price", "other"], sample={"SalePrice": 0}
    )
    it = found(files)
    assert (it.roles.target, it.roles.left_out, it.task.metric) == ("Sale_Price", ("other",), "rmse")


def test_ids_that_are_text_keep_their_zeros(found):
    files = three(table())
    for frame in files.values():
        frame["id"] = frame["id"].map("{:06d}".format)
    it = found(files)
    assert (it.roles.id, it.ids.kind, it.ids.form) == ("id", "shape", "999999")


def grouped(n=240, shared=False):
    """Rows of groups of three, as ids say: 0001_01."""
    rows = table(n)
    files = three(rows)
    for offset, frame in zip((0, 0 if shared else 1000, 0 if shared else 1000), files.values(), strict=True):
        order = np.arange(len(frame))
        member = order % 3 + (10 if shared and frame is not files["train.csv"] else 0)
        frame["id"] = [f"{g + offset:04d}_{m:02d}" for g, m in zip(order // 3, member, strict=True)]
    return files


def test_an_ids_prefix_that_repeats_and_is_never_in_both_files_is_a_group(found):
    it = found(grouped())
    assert (it.split.prefix_of, it.ids.kind) == ("_", "members")
    assert found(grouped(shared=True)).split.prefix_of is None


def test_a_column_of_groups_that_the_files_do_not_share(found):
    files = three(table(240))
    files["train.csv"]["sentence"] = np.arange(160) // 4
    files["test.csv"]["sentence"] = np.arange(80) // 4 + 40
    assert found(files).split.groups == "sentence"
    files["test.csv"]["sentence"] = np.arange(80) // 4
    assert found(files).split.groups is None
    assert found(files, groups="sentence").split.groups == "sentence"


def test_numbers_are_numbers_where_one_file_has_a_word_for_missing(found):
    files = three(table(240, area=np.arange(240) // 3))
    files["test.csv"]["area"] = files["test.csv"]["area"].astype(str).where(np.arange(80) > 0, "NA")
    it = found(files)
    area = it.columns[-1]
    assert (area.kind, area.nullable, it.split.groups) == ("number", True, None)


def test_later_test_rows_are_a_split_by_time_and_others_are_not(found):
    days = pd.date_range("2031-01-01", periods=60).strftime("%d.%m.%Y")
    it = found(three(table(day=days)))
    assert it.split.time == "day"
    mixed = found(three(table(day=np.random.default_rng(0).permutation(days))))
    assert (mixed.split.time, mixed.split.unused) == (None, "day")


TASKS = {
    "labels are sent": ({"y": [0, 1] * 30}, {"y": 1}, ("accuracy", "labels", (0, 1))),
    "numbers that are no labels": ({"y": [0, 1] * 30}, {"y": 0.5}, ("auc", "probabilities", (0, 1))),
    "0.0 where labels are 0 and 1": ({"y": [0, 1] * 30}, {"y": 0.0}, ("auc", "probabilities", (0, 1))),
    "words": ({"y": ["no", "yes"] * 30}, {"y": 0.1}, ("auc", "probabilities", ("no", "yes"))),
    "words that are sent": ({"y": ["no", "yes"] * 30}, {"y": "no"}, ("accuracy", "labels", ("no", "yes"))),
    "ranked": ({"y": list("abcdef") * 10}, {"y": "a b c"}, ("map@3", "ranked", tuple("abcdef"))),
    "stars": ({"y": [1, 2, 3, 4, 5] * 12}, {"y": 3}, ("accuracy", "labels", (1, 2, 3, 4, 5))),
    "stars, halves too": ({"y": [1, 2, 3, 4, 5] * 12}, {"y": 2.5}, ("rmse", "values", ())),
    "whole numbers, many": ({"y": range(60)}, {"y": 0}, ("rmse", "values", ())),
    "skewed": ({"y": np.exp(np.arange(60) / 9)}, {"y": 0}, ("rmsle", "values", ())),
    "below 0": ({"y": np.linspace(-1, 1, 60)}, {"y": 0}, ("rmse", "values", ())),
}  # fmt: skip


@pytest.mark.parametrize("case", TASKS)
def test_task_and_metric_by_target_and_sample(case, found):
    values, sample, said = TASKS[case]
    it = found(three(table().assign(**values), sample=sample))
    assert (it.task.metric, it.task.submit, tuple(it.task.shares)) == said
    assert "metric" in it.task.notes


SAID = [
    ([1, 2, 3] * 20, 1, "kappa", "labels", (1, 2, 3)),
    ([0, 1] * 30, 0, "auc", "probabilities", (0, 1)),
    ([1, 2, 3] * 20, 1, "rmse", "values", ()),
    ([0, 1] * 30, 0, "log-loss", "probabilities", (0, 1)),
]


@pytest.mark.parametrize(("values", "answer", "metric", "submit", "classes"), SAID)
def test_a_metric_that_was_said_decides(values, answer, metric, submit, classes, found):
    it = found(three(table().assign(y=values), sample={"y": answer}), metric=metric)
    assert (it.task.metric, it.task.submit, tuple(it.task.shares)) == (metric, submit, classes)
    assert "metric" not in it.task.notes


def test_whole_numbers_are_labels_however_they_are_written(found):
    it = found(three(table().assign(y=[1.0, 2.0] * 30), sample={"y": 1}))
    assert (it.task.metric, it.task.submit, tuple(it.task.shares)) == ("accuracy", "labels", (1, 2))


def test_absolute_errors_are_learned_as_such(found):
    it = found(three(table().assign(y=np.arange(60.0))), metric="mae")
    assert (it.task.loss, it.task.transform) == ("absolute", "identity")


def test_columns_that_hold_nothing_in_one_file_are_left_out(found):
    files = three(table(gone=1.0))
    files["test.csv"]["gone"] = None
    assert found(files).roles.left_out == ("gone",)


def test_what_columns_hold(found):
    rng = np.random.default_rng(0)
    rows = table(
        300,
        none=rng.choice(["None", "Brick", "NA"], 300), year=rng.integers(1900, 2000, 300),
        words=[f"many words in cell {i}" for i in range(300)], zip_code=[f"0{i}" for i in range(300)],
        gaps=["1.5", "?", "2"] * 100, day=pd.date_range("2031-01-01", periods=300).strftime("%Y-%m-%d")[::-1],
    )  # fmt: skip
    columns = {column.name: column for column in found(three(rows)).columns}
    assert [value for value, _ in columns["none"].shares] == ["Brick", "None"]  # which is no gap, as NA is
    assert columns["none"].nullable
    assert (columns["year"].kind, columns["year"].bounds) == ("number", (0.0, 2100.0))
    assert (columns["words"].kind, columns["words"].words) == ("text", (5, 5))
    assert (columns["gaps"].kind, columns["gaps"].high, columns["gaps"].gaps) == ("number", 2.0, pytest.approx(1 / 3))
    assert (columns["day"].kind, columns["day"].form) == ("date", "%Y-%m-%d")


REAL = {  # id, target, number of classes, metric, prefix, groups
    "titanic": ("PassengerId", "Survived", 2, "accuracy", None, None),
    "spaceship-titanic": ("PassengerId", "Transported", 2, "accuracy", "_", None),
    "house-prices-advanced-regression-techniques": ("Id", "SalePrice", 0, "rmsle", None, None),
    "otto-group-product-classification-challenge": ("id", "target", 9, "log-loss", None, None),
    "sentiment-analysis-on-movie-reviews": ("PhraseId", "Sentiment", 5, "accuracy", None, "SentenceId"),
}


@pytest.mark.real_data
@pytest.mark.parametrize("slug", REAL)
def test_the_real_files(slug, real_data):
    it = examine(slug, slug, real_data / slug, Said())
    said = (it.roles.id, it.roles.target, len(it.task.shares), it.task.metric, it.split.prefix_of, it.split.groups)
    assert said == REAL[slug]


WRONG = {
    "two files to train on": (
        lambda files: files | {"train.csv": None} | dict.fromkeys(("a_train.csv", "my_train.csv"), files["train.csv"]),
        {}, DataError, "2 tables could hold the train rows: a_train.csv, my_train.csv",
    ),
    "no sample": (
        lambda files: files | {"sample_submission.csv": None}, {}, DataError, "there is no sample submission",
    ),
    "no test rows": (lambda files: files | {"test.csv": None}, {}, DataError, "hold the test rows"),
    "a target of the test rows": (lambda files: files, {"target": "x"}, UsageError, "--target 'x' is not among"),
    "no such target": (lambda files: files, {"target": "z"}, UsageError, "that the test file lacks: y"),
    "no such id": (lambda files: files, {"id": "z"}, UsageError, "--id 'z' is not among"),
    "no such group": (lambda files: files, {"groups": "z"}, UsageError, "--groups 'z' is not a column of both"),
    "no prefix": (lambda files: files, {"groups": "prefix"}, UsageError, "the ids have no part before"),
    "groups and time": (lambda files: files, {"groups": "x", "time": "x"}, UsageError, "rows are split by one of them"),
    "no such metric": (lambda files: files, {"metric": "gini"}, UsageError, "there is no metric 'gini'"),
    "two targets": (
        lambda files: {n: f.assign(z=1) if n != "test.csv" else f for n, f in files.items()},
        {}, UsageError, "y, z are all to be predicted",
    ),
    "targets that could both be": (
        lambda files: files | {
            "train.csv": files["train.csv"].assign(z=1),
            "sample_submission.csv": files["sample_submission.csv"].rename(columns={"y": "answer"}),
        },
        {}, UsageError, "the target cannot be told: train.csv has these columns that test.csv lacks: y, z",
    ),
    "an id that is none": (lambda files: files, {"id": "x"}, UsageError, "--id 'x': its values in test.csv are not"),
    "F1 of three classes": (
        lambda files: files | {"train.csv": files["train.csv"].assign(y=np.arange(40) % 3)}, {"metric": "f1"},
        UsageError, "--metric f1 is of two classes, and there are 3",
    ),
    "two answers, of which one is the target": (
        lambda files: files | {"sample_submission.csv": files["sample_submission.csv"].assign(z=0)}, {}, UsageError,
        "sample_submission.csv has 2 columns beside 'id', and 'y' 2 classes",
    ),
    "rows without ids that are not numbered one by one": (
        lambda files: {name: files[name].drop(columns="id") for name in ("train.csv", "test.csv")}
        | {"sample_submission.csv": files["sample_submission.csv"].assign(id=np.arange(20) * 2)}, {}, DataError,
        "have no id in common",
    ),
    "a number's metric for words": (
        lambda files: files | {"train.csv": files["train.csv"].assign(y="a")}, {"metric": "rmse"}, DataError,
        "there are not two different values to learn from",
    ),
    "ids that do not agree": (
        lambda files: files | {"sample_submission.csv": files["sample_submission.csv"].assign(id=7)}, {}, DataError,
        "have no id in common",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_told_is_asked_for(wrong, found):
    change, said, kind, message = WRONG[wrong]
    files = {name: frame for name, frame in change(three(table())).items() if frame is not None}
    with pytest.raises(kind) as error:
        found(files, **said)
    assert message in error.value.message
    assert error.value.hint
    assert error.value.hint_zh


def test_text_of_another_encoding_is_to_be_saved_as_utf_8(tmp_path):
    folder = written(three(table(城市=["北京", "上海"] * 30)), tmp_path / "files")
    train = folder / "train.csv"
    train.write_bytes(train.read_text(encoding="utf-8").encode("gbk"))
    with pytest.raises(DataError, match=r"train.csv is not UTF-8 text") as error:
        examine("a", "a", folder, Said())
    assert "save it with the encoding UTF-8" in error.value.hint


NUMERALS = {  # cells, what parts the fields, the sign before decimals
    "decimal commas": (["3,5", "-12", "", "0,25"], ";", ","),
    "thousands": (["1,234", "12,345,678", "7"], ",", "."),
    "points and commas": (["1.234,5", "3,5", "?"], ";", ","),
    "percent": (["45%", "4.5 %", "100%"], ",", "."),
    "money": (["$1,200.50", "$3", "$ 12"], ",", "."),
    "blanks": (["1 234 567", "12 345,5", "1"], "\t", ","),
    "none: lists": (["1,2,5", "3", "1,2"], ";", ""),
    "none: names": (["0,5", "007", "1"], ";", ""),
    "none: with and without a sign": (["45%", "4", "5"], ",", ""),
    "none: words": (["3,5", "many", "1"], ";", ""),
}


@pytest.mark.parametrize("case", NUMERALS)
def test_numbers_that_are_not_written_plainly_are_told_and_never_taken_for_categories_without_a_word(case, tmp_path):
    cells, separator, sign = NUMERALS[case]
    rows = table(price=np.resize(cells, 60))
    it = examine("a", "a", written(three(rows), tmp_path / "files", separator), Said())
    price = it.columns[-1]
    assert price.decimal == sign
    said = [line for line in found_lines(it, tmp_path) if line.startswith("assumed: numbers in price: texts, with")]
    assert len(said) == bool(sign)
    assert ("as_numbers(rows[name], sign)" in texts_of(it)["competition.py"]) == bool(sign)


def test_a_target_that_is_not_written_plainly_is_refused_unless_it_is_said_to_be_classes(tmp_path):
    rows = table().assign(y=[f"{i},5" for i in range(60)])
    folder = written(three(rows, sample={"y": "0,5"}), tmp_path / "files", ";")
    with pytest.raises(DataError, match=r"column 'y': numbers that are not written plainly, such as '0,5'") as error:
        examine("a", "a", folder, Said())
    assert "decimal=','" in error.value.hint
    assert examine("a", "a", folder, Said(metric="accuracy")).task.shares


@pytest.mark.parametrize("word", ["", "NA"])
@pytest.mark.parametrize("values", [[0, 1], ["no", "yes"], [0.5, 1.25, 7.75]], ids=["codes", "words", "numbers"])
def test_training_rows_without_a_target_are_told_and_left_out(word, values, found):
    rows = table().assign(y=np.resize(np.array(values, dtype=object), 60))
    files = three(rows, sample={"y": values[0]})
    files["train.csv"].loc[[3, 7], "y"] = word
    it = found(files)
    assert (it.task.n_unlabelled, "" in it.task.shares, word in it.task.shares) == (2, False, False)
    assert it.is_number == isinstance(values[0], float)
    assert "  2 training rows have none, which a run leaves out" in found_lines(it, "files")
    assert "drop_unlabelled=True,  # training rows without a target: 2" in texts_of(it)["competition.py"]
