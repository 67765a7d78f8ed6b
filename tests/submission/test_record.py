"""A record is the same after it was saved, and those of older versions still load."""

import json
from dataclasses import asdict, replace

import pytest

from pipelines.files import sha256
from pipelines.submission.record import (
    Baseline,
    Forecast,
    HiddenScore,
    Record,
    RecordError,
    VariantScore,
    Verdict,
    beside,
)

RECORD = Record(
    slug="titanic", data="kaggle", where="data/titanic", inputs_sha256={"train.csv": "ab"}, csv_sha256="cd",
    metric="accuracy", cv_mean=0.8462, cv_se=0.0121, fold_scores=[0.84, 0.85], fold_se=[0.02, 0.02],
    variants=[VariantScore("network", 0.8462, [0.84, 0.85], 1.0, [[0.6, 0.4]], 3.5, "MLP()", {"epochs": 60})],
    baselines=[Baseline("sex only", 0.7868, 0.0137, 0.0595, 0.0112)],
    forecast=Forecast(0.79, 0.77, 0.81, 418, 9), folds=10, seeds=5, seed=0, preset="fast", device="cpu",
    versions={"torch": "2.13.0"}, git_commit="0" * 40, seconds=6.7, peak_memory_mb=487.0,
)  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, practice=HiddenScore(0.83, 0.02, 179)),
        replace(RECORD, kaggle=Verdict(4000, "hw-1", "COMPLETE", 0.775, None, 2, None)),
        Record(slug="otto", data="sample"),
    ],
)
def test_saved_and_loaded_it_is_the_same(record, tmp_path):
    path = tmp_path / "record.json"
    record.save(path)
    assert Record.load(path) == record
    assert json.loads(record.to_json()) == json.loads(path.read_text())


def test_parts_that_are_not_there_are_left_out_and_all_else_is_told():
    assert set(json.loads(RECORD.to_json())) == set(asdict(RECORD)) - {
        "practice",
        "kaggle",
        "run",
        "note",
        "importance",
        "ran_on",
        "budget",
        "extra",
    }
    assert json.loads(Record(slug="a", data="folder").to_json())["csv_sha256"] is None


def test_records_of_older_versions_load(tmp_path):
    """Without a version; before that, one recipe and its seeds' scores in the place of variants."""
    path, value = tmp_path / "record.json", json.loads(RECORD.to_json())
    del value["version"]
    path.write_text(json.dumps(value))
    assert Record.load(path) == replace(RECORD, version=1)
    del value["variants"]
    older = {"recipe": {"epochs": 60}, "seed_scores": [0.84]}
    path.write_text(json.dumps(value | older))
    assert Record.load(path) == replace(RECORD, version=1, variants=[], extra=older)


OLD = {
    "one recipe, another forecast": (
        '{"slug": "titanic", "data": "kaggle", "csv_sha256": "cd", "cv_mean": 0.84, "recipe": {"epochs": 60}, '
        '"forecast": {"mean": 0.79, "low": 0.77, "high": 0.81, "anchor": 0.76, "n_public": 418}}'
    ),
    "variants without losses": (
        '{"slug": "otto", "data": "folder", "csv_sha256": "cd", "cv_mean": 0.45, "variants": [{"name": "pieces", '
        '"score": 0.47, "seed_scores": [0.48], "weight": 0.3, "recipe": {"epochs": 20}}], "forecast": null}'
    ),
}


@pytest.mark.parametrize("text", OLD.values(), ids=OLD)
def test_what_an_older_record_holds_is_kept_when_the_verdict_is_added(text, tmp_path):
    path = tmp_path / "record.json"
    path.write_text(text)
    record = Record.load(path)
    assert record is not None
    replace(record, kaggle=Verdict(4000, "hw-1", "COMPLETE", 0.775)).save(path)
    before, after = json.loads(text), json.loads(path.read_text())
    assert after["kaggle"]["public"] == 0.775
    for name in before.keys() - {"variants", "forecast"}:
        assert after[name] == before[name]
    assert (record.forecast is None) == (before["forecast"] is None)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"data": "kaggle"}', '{"slug": "a", "data": "b", "forecast": 1}']
)
def test_what_is_no_record_is_named(tmp_path, text):
    path = tmp_path / "record.json"
    with pytest.raises(RecordError, match="there is no record record.json"):
        Record.load(path)
    path.write_text(text)
    with pytest.raises(RecordError, match="record.json is no record: "):
        Record.load(path)


