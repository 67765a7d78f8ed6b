"""A network of a stack is the network that it would be alone, and what cannot be stacked says why."""

import pickle
import warnings
from dataclasses import replace
from functools import partial

import pytest
import torch
from networks import (
    NETWORKS,
    RECIPE,
    GRUClassifier,
    Tied,
    assert_same,
    fit_alone,
    fit_each,
    make_group,
    make_rows,
)
from torch import nn

from competitions.otto.competition import VARIANTS
from pipelines import hardware
from pipelines.competition import Recipe
from pipelines.errors import TrainingWarning
from pipelines.metrics import accuracy
from pipelines.training import stack
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.fit import Rows, fit
from pipelines.training.loop import make_scheduler, train_epoch
from pipelines.training.stack import CannotStackError, LinearOfMany, exchanged, give_noise, stacked
from pipelines.training.targets import CrossEntropy
from pipelines.training.together import Together


class Residual(nn.Module):
    """A sum of two activations, and a layer norm without scale and shift."""

    def __init__(self):
        super().__init__()
        self.inside, self.out = nn.Linear(6, 6, bias=False), nn.Linear(6, 2)
        self.norm, self.dropout = nn.LayerNorm(6, elementwise_affine=False), nn.Dropout(0.2)

    def forward(self, inputs):
        return self.out(inputs + self.dropout(nn.functional.gelu(self.inside(self.norm(inputs)))))


class Shared(nn.Module):
    """One layer under two names, a frozen one, dropout of probability 0 and 1 and in place."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.Linear(6, 6).requires_grad_(False)
        self.a = self.b = nn.Linear(6, 6)
        self.never, self.halves, self.out = nn.Dropout(0.0), nn.Dropout(0.5, inplace=True), nn.Linear(6, 2)

    def forward(self, inputs):
        return self.out(torch.relu(self.halves(self.never(self.b(self.a(self.frozen(inputs)))))))


class Wrapper(nn.Module):
    """A network that has one in an attribute of the name that others use for it."""

    def __init__(self):
        super().__init__()
        self.model, self.out = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, inputs):
        return self.out(torch.relu(self.model(inputs)))


def statistics_of_the_batch_only():
    return nn.Sequential(
        nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5, affine=False, track_running_stats=False), nn.Linear(5, 2)
    )


STACKED = NETWORKS | {
    "residual": Residual, "shared, frozen": Shared, "a model inside": Wrapper,
    "no statistics": statistics_of_the_batch_only,
}  # fmt: skip


@pytest.mark.parametrize("network", STACKED)
def test_each_network_of_a_stack_equals_the_same_network_trained_alone(network):
    rows, make = make_rows(), STACKED[network]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it would say that they are trained one after another
        together = fit_each(rows, make)
    for ours, alone, own in zip(together, fit_alone(rows, make), rows, strict=True):
        assert_same(ours.model, alone.model)
        assert ours.history.losses == pytest.approx(alone.history.losses, abs=1e-5)
        outputs = [network.model.eval()(own.inputs) for network in (ours, alone)]
        torch.testing.assert_close(*outputs, atol=1e-4, rtol=1e-4)


class Frequencies(nn.Module):
    """Numbers of its own that are neither weight nor buffer: nobody can stack them."""

    def __init__(self):
        super().__init__()
        self.frequencies, self.out = torch.randn(6, 8), nn.Linear(8, 2)

    def forward(self, inputs):
        return self.out(torch.sin(inputs @ self.frequencies))


class Slope(nn.Module):
    """A number of Python's that differs between networks."""

    def __init__(self):
        super().__init__()
        self.out, self.slope = nn.Linear(6, 2), torch.rand(()).item()

    def forward(self, inputs):
        return nn.functional.leaky_relu(self.out(inputs), self.slope)


