"""A member of a stack is the network that it would be alone."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from networks import NETWORKS, RECIPE, GRUClassifier, Tied, assert_same, make_jobs
from torch import nn

from competitions.otto.competition import VARIANTS
from pipelines.competition import Recipe
from pipelines.metrics import accuracy, log_loss
from pipelines.models import MLP
from pipelines.training import fit as fitting
from pipelines.training import stack as members
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.estimator import Rows, TorchClassifier, fit_together
from pipelines.training.fit import Job, fit_networks
from pipelines.training.loop import make_scheduler, train_epoch
from pipelines.training.stack import MemberCrossEntropy, SeparateMembers, StackedMembers, make_members


@pytest.mark.parametrize("network", NETWORKS)
def test_each_member_of_a_stack_equals_the_same_member_trained_alone(network):
    jobs, make = make_jobs(), NETWORKS[network]
    together = fit_networks(jobs, make, RECIPE, log_loss)
    for job, (model, history) in zip(jobs, together, strict=True):
        [(alone, own)] = fit_networks([job], make, RECIPE, log_loss)
        assert_same(model, alone)
        assert history.losses == pytest.approx(own.losses, abs=1e-5)
        model.eval()
        alone.eval()
        torch.testing.assert_close(model(job.inputs), alone(job.inputs), atol=1e-4, rtol=1e-4)


def test_a_stack_is_what_was_tested(monkeypatch):
    made = []
    monkeypatch.setattr(fitting, "make_members", lambda *a: made.append(make_members(*a)) or made[-1])
    fit_networks(make_jobs(), NETWORKS["batch norm and dropout"], RECIPE, log_loss)
    assert [type(members) for members in made] == [StackedMembers]


def test_members_differ_in_weights_shuffle_and_noise():
    rows = make_jobs(1)[0]
    jobs = [Job(inputs=rows.inputs, targets=rows.targets, seed=seed) for seed in range(3)]
    fitted = fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss)
    weights = [model.layers[1].weight for model, _ in fitted]
    assert not any(torch.allclose(weights[i], weights[j]) for i, j in [(0, 1), (0, 2), (1, 2)])


def test_folds_of_unequal_size_are_stacked_by_size_and_never_padded():
    jobs = make_jobs(3, n_rows=100) + make_jobs(3, n_rows=99)
    jobs = [jobs[i] for i in (0, 3, 1, 4, 2, 5)]
    groups = list(fitting._groups(jobs, NETWORKS["plain"], 32, None, 1))
    assert groups == [[0, 2, 4], [1, 3, 5]]
    together = fit_networks(jobs, NETWORKS["batch norm and dropout"], RECIPE, log_loss)
    for job, (model, _) in zip(jobs, together, strict=True):
        [(alone, _)] = fit_networks([job], NETWORKS["batch norm and dropout"], RECIPE, log_loss)
        assert_same(model, alone)


def test_early_stopping_and_best_weights_are_each_members_own():
    jobs = make_jobs(5, held_out=40)
    recipe = Recipe(epochs=60, batch_size=32, lr=2e-2, patience=4)
    together = fit_networks(jobs, NETWORKS["dropout"], recipe, accuracy)
    epochs = [history.best_epoch for _, history in together]
    assert len(set(epochs)) > 1
    for job, (model, history) in zip(jobs, together, strict=True):
        [(alone, own)] = fit_networks([job], NETWORKS["dropout"], recipe, accuracy)
        assert (history.best_epoch, len(history.losses)) == (own.best_epoch, len(own.losses))
        assert history.scores == pytest.approx(own.scores)
        assert_same(model, alone, atol=1e-4)


def test_stacked_weights_are_updated_as_plain_ones_by_the_fused_optimizer():
    network = StackedMembers([nn.Linear(5, 4) for _ in range(3)], [0, 1, 2])
    plain = {name: weight.detach().clone().contiguous() for name, weight in network.named_parameters()}
    copies = [nn.Parameter(weight) for weight in plain.values()]
    inputs = torch.randn(3, 7, 5)
    fused = torch.optim.AdamW(network.parameters(), lr=0.01, fused=True)
    oracle = torch.optim.AdamW(copies, lr=0.01, fused=False, foreach=False)
    for _ in range(20):
        fused.zero_grad()
        oracle.zero_grad()
        (network(inputs) ** 2).sum().backward()
        (torch.baddbmm(copies[1][:, None], inputs, copies[0].mT) ** 2).sum().backward()
        fused.step()
        oracle.step()
    for ours, copied in zip(network.parameters(), copies, strict=True):
        torch.testing.assert_close(ours, copied, atol=1e-5, rtol=1e-5)


def test_a_network_without_a_rule_trains_one_after_another_behind_the_same_interface():
    jobs = make_jobs(3)
    models = [GRUClassifier() for _ in jobs]
    assert isinstance(make_members(models, [1, 2, 3], (jobs[0].inputs[:8],)), SeparateMembers)
    together = fit_networks(jobs, GRUClassifier, RECIPE, log_loss)
    for job, (model, _) in zip(jobs, together, strict=True):
        [(alone, _)] = fit_networks([job], GRUClassifier, RECIPE, log_loss)
        assert_same(model, alone)


class GradientWithoutRule(torch.autograd.Function):
    """vmap can take its outputs, but not its gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs):
        return inputs.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(_ctx, gradient):
        assert len(torch.nonzero(gradient))
        return gradient


