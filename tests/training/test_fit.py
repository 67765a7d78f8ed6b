"""Jobs in groups, groups side by side: nothing but speed depends on it."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from networks import NETWORKS, RECIPE, assert_same, fit_alone, fit_each, make_group, make_rows

from pipelines import hardware
from pipelines.competition import Recipe
from pipelines.errors import DataError
from pipelines.models import MLP
from pipelines.training import fit as fitting
from pipelines.training import stack, together
from pipelines.training.early_stopping import first_equal
from pipelines.training.fit import Encoded, Group, Job, fit, hold_out
from pipelines.training.together import Together


def together_of(group):
    return Together(group, group.jobs, {job.fold: group.encode(job.fold) for job in group.jobs})


def test_rows_that_networks_share_are_stored_once_and_on_the_device():
    rows = make_rows(2, held_out=40)
    group = make_group(rows, NETWORKS["plain"])
    jobs = tuple(Job("network", fold, seed, seed) for fold in (0, 1) for seed in range(3))
    ready = together_of(replace(group, jobs=jobs))
    dataset, order = ready.batches.dataset, ready.batches.sampler
    assert len(dataset) == 200
    assert order.starts == [0, 0, 0, 100, 100, 100]
    assert next(iter(ready.batches))[0].shape == (6, 32, 6)
    one = together_of(replace(group, jobs=jobs[:1]))
    assert next(iter(one.batches))[0].shape == (32, 6)
    assert one.batches.dataset.tensors[0].data_ptr() == rows[0].inputs.data_ptr()  # not even a copy


def test_views_of_the_same_place_are_not_the_same_rows():
    inputs = torch.randn(200, 6)
    rows = [replace(make_rows(1)[0], inputs=part) for part in (inputs[:100], inputs[::2])]
    for ours, alone in zip(fit_each(rows, NETWORKS["plain"]), fit_alone(rows, NETWORKS["plain"]), strict=True):
        assert_same(ours.model, alone.model)


def test_folds_of_unequal_size_are_stacked_by_size_and_never_padded(monkeypatch):
    large, small = make_rows(3, n_rows=100), make_rows(3, n_rows=99)
    rows = [large[0], small[0], large[1], small[1], large[2], small[2]]
    sizes = []
    stacked = stack.stacked
    monkeypatch.setattr(together, "stacked", lambda models, *more: sizes.append(len(models)) or stacked(models, *more))
    ours_all = fit_each(rows, NETWORKS["batch norm and dropout"])
    assert sizes == [3, 3]
    for ours, alone in zip(ours_all, fit_alone(rows, NETWORKS["batch norm and dropout"]), strict=True):
        assert_same(ours.model, alone.model)


def test_encoders_of_other_widths_make_other_networks():
    """A fold whose encoder found fewer categories."""
    rows = make_rows(3)
    rows[1] = replace(rows[1], inputs=rows[1].inputs[:, :5])
    group = replace(make_group(rows, None), make_model=lambda d, c: MLP([d, 16, c], dropout=0.3))
    widths = [trained.model.layers[0].in_features for trained in fit(group).networks.values()]
    assert widths == [6, 5, 6]


def test_large_networks_on_a_cpu_are_not_stacked_and_nothing_is_said(monkeypatch):
    monkeypatch.setattr(together, "STACKED_PARAMETERS", 0)
    monkeypatch.setattr(together, "stacked", None)  # nobody asks
    apart = fit_each(make_rows(3), NETWORKS["dropout"])
    for ours, alone in zip(apart, fit_alone(make_rows(3), NETWORKS["dropout"]), strict=True):
        assert_same(ours.model, alone.model)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError()])
def test_a_group_for_which_memory_does_not_suffice_is_trained_in_halves(error, monkeypatch):
    sizes, stacked = [], stack.stacked

    def for_three_at_most(models, *more):
        sizes.append(len(models))
        if len(models) > 3:
            raise error
        return stacked(models, *more)

    rows = make_rows(7)
    whole = fit_each(rows, NETWORKS["dropout"])
    monkeypatch.setattr(together, "stacked", for_three_at_most)
    in_halves = fit_each(rows, NETWORKS["dropout"])
    assert sizes == [7, 3, 4, 2, 2]
    for one, other in zip(whole, in_halves, strict=True):
        assert_same(one.model, other.model)
        assert one.history.losses == pytest.approx(other.history.losses, abs=1e-5)


@pytest.mark.parametrize(
    ("n_jobs", "error"), [(1, torch.OutOfMemoryError("CUDA out of memory")), (4, RuntimeError("shapes differ"))]
)
def test_what_halves_do_not_help_against_is_raised(n_jobs, error, monkeypatch):
    asked = []

    def broken(*_arguments, **_options):
        asked.append(n_jobs)
        raise error

    monkeypatch.setattr(fitting, "train", broken)
    with pytest.raises(RuntimeError) as raised:
        fit_each(make_rows(n_jobs), NETWORKS["plain"])
    assert (raised.value, asked) == (error, [n_jobs])


def test_each_job_is_told_of_after_each_of_its_epochs():
    told = []
    group = make_group(make_rows(3), NETWORKS["plain"])
    fitted = fit(group, lambda *what: told.append(what))
    for job, network in fitted.networks.items():
        own = [(epoch, loss) for who, epoch, loss in told if who is job]
        assert own == list(enumerate(network.history.losses, start=1))
    assert len(told) == 3 * RECIPE.epochs


def double(fold):
    """Encodes a fold; a function of a module, so that it can be pickled."""
    return Encoded(replace(make_rows(2, held_out=20)[fold], inputs=2 * make_rows(2)[fold].inputs), {"factor": 2})


def test_a_group_and_what_comes_back_can_be_pickled():
    jobs = tuple(Job("network", fold, seed, 10 * fold + seed) for fold in range(2) for seed in range(2))
    group = Group(
        jobs=jobs, encode=double, make_model=small, n_outputs=2, recipe=replace(RECIPE, patience=2),
        metric=make_group([], None).metric, device=torch.device("cpu"),
    )  # fmt: skip
    here = fit(group)
    there = pickle.loads(pickle.dumps(fit(pickle.loads(pickle.dumps(group)))))
    assert list(there.networks) == list(jobs)
    assert there.encoders == {0: {"factor": 2}, 1: {"factor": 2}}
    for job in jobs:
        assert there.networks[job].history == here.networks[job].history
        assert_same(there.networks[job].model, here.networks[job].model, atol=0)


def small(n_features, n_classes):
    """A network by a function of a module."""
    return MLP([n_features, 8, n_classes], norm="batch", dropout=0.2)


def test_networks_made_in_several_threads_come_from_their_own_seeds():
    """Torch has one generator for all threads: whoever draws from it unasked would change a neighbour's weights."""
    rows, recipe = make_rows(24, n_rows=33), Recipe(epochs=1, batch_size=8, lr=1e-3)
    groups = [make_group([own], NETWORKS["dropout"], recipe, random_states=[i]) for i, own in enumerate(rows)]
    alone = [fit(group) for group in groups]
    for _ in range(5):
        with hardware.cores(4, 1, lambda *_: None) as (pool, _step):
            apart = list(pool.map(fit, groups))
        for one, other in zip(alone, apart, strict=True):
            models = [next(iter(fitted.networks.values())).model for fitted in (one, other)]
            for a, b in zip(*(model.parameters() for model in models), strict=True):
                assert torch.equal(a, b)


