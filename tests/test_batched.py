"""Batched layers mean what vmap means, and what is not on their list goes to vmap."""

import pytest
import torch
from networks import NETWORKS, Tied, assert_same
from torch import nn

from pipelines.members import MemberCrossEntropy, SeparateMembers, StackedMembers, make_members


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