class Cloning(nn.Module):
    """A layer without a rule in the gradient."""

    def forward(self, inputs):
        return GradientWithoutRule.apply(inputs)


class Waves(nn.Module):
    """A layer that is not on the list of batched kernels: vmap does it."""

    def forward(self, inputs):
        return torch.cos(inputs)


def test_a_gradient_without_a_rule_is_found_out_before_training():
    jobs, make = make_jobs(3), lambda: nn.Sequential(nn.Linear(6, 4), Cloning(), nn.Linear(4, 2))
    models, example = [make().eval() for _ in jobs], jobs[0].inputs[:8]
    outputs = StackedMembers(models, [1, 2, 3], batched=False)(example.expand(3, 8, 6))
    assert outputs.shape == (3, 8, 2)  # forward has a rule
    assert isinstance(make_members(models, [1, 2, 3], (example,)), SeparateMembers)
    assert all(math.isfinite(history.losses[-1]) for _, history in fit_networks(jobs, make, RECIPE, log_loss))


def test_a_layer_without_a_rule_in_training_is_found_out_in_networks_handed_over_in_evaluation():
    class Ranks(nn.Module):
        def forward(self, inputs):
            return inputs + len(torch.unique(inputs)) if self.training else inputs

    jobs, make = make_jobs(3), lambda: nn.Sequential(nn.Linear(6, 2), Ranks()).eval()
    assert isinstance(make_members([make() for _ in jobs], [1, 2, 3], (jobs[0].inputs[:8],)), SeparateMembers)


FULL = {
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has less. And so on"),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 2.00 GiB). Tried to allocate 2.00 GiB. And so on"),
}


@pytest.mark.parametrize("device", FULL)
def test_a_stack_that_is_too_large_is_no_stack_without_a_rule(device, monkeypatch):
    def full(*_inputs):
        raise FULL[device]

    monkeypatch.setattr(StackedMembers, "forward", full)
    with pytest.raises(RuntimeError, match="out of memory"):
        make_members([NETWORKS["plain"]() for _ in range(3)], [1, 2, 3], (torch.zeros(8, 6),))


def test_full_memory_is_no_sign_that_a_network_draws_nothing():
    class Full(nn.Linear):
        def forward(self, _inputs):
            raise FULL["CUDA"]

    with pytest.raises(RuntimeError, match="out of memory"):
        make_members([Full(6, 2)], [1], (torch.zeros(8, 6),))


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (NETWORKS["batch norm and dropout"], (StackedMembers,)),
        (lambda: nn.Sequential(nn.Linear(6, 8), Waves(), nn.Linear(8, 2)), (StackedMembers,)),
        # vmap, bfloat16, and batch norm behind no bias: torch 2.13 raises on a CPU. Either way, the run goes on.
        (
            lambda: nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), Waves(), nn.Linear(8, 2)),
            (StackedMembers, SeparateMembers),
        ),
    ],
)
def test_a_stack_in_bfloat16_equals_each_network_alone_in_bfloat16(make, kinds, monkeypatch):
    made, in_bfloat16 = [], set()

    def watched(*of_members):
        made.append(make_members(*of_members))
        look = lambda members, _inputs: in_bfloat16.add((members.training, torch.is_autocast_enabled("cpu")))  # noqa: E731
        made[-1].register_forward_pre_hook(look)
        return made[-1]

    monkeypatch.setattr(fitting, "mixed_precision", lambda _device: torch.autocast("cpu", dtype=torch.bfloat16))
    monkeypatch.setattr(fitting, "make_members", watched)
    jobs, recipe = make_jobs(3), replace(RECIPE, bfloat16=True)
    together = fit_networks(jobs, make, recipe, log_loss)
    assert isinstance(made[0], kinds)
    assert in_bfloat16 == {(True, True)}
    for job, (model, history) in zip(jobs, together, strict=True):
        [(alone, own)] = fit_networks([job], make, recipe, log_loss)
        assert history.losses == pytest.approx(own.losses, abs=2e-3)
        torch.testing.assert_close(model.eval()(job.inputs), alone.eval()(job.inputs), atol=0.03, rtol=0.03)
    in_bfloat16.clear()
    [(plain, _)] = fit_networks(jobs[-1:], make, RECIPE, log_loss)
    assert in_bfloat16 == {(True, False)}
    assert not torch.equal(next(plain.parameters()), next(alone.parameters()))


