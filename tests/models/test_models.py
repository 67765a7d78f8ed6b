"""Shapes, gradients and the identities that the lectures promise."""

import pytest
import torch
from torch import nn

from pipelines.models import MLP, BatchEnsemble, ResidualMLP


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh", "sigmoid"])
def test_mlp_gives_logits_and_every_weight_a_gradient(norm, activation):
    model = MLP([5, 8, 6, 3], norm=norm, activation=activation, dropout=0.2, input_dropout=0.1)
    outputs = model(torch.randn(16, 5))
    assert outputs.shape == (16, 3)
    nn.functional.cross_entropy(outputs, torch.randint(0, 3, (16,))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for n, p in model.named_parameters() if "weight" in n)


def test_mlp_without_hidden_layers_is_softmax_regression():
    mlp, inputs = MLP([4, 3]), torch.randn(7, 4)
    weight, bias = mlp.parameters()
    assert torch.equal(mlp(inputs), nn.functional.linear(inputs, weight, bias))


def test_two_class_softmax_regression_is_logistic_regression():
    model, inputs, target = MLP([4, 2]), torch.randn(9, 4), torch.randint(0, 2, (9,))
    logits = model(inputs)
    softmax = nn.functional.cross_entropy(logits, target)
    logistic = nn.functional.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], target.float())
    assert softmax.item() == pytest.approx(logistic.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([5],), "at least inputs and classes"),
        (([5, 2], "swish"), "relu, gelu, silu, tanh, sigmoid, got 'swish'"),
    ],
)
def test_wrong_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        MLP(arguments[0], **({"activation": arguments[1]} if len(arguments) > 1 else {}))


def test_a_residual_block_of_zeros_changes_nothing():
    model = ResidualMLP(5, 3, width=8, hidden=16, n_blocks=2, dropout=0.3, input_dropout=0.1).eval()
    for block in model.blocks:
        nn.init.zeros_(block[4].weight)
        nn.init.zeros_(block[4].bias)
    inputs = torch.randn(6, 5)
    assert torch.equal(model(inputs), model.head(model.stem(inputs)))


def test_a_residual_network_gives_every_weight_a_gradient():
    model = ResidualMLP(5, 3, width=8, hidden=16, n_blocks=2)
    nn.functional.cross_entropy(model(torch.randn(16, 5)), torch.randint(0, 3, (16,))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for n, p in model.named_parameters() if "weight" in n)


def test_a_batch_ensemble_answers_k_times_in_training_and_with_the_mean_probability_after():
    model = BatchEnsemble(5, 3, k=4, arch_type="tabm-mini", n_blocks=1, d_block=8, dropout=0.0)
    inputs = torch.randn(6, 5)
    answers = model(inputs)
    assert answers.shape == (6, 4, 3)
    together = model.eval()(inputs)
    torch.testing.assert_close(together.softmax(dim=-1), answers.softmax(dim=-1).mean(dim=1))
