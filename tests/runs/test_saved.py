"""A saved run predicts new rows as it has predicted its own, wherever its folder lies, and says why it cannot."""

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import kept
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import pipelines
from pipelines.__main__ import app
from pipelines.data.sources import from_sample
from pipelines.encoders import DefaultEncoder
from pipelines.errors import DataError, DataWarning, UsageError
from pipelines.pipeline import run
from pipelines.runs import tensors
from pipelines.runs.history.choice import choose
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load
from pipelines.submission.record import HiddenScore

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"data": Path("sample"), "folds": 2, "seeds": 2, "epochs": 1}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Runs of three competitions: classes and estimators, a number that is learned as its logarithm, groups."""
    root = tmp_path_factory.mktemp("saved") / "runs"
    knobs = Knobs(**SHORT, runs=root)
    run(load("titanic"), replace(knobs, variants=("network", "hist-gradient-boosting")), write=False)
    for name in ("house_prices", "spaceship_titanic"):
        run(load(name), replace(knobs, seeds=1), write=False)
    return root


def folder_in(root, slug="titanic"):
    return next((root / slug).iterdir())


def rows_to_predict(slug):
    competition = load(slug)
    return from_sample(competition).files[competition.test_file]


SLUGS = {
    "titanic": "titanic",
    "house_prices": "house-prices-advanced-regression-techniques",
    "spaceship_titanic": "spaceship-titanic",
}


@pytest.mark.parametrize("name", SLUGS)
def test_the_runs_own_test_rows_are_predicted_as_the_run_has_done(name, root):
    saved = pipelines.load_run(folder_in(root, SLUGS[name]))
    ids, said = saved.said_of(rows_to_predict(name))
    kept = saved.predictions
    place = pd.Series(range(len(kept.test_ids)), index=kept.test_ids)
    np.testing.assert_allclose(said, kept.test[place[ids.astype(str)]], rtol=0, atol=1e-6 * np.abs(kept.test).max())
    assert saved.record.cv_mean == pytest.approx(json.loads((saved.path / "record.json").read_text())["cv_mean"])


def test_rows_of_training_are_told_and_their_order_and_target_change_nothing(root):
    saved, competition = pipelines.load_run(folder_in(root)), load("titanic")
    frame = pd.read_csv(from_sample_file(competition, competition.train_file)).tail(30)[::-1]
    with pytest.warns(DataWarning, match="30 rows are training rows"):
        proba = saved.predict_proba(frame)
    with pytest.warns(DataWarning):
        again = saved.predict_proba(frame.drop(columns="Survived")[::-1])[::-1]
    np.testing.assert_allclose(proba, again, atol=1e-12)
    assert proba.sum(axis=1) == pytest.approx(1)
    with pytest.warns(DataWarning):
        assert saved.predict(frame).tolist() == proba.argmax(axis=1).tolist()


def from_sample_file(competition, name):
    return io.BytesIO(from_sample(competition).files[name])


def test_further_columns_are_passed_over(root):
    saved, rows = pipelines.load_run(folder_in(root)), rows_to_predict("titanic")
    frame = pd.read_csv(io.BytesIO(rows), dtype=str)
    _, said = saved.said_of(frame.assign(Mine="a", Survived="?").to_csv(index=False).encode())
    np.testing.assert_array_equal(said, saved.said_of(rows)[1])


def test_numbers_that_are_none_are_not_passed_on(root, monkeypatch):
    saved = pipelines.load_run(folder_in(root))
    said = saved.models.said
    monkeypatch.setattr(saved.models, "said", lambda fold, rows: said(fold, rows) * np.nan)
    with pytest.raises(DataError, match="say what is no number"):
        saved.said_of(rows_to_predict("titanic"))


def test_one_row_with_gaps_is_enough(root):
    saved = pipelines.load_run(folder_in(root))
    header, first, *_ = rows_to_predict("titanic").decode().splitlines()
    cells = pd.read_csv(io.StringIO(f"{header}\n{first}"))
    assert saved.predict_proba(cells.assign(Cabin=None, Age=None)).shape == (1, 2)


def test_networks_can_be_had_by_name(root):
    saved = pipelines.load_run(folder_in(root))
    assert len(saved.networks) == 6  # the trees have no chance that a seed could change
    weights, network = saved.state_dict("network", 1, 0), saved.network("network", 1, 0)
    assert isinstance(network, nn.Module)
    assert not network.training
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(each, weights[name]) for name, each in network.state_dict().items())
    assert not torch.equal(next(iter(weights.values())), next(iter(saved.state_dict("network", 1, 1).values())))
    with pytest.raises(UsageError, match="is an estimator"):
        saved.state_dict("hist-gradient-boosting", 0, 0)
    with pytest.raises(UsageError, match="has no model network, fold 7, seed 0"):
        saved.network("network", 7, 0)


def test_a_number_has_values_and_no_probabilities(root):
    saved = pipelines.load_run(folder_in(root, SLUGS["house_prices"]))
    rows = pd.read_csv(io.BytesIO(rows_to_predict("house_prices")))
    values = saved.predict(rows)
    assert values.shape == (len(rows),)
    assert values.min() > 0
    with pytest.raises(UsageError, match="predicts a number"):
        saved.predict_proba(rows)


@pytest.fixture
def moved(root, tmp_path):
    """A copy of the run somewhere else."""
    return Path(shutil.copytree(folder_in(root), tmp_path / "elsewhere"))


def test_a_fresh_process_elsewhere_prints_the_same(root, moved, tmp_path):
    (tmp_path / "rows.csv").write_bytes(rows_to_predict("titanic"))
    command = [sys.executable, "-m", "pipelines", "predict", "titanic", "rows.csv", "--run", str(moved)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(io.StringIO(done.stdout), dtype={"PassengerId": str}).set_index("PassengerId")
    kept = pipelines.load_run(moved).predictions
    assert list(frame) == ["Survived", "0", "1"]
    np.testing.assert_allclose(frame.loc[kept.test_ids, ["0", "1"]], kept.test, atol=1e-6)
    assert frame["Survived"].tolist() == (frame["1"] > frame["0"]).astype(int).tolist()
    assert done.stderr.strip() == f"run: {moved} (of made rows)"


def spoiled(path, change):
    data = bytearray(path.read_bytes())
    path.write_bytes(change(data))


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("networks/network-1.safetensors", lambda data: flipped(data, -9), "network-1.safetensors is damaged"),
        ("networks/network-1.safetensors", lambda data: data[:1000], "network-1.safetensors is damaged"),
        ("predictions.safetensors", lambda data: flipped(data, -9), "predictions.safetensors is damaged"),
        ("inputs/train.csv.gz", lambda data: flipped(data, 2000), "inputs/train.csv.gz cannot be read"),
        ("record.json", lambda data: data[:100], "record.json is no record"),
    ],
    ids=["a weight", "cut short", "predictions", "inputs", "record"],
)
def test_what_is_damaged_is_not_used(file, change, says, moved):
    spoiled(moved / file, change)
    with pytest.raises(DataError, match=says) as caught:
        pipelines.load_run(moved).said_of(rows_to_predict("titanic"))
    assert "run again" in caught.value.hint


def test_a_damaged_file_of_baselines_stops_no_prediction(moved):
    baselines = [path for path in moved.glob("networks/*") if not path.name.startswith(("network", "hist"))]
    assert baselines
    for path in baselines:
        spoiled(path, lambda data: data[:100])
    saved = pipelines.load_run(moved)
    np.testing.assert_allclose(saved.said_of(rows_to_predict("titanic"))[1], saved.predictions.test, atol=1e-6)


def flipped(data, place):
    data[place] ^= 1
    return data


def with_other(path, change):
    """The file with other tensors, and a right hash."""
    found, about = tensors.load(path)
    change(found)
    tensors.save(path, found, about)


def test_an_encoder_that_was_not_kept_is_told(moved):
    for path in moved.glob("networks/network-*"):
        with_other(path, lambda found: [found.pop(name) for name in list(found) if name.endswith("/encoder")])
    with pytest.raises(UsageError, match="keeps no encoder of network"):
        pipelines.load_run(moved).said_of(rows_to_predict("titanic"))


def test_weights_that_do_not_fit_the_code_as_it_is_now_are_told(moved, titanic):
    variants = titanic.variants | {"network": replace(titanic.variants["network"], make_model=nn.Linear)}
    with pytest.warns(DataWarning, match="since it was trained, the competition's code is another"):
        saved = pipelines.load_run(moved, replace(titanic, variants=variants))
    with pytest.raises(UsageError, match="do not fit the network"):
        saved.said_of(rows_to_predict("titanic"))


def test_other_versions_and_variants_are_told(moved, titanic):
    variants = {"network": titanic.variants["network"]}
    with pytest.raises(UsageError, match="no variant 'hist-gradient-boosting'"):
        pipelines.load_run(moved, replace(titanic, variants=variants))
    with pytest.raises(UsageError, match="is a run of titanic, not of spaceship-titanic"):
        pipelines.load_run(moved, load("spaceship_titanic"))
    plan = json.loads((moved / "plan.json").read_text())
    (moved / "plan.json").write_text(json.dumps(plan | {"version": 99}))
    with pytest.raises(UsageError, match="is of version 99, and this is version"):
        pipelines.load_run(moved)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("plan.json", "plan.json cannot be read"),
        ("networks/network-1.safetensors", "no file in networks/ holds network, fold "),
    ],
)
def test_a_file_that_is_gone_is_told(file, says, moved):
    (moved / file).unlink()
    with pytest.raises(DataError, match=says) as caught:
        pipelines.load_run(moved).said_of(rows_to_predict("titanic"))
    assert "restore the folder" in caught.value.hint


@pytest.mark.parametrize("jobs", [{}, [{"variant": "network", "fold": "0", "seed": 0, "pooled": True, "key": []}]])
def test_a_plan_of_other_jobs_is_told(jobs, moved):
    plan = json.loads((moved / "plan.json").read_text())
    (moved / "plan.json").write_text(json.dumps(plan | {"jobs": jobs}))
    with pytest.raises(DataError, match="plan.json cannot be read"):
        pipelines.load_run(moved)


def test_what_is_no_finished_run_is_told(moved, tmp_path):
    (moved / "record.json").unlink()
    with pytest.raises(UsageError, match="has not come to its end"):
        pipelines.load_run(moved)
    with pytest.raises(UsageError, match="is no run's folder"):
        pipelines.load_run(tmp_path)


def said_by(*arguments):
    done = CliRunner().invoke(app, ["predict", "titanic", *map(str, arguments)])
    return done.exit_code, done.output


def test_wrong_runs_rows_and_places_are_answered(root, tmp_path):
    rows = tmp_path / "rows.csv"
    assert said_by(rows, "--runs", root)[0] == 2
    rows.write_text("PassengerId,Pclass\n1,3\n")
    code, said = said_by(rows, "--runs", root)
    assert code == 2
    assert "rows.csv lacks column" in said
    rows.write_bytes(rows_to_predict("titanic"))
    for wrong, says in {"2031": "is no run of titanic", "20": "", "newest": "", "best": ""}.items():
        code, said = said_by(rows, "--runs", root, "--run", wrong, "--to", tmp_path / "out" / "said.csv")
        assert (code, says in said) == (2 if says else 0, True), said
    assert (tmp_path / "out" / "said.csv").read_text().startswith("PassengerId,Survived,0,1\n")
    assert said_by(rows, "--runs", tmp_path, "--run", "newest")[0] == 2
    assert said_by(rows, "--runs", root, "--to", rows)[0] == 2
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "is no ordinary file" in said_by(rows, "--runs", root, "--to", tmp_path / "pipe")[1]


def test_practice_ideas_and_made_rows_are_not_meant_by_words(tmp_path):
    def meant(said):
        return choose(tmp_path, "titanic", said, to_predict=True).folder.name

    kept.keep(tmp_path, "20260103-000000-fast-practice", practice=HiddenScore(1.0, 0.1, 10))
    with pytest.raises(UsageError, match="holds no finished run of titanic, those of practice and of try passed over"):
        meant("newest")
    kept.keep(tmp_path, "20260102-000000-fast-sample", data="sample")
    assert meant("newest") == "20260102-000000-fast-sample"  # where there are no others
    kept.keep(tmp_path, "20260101-000000-fast")
    (kept.keep(tmp_path, "20260104-000000-fast") / "idea.py").write_text("")
    assert meant("newest") == meant("best") == "20260101-000000-fast"
    with pytest.raises(UsageError, match="there is no previous run"):
        meant("previous")
    kept.keep(tmp_path, "20251231-000000-fast")
    assert meant("previous") == "20251231-000000-fast"
    assert meant("20260103") == "20260103-000000-fast-practice"
    with pytest.raises(UsageError, match="'2026' may be 2026"):
        meant("2026")


def test_importance_is_kept_and_printed(tmp_path):
    arguments = ["cv", "titanic", "--data", "sample", "--folds", "2", "--seeds", "1", "--epochs", "2", "--importance"]
    done = CliRunner().invoke(app, [*arguments, "--runs", str(tmp_path)])
    assert done.exit_code == 0, done.output
    folder = folder_in(tmp_path)
    kept = json.loads((folder / "importance.json").read_text())
    assert kept == json.loads((folder / "record.json").read_text())["importance"]
    of_name = {each["name"]: each["loss"] for each in kept}
    assert of_name["Name"] == 0  # the encoder does not take it
    assert "Pclass + Sex + title + sex_class" in of_name  # which go together
    assert "what matters" in done.output
    assert CliRunner().invoke(app, [*arguments, "--runs", ""]).exit_code == 2


class Odd(DefaultEncoder):
    """Of no module that a file may name."""


def test_what_an_encoder_holds_that_cannot_be_kept_is_warned_of_and_the_run_goes_on(titanic, tmp_path):
    variant = replace(titanic.variants["network"], make_encoder=Odd)
    odd = replace(titanic, variants={"network": variant}, baselines={}, published=None)
    with pytest.warns(Warning, match="its encoder is not kept") as caught:
        outcome = run(odd, Knobs(**SHORT, runs=tmp_path), write=False)
    assert "test_saved" in str(caught[0].message)
    with pytest.raises(UsageError, match="keeps no encoder"):
        pipelines.load_run(outcome.folder.path, odd).said_of(rows_to_predict("titanic"))