class SharedStatistics(nn.Module):
    """Two names for one batch norm's statistics."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.BatchNorm1d(6), nn.BatchNorm1d(6), nn.Linear(6, 2)
        self.two.running_mean, self.two.running_var = self.one.running_mean, self.one.running_var

    def forward(self, inputs):
        return self.out(self.two(torch.relu(self.one(inputs))))


class Images(nn.Module):
    """Shapes that only the network knows."""

    def __init__(self):
        super().__init__()
        self.inside, self.out = nn.Linear(3, 4), nn.Linear(8, 2)

    def forward(self, inputs):
        return self.out(torch.relu(self.inside(inputs.reshape(len(inputs), 2, 3))).flatten(1))


class CountsInTraining(nn.Module):
    """What it does in training it does not do in evaluation."""

    def forward(self, inputs):
        return inputs + len(torch.unique(inputs)) / 1000 if self.training else inputs


class SoftInEval(nn.Linear):
    """A layer of somebody's own that has weights."""

    def forward(self, inputs):
        outputs = super().forward(inputs)
        return outputs if self.training else outputs.clamp(min=0)


class Padded(nn.Module):
    """An embedding whose padding row has no gradient."""

    def __init__(self):
        super().__init__()
        self.embedding, self.out = nn.Embedding(3, 4, padding_idx=0), nn.Linear(24, 2)

    def forward(self, inputs):
        return self.out(self.embedding((inputs > 0).long()).flatten(1))


class Noisy(nn.Linear):
    """Noise from torch's own generator."""

    def forward(self, inputs):
        return super().forward(inputs + torch.randn_like(inputs) * self.training)


class Attention(nn.Module):
    """Dropout inside attention draws from torch's own generator."""

    def __init__(self):
        super().__init__()
        self.attention, self.out = nn.MultiheadAttention(6, 2, dropout=0.5, batch_first=True), nn.Linear(6, 2)

    def forward(self, inputs):
        rows = inputs.unsqueeze(1).expand(-1, 4, -1)
        return self.out(self.attention(rows, rows, rows)[0].mean(dim=1))


class Scaled(nn.Module):
    """A statistic over all that it sees: in a stack it would see the rows of all networks."""

    def __init__(self, statistic):
        super().__init__()
        self.out, self.statistic = nn.Linear(6, 2), statistic

    def forward(self, inputs):
        return self.out(self.statistic(inputs))


class Strict(nn.Linear):
    """A network that asks for two axes, without words."""

    def __init__(self):
        super().__init__(6, 2)

    def forward(self, inputs):
        assert inputs.ndim == 2
        return super().forward(inputs)


class StrictParent(nn.Module):
    """The same around a layer that can be stacked."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, inputs):
        if inputs.ndim != 2:
            raise NotImplementedError
        return self.out(inputs)


class Listed(nn.Module):
    """Its layers stand in a plain list as well, and it is the list that is used."""

    def __init__(self):
        super().__init__()
        self.norm, self.dropout, self.out = nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 2)
        self.steps = [self.norm, self.out]

    def forward(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return inputs


class Written(Listed):
    """The same, written out."""

    def forward(self, inputs):
        return self.out(self.norm(inputs))


class ConstantAtFirst(nn.Module):
    """Its last layer begins with zeros, so that at first nothing shows that it mixes the rows of a batch."""

    def __init__(self):
        super().__init__()
        self.inside, self.out = nn.Linear(6, 8), nn.Linear(8, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, inputs):
        hidden = self.inside(inputs)
        return self.out(hidden - hidden.mean(0))


class KeepsAMean(nn.Module):
    """State that is neither weight nor buffer, changed in training."""

    def __init__(self, *_sizes):
        super().__init__()
        self.out, self.mean = nn.Linear(6, 2), torch.zeros(6)

    def forward(self, inputs):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * inputs.mean(0)
        return self.out(inputs - self.mean)


def with_gradient_hook():
    network = nn.Sequential(nn.Linear(6, 2))
    network[0].weight.register_hook(lambda gradient: gradient * 0.1)
    return network


class Hooked(nn.Module):
    """A layer with a hook on it."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)
        self.out.register_forward_hook(lambda _module, _inputs, outputs: outputs * 2)

    def forward(self, inputs):
        return self.out(inputs)


def channels():
    return nn.Sequential(nn.Linear(6, 8), nn.Unflatten(1, (8, 1)), nn.Dropout1d(0.3), nn.Flatten(), nn.Linear(8, 2))


