"""Dropout noise of each network's own."""

import pytest
import torch

from pipelines.training import noise
from pipelines.training.noise import NoiseStreams, OwnDropout, masked, seeded

CPU = torch.device("cpu")


def dropout(p, n_networks=1, inplace=False):
    return OwnDropout(p, inplace, NoiseStreams(range(n_networks), CPU), stacked=n_networks > 1)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_dropout_drops_its_share_and_keeps_the_mean(p):
    inputs = torch.ones(400, 100, requires_grad=True)
    outputs = dropout(p)(inputs)
    outputs.sum().backward()
    assert (outputs == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert outputs.mean().item() == pytest.approx(float(p < 1), abs=0.02)
    assert torch.equal(inputs.grad, outputs.detach())
    assert len(outputs.unique()) == (1 if p in (0, 1) else 2)


@pytest.mark.parametrize(("p", "dropped"), [(1e-9, 1), (0.3, 19_661), (0.5, 32_768), (1 - 1e-9, 65_535)])
def test_of_all_noise_exactly_the_share_is_dropped_and_the_rest_keeps_the_mean(p, dropped):
    every = torch.arange(-(2**15), 2**15).to(torch.int16)
    outputs = masked(torch.ones(2**16, dtype=torch.float64), p, every)
    assert (outputs[:dropped] == 0).all()
    assert outputs[dropped:].unique().tolist() == pytest.approx([2**16 / (2**16 - dropped)])
    assert torch.equal(every, torch.arange(-(2**15), 2**15).to(torch.int16))


def test_dropout_is_off_in_prediction_and_in_place_where_it_is_asked_for():
    inputs = torch.randn(10, 100)
    assert torch.equal(dropout(0.5).eval()(inputs), inputs)
    kept = inputs.clone()
    outputs = dropout(0.5, inplace=True)(inputs)
    assert outputs.data_ptr() == inputs.data_ptr()
    assert 400 < int((inputs == 0).sum()) < 600
    assert torch.equal(outputs, dropout(0.5)(kept))


def test_each_network_of_a_stack_has_the_noise_that_it_has_alone():
    inputs = torch.ones(3, 8, 5)
    together = dropout(0.5, n_networks=3)
    for _ in range(2):  # the second step goes on where the first ended
        steps = together(inputs)
    for seed, own in enumerate(steps):
        alone = OwnDropout(0.5, False, NoiseStreams([seed], CPU), stacked=False)
        alone(inputs[seed])
        assert torch.equal(own, alone(inputs[seed]))


@pytest.mark.parametrize("cuts", [(6, 40_000, 8, 100_000), (100_000, 40_000, 16, 4)])
def test_noise_does_not_depend_on_how_it_is_cut(cuts, monkeypatch):
    """Off the CPU a generator's numbers depend on how many are asked for at once: so it is always the same number."""
    asked, draw = [], torch.Tensor.random_
    monkeypatch.setattr(torch.Tensor, "random_", lambda t, *a, **k: asked.append(t.numel()) or draw(t, *a, **k))
    monkeypatch.setattr(noise, "AHEAD_ON_DEVICE", 1 << 12)
    streams = NoiseStreams([5], CPU)
    streams._generators = [torch.Generator().manual_seed(5)]
    taken = [streams.take(n)[0] for n in cuts]
    assert set(asked) == {1 << 12}
    generator = torch.Generator().manual_seed(5)
    blocks = [torch.empty(1 << 12, dtype=torch.int16).random_(-(2**15), 2**15, generator=generator) for _ in range(40)]
    stream, start = torch.cat(blocks), 0
    for n, numbers in zip(cuts, taken, strict=True):
        assert torch.equal(numbers, stream[start : start + n])
        start += -(-n // 4) * 4


def test_noise_streams_repeat_and_differ_by_seed():
    streams = NoiseStreams([1, 1, 2], CPU)
    first, again, other = torch.cat([streams.take(6), streams.take(8)], dim=1)
    assert len(first) == 14
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_model_made_from_a_seed_leaves_torchs_generator_alone():
    before = torch.get_rng_state()
    one, other, third = (seeded(lambda: torch.nn.Linear(3, 2), seed).weight for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(one, other)
    assert not torch.equal(one, third)
