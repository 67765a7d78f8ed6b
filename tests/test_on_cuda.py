"""What only a GPU can show: the same networks as alone and as on a CPU, gone on with, kept, within its memory.

`pytest -m cuda`. HOMEWORK_DEVICE=cpu runs them on the CPU, where they show that they run and little more.
"""

import math
import os
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from networks import NETWORKS, RECIPE, Tied, assert_same, fit_alone, fit_each, make_group, make_rows
from torch import nn

from competitions.otto.competition import VARIANTS, tabm_of_places
from competitions.otto.sample import make_products
from pipelines.competition import Number, Preset
from pipelines.errors import TrainingError
from pipelines.hardware import has_bfloat16, memory_to_use, pick_device
from pipelines.metrics import log_loss, rmse
from pipelines.models import MLP, ConvNet
from pipelines.pipeline import run
from pipelines.runs import tensors
from pipelines.runs.saved import SavedRun
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.checkpoint import epochs
from pipelines.training.estimator import TorchClassifier
from pipelines.training.fit import Job, fit
from pipelines.training.loop import predict, train
from pipelines.training.noise import NoiseStreams
from pipelines.training.targets import Scale

pytestmark = pytest.mark.cuda
SHARED = replace(RECIPE, schedule="cosine")


@pytest.fixture(scope="module")
def device():
    """The GPU, or what HOMEWORK_DEVICE names."""
    return pick_device(os.environ.get("HOMEWORK_DEVICE", "cuda"))


def test_what_the_gpu_has_is_known(device):
    assert memory_to_use(device) > 1e8
    assert isinstance(has_bfloat16(device), bool)
    if device.type == "cuda":
        assert pick_device("auto").type == "cuda"
        assert memory_to_use(device) <= torch.cuda.get_device_properties(device).total_memory / 2


def test_noise_is_the_same_each_time_whatever_is_asked_for_at_once_and_goes_on(device):
    one, other = (NoiseStreams([3, 4], device) for _ in range(2))
    drawn = torch.cat([one.take(n) for n in (8, 100, 2**20, 12)], dim=1)
    assert torch.equal(drawn, other.take(8 + 100 + 2**20 + 12))
    assert abs(float(drawn.double().mean())) < 100  # of numbers to 2^15 either way
    assert not torch.equal(drawn[0], drawn[1])
    state = {name: tensor.cpu() for name, tensor in one.state().items()}
    later = NoiseStreams([5, 6], device)
    later.go_on(state)
    assert torch.equal(later.take(2**21), one.take(2**21))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_of_a_stack_is_what_it_is_alone(device, network):
    rows = make_rows(4)
    together, alone = (each(rows, NETWORKS[network], SHARED, device=device) for each in (fit_each, fit_alone))
    for ours, theirs in zip(together, alone, strict=True):
        assert next(ours.model.parameters()).device.type == device.type
        assert_same(ours.model, theirs.model, atol=1e-3)


def test_dropout_and_channels_draw_the_same_each_time_and_torchs_own_generator_is_left_alone(device):
    before = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
    with pytest.warns(match="networks train one after another"):
        first, again = (fit_each(make_rows(2), Tied, SHARED, device=device) for _ in range(2))
    for ours, theirs in zip(first, again, strict=True):
        assert_same(ours.model, theirs.model, atol=1e-5)
    assert torch.equal(before, torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state())


def test_early_stopping_ends_where_it_ends_on_a_cpu(device):
    rows, recipe = make_rows(3, held_out=40), replace(SHARED, epochs=8, patience=2)
    there, here = (fit_each(rows, NETWORKS["batch norm"], recipe, device=each) for each in (device, "cpu"))
    for ours, theirs in zip(there, here, strict=True):
        assert ours.history.best_epoch == theirs.history.best_epoch
        assert ours.history.scores == pytest.approx(theirs.history.scores, abs=1e-3)


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
def test_numbers_are_learned_as_on_a_cpu(device, loss):
    number, rows = Number(loss=loss), make_rows(3)
    y = 1000 + 300 * rows[0].inputs[:, 0].double().numpy()
    scale = Scale.of(number, y)
    rows = [replace(each, target=scale.target(y), scale=scale) for each in rows]
    make = lambda: MLP([6, 16, 1], dropout=0.0)  # noqa: E731
    recipe = replace(SHARED, epochs=12)
    ours, theirs = (
        fit_each(rows, make, recipe, rmse, n_outputs=1, number=number, device=each)[0] for each in (device, "cpu")
    )
    assert ours.history.losses == pytest.approx(theirs.history.losses, rel=1e-2)
    said = predict(ours.model, rows[0].inputs.to(device), ours.scale)
    np.testing.assert_allclose(said, predict(theirs.model, rows[0].inputs, theirs.scale), rtol=1e-2)


