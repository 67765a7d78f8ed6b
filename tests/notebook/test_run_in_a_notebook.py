"""`pipelines.run`: the command line's run, with the scores, files and frames in hand."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pipelines
from pipelines.competition import Number
from pipelines.data import folders
from pipelines.errors import UsageError
from pipelines.metrics import accuracy
from pipelines.notebook.given import knobs_of
from pipelines.settings.knobs import Knobs

QUICK = {"folds": 2, "seeds": 1, "epochs": 1}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def ran(place):
    return pipelines.run("titanic", "sample", output=place / "sub", runs=str(place / "runs"), quiet=True, **QUICK)


def test_it_knows_its_score_and_its_files(ran, place):
    assert (ran.score, ran.se) == (ran.record.cv_mean, ran.record.cv_se)
    assert ran.path.parent == place / "sub" / "titanic"
    assert ran.folder.parent == place / "runs" / "titanic"
    assert ran.report == ran.folder / "report.html"
    assert ran.report.exists()
    assert (ran.folder / "log.txt").read_text(encoding="utf-8").splitlines()[1].startswith("titanic: 2 folds x 1 seed")
    assert repr(ran) == f"titanic on made rows: accuracy {ran.score:.4f} ± {ran.se:.4f}, {ran.path}"
    assert f"{ran.score:.4f}" in ran._repr_html_()
    assert "<script" not in ran._repr_html_()


def test_oof_has_a_row_for_each_training_row_in_the_files_own_words(ran, sample_files):
    train = pd.read_csv(io.BytesIO(sample_files["train.csv"]))
    oof = ran.oof
    assert list(oof.columns) == [
        "PassengerId", "truth", "prediction", "probability_0", "probability_1", "loss", "fold",
    ]  # fmt: skip
    truth = train.set_index("PassengerId")["Survived"]
    assert oof["PassengerId"].dtype == train["PassengerId"].dtype
    assert (oof.set_index("PassengerId")["truth"] == truth.loc[oof["PassengerId"]]).all()
    assert (oof["truth"] == oof["prediction"]).mean() == pytest.approx(ran.score)
    of_truth = np.where(oof["truth"] == 1, oof["probability_1"], oof["probability_0"])
    np.testing.assert_allclose(oof["loss"], -np.log(of_truth))
    assert sorted(oof["fold"].unique()) == [0, 1]


def test_folds_variants_baselines_and_curves_are_those_of_the_record(ran):
    record = ran.record
    assert ran.folds["score"].tolist() == record.fold_scores
    assert ran.folds["rows"].sum() == len(ran.oof)
    assert ran.variants.to_dict("records") == [
        {"name": each.name, "score": each.score, "weight": each.weight, "seconds": each.seconds}
        for each in record.variants
    ]
    assert set(ran.baselines["name"]) == {each.name for each in record.baselines}
    assert ran.baselines["gain"].is_monotonic_increasing
    assert ran.curves["training"].tolist() == [loss for fold in record.variants[0].losses for loss in fold]


def test_importance_is_asked_when_it_is_wanted(ran, monkeypatch):
    assert ran.record.importance is None
    monkeypatch.setattr("pipelines.audit.importance.REPEATS", 1)
    assert list(ran.importance.columns) == ["columns", "loss", "se"]
    assert "Age" in set(ran.importance["columns"])
    assert ran.importance is ran.importance  # asked once


def test_the_hardest_rows_come_with_what_the_file_says_of_them(ran):
    worst = ran.hardest(3)
    assert worst["loss"].tolist() == sorted(ran.oof["loss"], reverse=True)[:3]
    assert {"Name", "Sex", "prediction"} <= set(worst.columns)
    assert [str(each) for each in worst["PassengerId"]] == [each.id for each in ran.saved.hardest[:3]]
    everything = ran.hardest(20)
    assert [(str(row.PassengerId), row.loss) for row in everything.itertuples()] == [
        (each.id, pytest.approx(each.loss)) for each in ran.saved.hardest
    ]


def test_the_hardest_rows_of_a_number_are_those_in_the_units_that_are_learned(number_toy):
    """Of prices, twice a small one is worse than a tenth more of a great one; an id that comes twice is two rows."""
    from pipelines.notebook.frames import hardest
    from pipelines.runs.predictions import RowPredictions

    prices = replace(number_toy, number=Number(transform="log1p"))
    said = RowPredictions(
        ids=["7", "8", "8", "9"], y=np.array([5.0, 10.0, 1000.0, 50.0]), fold=np.array([-1, 0, 1, 0]),
        oof=np.array([[np.nan], [20.0], [1100.0], [50.0]]), test_ids=[], test=np.zeros((0, 1)),
    )  # fmt: skip
    train = pd.DataFrame({"PassengerId": [7, 8, 8, 9], "Name": ["a", "b", "c", "d"], "truth": [0, 1, 2, 3]})
    found = hardest(prices, said, train, 2)
    assert found["Name"].tolist() == ["b", "c"]
    assert found["truth_of_file"].tolist() == [1, 2]
    assert found["loss"].tolist() == pytest.approx([np.log(21 / 11), np.log(1101 / 1001)])


def test_the_saved_run_predicts(ran, sample_files):
    rows = pd.read_csv(io.BytesIO(sample_files["test.csv"]))
    assert set(ran.saved.predict(rows.head(5))) <= {0, 1}


def test_a_number_has_its_error_and_no_probabilities(number_toy):
    from pipelines.notebook.frames import oof
    from pipelines.runs.predictions import RowPredictions

    said = RowPredictions(
        ids=["7", "8", "9"], y=np.array([1.0, 2.0, 5.0]), fold=np.array([-1, 0, 1]),
        oof=np.array([[np.nan], [2.5], [4.0]]), test_ids=[], test=np.zeros((0, 1)),
    )  # fmt: skip
    frame = oof(number_toy, said)
    assert frame.to_dict("list") == {
        "PassengerId": [8, 9], "truth": [2.0, 5.0], "prediction": [2.5, 4.0], "loss": [0.5, 1.0], "fold": [0, 1],
    }  # fmt: skip


def test_without_a_folder_it_says_what_to_do(tmp_path):
    ran = pipelines.run("titanic", "sample", output=tmp_path, runs=None, quiet=True, write=False, **QUICK)
    assert (ran.folder, ran.report, ran.path) == (None, None, None)
    assert ran.score == accuracy(*_codes(ran))
    with pytest.raises(UsageError, match="made with runs=None"):
        _ = ran.oof


def _codes(ran):
    from pipelines.data.tables import read

    return read(ran.competition, ran.outcome.source).y, ran.outcome.result.oof


WRONG = {
    "a name": (["titanik"], {}, "there is no competition 'titanik'"),
    "no text": ([5], {}, "run: name must be a text, got 5"),
    "a preset": (["titanic"], {"preset": "slow"}, "there is no preset 'slow'"),
    "a number": (["titanic"], {"folds": 1}, "--folds must be at least 2, got 1"),
    "a kind": (["titanic"], {"folds": "two"}, "run: folds must be None or a whole number, got 'two'"),
    "an option": (["titanic"], {"fold": 2}, "run has no option 'fold'\n.*is it folds"),
    "a language": (["titanic"], {"lang": "de"}, "--lang must be en or zh, got 'de'"),
    "a folder": (["titanic", "nowhere"], {}, "there is no folder nowhere"),
    "both": (["titanic"], {"importance": True, "runs": ""}, '--importance .* --runs "" keeps none'),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_told_in_the_command_lines_words(wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, options, words = WRONG[wrong]
    with pytest.raises(ValueError, match=words):
        pipelines.run(*arguments, **options)


def test_a_notebook_shows_an_error_in_its_three_lines():
    with pytest.raises(UsageError) as caught:
        pipelines.run("titanic", folds=1)
    (shown,) = caught.value._render_traceback_()  # what IPython asks for
    assert shown.splitlines() == [
        "UsageError: --folds must be at least 2, got 1", "  what to do: choose --folds 2 or more",
        "  怎么办: --folds 至少为 2",
    ]  # fmt: skip


def test_what_is_wrong_is_told_before_torch_is_loaded():
    code = (
        "import sys, pipelines\n"
        "try:\n    pipelines.run('titanic', folds=1)\nexcept ValueError:\n"
        "    print(sorted({'torch', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n", done.stderr


def test_what_is_given_becomes_the_knobs_of_the_command_line(tmp_path):
    given = {"data": str(tmp_path), "variants": "one, two", "runs": "", "note": "first", "memory": 500}
    assert knobs_of(given) == Knobs(data=tmp_path, variants=("one", "two"), runs=None, note="first", memory=500)
    assert knobs_of({"variants": ["one"], "data": None}) == Knobs(variants=("one",))


def test_a_csv_of_made_rows_is_not_put_where_kaggle_looks(ran, tmp_path):
    assert pipelines.for_kaggle(ran, tmp_path / "elsewhere") is None
    with pytest.raises(UsageError, match="made rows"):
        pipelines.for_kaggle(ran, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", [["titanic"], ["competitions", "titanic"]])
def test_a_notebooks_input_is_found_and_its_csv_put_where_kaggle_looks(sample_files, tmp_path, monkeypatch, below):
    given, working = tmp_path.joinpath("input", *below), tmp_path / "working"
    given.mkdir(parents=True)
    working.mkdir()
    for name, data in sample_files.items():
        (given / name).write_bytes(data)
    monkeypatch.setattr(folders, "KAGGLE_INPUT", tmp_path / "input")
    monkeypatch.chdir(working)
    ran = pipelines.run("titanic", quiet=True, runs=None, **QUICK)
    assert (ran.record.data, ran.record.where) == ("folder", str(given))
    assert pipelines.for_kaggle(ran, working) == working / "submission.csv"
    assert (working / "submission.csv").read_bytes() == ran.path.read_bytes()


def test_a_notebooks_input_that_lacks_files_is_somebody_elses(tmp_path, monkeypatch, titanic):
    (tmp_path / "titanic").mkdir()
    (tmp_path / "titanic" / "train.csv").write_text("a,b\n")
    monkeypatch.setattr(folders, "KAGGLE_INPUT", tmp_path)
    assert folders.attached(folders.Target("titanic", tmp_path / "data", titanic.files)) is None
