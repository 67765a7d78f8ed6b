"""A member of a stack is the network that it would be alone."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from pipelines import fitting
from pipelines.competition import Recipe
from pipelines.dropout import DropoutFrom, NoiseStreams
from pipelines.estimator import Rows, TorchClassifier, fit_together
from pipelines.fitting import Job, fit_networks
from pipelines.members import MemberCrossEntropy, SeparateMembers, StackedMembers, make_members
from pipelines.metrics import accuracy, log_loss
from pipelines.models import MLP
from pipelines.side_by_side import side_by_side

CPU = torch.device("cpu")


def make_jobs(n_members=4, n_rows=100, n_features=6, held_out=0):
    """Jobs with rows of their own, of which neighbours share some."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(n_rows + 10 * n_members + held_out, n_features, generator=generator)
    codes = (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] > 0).long()
    jobs = []
    for i in range(n_members):
        rows = slice(10 * i, 10 * i + n_rows)
        kept = (inputs[-held_out:], codes[-held_out:]) if held_out else None
        jobs.append(Job(inputs=inputs[rows].clone(), targets=codes[rows].clone(), seed=100 + i, held_out=kept))
    return jobs


def assert_same(one, other, atol=2e-5):
    for (name, a), (_, b) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        torch.testing.assert_close(a, b, atol=atol, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


NETWORKS = {
    "plain": lambda: MLP([6, 16, 8, 2]),
    "dropout": lambda: MLP([6, 16, 8, 2], dropout=0.4, input_dropout=0.1),
    "batch norm": lambda: MLP([6, 16, 8, 2], norm="batch"),
    "layer norm, silu, dropout": lambda: MLP([6, 15, 7, 2], norm="layer", activation="silu", dropout=0.3),
    "batch norm and dropout": lambda: MLP([6, 15, 7, 2], norm="batch", dropout=0.5),
}


class Tied(nn.Module):
    """Two names for one weight, a buffer that no state dict shows, a frozen layer, dropout of channels."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.Linear(6, 6).requires_grad_(False)
        self.a = self.b = nn.Linear(6, 6)
        self.out = nn.Linear(6, 2)
        self.register_buffer("scale", torch.rand(6), persistent=False)
        self.never, self.channels = nn.Dropout(0.0), nn.Dropout1d(0.3)

    def forward(self, inputs):
        hidden = self.never(torch.relu(self.b(self.a(self.frozen(inputs) * self.scale))))
        hidden = self.channels(hidden[:, :, None])[:, :, 0]
        return self.out(torch.dropout(hidden, 0.2, train=self.training))


NETWORKS["tied, frozen, hidden buffer, channels"] = Tied
RECIPE = Recipe(epochs=6, batch_size=32, lr=5e-3, schedule="one-cycle")


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


def test_rows_that_members_share_are_stored_once():
    rows = make_jobs(1)[0]
    jobs = [Job(inputs=rows.inputs, targets=rows.targets, seed=seed) for seed in range(3)] + make_jobs(2)[1:]
    dataset, starts = fitting._rows(jobs)
    assert starts == [0, 0, 0, 100]
    assert len(dataset) == 200


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


class Residual(nn.Module):
    """A sum of two activations, and a layer norm without scale and shift."""

    def __init__(self):
        super().__init__()
        self.inside, self.out = nn.Linear(6, 6, bias=False), nn.Linear(6, 2)
        self.norm, self.dropout = nn.LayerNorm(6, elementwise_affine=False), nn.Dropout(0.2)

    def forward(self, inputs):
        return self.out(inputs + self.dropout(nn.functional.gelu(self.inside(self.norm(inputs)))))


class Cumulative(nn.Sequential):
    """Batch norm without momentum asks for the number of batches as a Python number."""

    def __init__(self):
        super().__init__(nn.Linear(6, 5), nn.BatchNorm1d(5, momentum=None), nn.Linear(5, 2))


class Images(nn.Module):
    """Shapes that only the network knows: whoever looks at them must not see the members' axis."""

    def __init__(self):
        super().__init__()
        self.convolution, self.out = nn.Conv1d(1, 3, 3), nn.Linear(12, 2)

    def forward(self, inputs):
        hidden = torch.relu(self.convolution(inputs.reshape(len(inputs), 1, 6)))
        return self.out(hidden.flatten(1))


BATCHED = NETWORKS | {"residual": Residual}
BATCHED.pop("tied, frozen, hidden buffer, channels")


@pytest.mark.parametrize("network", BATCHED)
def test_batched_layers_equal_vmap(network):
    torch.manual_seed(0)
    models, seeds = [BATCHED[network]() for _ in range(5)], list(range(5))
    one, other = (StackedMembers(models, seeds, batched=batched) for batched in (True, False))
    inputs, target = torch.randn(5, 32, 6), torch.randint(0, 2, (5, 32))
    for _ in range(3):
        losses = []
        for members in (one, other):
            members.zero_grad()
            losses.append(MemberCrossEntropy()(members(inputs), target))
            losses[-1].sum().backward()
        torch.testing.assert_close(*losses)
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
    assert_same(one, other)  # running statistics, counters
    torch.testing.assert_close(one.eval()(inputs), other.eval()(inputs), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("network", [*BATCHED.values(), Tied, Images, Cumulative])
def test_what_has_no_batched_rule_goes_to_vmap_and_what_has_no_vmap_rule_trains_alone(network):
    members = make_members([network() for _ in range(3)], [1, 2, 3], (torch.randn(8, 6),))
    expected = {Tied: False, Images: False}.get(network, True)
    if network is Cumulative:
        assert isinstance(members, SeparateMembers)
    else:
        assert members._batched is expected


class SoftInEval(nn.Linear):
    """An operation without a batched rule, in evaluation only."""

    def forward(self, inputs):
        outputs = super().forward(inputs)
        return outputs if self.training else outputs.clamp(min=0)


def test_rules_are_tried_in_evaluation_too():
    models, inputs = [SoftInEval(6, 2) for _ in range(3)], torch.randn(3, 8, 6)
    members = make_members(models, [1, 2, 3], (inputs[0],))
    assert members.training
    alone = [model(rows).clamp(min=0) for model, rows in zip(models, inputs, strict=True)]
    torch.testing.assert_close(members.eval()(inputs), torch.stack(alone))


def test_networks_that_look_at_shapes_never_see_the_members_axis():
    models = [Images() for _ in range(3)]
    members, inputs = make_members(models, [1, 2, 3], (torch.randn(8, 6),)), torch.randn(3, 8, 6)
    alone = [model(rows) for model, rows in zip(models, inputs, strict=True)]
    torch.testing.assert_close(members(inputs), torch.stack(alone))


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


class GRUClassifier(nn.Module):
    """vmap has no rule for a GRU."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, inputs):
        return self.out(self.gru(inputs[:, :, None])[1][0])


def test_a_network_without_a_rule_trains_one_after_another_behind_the_same_interface():
    jobs = make_jobs(3)
    models = [GRUClassifier() for _ in jobs]
    assert isinstance(make_members(models, [1, 2, 3], (jobs[0].inputs[:8],)), SeparateMembers)
    together = fit_networks(jobs, GRUClassifier, RECIPE, log_loss)
    for job, (model, _) in zip(jobs, together, strict=True):
        [(alone, _)] = fit_networks([job], GRUClassifier, RECIPE, log_loss)
        assert_same(model, alone)


def test_memory_bounds_the_size_of_a_group():
    jobs = make_jobs(5)
    weights, outputs = 6 * 16 + 16 + 16 * 8 + 8 + 8 * 2 + 2, 32 * (2 * 16 + 2 * 8 + 2 * 2 + 2)  # Sequential, MLP: again
    one = 16 * weights + 8 * (outputs)
    assert fitting._bytes_of_one(NETWORKS["plain"], jobs[0].inputs[:32]) == one
    groups = fitting._groups(jobs, NETWORKS["plain"], 32, 2.5 * one / 1e6, 1)
    assert list(groups) == [[0, 1], [2, 3], [4]]
    assert [len(group) for group in fitting._groups(jobs, NETWORKS["plain"], 32, None, 1)] == [5]
    cut = fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss, memory_mb=0.02)
    for (a, _), (b, _) in zip(cut, fit_networks(jobs, NETWORKS["dropout"], RECIPE, log_loss), strict=True):
        assert_same(a, b)


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


def test_seeds_of_one_fold_share_its_rows(monkeypatch):
    sizes = []
    rows_of = fitting._rows
    monkeypatch.setattr(fitting, "_rows", lambda jobs: sizes.append(len(rows_of(jobs)[0])) or rows_of(jobs))
    X, y = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32), np.arange(60) % 2
    fit_together([TorchClassifier(epochs=1, random_state=s) for s in range(5)], [Rows(X, y)] * 5)
    assert sizes == [60]


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


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(p):
    inputs = torch.ones(400, 100, requires_grad=True)
    with DropoutFrom(NoiseStreams([0], CPU).of_one):
        outputs = nn.Dropout(p)(inputs)
    outputs.sum().backward()
    assert (outputs == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert outputs.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(inputs.grad, outputs.detach())
    assert len(outputs.unique()) == (1 if p == 0 else 2)


def test_dropout_is_off_in_prediction_and_everything_else_passes_through():
    inputs = torch.randn(10, 10)
    with DropoutFrom(NoiseStreams([0], CPU).of_one):
        assert torch.equal(nn.Dropout(0.5).eval()(inputs), inputs)
        assert torch.equal(torch.relu(inputs), inputs.clamp(min=0))


def test_noise_streams_repeat_and_differ_by_seed():
    noise = NoiseStreams([1, 1, 2], CPU)
    first, again, other = torch.cat([noise.take(6), noise.take(8)], dim=1)
    assert len(first) == 14
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_small_networks_train_on_one_thread_and_the_callers_number_comes_back(monkeypatch):
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(fitting, "make_members", lambda *a: seen.append(torch.get_num_threads()) or make_members(*a))
    fit_networks(make_jobs(2), NETWORKS["plain"], RECIPE, log_loss)
    assert (seen, torch.get_num_threads()) == ([1], before)