def test_rows_for_early_stopping_are_stratified_and_only_split_off_for_patience():
    rows, y = np.arange(100, 300), np.arange(300) % 3 == 0
    assert hold_out(rows, y, Recipe(), 0)[1] is None
    kept, held = hold_out(rows, y, Recipe(patience=3, validation_fraction=0.2), 0)
    assert sorted([*kept, *held]) == list(rows)
    assert (len(held), y[held].sum()) == (40, pytest.approx(y[rows].sum() / 5, abs=1))


def test_equal_rows_are_not_parted_for_early_stopping_and_without_any_nothing_changes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 2
    rows, recipe = np.arange(60), Recipe(patience=3, validation_fraction=0.2)
    for ours, plain in zip(hold_out(rows, y, recipe, 4, first_equal(X, y)), hold_out(rows, y, recipe, 4), strict=True):
        np.testing.assert_array_equal(ours, plain)
    order = rng.permutation(120) % 60
    twins = first_equal(X[order], y[order])
    np.testing.assert_array_equal(twins, [np.flatnonzero(order == row)[0] for row in order])
    kept, held = hold_out(np.arange(120), y[order], recipe, 4, twins)
    assert sorted([*kept, *held]) == list(range(120))
    assert set(twins[kept]) & set(twins[held]) == set()
    assert (len(held), y[order][held].mean()) == (24, 0.5)


