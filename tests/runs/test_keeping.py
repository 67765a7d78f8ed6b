"""What is finished is kept and found again: after a failure at any write, by other runs; never what does not fit."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier
from toys import make_features, number_features

from pipelines import files
from pipelines.competition import Recipe, Variant
from pipelines.encoders import TabularEncoder
from pipelines.errors import NoRoomError
from pipelines.models import MLP
from pipelines.pipeline import run
from pipelines.runs import tensors
from pipelines.runs.folder import RunFolder, folders
from pipelines.runs.jobs import finished
from pipelines.runs.keeping import RunKeep
from pipelines.runs.predictions import RowPredictions
from pipelines.settings.knobs import Knobs
from pipelines.submission.record import Record
from pipelines.validation import groups
from pipelines.validation.crossval import Plan, cross_validate
from pipelines.validation.splits import split

RECIPE = Recipe(epochs=2, lr=0.1)


def encoder():
    return TabularEncoder(("signal", "noise"))


def make_small(n_features, n_classes):
    return MLP([n_features, 4, n_classes], dropout=0.1)


def make_other(n_features, n_classes):
    return MLP([n_features, 4, n_classes], dropout=0.2)


def make_tree():
    return DecisionTreeClassifier(max_depth=3, random_state=0)


NETWORK = Variant(make_encoder=encoder, make_model=make_small, recipe=RECIPE)
TREES = Variant(make_estimator=make_tree)


@pytest.fixture
def own(toy, monkeypatch):
    """A small network and a tree; each fold's networks are a group of their own, and one trains at a time."""
    monkeypatch.setattr(groups, "n_cores", lambda: 1)
    monkeypatch.setattr(groups, "fills_a_core", lambda *_: True)
    return replace(toy, variants={"network": NETWORK, "trees": TREES})


class Way:
    """Cross-validates made rows as a run does; hears what is trained and what is said."""

    def __init__(self, root):
        self.root, self.features = root, make_features(120, 30)

    def go(self, competition, features=None, names=None, runs=None, restart=False, **plan):
        self.trained, self.said = set(), []
        features = features or self.features
        variants = {name: competition.variants[name] for name in names or competition.variants}
        plan = Plan(**{"folds": 3, "seeds": 1, "variants": variants} | plan)
        knobs = Knobs(runs=runs or self.root / "runs", output=self.root / "out", restart=restart)
        with RunKeep(
            SimpleNamespace(files={competition.train_file: b"PassengerId\n"}, kind="folder"),
            "titanic",
            "fast",
            knobs,
            self.said.append,
        ) as keep:
            on_epoch = lambda job, *_: self.trained.add((job.variant, job.fold, job.seed))  # noqa: E731
            result = cross_validate(competition, features, plan, on_epoch, keep=keep)
            ids = [pd.DataFrame({competition.key: range(len(rows))}) for rows in (features.train, features.test)]
            tables = SimpleNamespace(train=ids[0], test=ids[1])
            keep.finish(Record(slug="titanic", data="sample"), competition, tables, features, result)
        self.folder = keep.folder
        return result.oof.tobytes() + result.test.tobytes()

    def folders(self):
        return folders(self.root / "runs", "titanic")

    def not_used(self):
        return [line for line in self.said if "not used" in line]


@pytest.fixture
def way(tmp_path):
    return Way(tmp_path)


def jobs_in(folder):
    return [job for path in folder.networks() for job in finished.jobs_in(path)]


def n_groups(folder):
    return sum(path.name.startswith("network-") for path in folder.networks())


@pytest.fixture
def knobs(tmp_path):
    """Of a run of the whole way, on the embedded sample."""
    names = ("network", "hist-gradient-boosting")
    return Knobs(
        data=Path("sample"), output=tmp_path / "out", runs=tmp_path / "runs", folds=2, seeds=1, epochs=1, device="cpu",
        variants=names, note="the first",
    )  # fmt: skip


