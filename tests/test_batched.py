"""Batched layers mean what vmap means, and what is not on their list goes to vmap."""

from functools import partial

import pytest
import torch
from networks import NETWORKS, Tied, assert_same, make_jobs
from torch import nn

from pipelines.competition import Recipe
from pipelines.metrics import log_loss
from pipelines.training.fit import fit_networks
from pipelines.training.noise import DropoutFrom, NoiseStreams
from pipelines.training.side_by_side import side_by_side
from pipelines.training.stack import MemberCrossEntropy, SeparateMembers, StackedMembers, make_members


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


class SoftInEval(nn.Linear):
    """An operation without a batched rule, in evaluation only."""

    def forward(self, inputs):
        outputs = super().forward(inputs)
        return outputs if self.training else outputs.clamp(min=0)


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


class Frequencies(nn.Module):
    """Numbers of its own that are neither weight nor buffer: nobody can stack them."""

    def __init__(self):
        super().__init__()
        self.frequencies, self.out = torch.randn(6, 8), nn.Linear(8, 2)

    def forward(self, inputs):
        return self.out(torch.sin(inputs @ self.frequencies))


class Slope(nn.Linear):
    """A number of Python's that differs between members, in a layer that has a batched rule."""

    def __init__(self):
        super().__init__(6, 2)
        self.slope = torch.rand(()).item()

    def forward(self, inputs):
        return nn.functional.leaky_relu(super().forward(inputs), self.slope)


class SharedStatistics(nn.Module):
    """Two names for one batch norm's statistics."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.BatchNorm1d(6), nn.BatchNorm1d(6), nn.Linear(6, 2)
        self.two.running_mean, self.two.running_var = self.one.running_mean, self.one.running_var

    def forward(self, inputs):
        return self.out(self.two(torch.relu(self.one(inputs))))


class Named(nn.Linear):
    """Arguments by name, as torch calls them."""

    def forward(self, inputs):
        return nn.functional.linear(input=inputs, weight=self.weight, bias=self.bias)


class Padded(nn.Module):
    """An embedding whose padding row has no gradient."""

    def __init__(self):
        super().__init__()
        self.embedding, self.out = nn.Embedding(3, 4, padding_idx=0), nn.Linear(24, 2)

    def forward(self, inputs):
        return self.out(self.embedding((inputs > 0).long()).flatten(1))


def in_place():
    return nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5, inplace=True), nn.Linear(8, 2))


class Noisy(nn.Linear):
    """Noise from torch's own generator."""

    def forward(self, inputs):
        outputs = super().forward(inputs)
        return outputs + torch.randn_like(outputs) if self.training else outputs


def attention():
    return nn.Sequential(
        nn.Unflatten(1, (3, 2)), nn.TransformerEncoderLayer(2, 1, 4, 0.5, batch_first=True), nn.Flatten(),
        nn.Linear(6, 2),
    )  # fmt: skip


ODD = {
    "numbers of its own": Frequencies, "a slope of its own": Slope,
    "shared statistics": SharedStatistics, "named arguments": lambda: Named(6, 2), "padding": Padded,
    "dropout in place": in_place, "noise": lambda: Noisy(6, 2), "attention": attention,
    "alpha dropout": lambda: nn.Sequential(nn.Linear(6, 8), nn.AlphaDropout(0.5), nn.Linear(8, 2)),
}  # fmt: skip


@pytest.mark.parametrize("network", ODD)
def test_odd_networks_are_together_what_they_are_alone(network):
    recipe = Recipe(epochs=3, batch_size=32, lr=5e-3)
    jobs = make_jobs()
    together = fit_networks(jobs, ODD[network], recipe, log_loss)
    for job, (model, _) in zip(jobs, together, strict=True):
        [(alone, _)] = fit_networks([job], ODD[network], recipe, log_loss)
        torch.testing.assert_close(model.eval()(job.inputs), alone.eval()(job.inputs), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("network", ["noise", "attention", "alpha dropout"])
def test_networks_that_draw_numbers_repeat_side_by_side(network):
    jobs = make_jobs(6)
    fit = partial(fit_networks, make_model=ODD[network], recipe=Recipe(epochs=3, batch_size=8), metric=log_loss)
    alone = [fit([job])[0][0] for job in jobs]
    apart = side_by_side([lambda step, job=job: fit([job], on_epoch=step) for job in jobs], 3)
    for model, [(other, _)] in zip(alone, apart, strict=True):
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)


def test_dropout_in_place_changes_its_inputs():
    inputs = torch.ones(1000)
    with DropoutFrom(NoiseStreams([0], torch.device("cpu")).of_one):
        nn.functional.dropout(inputs, 0.5, training=True, inplace=True)
    assert 400 < int((inputs == 0).sum()) < 600