def test_equal_rows_of_another_label_are_not_equal():
    frame = pd.DataFrame({"a": [1.0, 1.0, np.nan, np.nan], "b": ["x", "x", None, None]})
    assert first_equal(frame, np.array([0, 1, 1, 1])).tolist() == [0, 1, 2, 2]


def test_the_latest_rows_are_split_off_where_rows_have_a_time():
    rng = np.random.default_rng(0)
    time, y, recipe = rng.integers(50, size=400), rng.integers(0, 2, 400), Recipe(patience=1, validation_fraction=0.2)
    rows = rng.permutation(400)[:300]
    kept, held = hold_out(rows, y, recipe, 0, np.arange(400), time)
    assert time[kept].max() < time[held].min()
    assert sorted([*kept, *held]) == sorted(rows)
    assert len(held) == pytest.approx(60, abs=10)
    one_time = np.where(time < 49, 0, 1)  # nearly all are of the first
    kept, held = hold_out(np.arange(400), y, recipe, 0, None, one_time)
    assert set(one_time[kept]) == {0}
    assert set(one_time[held]) == {1}
    with pytest.raises(DataError, match="cannot split later rows off: all 300 training rows are of one time"):
        hold_out(rows, y, recipe, 0, None, np.zeros(400, dtype=np.int64))


def test_rows_of_a_group_are_not_parted_for_early_stopping():
    rng = np.random.default_rng(0)
    group, recipe = rng.integers(80, size=400), Recipe(patience=1, validation_fraction=0.2)
    first = np.array([np.flatnonzero(group == number)[0] for number in group])
    for y in (rng.integers(0, 2, 400), rng.normal(size=400)):
        kept, held = hold_out(np.arange(400), y, recipe, 0, first)
        assert not set(group[kept]) & set(group[held])
        assert sorted([*kept, *held]) == list(range(400))
        assert len(held) == pytest.approx(80, abs=20)


def test_numbers_are_stratified_by_their_order():
    y = np.random.default_rng(0).lognormal(sigma=2, size=1000)
    kept, held = hold_out(np.arange(1000), y, Recipe(patience=1, validation_fraction=0.1), 0)
    tenths = np.argsort(np.argsort(y)) // 100
    assert np.bincount(tenths[held]).tolist() == [10] * 10
    assert len(kept) == 900


@pytest.mark.parametrize(("y", "share"), [([0] + [1] * 39, 0.2), (list(range(3)) * 13 + [0], 0.01)])
def test_rows_that_cannot_be_split_off_are_told(y, share):
    with pytest.raises(DataError, match=r"cannot split .* of 40 different training rows off.*\n.*patience=None"):
        hold_out(np.arange(40), np.array(y), Recipe(patience=1, validation_fraction=share), 0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("network", ["plain", "batch norm"])
def test_networks_trained_on_a_gpu_are_those_of_the_cpu(network):
    rows, stopping = make_rows(4, held_out=40), replace(RECIPE, patience=2)
    on_cpu, on_gpu = (fit_each(rows, NETWORKS[network], stopping, device=device) for device in ("cpu", "cuda"))
    for ours, theirs in zip(on_cpu, on_gpu, strict=True):
        assert ours.history.best_epoch == theirs.history.best_epoch
        assert_same(ours.model, theirs.model.cpu(), atol=1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_networks_trained_on_a_gpu_in_bfloat16_learn_what_those_in_float32_learn():
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("the GPU has no bfloat16")
    recipes = (RECIPE, RECIPE, replace(RECIPE, bfloat16=True))
    fitted = (fit_each(make_rows(4), NETWORKS["plain"], recipe, device="cuda") for recipe in recipes)
    for plain, same, half in zip(*fitted, strict=True):
        assert plain.history.losses == pytest.approx(same.history.losses, abs=1e-6)
        assert plain.history.losses != pytest.approx(half.history.losses, abs=1e-6)
        assert half.history.losses == pytest.approx(plain.history.losses, abs=2e-3)
