"""Networks of three sizes on a GPU: small ones in stacks, lecture 10's, and a step of each way to run a program.

Shapes: E networks that train as one. Everything computes on the device of BENCHMARK_DEVICE; what is `small` shows that
the program runs, and measures nothing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import training
from benchmarks.training import DEVICE, clock
from pipelines.hardware import in_bfloat16
from pipelines.models import MLP, ConvNet
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import train_epoch
from pipelines.training.noise import NoiseStreams
from pipelines.training.stack import exchanged, give_noise
from pipelines.training.targets import CrossEntropy

Tell = Callable[[str, Any], None]  # the name of what is known, and what is known of it
Step = Callable[[], object]
MEMBERS = ("lectures' loop", "ours, 1", "ours, 50", "ours, 100")
VECTORISED = (1, 50, 100)  # of pytabkit's networks
IMAGES = 60_000  # of MNIST
TABM = "Otto's wide-tabm"


def peak_mb() -> float | None:
    """The most GPU memory that tensors of this process took since this was last asked, in 10^6 bytes."""
    if DEVICE.type != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(DEVICE) / 1e6
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(DEVICE)
    return round(peak, 1)


def why(error: BaseException) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def members(say: Tell, options: Mapping[str, Any]) -> None:
    """Small networks: the lectures' loop, ours alone and stacked, and pytabkit's, whose networks train as one too."""
    rounds = 2 if options["small"] else 15
    for network in ("plain", "dropout and batch norm"):
        seconds: dict[str, list[float]] = {}
        memory: dict[str, float | None] = {}
        for peer in MEMBERS:
            peak_mb()
            epoch = training.member_step(network, peer)
            epoch()
            seconds[peer] = [epoch() for _ in range(rounds)]
            memory[peer] = peak_mb()
            say(f"members, {network}", {"seconds": seconds, "memory": memory})
    for n in VECTORISED[:1] if options["small"] else VECTORISED:
        try:
            found = real_mlp(n, epochs=(1, 2) if options["small"] else (2, 12))
        except ImportError as error:
            say("members, pytabkit", {"skipped": f"pytabkit cannot be imported here ({why(error)})"})
            return
        say(f"members, pytabkit {n}", {"seconds": found, "memory": peak_mb()})


def real_mlp(n: int, epochs: tuple[int, int]) -> float:
    """Seconds per epoch and network of so many RealMLPs, trained as one on rows that ours are given.

    What a fit costs beside its epochs is taken off by the difference of two fits. Hidden layers 64 and 32 as ours,
    batches of 32; the rest is its own: scaled inputs, its activation, a look at held-out rows after each epoch.
    """
    import numpy as np
    from pytabkit import RealMLP_TD_Classifier

    inputs, target = (part.numpy() for part in training.titanic_rows())
    inputs, target = np.concatenate([inputs, inputs[:90]]), np.concatenate([target, target[:90]]).astype(np.int64)
    took = []
    for n_epochs in (epochs[0], *epochs):  # the first warms up
        model = RealMLP_TD_Classifier(
            device=str(DEVICE), random_state=0, n_cv=n, n_epochs=n_epochs, batch_size=32, hidden_sizes=[64, 32],
            num_emb_type="none", n_threads=torch.get_num_threads(), verbosity=0,
        )  # fmt: skip
        started = clock()
        model.fit(inputs, target, val_idxs=np.arange(802, 892))
        took.append(clock() - started)
    return (took[2] - took[1]) / (epochs[1] - epochs[0]) / n


def cnn(say: Tell, options: Mapping[str, Any]) -> None:
    """An epoch of lecture 10's network on as many made images as MNIST has: the lecture's loop, and ours."""
    n = 192 if options["small"] else IMAGES
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(n, 1, 28, 28, generator=generator), torch.randint(10, (n,), generator=generator)
    found: dict[str, Any] = {}
    for peer, make in {"lectures' loop": lecture_10, "ours": our_10, "ours, batches of 1,024": our_10_large}.items():
        peak_mb()
        epoch = make(images, labels)
        epoch()
        took = [epoch() for _ in range(1 if options["small"] else 3)]
        found[peer] = {"seconds": took, "memory": peak_mb()}
        say("cnn", found)


def lecture_10(images: Tensor, labels: Tensor) -> training.Step:
    """The program's own lines: batches of 64 from a DataLoader, `loss.item()` in each step."""
    loader = DataLoader(TensorDataset(images, labels), batch_size=64, shuffle=True)
    model = lecture_10_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)

    def epoch() -> float:
        started, total = clock(), 0.0
        for inputs, target in loader:
            inputs, target = inputs.to(DEVICE), target.to(DEVICE)  # noqa: PLW2901 as the program has it
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), target)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(target)
        return clock() - started

    return epoch


