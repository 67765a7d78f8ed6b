"""Dropout noise of each member's own."""

import pytest
import torch
from torch import nn

from pipelines.training import noise as dropout
from pipelines.training.noise import DropoutFrom, NoiseStreams

CPU = torch.device("cpu")


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


@pytest.mark.parametrize(("p", "dropped"), [(1e-9, 1), (0.3, 19_661), (0.5, 32_768), (1 - 1e-9, 65_535)])
def test_of_all_noise_exactly_the_share_is_dropped_and_the_rest_keeps_the_mean(p, dropped):
    noise = torch.arange(-(2**15), 2**15).to(torch.int16)
    outputs = dropout.masked(torch.ones(2**16, dtype=torch.float64), p, noise)
    assert (outputs[:dropped] == 0).all()
    assert outputs[dropped:].unique().tolist() == pytest.approx([2**16 / (2**16 - dropped)])
    assert torch.equal(noise, torch.arange(-(2**15), 2**15).to(torch.int16))


def test_dropout_is_off_in_prediction_and_everything_else_passes_through():
    inputs = torch.randn(10, 10)
    with DropoutFrom(NoiseStreams([0], CPU).of_one):
        assert torch.equal(nn.Dropout(0.5).eval()(inputs), inputs)
        assert torch.equal(torch.relu(inputs), inputs.clamp(min=0))


@pytest.mark.parametrize("cuts", [(6, 40_000, 8, 100_000), (100_000, 40_000, 16, 4)])
def test_noise_does_not_depend_on_how_it_is_cut(cuts, monkeypatch):
    """Off the CPU a generator's numbers depend on how many are asked for at once: so it is always the same number."""
    asked, draw = [], torch.Tensor.random_
    monkeypatch.setattr(torch.Tensor, "random_", lambda t, *a, **k: asked.append(t.numel()) or draw(t, *a, **k))
    monkeypatch.setattr(dropout, "AHEAD_ON_DEVICE", 1 << 12)
    noise = NoiseStreams([5], CPU)
    noise._generators = [torch.Generator().manual_seed(5)]
    taken = [noise.take(n)[0] for n in cuts]
    assert set(asked) == {1 << 12}
    generator = torch.Generator().manual_seed(5)
    blocks = [torch.empty(1 << 12, dtype=torch.int16).random_(-(2**15), 2**15, generator=generator) for _ in range(40)]
    stream, start = torch.cat(blocks), 0
    for n, numbers in zip(cuts, taken, strict=True):
        assert torch.equal(numbers, stream[start : start + n])
        start += dropout.rounded_up(n)


def test_noise_streams_repeat_and_differ_by_seed():
    noise = NoiseStreams([1, 1, 2], CPU)
    first, again, other = torch.cat([noise.take(6), noise.take(8)], dim=1)
    assert len(first) == 14
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