class NoNoise:
    """Noise on a device that has no generator."""

    def __init__(self, seeds, device):
        self.noise = partial(torch.zeros, dtype=torch.int16, device=device)
        self.n_members = len(seeds)

    def take(self, n):
        return self.noise(self.n_members, n)

    def of_one(self, n):
        return self.noise(n)


@pytest.mark.parametrize(
    "kind", [partial(StackedMembers, batched=True), partial(StackedMembers, batched=False), SeparateMembers]
)
@pytest.mark.parametrize("name", ["pieces", "residual", "two-views"])
def test_no_step_of_an_epoch_waits_for_the_device(name, kind, monkeypatch):
    """Tensors on `meta` have a shape and no numbers: to ask for one raises. Noise and the fused step are left out."""
    monkeypatch.setattr(members, "NoiseStreams", NoNoise)
    device = torch.device("meta")
    network = kind([VARIANTS[name].make_model(20, 9).to(device) for _ in range(3)], [0, 1, 2])
    rows = TensorRows(torch.zeros(100, 20, device=device), torch.zeros(100, dtype=torch.long, device=device))
    order = ShuffledBatches(100, 32, [torch.Generator().manual_seed(i) for i in range(3)], [0, 0, 0], device)
    assert {rows_of_batch.device for rows_of_batch in order} == {device}
    optimizer = torch.optim.AdamW(network.parameters())
    epoch = partial(train_epoch, network, training_batches(rows, order), optimizer=optimizer)
    losses = epoch(MemberCrossEntropy(), scheduler=make_scheduler(optimizer, "one-cycle", 4))
    assert (losses.device, losses.shape) == (device, (3,))
    with pytest.raises(RuntimeError, match="meta"):
        epoch(lambda outputs, target: MemberCrossEntropy()(outputs, target) * outputs.max().item())


def test_classifiers_fitted_together_equal_classifiers_fitted_one_by_one():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 6)), rng.choice(["a", "b", "c"], 150)
    make = lambda d, c: MLP([d, 16, c], dropout=0.3, norm="batch")  # noqa: E731
    together = [TorchClassifier(make, epochs=4, random_state=seed) for seed in range(4)]
    widths = [6, 6, 5, 6]  # a fold whose encoder found fewer categories
    rows = [Rows(X[i : i + 120, : widths[i]], y[i : i + 120]) for i in range(4)]
    told = {i: [] for i in range(4)}
    fit_together(together, rows, lambda _epoch, losses: [told[i].append(loss) for i, loss in losses.items()])
    for i, classifier in enumerate(together):
        assert told[i] == classifier.history_.losses
        alone = TorchClassifier(make, epochs=4, random_state=i).fit(rows[i].X, rows[i].y)
        np.testing.assert_allclose(
            classifier.predict_proba(rows[i].X), alone.predict_proba(rows[i].X), atol=1e-5, rtol=1e-4
        )


def test_frozen_weights_stay_frozen_in_a_stack():
    jobs = make_jobs()
    for job, (model, _) in zip(jobs, fit_networks(jobs, Tied, RECIPE, log_loss), strict=True):
        torch.manual_seed(job.seed)
        assert torch.equal(model.frozen.weight, Tied().frozen.weight)


def test_member_losses_are_the_losses_of_each_member():
    outputs, target = torch.randn(3, 8, 4), torch.randint(0, 4, (3, 8))
    losses = MemberCrossEntropy()(outputs, target)
    alone = [nn.functional.cross_entropy(out, t) for out, t in zip(outputs, target, strict=True)]
    torch.testing.assert_close(losses, torch.stack(alone))
    weighted = nn.functional.one_hot(target, 4) * torch.rand(3, 8, 1)
    alone = [nn.functional.cross_entropy(out, t) for out, t in zip(outputs, weighted, strict=True)]
    torch.testing.assert_close(MemberCrossEntropy()(outputs, weighted), torch.stack(alone))


def test_the_loss_of_many_answers_is_the_mean_of_their_losses():
    outputs, target = torch.randn(2, 8, 5, 4), torch.randint(0, 4, (2, 8))
    each = [MemberCrossEntropy()(outputs[:, :, k], target) for k in range(5)]
    torch.testing.assert_close(MemberCrossEntropy()(outputs, target), torch.stack(each).mean(dim=0))