DAMAGED = {
    "score as text": ({"cv_mean": "0.84"}, "cv_mean is text, not a number"),
    "score as a list": ({"cv_mean": [0.84]}, "cv_mean is a list, not a number"),
    "score as a truth": ({"cv_se": True}, "cv_se is true or false, not a number"),
    "score beyond a float": ({"cv_mean": 10**400}, "cv_mean is too large a number"),
    "one fold as text": ({"fold_scores": [0.84, "0.85"]}, "fold_scores[1] is text, not a number"),
    "forecast without bounds": ({"forecast": {"mean": 0.79, "n_public": 418}}, "forecast.low is missing"),
    "forecast without a bound": (
        {"forecast": {"mean": 0.79, "low": 0.77, "high": None, "n_public": 418}}, "forecast.high is null, not a number"
    ),
    "half a row": ({"forecast": {"mean": 1, "low": 1, "high": 1, "n_public": 1.5}}, "forecast.n_public is a number"),
    "variants as numbers": ({"variants": [1]}, "variants[0] is a whole number, not an object"),
    "losses of another form": (
        {"variants": [{"name": "a", "score": 1, "seed_scores": [], "weight": 1, "losses": [[1, "x"]]}]},
        "variants[0].losses[0][1] is text, not a number",
    ),
    "hashes as a list": ({"inputs_sha256": ["ab"]}, "inputs_sha256 is a list, not an object"),
    "a hash as a number": ({"inputs_sha256": {"train.csv": 1}}, "inputs_sha256.train.csv is a whole number, not text"),
    "no slug": ({"slug": None}, "slug is null, not text"),
    "verdict as text": ({"kaggle": "yes"}, "kaggle is text, not an object"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_a_value_of_another_type_is_named_and_the_record_is_not_believed(case, tmp_path):
    change, says = DAMAGED[case]
    (tmp_path / "a.json").write_text(json.dumps(json.loads(RECORD.to_json()) | change))
    told = beside(tmp_path / "a.csv", "titanic", "cd")
    assert isinstance(told, str)
    assert told.startswith(f"a.json is no record: {says}")


BYTES = {
    "bytes": (b"\xff\xfe\x00", "a.json is no record: it is not UTF-8 text"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "a.json is no record: it is nested too deeply"),
    "deep in what is not known": (
        b'{"slug": "titanic", "data": "kaggle", "new": ' + b"[" * 800 + b"]" * 800 + b"}",
        "a.json is no record: it is nested too deeply",
    ),
    "half": (b'{"slug": "titanic",\n"da', "a.json is no record: no JSON at line 2"),
    "a number": (b"3", "a.json is no record: it is a whole number, not an object"),
}


@pytest.mark.parametrize("case", BYTES)
def test_what_is_no_json_object_is_told(case, tmp_path):
    data, says = BYTES[case]
    (tmp_path / "a.json").write_bytes(data)
    assert beside(tmp_path / "a.csv", "titanic", "cd") == says


def test_a_record_is_believed_beside_its_own_csv_only(tmp_path):
    csv = tmp_path / "a.csv"
    csv.write_bytes(b"id,label\n1,0\n")
    own = replace(RECORD, csv_sha256=sha256(csv.read_bytes()))
    assert beside(csv, "titanic") == "there is no record a.json"
    own.save(tmp_path / "a.json")
    assert beside(csv, "titanic") == own
    assert beside(csv, "titanic", own.csv_sha256) == own
    assert beside(csv, "otto") == "a.json is of 'titanic', not of otto"
    csv.write_bytes(b"id,label\n1,1\n")
    assert beside(csv, "titanic") == "a.csv is not the file that a.json was written for"
    csv.unlink()
    assert beside(csv, "titanic") == "a.csv cannot be read: No such file or directory"
    assert beside(csv, "titanic", own.csv_sha256) == own  # the csv was removed after it was sent
    (tmp_path / "a.json").unlink()
    (tmp_path / "a.json").mkdir()
    assert beside(csv, "titanic") == "a.json cannot be read: Is a directory"
