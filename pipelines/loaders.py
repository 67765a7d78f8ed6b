"""arrays -> batches: a torch Dataset, and a DataLoader that hands out whole batches.

Shapes: N rows, B batch.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler


class TensorRows(Dataset[tuple[Tensor, ...]]):
    """A map-style dataset (lecture 8) over tensors that share their first axis, N rows.

    It is indexed by one row or by a whole batch of row numbers: one gather per batch in place of
    one Python call per row.

    >>> rows = TensorRows(torch.eye(3), torch.tensor([0, 1, 2]))
    >>> rows[torch.tensor([2, 0])][1]
    tensor([2, 0])
    """

    def __init__(self, *tensors: Tensor) -> None:
        lengths = {len(tensor) for tensor in tensors}
        if len(lengths) != 1:
            raise ValueError(f"all tensors need the same number of rows, got {[len(t) for t in tensors]}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: int | Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)


class ShuffledBatches(Sampler[Tensor]):
    """Row numbers in a new random order each epoch, B at a time.

    A last batch of one row is left out: batch norm has no variance for it, and each epoch leaves out
    another row. The order depends on `generator` alone.
    """

    def __init__(self, n_rows: int, batch_size: int, generator: torch.Generator) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.n_rows = n_rows
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self) -> int:
        full, rest = divmod(self.n_rows, self.batch_size)
        return max(1, full + (rest > 0 if self.batch_size == 1 else rest > 1))

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.randperm(self.n_rows, generator=self.generator)
        return iter(torch.split(order, self.batch_size)[: len(self)])


def training_batches(rows: TensorRows, batch_size: int, generator: torch.Generator) -> DataLoader[tuple[Tensor, ...]]:
    """Shuffled batches of `rows`, drawn anew in each epoch.

    >>> rows = TensorRows(torch.arange(10.0), torch.zeros(10))
    >>> [len(target) for _, target in training_batches(rows, 4, torch.Generator().manual_seed(0))]
    [4, 4, 2]
    """
    sampler = ShuffledBatches(len(rows), batch_size, generator)
    return DataLoader(rows, sampler=sampler, batch_size=None)
