"""Batches: every row once, another order each epoch, no batch of one."""

import pytest
import torch

from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches


def batches(n_rows, batch_size, seed=0):
    rows = TensorRows(torch.arange(n_rows), torch.arange(n_rows) * 10)
    return training_batches(rows, ShuffledBatches(n_rows, batch_size, torch.Generator().manual_seed(seed)))


def test_every_row_once_with_its_target():
    loader = batches(100, 32)
    seen = [batch for batch in loader]  # noqa: C416
    inputs, targets = (torch.cat(parts) for parts in zip(*seen, strict=True))
    assert [len(target) for _, target in seen] == [32, 32, 32, 4]
    assert len(loader) == 4
    assert sorted(inputs.tolist()) == list(range(100))
    assert torch.equal(targets, inputs * 10)


def test_each_epoch_has_its_own_order_and_a_seed_repeats_them():
    loader, again = batches(50, 50), batches(50, 50)
    first, second = (next(iter(loader))[0].tolist() for _ in range(2))
    assert first != second
    assert [next(iter(again))[0].tolist() for _ in range(2)] == [first, second]


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "sizes"),
    [(9, 4, [4, 4]), (10, 4, [4, 4, 2]), (3, 8, [3]), (1, 8, [1]), (3, 1, [1, 1, 1])],
)
def test_a_last_batch_of_one_row_is_left_out(n_rows, batch_size, sizes):
    loader = batches(n_rows, batch_size)
    assert [len(target) for _, target in loader] == sizes
    assert len(loader) == len(sizes)


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match=r"got \[3, 2\]"):
        TensorRows(torch.zeros(3), torch.zeros(2))
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        batches(4, 0)


def test_batches_leave_the_global_generator_alone():
    """Other threads make networks from it at the same time."""
    rows = TensorRows(torch.arange(10.0), torch.zeros(10))
    before = torch.get_rng_state()
    list(training_batches(rows, ShuffledBatches(10, 4, torch.Generator().manual_seed(0))))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("generators", [torch.Generator(), [torch.Generator(), torch.Generator()]])
def test_row_numbers_lie_on_the_device_of_the_rows(generators):
    """`meta` stands for any device; moved once an epoch, batches are views of one order."""
    starts = () if isinstance(generators, torch.Generator) else (0, 0)
    order = list(ShuffledBatches(10, 4, generators, starts, torch.device("meta")))
    assert {batch.device.type for batch in order} == {"meta"}
    assert [batch.shape[-1] for batch in order] == [4, 4, 2]
    on_cpu = list(ShuffledBatches(10, 4, generators, starts))
    assert len({batch.untyped_storage().data_ptr() for batch in on_cpu}) == 1
