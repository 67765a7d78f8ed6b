"""One training step or epoch by each peer, on the same network, optimizer, batch size and rows.

Shapes: E members, N rows, B batch. Run as `python -m benchmarks.training TABLE PEER`: each peer has a process
of its own; prints seconds as JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive" if sys.argv[-1].startswith(("ours", "bare")) else "active")

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from pipelines.hardware import cores, in_bfloat16, keep_freed_memory
from pipelines.models import MLP
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import train_epoch
from pipelines.training.noise import NoiseStreams
from pipelines.training.stack import exchanged, give_noise
from pipelines.training.targets import CrossEntropy

Step = Callable[[], float]  # trains for one epoch, returns seconds per network
DEVICE = torch.device(os.environ.get("BENCHMARK_DEVICE", "cpu"))


def clock() -> float:
    """Seconds, when the device has done what it was told."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)
    return time.perf_counter()


class Rows(Dataset[tuple[Tensor, Tensor]]):
    """A map-style dataset as the lectures write it: one row at a time."""

    def __init__(self, inputs: Tensor, target: Tensor) -> None:
        self.inputs, self.target = inputs, target

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.target[index]


def titanic_rows() -> tuple[Tensor, Tensor]:
    """802 made rows of 25 features and a label, as a tenfold split of Titanic has."""
    inputs = torch.randn(802, 25, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs[:, 0] > 0).float()


def otto_rows(n: int = 39_601) -> tuple[Tensor, Tensor]:
    """Made rows of 95 features and nine classes, as many as a training fold of the Otto rehearsal has."""
    inputs = torch.randn(n, 95, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs[:, :9] + torch.randn(n, 9)).argmax(dim=1)


def small(network: str) -> nn.Module:
    """25-64-32-1, plain or with batch norm and dropout."""
    full = network == "dropout and batch norm"
    return MLP([25, 64, 32, 1], norm="batch" if full else None, dropout=0.4 if full else 0.0).to(DEVICE)


def large() -> nn.Module:
    """Otto's network."""
    return MLP([95, 512, 512, 512, 9], norm="batch", dropout=0.4, input_dropout=0.1).to(DEVICE)


def binary(outputs: Tensor, target: Tensor) -> Tensor:
    """Logistic loss of outputs (..., B, 1) for each member."""
    return F.binary_cross_entropy_with_logits(outputs.squeeze(-1), target, reduction="none").mean(dim=-1)