ODD = {
    "numbers of its own": (Frequencies, "forward does not keep the networks of a stack apart"),
    "a slope of its own": (Slope, "forward does not keep the networks of a stack apart"),
    "shared statistics": (SharedStatistics, "two of its layers share a weight or a buffer"),
    "shapes": (Images, "a layer does not take the rows of many"),
    "in training only": (lambda: nn.Sequential(nn.Linear(6, 2), CountsInTraining()), "in training its forward"),
    "a layer of somebody's own": (lambda: SoftInEval(6, 2), "no layer of many for SoftInEval"),
    "a recurrent layer": (GRUClassifier, "no layer of many for GRU"),
    "padding": (Padded, "no layer of many for Embedding"),
    "a weight without layer": (lambda: nn.Sequential(nn.Linear(6, 2), nn.PReLU()), "no layer of many for PReLU"),
    "momentum": (
        lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, momentum=None), nn.Linear(5, 2)),
        "batch norm without momentum",
    ),
    "log softmax over rows": (lambda: nn.Sequential(nn.Linear(6, 2), nn.LogSoftmax(dim=0)), "forward does not keep"),
    "hooks": (Hooked, "a hook hangs on Linear"),
    "gradient hooks": (with_gradient_hook, "a hook hangs on Linear"),
    "the largest of all": (lambda: Scaled(lambda x: x / x.abs().max()), "forward does not keep"),
    "the mean of all": (lambda: Scaled(lambda x: x - x.mean()), "forward does not keep"),
    "constant at first": (ConstantAtFirst, "forward does not keep"),
    "state of its own": (KeepsAMean, "forward does not keep"),
    "an assertion": (Strict, "no layer of many for Strict"),
    "no words": (StrictParent, "a layer does not take the rows of many: NotImplementedError"),
    "a plain list": (Listed, "a layer does not take the rows of many"),
    "parametrized": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 2))), "of many"),
    "tied": (Tied, "draws from torch's own generator"),
    "noise": (lambda: Noisy(6, 2), "draws from torch's own generator"),
    "attention": (Attention, "draws from torch's own generator"),
    "channels": (channels, "draws from torch's own generator"),
    "alpha dropout": (
        lambda: nn.Sequential(nn.Linear(6, 8), nn.AlphaDropout(0.5), nn.Linear(8, 2)),
        "draws from torch's own generator",
    ),
}


@pytest.mark.parametrize("network", ODD)
def test_what_cannot_be_stacked_says_why_and_is_what_it_is_alone(network):
    make, reason = ODD[network]
    rows, recipe = make_rows(), Recipe(epochs=3, batch_size=32, lr=5e-3)
    with pytest.warns(TrainingWarning) as said:
        together = fit_each(rows, make, recipe)
    [warning] = [str(each.message) for each in said if "one after another" in str(each.message)]
    assert warning.startswith("the networks train one after another, not as one program: ")
    assert reason in warning
    for ours, alone, own in zip(together, fit_alone(rows, make, recipe), rows, strict=True):
        outputs = [network.model.eval()(own.inputs) for network in (ours, alone)]
        torch.testing.assert_close(*outputs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("network", ["noise", "attention", "alpha dropout"])
def test_networks_that_draw_numbers_repeat_side_by_side(network):
    rows, make = make_rows(6), ODD[network][0]
    recipe = Recipe(epochs=3, batch_size=8)
    groups = [make_group([own], make, recipe, random_states=[i]) for i, own in enumerate(rows)]
    alone = [fit(group) for group in groups]
    with hardware.cores(3, 1, lambda *_: None) as (pool, step):
        apart = list(pool.map(partial(fit, on_epoch=step), groups))
    for one, other in zip(alone, apart, strict=True):
        models = [next(iter(fitted.networks.values())).model for fitted in (one, other)]
        for a, b in zip(*(model.parameters() for model in models), strict=True):
            assert torch.equal(a, b)


def test_a_networks_own_mistake_is_shown_with_its_layer_and_shapes():
    make = lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(9, 2))  # noqa: E731
    for n in (1, 3):
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as raised:
            fit_each(make_rows(n), make)
        [note] = raised.value.__notes__
        assert note.startswith("in layer '2', Linear(in_features=9, out_features=2")
        assert note.endswith("whose inputs have the shape (32, 8)")


def test_the_network_that_was_trained_is_the_one_that_is_handed_back():
    """With what is neither weight nor buffer, with its own dropout, and scored in evaluation by whatever way."""
    rows = make_rows(1, held_out=40)
    [trained] = fit_each(rows, KeepsAMean)
    assert trained.model.mean.abs().sum() > 0
    [trained] = fit_each(rows, NETWORKS["dropout"])
    assert {type(module) for module in trained.model.modules() if isinstance(module, nn.Dropout)} == {nn.Dropout}
    stopping = replace(RECIPE, patience=6)
    [plain], [listed] = (fit_each(rows, make, stopping) for make in (Written, Listed))
    assert plain.history.scores == pytest.approx(listed.history.scores)


