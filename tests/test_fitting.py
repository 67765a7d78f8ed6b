"""Jobs in groups, groups side by side: nothing but speed depends on it."""

import gc
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from networks import NETWORKS, RECIPE, assert_same, make_jobs

from pipelines.competition import Recipe
from pipelines.metrics import log_loss
from pipelines.models import MLP
from pipelines.training import fit as fitting
from pipelines.training.estimator import Rows, TorchClassifier, fit_together
from pipelines.training.fit import Job, fit_networks
from pipelines.training.side_by_side import side_by_side
from pipelines.training.stack import make_members


def test_rows_that_members_share_are_stored_once():
    rows = make_jobs(1)[0]
    jobs = [Job(inputs=rows.inputs, targets=rows.targets, seed=seed) for seed in range(3)] + make_jobs(2)[1:]
    dataset, starts = fitting._rows(jobs)
    assert starts == [0, 0, 0, 100]
    assert len(dataset) == 200


def test_seeds_of_one_fold_share_its_rows(monkeypatch):
    sizes = []
    rows_of = fitting._rows
    monkeypatch.setattr(fitting, "_rows", lambda jobs: sizes.append(len(rows_of(jobs)[0])) or rows_of(jobs))
    X, y = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32), np.arange(60) % 2
    fit_together([TorchClassifier(epochs=1, random_state=s) for s in range(5)], [Rows(X, y)] * 5)
    assert sizes == [60]


def test_rows_go_to_the_device_once_for_all_that_share_them():
    rows = make_jobs(1, held_out=40)[0]
    jobs = [replace(rows, seed=seed, device=torch.device("meta")) for seed in range(3)]
    dataset, starts = fitting._rows(jobs)
    assert (len(dataset), starts) == (100, [0, 0, 0])
    assert {tensor.device.type for tensor in dataset.tensors} == {"meta"}
    assert fitting._bytes_of_rows(jobs) == 4 * 6 * (100 + 40)
    assert fitting._bytes_of_rows(jobs + make_jobs(2)) == 4 * 6 * (3 * 100 + 40)


def test_views_of_the_same_place_are_not_the_same_rows():
    X, y = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32), np.arange(100) % 2
    together = [TorchClassifier(epochs=2, random_state=seed) for seed in (0, 1)]
    rows = [Rows(X[:100], y), Rows(X[::2], y)]
    fit_together(together, rows)
    alone = TorchClassifier(epochs=2, random_state=1).fit(X[::2], y)
    np.testing.assert_allclose(together[1].predict_proba(X), alone.predict_proba(X), atol=1e-5)


def test_memory_bounds_the_size_of_a_group():
    jobs = make_jobs(5)
    weights, outputs = 6 * 16 + 16 + 16 * 8 + 8 + 8 * 2 + 2, 32 * (2 * 16 + 2 * 8 + 2 * 2 + 2)  # Sequential, MLP: again
    one = 20 * weights + 8 * outputs
    assert fitting._bytes_of_one(NETWORKS["plain"], jobs[0], 32) == one
    stopping = replace(jobs[0], held_out=(jobs[0].inputs, jobs[0].targets))
    assert fitting._bytes_of_one(NETWORKS["plain"], stopping, 32) == one + 4 * weights
    on_device = replace(jobs[0], device=torch.device("meta"))
    assert fitting._bytes_of_one(NETWORKS["plain"], on_device, 32) == one
    noise = [fitting._bytes_of_one(NETWORKS["dropout"], job, 32) for job in (on_device, jobs[0])]
    assert noise[0] - noise[1] == 2 * 2 * (2**20 - 2**15)  # a block ahead, old and new, two bytes a number
    rows = 4 * 6 * 100  # shared out among those that share them, and once whole in each group
    groups = fitting._groups(jobs, NETWORKS["plain"], 32, (2.5 * (one + rows) + rows) / 1e6, 1)
    assert list(groups) == [[0, 1], [2, 3], [4]]
    assert [len(group) for group in fitting._groups(jobs, NETWORKS["plain"], 32, None, 1)] == [5]
    cut = fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss, memory_mb=0.02)
    for (a, _), (b, _) in zip(cut, fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss), strict=True):
        assert_same(a, b)


def bytes_alive():
    """What the tensors that Python can see take, gradients too."""
    seen = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    seen = [tensor for tensor in seen if tensor.layout is torch.strided]
    seen += [tensor.grad for tensor in seen if tensor.is_leaf and tensor.grad is not None]
    return sum({tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in seen}.values())


@pytest.mark.parametrize("held_out", [0, 40])
def test_the_weights_that_a_group_keeps_are_those_that_it_was_reckoned_to_keep(held_out, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # else the budget of many cores is cut into pieces
    make = lambda: MLP([6, 300, 300, 2])  # noqa: E731
    jobs = make_jobs(3, held_out=held_out)
    gc.collect()
    before, alive = bytes_alive(), []
    fit_networks(jobs, make, RECIPE, log_loss, lambda _epoch, _losses: alive.append(bytes_alive() - before))
    reckoned = 3 * (fitting._bytes_of_one(make, jobs[0], 1) - 8 * 2 * (300 + 300 + 2))
    assert alive[-1] == pytest.approx(reckoned, rel=0.05)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError()])
