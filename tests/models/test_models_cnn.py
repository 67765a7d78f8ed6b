"""Convolutional networks: sizes from the image's shape, blocks against their formulas."""

import pytest
import torch
from torch import nn

from pipelines.models import ConvNet, DenseBlock, Inception, ResidualBlock, inception_net, residual_net
from pipelines.models.cnn import n_outputs
from pipelines.models.residual import VARIANTS


def test_the_lectures_networks_have_the_notes_sizes():
    shape = (1, 28, 28)
    widths = [net.head[0].in_features for net in (ConvNet(shape, 10), inception_net(shape, 10))]
    assert [*widths, residual_net(shape, 10, ResidualBlock).head[0].in_features] == [320, 1408, 512]


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (3, 17, 9)])
def test_sizes_come_from_the_image_and_the_last_batch_may_be_short(shape):
    padding = 0 if shape[1] == 28 else 2
    networks = [
        ConvNet(shape, 7, padding=padding),
        ConvNet(shape, 7, (4, 8, 8), kernel=3, padding=1, hidden=(16, 12)),
        inception_net(shape, 7, padding=padding),
        residual_net(shape, 7, ResidualBlock, padding=padding),
        residual_net(shape, 7, lambda channels: DenseBlock(channels, 4), padding=padding),
    ]
    for network in networks:
        assert [tuple(network(torch.zeros(n, *shape)).shape) for n in (5, 2)] == [(5, 7), (2, 7)]


def test_an_image_that_is_too_small_is_named_with_its_remedy():
    with pytest.raises(ValueError, match=r"do not take images of \(1, 8, 8\) \(too small\? give padding\)"):
        ConvNet((1, 8, 8), 10)


def test_asking_for_the_size_leaves_batch_norm_and_mode_as_they_were():
    layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert n_outputs(layers, (1, 6, 5)) == 2 * 4 * 3
    assert layers.training
    assert layers[1].num_batches_tracked == 0


def test_every_weight_of_every_network_gets_a_gradient():
    blocks = [lambda c, v=v: ResidualBlock(c, v, norm=True) for v in VARIANTS] + [lambda c: DenseBlock(c, 4, norm=True)]
    networks = [residual_net((1, 8, 8), 3, block, padding=2) for block in blocks]
    for network in [*networks, ConvNet((1, 8, 8), 3, padding=2), inception_net((1, 8, 8), 3, padding=2)]:
        loss = nn.functional.cross_entropy(network(torch.rand(6, 1, 8, 8)), torch.tensor([0, 1, 2, 0, 1, 2]))
        gradients = torch.autograd.grad(loss, [p for n, p in network.named_parameters() if "weight" in n])
        assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_inception_is_its_four_branches_side_by_side():
    block, inputs = Inception(10), torch.randn(2, 10, 12, 12)
    outputs = block(inputs)
    assert outputs.shape == (2, 88, 12, 12)
    parts = outputs.split([16, 24, 24, 24], dim=1)
    pooled = nn.functional.avg_pool2d(inputs, 3, stride=1, padding=1)
    torch.testing.assert_close(parts[0], block.branches[0](inputs))
    torch.testing.assert_close(parts[3], block.branches[3][1](pooled))


FORMULAS = {
    "original": lambda b, x: torch.relu(x + b.branch(x)),
    "pre-activation": lambda b, x: x + b.branch(x),
    "constant scaling": lambda b, x: torch.relu(0.5 * x + 0.5 * b.branch(x)),
    "1x1 convolution": lambda b, x: torch.relu(b.shortcut(x) + b.branch(x)),
    "dropout": lambda b, x: torch.relu(x + b.branch(x)),  # as it predicts
    "gated": lambda b, x: torch.relu((1 - torch.sigmoid(b.gate(x))) * x + torch.sigmoid(b.gate(x)) * b.branch(x)),
    "no shortcut": lambda b, x: torch.relu(b.branch(x)),
}


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_is_its_formula(variant, norm):
    block, inputs = ResidualBlock(4, variant, norm=norm).eval(), torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(inputs), FORMULAS[variant](block, inputs))


def test_the_notes_block_is_convolution_relu_convolution_sum_relu():
    block, inputs = ResidualBlock(3), torch.randn(2, 3, 6, 6)
    conv1, conv2 = block.branch[0], block.branch[2]
    torch.testing.assert_close(block(inputs), torch.relu(inputs + conv2(torch.relu(conv1(inputs)))))


def test_pre_activation_keeps_the_shortcut_free():
    block, inputs = ResidualBlock(3, "pre-activation", norm=True), -torch.rand(2, 3, 4, 4)
    nn.init.zeros_(block.branch[-1].weight)
    nn.init.zeros_(block.branch[-1].bias)
    torch.testing.assert_close(block(inputs), inputs)  # negative values pass; the original would cut them off


def test_dropout_leaves_out_half_of_the_shortcut_in_training_only():
    block, inputs = ResidualBlock(1, "dropout"), torch.ones(1, 1, 100, 100)
    nn.init.zeros_(block.branch[-1].weight)
    nn.init.zeros_(block.branch[-1].bias)
    assert set(block(inputs).unique().tolist()) == {0.0, 2.0}
    assert abs((block(inputs) == 0).float().mean().item() - 0.5) < 0.03
    torch.testing.assert_close(block.eval()(inputs), inputs)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_block_that_changes_the_shape_projects_its_shortcut(variant):
    block = ResidualBlock(4, variant, out_channels=6, stride=2)
    assert block(torch.zeros(2, 4, 8, 8)).shape == (2, 6, 4, 4)


def test_an_unknown_variant_is_named():
    with pytest.raises(ValueError, match="original, pre-activation, .*got 'plain'"):
        ResidualBlock(4, "plain")


def test_dense_layers_see_all_maps_before_them():
    block = DenseBlock(16, growth=8, n_layers=3, norm=True)
    assert [layer[-1].in_channels for layer in block.layers] == [16, 24, 32]
    assert (block.transition.in_channels, block.transition.out_channels) == (40, 16)