def test_networks_differ_in_weights_shuffle_and_noise():
    fitted = fit_each(make_rows(1) * 3, NETWORKS["dropout"])
    weights = [network.model.layers[1].weight for network in fitted]
    assert not any(torch.allclose(weights[i], weights[j]) for i, j in [(0, 1), (0, 2), (1, 2)])


def test_early_stopping_and_best_weights_are_each_networks_own():
    rows, recipe = make_rows(5, held_out=40), Recipe(epochs=60, batch_size=32, lr=2e-2, patience=4)
    together = fit_each(rows, NETWORKS["dropout"], recipe, accuracy)
    assert len({network.history.best_epoch for network in together}) > 1
    for ours, alone in zip(together, fit_alone(rows, NETWORKS["dropout"], recipe, accuracy), strict=True):
        own, history = alone.history, ours.history
        assert (history.best_epoch, len(history.losses)) == (own.best_epoch, len(own.losses))
        assert history.scores == pytest.approx(own.scores)
        assert_same(ours.model, alone.model, atol=1e-4)


def test_stacked_weights_are_updated_as_plain_ones_by_the_fused_optimizer():
    network = LinearOfMany([nn.Linear(5, 4) for _ in range(3)])
    copies = [nn.Parameter(weight.detach().clone().contiguous()) for weight in network.parameters()]
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


FULL = {
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has less. And so on"),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 2.00 GiB). Tried to allocate 2.00 GiB. And so on"),
}


@pytest.mark.parametrize("device", FULL)
def test_a_stack_that_is_too_large_is_no_network_that_cannot_be_stacked(device, monkeypatch):
    def full(*_inputs):
        raise FULL[device]

    monkeypatch.setattr(LinearOfMany, "forward", full)
    with pytest.raises(RuntimeError, match="out of memory"):
        stacked([NETWORKS["plain"]() for _ in range(3)], [1, 2, 3], torch.zeros(8, 6))


@pytest.mark.parametrize("network", ["batch norm and dropout", "plain"])
def test_a_stack_in_bfloat16_equals_each_network_alone_in_bfloat16(network, monkeypatch):
    monkeypatch.setattr(hardware, "has_bfloat16", lambda _device: True)
    rows, make, recipe = make_rows(3), NETWORKS[network], replace(RECIPE, bfloat16=True)
    assert isinstance(together_of(rows, make, recipe).network, hardware.InBfloat16)
    assert not isinstance(together_of(rows, make, RECIPE).network, hardware.InBfloat16)
    for ours, alone, own in zip(fit_each(rows, make, recipe), fit_alone(rows, make, recipe), rows, strict=True):
        assert ours.history.losses == pytest.approx(alone.history.losses, abs=2e-3)
        outputs = [network.model.eval()(own.inputs) for network in (ours, alone)]
        torch.testing.assert_close(*outputs, atol=0.03, rtol=0.03)
    [plain], [alone] = fit_alone(rows[:1], make), fit_alone(rows[:1], make, recipe)
    assert not torch.equal(next(plain.model.parameters()), next(alone.model.parameters()))


def together_of(rows, make, recipe):
    group = make_group(rows, make, recipe)
    return Together(group, group.jobs, {job.fold: group.encode(job.fold) for job in group.jobs})


class NoNoise:
    """Noise on a device that has no generator."""

    def __init__(self, seeds, device):
        self.noise = partial(torch.zeros, len(seeds), dtype=torch.int16, device=device)

    def take(self, n):
        return self.noise()[:, None].expand(-1, n)


