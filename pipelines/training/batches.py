"""arrays -> batches: a torch Dataset, and a DataLoader that hands out whole batches.

Shapes: N rows, B batch, E members.
"""

import operator
from collections.abc import Iterator, Sequence

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
    """Row numbers in a new random order each epoch, B at a time: (B,), or (E, B) for E members.

    A last batch of one row is left out: batch norm has no variance for it, and each epoch leaves out
    another row. Each generator's order depends on it alone; member e of E draws `n_rows` row numbers
    from `starts[e]` on, so members can share rows or have rows of their own in one dataset. The order goes to
    `device` whole, once an epoch: on a GPU no batch waits for its own row numbers.
    """

    def __init__(
        self,
        n_rows: int,
        batch_size: int,
        generators: torch.Generator | Sequence[torch.Generator],
        starts: Sequence[int] = (),
        device: torch.device | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.n_rows = n_rows
        self.batch_size = operator.index(batch_size)  # numpy's whole numbers too, which torch does not split by
        self.generators = generators
        self.starts = starts
        self.device = device

    def __len__(self) -> int:
        full, rest = divmod(self.n_rows, self.batch_size)
        return max(1, full + (rest > 0 if self.batch_size == 1 else rest > 1))

    def __iter__(self) -> Iterator[Tensor]:
        if isinstance(self.generators, torch.Generator):
            order = torch.randperm(self.n_rows, generator=self.generators)
        else:
            pairs = zip(self.generators, self.starts, strict=True)
            order = torch.stack([torch.randperm(self.n_rows, generator=g) + start for g, start in pairs])
        return iter(torch.split(order.to(self.device), self.batch_size, dim=-1)[: len(self)])


def training_batches(rows: TensorRows, batches: ShuffledBatches) -> DataLoader[tuple[Tensor, ...]]:
    """Batches of `rows`, drawn anew in each epoch, each with one gather; torch's own generator is left alone.

    >>> rows = TensorRows(torch.arange(10.0), torch.zeros(10))
    >>> order = ShuffledBatches(10, 4, torch.Generator().manual_seed(0))
    >>> [len(target) for _, target in training_batches(rows, order)]
    [4, 4, 2]
    """
    return DataLoader(rows, sampler=batches, batch_size=None, generator=torch.Generator())
