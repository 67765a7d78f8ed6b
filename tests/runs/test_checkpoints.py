"""A state that is kept in a run's folder is given back to the jobs that it is of, and to no others."""

import errno
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from networks import NETWORKS, RECIPE, make_group, make_rows

from pipelines.errors import NoRoomError
from pipelines.pipeline import run
from pipelines.runs import tensors
from pipelines.runs.checkpoints import Unfinished, remove_unfinished
from pipelines.settings.knobs import Knobs
from pipelines.training.checkpoint import epochs
from pipelines.training.fit import fit

STATE = {"weights": torch.arange(3.0), "order": torch.tensor([1, 2], dtype=torch.uint8)}
ABOUT = {"losses": [[0.5], [0.25]], "form": {"version": 1}}


@pytest.fixture
def said():
    return []


@pytest.fixture
def kept(tmp_path, said):
    unfinished = Unfinished(tmp_path, ["a1", "b2"], "mlp", said.append)
    unfinished.save(STATE, ABOUT)
    return unfinished


def test_a_state_comes_back_as_it_was_and_is_said(kept, said, tmp_path):
    found, about = Unfinished(tmp_path, ["a1", "b2"], "mlp", said.append).load()
    assert about == ABOUT
    assert {name: tensor.tolist() for name, tensor in found.items()} == {"weights": [0, 1, 2], "order": [1, 2]}
    assert said == ["goes on after epoch 2: mlp"]
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == ["a1-2.safetensors"]


def test_where_nothing_is_kept_nothing_is_said(kept, said, tmp_path):
    assert Unfinished(tmp_path, ["b2", "a1"], "mlp", said.append).load() is None
    assert Unfinished(tmp_path, ["a1"], "mlp", said.append).load() is None
    assert said == []


def flipped(data):
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


DAMAGE = {"cut short": lambda data: data[:-5], "a byte flipped": flipped, "empty": lambda data: b""}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_is_not_used_and_said(damage, kept, said):
    kept.path.write_bytes(DAMAGE[damage](kept.path.read_bytes()))
    assert kept.load() is None
    assert said[0].startswith(f"not used: {kept.path.parent}: a1-2.safetensors is damaged")
    assert said[0].endswith("mlp begins anew")


@pytest.mark.parametrize("change", [{"keys": ["a1", "c3"]}, {"version": 0}])
def test_a_state_of_other_networks_or_another_version_is_not_used(change, kept, said):
    found, about = tensors.load(kept.path)
    tensors.save(kept.path, found, about | change)
    assert kept.load() is None
    assert "of another version, or of other networks; mlp begins anew" in said[0]


def test_a_full_disk_leaves_the_last_state_and_is_told(kept, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensors, "write_whole", full)
    with pytest.raises(NoRoomError, match="unfinished"):
        kept.save({"weights": torch.zeros(3)}, ABOUT)
    assert kept.load()[0]["weights"].tolist() == [0, 1, 2]


def test_states_of_finished_jobs_are_removed(kept, said, tmp_path):
    others = [Unfinished(tmp_path, [key], "mlp", said.append) for key in ("c3", "d4")]
    for each in others:
        each.save(STATE, ABOUT)
    remove_unfinished(tmp_path, ["a1", "b2", "c3"])
    assert [each.path.exists() for each in (kept, *others)] == [False, False, True]
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_unfinished(tmp_path)


def test_a_training_goes_on_from_such_a_file(tmp_path, said, monkeypatch):
    monkeypatch.setattr(epochs, "SECONDS_TO_END", 0.0)
    group = make_group(make_rows(2), NETWORKS["dropout"])
    for _ in range(2):
        fitted = fit(
            group, checkpoint=lambda jobs: Unfinished(tmp_path, [str(each.fold) for each in jobs], "mlp", said.append)
        )
    assert said == [f"goes on after epoch {RECIPE.epochs}: mlp"]
    for one, other in zip(fitted.networks.values(), fit(group).networks.values(), strict=True):
        assert all(map(torch.equal, one.model.state_dict().values(), other.model.state_dict().values()))


def test_a_run_stopped_within_its_networks_goes_on_there_and_writes_the_same_csv(tmp_path, titanic, monkeypatch):
    for name, value in (("SECONDS", 0.0), ("SECONDS_TO_END", 0.0), ("SHARE", math.inf)):
        monkeypatch.setattr(epochs, name, value)
    knobs = Knobs(
        data=Path("sample"), output=tmp_path / "out", variants=("network",), folds=2, seeds=1, epochs=4, device="cpu",
        runs=tmp_path / "runs",
    )  # fmt: skip
    undisturbed = run(titanic, replace(knobs, runs=None))

    def close_the_lid(_job, epoch, _loss):
        if epoch == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(titanic, knobs, on_epoch=close_the_lid)
    [folder] = (tmp_path / "runs" / "titanic").iterdir()
    assert len(list(folder.glob("unfinished/*.safetensors"))) >= 1
    said, told = [], []
    outcome = run(titanic, knobs, say=said.append, on_epoch=lambda *what: told.append(what))
    assert outcome.path.read_bytes() == undisturbed.path.read_bytes()
    for found, meant in zip(outcome.record.variants, undisturbed.record.variants, strict=True):
        assert found == replace(meant, seconds=found.seconds)
    assert [len(curve) for curve in outcome.record.variants[0].held_out] == [4, 4]
    assert any(line.startswith("goes on after epoch 3: network, ") for line in said)
    assert sorted(epoch for job, epoch, _ in told if job.fold == 0) == [1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "runs" / "titanic").iterdir()] == [folder.name]
    assert not (folder / "unfinished").exists()