@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize("name", ["pieces", "residual", "two-views"])
def test_no_step_of_an_epoch_waits_for_the_device(name, n_networks, monkeypatch):
    """Tensors on `meta` have a shape and no numbers: to ask for one raises. Noise and the fused step are left out."""
    device = torch.device("meta")
    models = [VARIANTS[name].make_model(20, 9).to(device) for _ in range(n_networks)]
    monkeypatch.setattr(stack, "NoiseStreams", NoNoise)
    give_noise(models[0], 0)
    network = exchanged(models, NoNoise(range(n_networks), device)) if n_networks > 1 else models[0]
    rows = TensorRows(torch.zeros(100, 20, device=device), torch.zeros(100, dtype=torch.long, device=device))
    generators = [torch.Generator().manual_seed(i) for i in range(n_networks)]
    drawn = generators if n_networks > 1 else generators[0]
    order = ShuffledBatches(100, 32, drawn, [0] * n_networks, device)
    assert {rows_of_batch.device for rows_of_batch in order} == {device}
    optimizer = torch.optim.AdamW(network.parameters())
    epoch = partial(train_epoch, network, training_batches(rows, order), optimizer=optimizer)
    losses = epoch(CrossEntropy(), scheduler=make_scheduler(optimizer, "one-cycle", 4))
    assert (losses.device, losses.shape) == (device, (3,) if n_networks > 1 else ())
    with pytest.raises(RuntimeError, match="meta"):
        epoch(lambda outputs, target: CrossEntropy()(outputs, target) * outputs.max().item())


def test_frozen_weights_stay_frozen_in_a_stack():
    rows = make_rows()
    for i, network in enumerate(fit_each(rows, Shared)):
        torch.manual_seed(100 + i)
        assert torch.equal(network.model.frozen.weight, Shared().frozen.weight)


def test_losses_of_a_stack_are_the_losses_of_each_network():
    outputs, target = torch.randn(3, 8, 4), torch.randint(0, 4, (3, 8))
    losses = CrossEntropy()(outputs, target)
    alone = [nn.functional.cross_entropy(out, t) for out, t in zip(outputs, target, strict=True)]
    torch.testing.assert_close(losses, torch.stack(alone))
    torch.testing.assert_close(CrossEntropy()(outputs[0], target[0]), alone[0])
    weighted = nn.functional.one_hot(target, 4) * torch.rand(3, 8, 1)
    alone = [nn.functional.cross_entropy(out, t) for out, t in zip(outputs, weighted, strict=True)]
    torch.testing.assert_close(CrossEntropy()(outputs, weighted), torch.stack(alone))
    torch.testing.assert_close(CrossEntropy()(outputs[0], weighted[0]), alone[0])


def test_the_loss_of_many_answers_is_the_mean_of_their_losses():
    outputs, target = torch.randn(2, 8, 5, 4), torch.randint(0, 4, (2, 8))
    each = [CrossEntropy()(outputs[:, :, k], target) for k in range(5)]
    torch.testing.assert_close(CrossEntropy()(outputs, target), torch.stack(each).mean(dim=0))
    torch.testing.assert_close(CrossEntropy()(outputs[0], target[0]), torch.stack(each).mean(dim=0)[0])


def test_the_networks_handed_over_are_not_changed_by_the_look():
    models = [NETWORKS["batch norm and dropout"]() for _ in range(3)]
    before = pickle.dumps([model.state_dict() for model in models])
    stacked(models, [1, 2, 3], torch.randn(16, 6))
    assert pickle.dumps([model.state_dict() for model in models]) == before
    with pytest.raises(CannotStackError, match="GRU"):
        stacked([GRUClassifier() for _ in range(3)], [1, 2, 3], torch.randn(16, 6))


class Shifts(nn.Module):
    """A first layer that works in place, and not the same when it is done twice."""

    def forward(self, inputs):
        return inputs.sub_(1)


def test_networks_of_a_stack_that_work_in_place_see_the_rows_as_they_are():
    rows = make_rows(3, held_out=40)
    before = [each.inputs.clone() for each in rows]
    in_place, plain = lambda: nn.Sequential(Shifts(), nn.Linear(6, 2)), lambda: nn.Linear(6, 2)
    moved = [Rows(inputs=r.inputs - 1, target=r.target, held_out=(r.held_out[0] - 1, r.held_out[1])) for r in rows]
    for ours, theirs in zip(fit_each(rows, in_place), fit_each(moved, plain), strict=True):
        assert ours.history.losses == pytest.approx(theirs.history.losses, abs=1e-6)
        assert ours.history.scores == pytest.approx(theirs.history.scores, abs=1e-6)
    assert all(torch.equal(each.inputs, kept) for each, kept in zip(rows, before, strict=True))