def test_a_run_leaves_its_folder_whole_and_the_same_one_trains_nothing(titanic, knobs):
    done = run(titanic, knobs)
    assert done.folder.name == done.path.stem == done.record.run
    assert done.folder.record() == done.record
    assert (done.record.note, done.folder.is_live) == ("the first", False)
    kept = RowPredictions.load(done.folder.path)
    assert kept.oof.tobytes() == done.result.oof.tobytes()
    assert kept.test.tobytes() == done.result.test.tobytes()
    assert kept.variants.keys() == {"network", "hist-gradient-boosting"}
    assert sorted(np.unique(kept.fold)) == [0, 1]
    assert titanic.metric(kept.y, kept.variants["network"]) == done.result.variants[0].score
    assert kept.test_ids[0] == "892"
    assert {job["key"] for job in jobs_in(done.folder)} == {job["key"] for job in done.folder.jobs()}
    (done.folder.path / "record.json").unlink()  # as if it had been killed when all but this was written
    trained, said = [], []
    again = run(titanic, knobs, on_epoch=lambda *step: trained.append(step), say=said.append)
    assert (again.path, trained, done.folder.is_finished) == (done.path, [], True)
    assert f"goes on with {done.folder.path}, a run that had not come to its end" in said
    assert sorted(path.suffix for path in done.path.parent.iterdir()) == [".csv", ".json"]


def test_cv_and_practice_leave_a_folder_too_and_without_a_place_nothing_is_kept(titanic, knobs, tmp_path):
    assert run(titanic, knobs, write=False).folder.name.endswith("-fast-sample-cv")
    done = run(titanic, replace(knobs, practice=True))
    assert done.folder.name.endswith("-fast-sample-practice")
    assert done.folder.record().practice == done.record.practice
    assert done.record.practice is not None
    nothing = run(titanic, replace(knobs, runs=None), write=False)
    assert (nothing.folder, nothing.record.run, nothing.record.note) == (None, None, "the first")
    assert len(folders(tmp_path / "runs", "titanic")) == 2


def test_what_is_kept_of_a_network_predicts_as_it_did(way, own):
    way.go(own)
    path = next(path for path in way.folder.networks() if path.name.startswith("network-"))
    found, about = tensors.load(path)
    (job,) = about["jobs"]
    name = f"{job['fold']}-{job['seed']}/"
    network = make_small(2, 2).eval()
    network.load_state_dict({key.rpartition("/")[2]: each for key, each in found.items() if "/weights/" in key})
    fold = split(way.features.y, 3, 0, way.features.twins)[job["fold"]]
    inputs = encoder().fit(way.features.train.iloc[fold.train]).transform(way.features.test)
    said = network(torch.as_tensor(inputs)).double().softmax(dim=1).detach()
    np.testing.assert_allclose(said, found[f"{name}test"], atol=1e-6)
    assert found[f"{name}scored"].shape == (len(fold.scored), 2)
    assert (job["best_epoch"], len(job["losses"]), job["scale"]) == (2, 2, None)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("kind", [StoppedError, KeyboardInterrupt])
