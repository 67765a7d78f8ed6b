"""What a run knows of each fold and seed: curves of rows held out, and the score of each model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.tree import DecisionTreeClassifier
from toys import QUICK, make_features, number_features, only, plan

from pipelines.competition import Variant
from pipelines.encoders import TabularEncoder
from pipelines.pipeline import run
from pipelines.runs.folder import folders
from pipelines.settings.knobs import Knobs
from pipelines.submission.record import Record, VariantScore
from pipelines.training import together
from pipelines.validation.crossval import FoldEncoder, cross_validate
from pipelines.validation.results import Keep
from pipelines.validation.splits import split


class Hearing(Keep):
    """Takes what is finished and keeps it in memory."""

    def __init__(self):
        self.finished = {}

    def put(self, finished, _encoders, _models, *, pooled=True):
        self.finished |= {each.job: each for each in finished if pooled}


def heard(competition, features, of_plan):
    keep = Hearing()
    return cross_validate(competition, features, of_plan, keep=keep), keep.finished


def test_curves_are_the_mean_over_seeds_and_their_spread(toy):
    result, finished = heard(toy, make_features(), plan(toy, seeds=3))
    [variant] = result.variants
    for fold in range(4):
        own = [each for job, each in finished.items() if job.fold == fold]
        for kind, means, spreads in (
            ("losses", variant.losses, variant.losses_spread),
            ("held_out", variant.held_out, variant.held_out_spread),
        ):
            curves = np.array([getattr(each, kind) for each in own])
            assert curves.shape == (3, QUICK.epochs)
            np.testing.assert_allclose(means[fold], curves.mean(axis=0))
            np.testing.assert_allclose(spreads[fold], curves.std(axis=0, ddof=1))


def test_the_last_held_out_loss_is_the_log_loss_of_the_scored_rows(toy):
    """There are fewer than a hundred of them, so that all are looked at."""
    features = make_features()
    _, finished = heard(toy, features, plan(toy, seeds=1))
    for job, each in finished.items():
        truth = features.y[split(features.y, 4, 0)[job.fold].scored]
        assert each.held_out[-1] == pytest.approx(-np.log(each.scored[np.arange(75), truth]).mean(), abs=1e-6)


def test_the_score_of_each_model_on_its_folds_scored_rows(toy, number_toy):
    for competition, features in ((toy, make_features()), (number_toy, number_features())):
        result, finished = heard(competition, features, plan(competition))
        parts = split(features.y, 4, 0)
        scores = [
            [competition.metric(features.y[parts[fold].scored], finished[job].scored) for job in of_fold]
            for fold in range(4)
            if (of_fold := sorted(job for job in finished if job.fold == fold))
        ]
        assert result.variants[0].by_fold_and_seed == scores
        assert np.shape(scores) == (4, 2)
    accuracies = np.array(heard(toy, make_features(), plan(toy))[0].variants[0].by_fold_and_seed)
    assert accuracies.mean(axis=0) == pytest.approx(result_of_seeds(toy))  # folds are of one size


def result_of_seeds(toy):
    result = cross_validate(toy, make_features(), plan(toy))
    assert result.variants[0].seed_scores[0] == pytest.approx(
        accuracy_score(make_features().y, result.oof.argmax(axis=1)), abs=0.02
    )
    return result.variants[0].seed_scores


def test_one_seed_has_no_spread_and_an_estimator_no_curve(toy):
    tree = Variant(make_encoder=lambda: TabularEncoder(("signal",)), make_estimator=DecisionTreeClassifier)
    variants = {"network": only(toy, QUICK), "tree": tree}
    network, of_tree = cross_validate(toy, make_features(), plan(toy, seeds=1, variants=variants)).variants
    assert (network.losses_spread, network.held_out_spread) == ([], [])
    assert [len(curve) for curve in network.held_out] == [QUICK.epochs] * 4
    assert (of_tree.held_out, of_tree.held_out_spread, of_tree.losses_spread) == ([], [], [])
    assert np.shape(of_tree.by_fold_and_seed) == (4, 1)
    assert np.mean(of_tree.by_fold_and_seed) == pytest.approx(of_tree.seed_scores[0])


def test_rows_that_are_looked_at_are_scored_ones_or_those_for_early_stopping(toy):
    features = make_features(1200)
    folds = split(features.y, 2, 0)
    for patience in (None, 2):
        encode = FoldEncoder(features, folds, only(toy, replace(QUICK, patience=patience)), 0)
        for fold, (fit_rows, scored) in enumerate(folds):
            rows, encoder = encode(fold)
            inputs, truth = rows.watched if patience is None else rows.held_out
            assert (rows.held_out is None, rows.watched is None) == (patience is None, patience is not None)
            there = scored if patience is None else fit_rows
            known = {
                tuple(row): y
                for row, y in zip(encoder.transform(features.train.iloc[there]), features.y[there], strict=True)
            }
            assert [known[tuple(row)] for row in inputs.numpy()] == truth.tolist()
            assert len(inputs) == (150 if patience is None else 60)


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_run_that_nobody_watches_writes_the_same_csv(titanic, tmp_path, monkeypatch, seeds):
    knobs = Knobs(
        data=Path("sample"), output=tmp_path / "out", runs=None, folds=2, seeds=seeds, epochs=2, device="cpu",
        variants=("network",),
    )  # fmt: skip
    watched = run(titanic, knobs)
    monkeypatch.setattr(together, "looking_on", lambda *_: (None, None))
    unwatched = run(titanic, knobs)
    assert watched.path.read_bytes() == unwatched.path.read_bytes()
    assert [len(curve) for curve in watched.record.variants[0].held_out] == [2, 2]
    assert unwatched.record.variants[0].held_out == []
    assert watched.record.variants[0].losses == unwatched.record.variants[0].losses
    assert Record.load(watched.path.with_suffix(".json")) == watched.record


def test_what_was_finished_before_has_its_curves_and_before_there_were_any_it_has_none(titanic, tmp_path):
    knobs = Knobs(
        data=Path("sample"), output=tmp_path / "out", runs=tmp_path / "runs", folds=2, seeds=2, epochs=2, device="cpu",
        variants=("network",),
    )  # fmt: skip
    [first] = run(titanic, knobs).record.variants
    trained = []
    [again] = run(titanic, knobs, on_epoch=lambda *step: trained.append(step)).record.variants
    assert trained == []
    assert again == replace(first, seconds=again.seconds)
    for folder in folders(tmp_path / "runs", "titanic"):
        for path in folder.networks():
            forget_curves(path)
    [older] = run(titanic, knobs).record.variants
    assert older == replace(again, held_out=[], held_out_spread=[], seconds=older.seconds)


def forget_curves(path):
    """As files were written before there were curves of rows held out."""
    from pipelines.runs import tensors

    found, about = tensors.load(path)
    jobs = [{name: value for name, value in job.items() if name != "held_out"} for job in about["jobs"]]
    path.unlink()
    tensors.save(path, found, about | {"jobs": jobs})


def test_a_record_of_before_loads(tmp_path):
    new = ("held_out", "held_out_spread", "losses_spread", "by_fold_and_seed")
    variant = VariantScore("network", 0.8, [0.8], 1.0, [[0.5]], held_out=[[0.6]], by_fold_and_seed=[[0.8]])
    record = Record(slug="titanic", data="sample", variants=[variant])
    path, value = tmp_path / "record.json", json.loads(record.to_json())
    record.save(path)
    assert Record.load(path) == record
    value["variants"] = [{name: each for name, each in value["variants"][0].items() if name not in new}]
    path.write_text(json.dumps(value))
    assert Record.load(path).variants == [VariantScore("network", 0.8, [0.8], 1.0, [[0.5]])]