def test_a_training_that_was_stopped_goes_on(device, tmp_path, monkeypatch):
    for name, value in (("SECONDS", 0.0), ("SECONDS_TO_END", 0.0), ("SHARE", math.inf)):
        monkeypatch.setattr(epochs, name, value)

    class InFile:
        def load(self):
            return tensors.load(tmp_path / "state") if (tmp_path / "state").exists() else None

        def save(self, named, about):
            tensors.save(tmp_path / "state", named, about)

    class LidClosedError(Exception):
        pass

    def close_the_lid(job, epoch, _loss):
        if (job.fold, epoch) == (2, 4):
            raise LidClosedError

    group = make_group(make_rows(3, held_out=40), NETWORKS["batch norm and dropout"], SHARED, device=device)
    whole = fit(group).networks
    with pytest.raises(LidClosedError):
        fit(group, close_the_lid, lambda _jobs: InFile())
    heard = []
    gone_on = fit(group, lambda *told: heard.append(told), lambda _jobs: InFile()).networks
    assert len(heard) == 3 * SHARED.epochs
    for job in group.jobs:
        assert_same(gone_on[job].model, whole[job].model, atol=1e-5)
        assert gone_on[job].history.losses == pytest.approx(whole[job].history.losses, abs=1e-5)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_tabm_learns_alike_alone_and_beside_others(device, bfloat16):
    rows = [replace(each, inputs=torch.cat([each.inputs, 50 * each.inputs.sigmoid()], 1)) for each in make_rows(2)]
    make = lambda: tabm_of_places(16, k=4)(12, 2)  # noqa: E731
    recipe = replace(SHARED, bfloat16=bfloat16)
    with pytest.warns(match="no layer of many"):
        together = fit_each(rows, make, recipe, device=device)
    for ours, theirs in zip(together, fit_alone(rows, make, recipe, device=device), strict=True):
        assert ours.history.losses == pytest.approx(theirs.history.losses, abs=2e-2 if bfloat16 else 1e-3)
        assert ours.history.losses[-1] < ours.history.losses[0]


def test_otto_by_its_preset_for_a_gpu_is_kept_and_predicts_on_a_cpu(device, tmp_path):
    """The preset's own kinds, small; what the run leaves needs no GPU any more."""
    whole, names = load("otto"), ("small-tabm", "residual", "periodic")
    small = replace(VARIANTS["wide-tabm"], make_model=tabm_of_places(16, k=4))
    variants = {name: VARIANTS.get(name, small) for name in names}
    variants = {name: replace(v, recipe=replace(v.recipe, epochs=2)) for name, v in variants.items()}
    presets = {"gpu": Preset(folds=2, seeds=2, variants=names, gpu=True)}
    competition = replace(whole, variants=variants, presets=presets, baselines={})
    (tmp_path / "otto").mkdir()
    for name, frame in make_products(500, 80).items():
        frame.to_csv(tmp_path / "otto" / name, index=False)
    knobs = Knobs(
        data=tmp_path / "otto", preset="gpu", device=str(device), output=tmp_path, runs=tmp_path / "runs", memory=4_000
    )
    outcome = run(competition, knobs)
    assert outcome.record.cv_mean < np.log(9)
    assert outcome.record.device == str(device)
    saved = SavedRun(outcome.folder.path, competition)
    said = saved.predict_proba(make_products(500, 80)["test.csv"])
    np.testing.assert_allclose(said, outcome.result.test, atol=1e-3)


def test_an_estimator_can_be_pickled_and_asked_again(device):
    X, y = (part.numpy() for part in (make_rows(1)[0].inputs, make_rows(1)[0].target))
    model = TorchClassifier(epochs=10, device=str(device), random_state=0, bfloat16=True).fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(model)).predict_proba(X), proba, atol=1e-6)


def test_labels_that_are_no_class_are_told_before_the_gpu_breaks_off(device):
    rows = make_rows(1)[0]
    wrong = replace(rows, target=rows.target + 1)
    with pytest.raises(TrainingError, match="label 2, where the model gives 2 outputs"):
        fit_each([wrong], NETWORKS["plain"], SHARED, device=device)
    fit_each([rows], NETWORKS["plain"], SHARED, device=device)  # which goes on


def test_a_convolutional_network_learns_bytes(device):
    images = torch.randint(256, (96, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = (images.float().mean(dim=(1, 2, 3)) > 127.5).long()
    model = nn.Sequential(AsNumbers(), ConvNet((1, 28, 28), 2)).to(device)
    order = ShuffledBatches(96, 32, torch.Generator().manual_seed(0), (), device)
    batches = training_batches(TensorRows(images.to(device), labels.to(device)), order)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True)
    [history] = train(model, batches, nn.CrossEntropyLoss(), optimizer, 4)
    assert all(math.isfinite(loss) for loss in history.losses)
    assert predict(model, images.to(device)).shape == (96, 2)


class AsNumbers(nn.Module):
    """Bytes to numbers from 0 to 1."""

    def forward(self, inputs):
        return inputs.float() / 255


def test_networks_that_a_gpus_memory_does_not_hold_together_train_in_halves(device):
    """Eight of 2.4 million weights: together with their moments and copies more than 400 MB, one much less."""
    if device.type != "cuda":
        pytest.skip("the memory of a process is bounded on a GPU only")
    torch.cuda.empty_cache()
    whole, gpu = torch.cuda.get_device_properties(device).total_memory, device.index or 0
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(device) + 4e8) / whole, gpu)
    try:
        make = partial(MLP, [6, 1500, 1500, 2])
        group = make_group(make_rows(8), make, replace(SHARED, epochs=1), log_loss, device=device)
        found = fit(replace(group, jobs=tuple(Job("network", 0, seed, seed) for seed in range(8)))).networks
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, gpu)
        torch.cuda.empty_cache()
    assert len(found) == 8
    assert all(math.isfinite(network.history.losses[0]) for network in found.values())