def lectures_loop(
    model: nn.Module, rows: tuple[Tensor, Tensor], criterion: Callable[[Tensor, Tensor], Tensor], batch: int
) -> Step:
    """The lectures' loop: rows one by one, `loss.item()` in each step."""
    loader = DataLoader(Rows(*rows), batch_size=batch, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def epoch() -> float:
        started = clock()
        for inputs, target in loader:
            loss = criterion(model(inputs.to(DEVICE)), target.to(DEVICE))
            loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return clock() - started

    return epoch


def bare_loop(model: nn.Module, rows: tuple[Tensor, Tensor], batch: int, *, bfloat16: bool) -> Step:
    """The limit: our arithmetic, our dropout included, on whole batches of permuted tensors, and nothing else."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    give_noise(model, 0)
    network = in_bfloat16(model, DEVICE) if bfloat16 else model
    rows = rows[0].to(DEVICE), rows[1].to(DEVICE)

    def epoch() -> float:
        started = clock()
        for index in torch.randperm(len(rows[0]), device=DEVICE).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(network(rows[0][index]), rows[1][index]).backward()
            optimizer.step()
        return clock() - started

    return epoch


def skorch_loop(model: nn.Module, rows: tuple[Tensor, Tensor], criterion: type[nn.Module], batch: int) -> Step:
    """skorch, told not to validate and not to print."""
    import skorch

    net = skorch.NeuralNet(
        model, criterion, optimizer=torch.optim.AdamW, lr=1e-3, batch_size=batch, max_epochs=1, train_split=None,
        iterator_train__shuffle=True, verbose=0, warm_start=True, device=str(DEVICE),
    )  # fmt: skip
    inputs, target = rows

    def epoch() -> float:
        started = clock()
        net.fit(inputs, target)
        return clock() - started

    return epoch


def our_loop(
    models: list[nn.Module], rows: tuple[Tensor, Tensor], criterion: Callable[[Tensor, Tensor], Tensor], batch: int,
    *, bfloat16: bool = False,
) -> Step:  # fmt: skip
    """`train_epoch` on E networks, or on one as it trains alone."""
    E = len(models)
    if E == 1:
        give_noise(models[0], 0)
    network = exchanged(models, NoiseStreams(range(E), DEVICE)) if E > 1 else models[0]
    network = in_bfloat16(network, DEVICE) if bfloat16 else network
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    generators = [torch.Generator().manual_seed(i) for i in range(E)]
    order = ShuffledBatches(len(rows[0]), batch, generators if E > 1 else generators[0], [0] * E, DEVICE)
    batches = training_batches(TensorRows(*(tensor.to(DEVICE) for tensor in rows)), order)

    def epoch() -> float:
        started = clock()
        train_epoch(network, batches, criterion, optimizer)
        return (clock() - started) / E

    return epoch


def shared(parts: list[Step], n_networks: int) -> Step:
    """Several steps side by side, one core each: seconds per network."""
    n_cores = torch.get_num_threads()

    def epoch() -> float:
        started = clock()
        with cores(n_cores, 1, lambda *_: None) as (pool, _step):
            for done in [pool.submit(part) for part in parts]:
                done.result()
        return (clock() - started) / n_networks

    return epoch


class Binary(nn.Module):
    """`binary` as a module, for skorch."""

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Mean loss."""
        return binary(outputs, target)


def member_step(network: str, peer: str) -> Step:
    """Table 1: seconds per epoch of one network. Ours is cut into a stack for each core, as a run does."""
    rows, cores = titanic_rows(), torch.get_num_threads() if DEVICE.type == "cpu" else 1
    if peer == "lectures' loop":
        return lectures_loop(small(network), rows, binary, 32)
    if peer == "skorch":
        return skorch_loop(small(network), rows, Binary, 32)
    n_members = int(peer.split()[1])
    if n_members == 1:
        torch.set_num_threads(1)
        return our_loop([small(network)], rows, binary, 32)
    per_core = [n_members // cores + (i < n_members % cores) for i in range(cores)]
    return shared([our_loop([small(network) for _ in range(n)], rows, binary, 32) for n in per_core if n], n_members)


def otto_epoch(peer: str) -> Step:
    """Table 2: seconds per epoch of one network; torch's own number of threads."""
    bfloat16 = "bfloat16" in peer
    if peer.startswith("lectures' loop"):
        return lectures_loop(large(), otto_rows(), F.cross_entropy, 512)
    if peer.startswith("skorch"):
        return skorch_loop(large(), otto_rows(), nn.CrossEntropyLoss, 512)
    if peer.startswith("bare loop"):
        return bare_loop(large(), otto_rows(), 512, bfloat16=bfloat16)
    if "folds" in peer and DEVICE.type != "cpu":
        return our_loop([large() for _ in range(5)], otto_rows(), CrossEntropy(), 512, bfloat16=bfloat16)
    if "folds" in peer:
        folds = [our_loop([large()], otto_rows(), CrossEntropy(), 512, bfloat16=bfloat16) for _ in range(5)]
        return shared(folds, len(folds))
    return our_loop([large()], otto_rows(), CrossEntropy(), 512, bfloat16=bfloat16)


def matmul(size: str, precision: str) -> Step:
    """Table 3: seconds of one matrix product of `size`, "M x K x N"."""
    m, k, n = (int(part) for part in size.split(" x "))
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = torch.randn(m, k).to(DEVICE, dtype), torch.randn(k, n).to(DEVICE, dtype)

    def twenty() -> float:
        started = clock()
        for _ in range(20):
            left @ right
        return (clock() - started) / 20

    return twenty


def main(table: str, *names: str) -> None:
    """Warm up once, then the median of three epochs; what the command line sets for us is set for ours."""
    if names[-1].startswith(("ours", "bare")):
        keep_freed_memory()
    torch.manual_seed(0)
    epoch = {"members": member_step, "epoch": otto_epoch, "matmul": matmul}[table](*names)
    epoch()
    print(json.dumps(sorted(epoch() for _ in range(3))[1]))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