def our_10(images: Tensor, labels: Tensor, batch: int = 64) -> training.Step:
    """The same network in our loop: the images lie on the device."""
    model = lecture_10_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    order = ShuffledBatches(len(images), batch, torch.Generator().manual_seed(0), (), DEVICE)
    batches = training_batches(TensorRows(images.to(DEVICE), labels.to(DEVICE)), order)

    def epoch() -> float:
        started = clock()
        train_epoch(model, batches, nn.CrossEntropyLoss(), optimizer)
        return clock() - started

    return epoch


def our_10_large(images: Tensor, labels: Tensor) -> training.Step:
    """What a GPU has room for."""
    return our_10(images, labels, 1024)


def lecture_10_network() -> nn.Module:
    """Two convolutions of five by five, each with pooling, and a linear layer."""
    return ConvNet((1, 28, 28), 10, channels=(10, 20), kernel=5).to(DEVICE)


def programs(say: Tell, options: Mapping[str, Any]) -> None:
    """One step as the loop does it, compiled by `torch.compile`, and as a CUDA graph."""
    sizes: dict[str, Callable[[], tuple[nn.Module, Tensor, Tensor]]] = {"1 network 25-64-32-2": partial(stack_step, 1)}
    sizes |= {f"{n} networks 25-64-32-2": partial(stack_step, n) for n in ((3,) if options["small"] else (50, 100))}
    sizes[TABM] = partial(tabm_step, options["small"])
    found: dict[str, dict[str, Any]] = {}
    for way, build in WAYS.items():
        for what, make in sizes.items():
            if (options["small"] and build is compiled) or (build is own_noise and what != TABM):
                continue  # a compiler takes a minute; small networks are measured without dropout
            peak_mb()
            try:
                took = steps_of(build(*make()), 0.05 if options["small"] else 1.0)
            except Exception as error:  # whatever torch cannot compile or capture: the next is measured
                found.setdefault(what, {})[way] = {"why": why(error)}
            else:
                found.setdefault(what, {})[way] = {"seconds": took, "memory": peak_mb()}
            say("programs", found)


def stack_step(n: int) -> tuple[nn.Module, Tensor, Tensor]:
    """A stack of so many small networks and a batch of 32 for each; dropout is left out, whose noise no graph takes."""
    models: list[nn.Module] = [MLP([25, 64, 32, 2]).to(DEVICE) for _ in range(n)]
    network = exchanged(models, NoiseStreams(range(n), DEVICE))
    return network, torch.randn(n, 32, 25, device=DEVICE), torch.randint(2, (n, 32), device=DEVICE)


def tabm_step(small: bool) -> tuple[nn.Module, Tensor, Tensor]:
    """Otto's TabM in bfloat16, with torch's own dropout, and a batch of 512."""
    from competitions.otto.competition import tabm_of_places

    batch = 16 if small else 512
    network = in_bfloat16(tabm_of_places(64 if small else 1008, k=32)(190, 9).to(DEVICE), DEVICE)
    return network, torch.rand(batch, 190, device=DEVICE), torch.randint(9, (batch,), device=DEVICE)


def plain(network: nn.Module, inputs: Tensor, target: Tensor, *, capturable: bool = False) -> Step:
    """Forward, backward, update."""
    criterion = CrossEntropy()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True, capturable=capturable)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        criterion(network(inputs), target).sum().backward()
        optimizer.step()

    return step


def own_noise(network: nn.Module, inputs: Tensor, target: Tensor) -> Step:
    """The same with the dropout that a run has."""
    give_noise(network, 0)
    return plain(network, inputs, target)


def compiled(network: nn.Module, inputs: Tensor, target: Tensor) -> Step:
    """The network compiled."""
    return plain(torch.compile(network), inputs, target)


def graph(network: nn.Module, inputs: Tensor, target: Tensor) -> Step:
    """The whole step recorded once, then replayed."""
    if DEVICE.type != "cuda":
        raise RuntimeError("CUDA graphs need CUDA")
    step = plain(network, inputs, target, capturable=True)
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        step()
    return recorded.replay


WAYS = {  # the slowest to begin with last
    "as it is": plain, "as it is, a run's dropout": own_noise, "CUDA graph": graph, "torch.compile": compiled,
}  # fmt: skip


def steps_of(step: Step, seconds: float, rounds: int = 5) -> list[float]:
    """Seconds per step, once for each round; all rounds together take about so many seconds."""
    for _ in range(3):
        step()
    started = clock()
    step()
    n = max(1, int(seconds / rounds / max(1e-6, clock() - started)))
    took = []
    for _ in range(rounds):
        started = clock()
        for _ in range(n):
            step()
        took.append((clock() - started) / n)
    return took