def test_a_group_for_which_memory_does_not_suffice_is_trained_in_halves(error, monkeypatch):
    sizes = []

    def for_three_at_most(models, *more):
        sizes.append(len(models))
        if len(models) > 3:
            raise error
        return make_members(models, *more)

    jobs = make_jobs(7)
    whole = fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss)
    monkeypatch.setattr(fitting, "make_members", for_three_at_most)
    in_halves = fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss)
    assert sizes == [7, 3, 4, 2, 2]
    for (a, history), (b, other) in zip(whole, in_halves, strict=True):
        assert_same(a, b)
        assert history.losses == pytest.approx(other.losses, abs=1e-5)


@pytest.mark.parametrize(
    ("n_jobs", "error"), [(1, torch.OutOfMemoryError("CUDA out of memory")), (4, RuntimeError("shapes differ"))]
)
def test_what_halves_do_not_help_against_is_raised(n_jobs, error, monkeypatch):
    asked = []

    def broken(models, *_more):
        asked.append(len(models))
        raise error

    monkeypatch.setattr(fitting, "make_members", broken)
    with pytest.raises(RuntimeError) as raised:
        fit_networks(make_jobs(n_jobs), NETWORKS["plain"], RECIPE, log_loss)
    assert (raised.value, asked) == (error, [n_jobs])


def test_large_stacks_are_shared_among_the_cores_and_give_the_same_networks():
    jobs = make_jobs(25, n_rows=60)
    sizes = lambda workers: [len(g) for g in fitting._groups(jobs, NETWORKS["plain"], 32, None, workers)]  # noqa: E731
    assert [sizes(workers) for workers in (1, 2, 8)] == [[25], [13, 12], [10, 10, 5]]
    before, fitted = torch.get_num_threads(), {}
    told = {1: [], 2: []}  # (epoch, job, loss)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        keep = lambda epoch, losses, told=told[threads]: told.extend((epoch, *item) for item in losses.items())  # noqa: E731
        try:
            fitted[threads] = fit_networks(jobs, NETWORKS["batch norm and dropout"], RECIPE, log_loss, keep)
        finally:
            torch.set_num_threads(before)
    for threads in (1, 2):
        of_job = [[loss for _, job, loss in sorted(told[threads]) if job == i] for i in range(25)]
        assert of_job == [history.losses for _, history in fitted[threads]]
    for (a, _), (b, _) in zip(fitted[1], fitted[2], strict=True):
        assert_same(a, b)


def test_networks_made_in_several_threads_come_from_their_own_seeds():
    """Torch has one generator for all threads: whoever draws from it unasked would change a neighbour's weights."""
    jobs = make_jobs(24, n_rows=33)
    one = Recipe(epochs=1, batch_size=8, lr=1e-3)
    fit = partial(fit_networks, make_model=NETWORKS["dropout"], recipe=one, metric=log_loss)
    alone = [fit([job])[0][0] for job in jobs]
    for _ in range(5):
        apart = side_by_side([lambda step, job=job: fit([job], on_epoch=step) for job in jobs], 4)
        for model, [(other, _)] in zip(alone, apart, strict=True):
            for a, b in zip(model.parameters(), other.parameters(), strict=True):
                assert torch.equal(a, b)


def test_small_networks_train_on_one_thread_and_the_callers_number_comes_back(monkeypatch):
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(fitting, "make_members", lambda *a: seen.append(torch.get_num_threads()) or make_members(*a))
    fit_networks(make_jobs(2), NETWORKS["plain"], RECIPE, log_loss)
    assert (seen, torch.get_num_threads()) == ([1], before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("network", ["plain", "batch norm"])
def test_networks_trained_on_a_gpu_are_those_of_the_cpu(network):
    jobs = make_jobs(4, held_out=40)
    on_gpu = [replace(job, device=torch.device("cuda")) for job in jobs]
    stopping = replace(RECIPE, patience=2)
    fitted = [fit_networks(own, NETWORKS[network], stopping, log_loss) for own in (jobs, on_gpu)]
    for (ours, history), (theirs, other) in zip(*fitted, strict=True):
        assert history.best_epoch == other.best_epoch
        assert_same(ours, theirs.cpu(), atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_networks_trained_on_a_gpu_in_bfloat16_learn_what_those_in_float32_learn():
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("the GPU has no bfloat16")
    jobs = [replace(job, device=torch.device("cuda")) for job in make_jobs(4)]
    recipes = (RECIPE, RECIPE, replace(RECIPE, bfloat16=True))
    plain, again, half = (fit_networks(jobs, NETWORKS["plain"], recipe, log_loss) for recipe in recipes)
    for (_, one), (_, same), (_, other) in zip(plain, again, half, strict=True):
        assert one.losses == pytest.approx(same.losses, abs=1e-6)
        assert one.losses != pytest.approx(other.losses, abs=1e-6)
        assert other.losses == pytest.approx(one.losses, abs=2e-3)