def test_whatever_ends_a_run_at_any_write_the_same_command_goes_on_and_ends_in_the_same_bytes(
    way, own, tmp_path, monkeypatch, kind, n
):
    whole, save, left = way.go(own, runs=tmp_path / "undisturbed"), finished.save, iter(range(100))

    def stopped(*args, **more):
        if next(left) == n:
            raise kind
        return save(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(finished, "save", stopped)
        with pytest.raises(kind):
            way.go(own)
    before = way.folders()
    n_there = sum(map(n_groups, before))
    assert not any(folder.is_finished or folder.is_live for folder in before)
    assert way.go(own) == whole
    assert len(way.trained) == 3 - n_there
    if before:
        assert way.said[0] == f"goes on with {before[0].path}, a run that had not come to its end"
    assert len(way.folders()) == 1
    assert sorted(job["key"] for job in jobs_in(way.folder)) == sorted(job["key"] for job in way.folder.jobs())


def test_the_same_command_again_trains_nothing_and_leaves_a_folder_that_is_whole_by_itself(way, own):
    bytes_, first = way.go(own), way.folder
    assert (way.go(own), way.trained) == (bytes_, set())
    assert f"12 of 12 models are there already ({first.name}): they are not trained again" in way.said
    shutil.rmtree(first.path)
    assert (way.go(own), way.trained) == (bytes_, set())
    assert way.go(own, restart=True) == bytes_
    assert (len(way.trained), way.said) == (3, [])


def test_another_variant_or_seed_trains_only_what_is_new(way, own, tmp_path):
    way.go(own, names=["network"])
    linear = replace(NETWORK, make_model=lambda d, c: MLP([d, c]))
    two = replace(own, variants={"linear": linear} | own.variants)
    way.go(two)
    assert {variant for variant, _, _ in way.trained} == {"linear"}
    way.go(two, names=["network", "linear"], seeds=2)
    assert {(variant, seed) for variant, _, seed in way.trained} == {("network", 1), ("linear", 1)}
    way.go(own, names=["network"])
    assert way.trained == set()
    assert {job["seed"] for job in jobs_in(way.folder)} == {0}  # none that this run has not
    joined = np.frombuffer(way.go(two, seeds=2))
    assert way.trained == set()
    whole = np.frombuffer(way.go(two, seeds=2, runs=tmp_path / "other"))
    np.testing.assert_allclose(joined, whole, atol=1e-5)


def with_network(own, **changes):
    return replace(own, variants=own.variants | {"network": replace(NETWORK, **changes)})


def other_data(way, own, patch):
    patch.setattr(way, "features", replace(way.features, test=way.features.test + 1))
    return own


def other_versions(_way, own, patch):
    patch.setattr("pipelines.runs.jobs.fingerprint.versions", lambda: {"python": "3.99"})
    return own


def other_rooms(_way, own, patch):
    patch.setattr("pipelines.runs.jobs.fingerprint.modules_hash", lambda _names: "other")
    return own


OTHERS = {
    "the recipe is another": (lambda _w, own, _p: with_network(own, recipe=replace(RECIPE, epochs=3)), 3),
    "the competition's code is another": (lambda _w, own, _p: with_network(own, make_model=make_other), 3),
    "the data, or what add_features makes of them, are others": (other_data, 12),
    "Python or a package had another version (": (other_versions, 12),
    "the code in pipelines/ is another": (other_rooms, 12),
}


@pytest.mark.parametrize("why", OTHERS)
def test_networks_of_anything_else_are_not_used_and_that_is_said(why, way, own, monkeypatch):
    way.go(own)
    first, (change, n) = way.folder, OTHERS[why]
    way.go(change(way, own, monkeypatch))
    (line,) = way.not_used()
    assert len(way.trained) == 3
    assert line.startswith(f"{n} models of {first.name} are not used: {why}")


def test_another_seed_has_other_folds(way, own):
    way.go(own)
    way.go(own, seed=1)
    assert [line.split(": ")[1] for line in way.not_used()] == ["the seed is another"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "flipped key", "empty", "other"])
def test_a_damaged_file_is_not_used_and_its_networks_are_trained_again(damage, way, own):
    whole = way.go(own)
    path = next(path for path in way.folder.networks() if path.name == "network-2.safetensors")
    data = path.read_bytes()
    place = {"flipped key": data.index(finished.jobs_in(path)[0]["key"].encode()), "flipped": len(data) - 9}
    if damage in place:
        at = place[damage]
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    elif damage == "other":
        tensors.save(path, {"a": np.zeros(1)}, {"jobs": [{"variant": "network"}]})
    else:
        path.write_bytes(data[: len(data) // 2 if damage == "cut" else 0])
    assert (way.go(own), len(way.trained)) == (whole, 1)
    (line,) = way.not_used()
    assert ("network-2.safetensors is damaged" in line) == (damage != "flipped key")


@pytest.mark.parametrize(
    "plan", [None, '{"jobs": [{"variant": "a", "fold": 0, "seed": 0, "pooled": true, "key": []}]}']
)
def test_a_run_whose_plan_cannot_be_read_is_not_used_and_that_is_said(plan, way, own):
    way.go(own)
    (way.folder.path / "plan.json").unlink()
    if plan is not None:
        (way.folder.path / "plan.json").write_text(plan)
    name = way.folder.name
    way.go(own)
    assert (len(way.trained), way.not_used()) == (3, [f"not used: {name}, whose plan.json cannot be read"])


def test_a_damaged_file_of_the_run_that_goes_on_is_removed(way, own):
    whole, first = way.go(own), way.folder
    (first.path / "record.json").unlink()
    path = next(path for path in first.networks() if path.name.startswith("network-"))
    path.write_bytes(path.read_bytes()[:-1])
    assert (way.go(own), way.folder.name, len(way.trained)) == (whole, first.name, 1)
    assert sorted(job["key"] for job in jobs_in(first)) == sorted(job["key"] for job in first.jobs())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_in_the_middle_names_the_file_and_the_same_command_goes_on(way, own, monkeypatch, number):
    whole, sync, left = way.go(own, runs=way.root / "other"), files.os.fsync, iter(range(100))

    def full(descriptor):
        if next(left) >= 5:  # the plan, trees, two baselines, and a group of networks
            raise OSError(number, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(NoRoomError, match=r"the disk of .*networks.network-\d\.safetensors is full"):
            way.go(own)
    (folder,) = way.folders()
    n_there = n_groups(folder)
    assert not list(folder.path.rglob("*.part"))
    assert way.go(own) == whole
    assert 0 < n_there == 3 - len(way.trained)


def test_too_little_room_is_told_before_the_networks_are_trained(way, own, monkeypatch):
    monkeypatch.setattr(files, "free_bytes", lambda _folder: 1_000_000)
    with pytest.raises(NoRoomError, match=r"-fast is full: 2\.\d\d MB are needed there, 1\.00 MB are free"):
        way.go(own)
    assert way.trained == set()


def test_a_folder_in_which_another_works_is_left_to_it(way, own):
    way.go(own)
    (way.folder.path / "record.json").unlink()
    other = RunFolder(way.folder.path)
    assert other.lock()
    way.go(own)
    other.unlock()
    assert way.folder.name != other.name
    assert way.trained == set()  # what it has finished can be taken all the same


def test_quick_estimators_share_a_file_and_slow_ones_are_written_at_once(way, own, monkeypatch):
    way.go(own)
    assert sum(path.name.startswith("trees-") for path in way.folder.networks()) == 1
    monkeypatch.setattr("pipelines.runs.keeping.SECONDS", 0.0)
    way.go(own, restart=True)
    assert sum(path.name.startswith("trees-") for path in way.folder.networks()) == 3


def test_a_baseline_called_as_a_variant_is_another(way, own):
    own = replace(own, baselines={"trees": lambda: DecisionTreeClassifier(max_depth=1, random_state=0)})
    whole = way.go(own)
    assert (way.go(own), len(jobs_in(way.folder))) == (whole, 15)


def test_a_number_keeps_the_scale_that_it_was_learned_on(way, number_toy):
    features, number_toy = number_features(120, 30), replace(number_toy, variants={"network": NETWORK})
    whole = way.go(number_toy, features)
    assert (way.go(number_toy, features), way.trained) == (whole, set())
    scales = [job["scale"] for job in jobs_in(way.folder) if job["variant"] == "network"]
    assert all(4900 < scale["mean"] < 5100 and scale["low"] < scale["high"] for scale in scales)


def test_variants_may_have_any_name(way, own):
    odd = replace(own, variants=own.variants | {"../x y": TREES, "网络": NETWORK})
    whole = way.go(odd)
    assert {path.name for path in way.folder.networks()} >= {"..-x-y-1.safetensors", "网络-1.safetensors"}
    assert (way.go(odd), way.trained) == (whole, set())
