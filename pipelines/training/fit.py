"""Networks to train in, trained networks out: jobs of the same shape are trained as one program.

Shapes: E members, N training rows, V rows held out for early stopping, D features, C classes.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from pipelines.competition import Recipe
from pipelines.errors import memory_is_full
from pipelines.metrics import Metric
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import History, Monitor, mixed_precision, train
from pipelines.training.noise import AHEAD, AHEAD_ON_DEVICE, CountDropout
from pipelines.training.side_by_side import ONE_GENERATOR, side_by_side
from pipelines.training.stack import MemberCrossEntropy, make_members

STACKED_PARAMETERS = 100_000  # above this a network's own arithmetic, not overhead, fills a CPU core
LEAST_STACK = 10  # fewer networks in one program do not make up for its overhead
MEMORY_MB = 1024  # for one group on the CPU; on CUDA half of what is free
HELD_OUT_ROWS = 8192  # of all members together that are scored in one go
CPU = torch.device("cpu")
T = TypeVar("T")
OnEpoch = Callable[[int, dict[int, float]], None]  # the epoch, from 1, and the training loss of each job by its number
Fitted = dict[int, tuple[nn.Module, History]]  # by the number of the job


@dataclass(frozen=True, kw_only=True)
class Job:
    """One network to train: its rows, its seed, and rows held out for early stopping if there are any.

    `inputs` (N, D), `targets` (N,) class codes or (N, C) weighted one-hot rows, `held_out` (V, D) and (V,). Rows stay
    on the CPU until a group of jobs goes to the `device`: what jobs share goes there once.
    """

    inputs: Tensor
    targets: Tensor
    seed: int
    held_out: tuple[Tensor, Tensor] | None = None
    device: torch.device = CPU

    @property
    def shape(self) -> tuple[object, ...]:
        """Jobs of equal shape can be stacked: no row is ever padded."""
        held_out = None if self.held_out is None else self.held_out[0].shape
        return self.inputs.shape, self.targets.shape, held_out


def fit_networks(
    jobs: Sequence[Job],
    make_model: Callable[[], nn.Module],
    recipe: Recipe,
    metric: Metric,
    on_epoch: OnEpoch = lambda _epoch, _losses: None,
    memory_mb: float | None = None,
) -> list[tuple[nn.Module, History]]:
    """Train one network per job, in the jobs' order; `on_epoch` after each epoch of networks that train together.

    A group of networks that train together takes at most about `memory_mb` (10^6 bytes; None finds a budget),
    or is a single network; one for which memory does not suffice all the same is trained in halves, from its first
    epoch. A network depends on its job alone: the same job gives the same network (to rounding) whatever else is
    trained beside it.
    """
    workers = torch.get_num_threads() if is_small(make_model) and jobs[0].device.type == "cpu" else 1
    groups = list(_groups(jobs, make_model, recipe.batch_size, memory_mb, workers))
    tasks = [partial(_fit_group, {i: jobs[i] for i in group}, make_model, recipe, metric) for group in groups]
    fitted: Fitted = {}
    with _threads_that_pay(n_parameters(make_model)):
        for done in side_by_side(tasks, workers, on_epoch):
            fitted |= done
    return [fitted[i] for i in range(len(jobs))]


def _groups(
    jobs: Sequence[Job], make_model: Callable[[], nn.Module], batch_size: int, memory_mb: float | None, workers: int
) -> Iterator[list[int]]:
    """Numbers of the jobs that are trained together: as many as fit, but work for every one of `workers`."""
    device = jobs[0].device
    if device.type == "cpu" and not is_small(make_model):
        size = 1
    else:
        one = _bytes_of_one(make_model, jobs[0], batch_size) + _bytes_of_rows(jobs) / len(jobs)
        budget = (_budget(device) if memory_mb is None else memory_mb * 1e6) / workers - _bytes_of_rows(jobs[:1])
        size = max(1, int(budget / one))
    by_shape: dict[tuple[object, ...], list[int]] = {}
    for i, job in enumerate(jobs):
        by_shape.setdefault(job.shape, []).append(i)
    for same in by_shape.values():
        share = min(size, max(LEAST_STACK, math.ceil(len(same) / workers)))
        for start in range(0, len(same), share):
            yield same[start : start + share]


def _budget(device: torch.device) -> float:
    """Bytes for one group if nobody says otherwise."""
    if device.type != "cuda":
        return MEMORY_MB * 1e6
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # free, though torch holds it
    return (torch.cuda.mem_get_info(device)[0] + kept) / 2


def _bytes_of_one(make_model: Callable[[], nn.Module], job: Job, batch_size: int) -> int:
    """What one network takes in training: its weights, outputs and noise.

    Weights by themselves and in the stack, gradient, two moments and, with early stopping, the best so far; each
    layer's output and its gradient; the noise of a step and the block after it, old and new.
    """
    with ONE_GENERATOR, torch.random.fork_rng(devices=[]), torch.no_grad():
        model = make_model()
        outputs: list[int] = []
        for module in model.modules():
            module.register_forward_hook(
                lambda _module, _inputs, output: outputs.append(output.numel() if isinstance(output, Tensor) else 0)
            )
        noise = CountDropout()
        with noise:
            model(job.inputs[:batch_size])
    copies = 5 if job.held_out is None else 6
    block = AHEAD if job.device.type == "cpu" else AHEAD_ON_DEVICE
    noise_bytes = 2 * 2 * (block + noise.n) if noise.n else 0
    return 4 * copies * sum(p.numel() for p in model.parameters()) + 8 * sum(outputs) + noise_bytes


def _bytes_of_rows(jobs: Sequence[Job]) -> int:
    """What the rows of a group of these jobs take, each different row counted once."""
    tensors = [job.inputs for job in _different(jobs)[0]]
    held_out = _distinct([job.held_out[0] for job in jobs if job.held_out is not None], _same)[0]
    return sum(tensor.nbytes for tensor in tensors + held_out)


def is_small(make_model: Callable[[], nn.Module]) -> bool:
    """Whether many networks in one program pay: one alone does not fill a core."""
    return n_parameters(make_model) <= STACKED_PARAMETERS


def n_parameters(make_model: Callable[[], nn.Module]) -> int:
    """How many numbers a network has to learn."""
    with ONE_GENERATOR, torch.random.fork_rng(devices=[]):
        return sum(p.numel() for p in make_model().parameters())


@contextlib.contextmanager
def _threads_that_pay(n_parameters: int) -> Iterator[None]:
    """One thread for small networks: more of them spend their time waiting for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if n_parameters <= STACKED_PARAMETERS else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _fit_group(
    by_number: dict[int, Job],
    make_model: Callable[[], nn.Module],
    recipe: Recipe,
    metric: Metric,
    on_epoch: OnEpoch,
) -> Fitted:
    """Train a group as one program; where memory does not suffice, one half of it after the other."""
    try:
        return _fit_at_once(by_number, make_model, recipe, metric, on_epoch)
    except (RuntimeError, MemoryError) as error:
        if len(by_number) == 1 or not memory_is_full(error):
            raise
    numbers = list(by_number)  # out here nothing holds the memory of the attempt
    fitted: Fitted = {}
    for half in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
        fitted |= _fit_group({i: by_number[i] for i in half}, make_model, recipe, metric, on_epoch)
    return fitted


def _fit_at_once(
    by_number: dict[int, Job],
    make_model: Callable[[], nn.Module],
    recipe: Recipe,
    metric: Metric,
    on_epoch: OnEpoch,
) -> Fitted:
    jobs = list(by_number.values())
    device = jobs[0].device
    with _random_state_kept():
        models = [_seeded(make_model, job.seed).to(device) for job in jobs]
        precision = mixed_precision(device) if recipe.bfloat16 else None
        example = jobs[0].inputs[: recipe.batch_size].to(device)
        members = make_members(models, [job.seed for job in jobs], (example,), precision)
        rows, starts = _rows(jobs)
        generators = [torch.Generator().manual_seed(job.seed) for job in jobs]
        order = ShuffledBatches(len(jobs[0].inputs), recipe.batch_size, generators, starts, device)
        trainable = [weight for weight in members.parameters() if weight.requires_grad]
        histories = train(
            members,
            training_batches(rows, order),
            MemberCrossEntropy(),
            torch.optim.AdamW(trainable, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True),
            recipe.epochs,
            schedule=recipe.schedule,
            precision=precision,
            monitor=_monitor(jobs, metric, recipe),
            on_epoch=lambda epoch, losses: on_epoch(epoch, dict(zip(by_number, losses, strict=True))),
        )
    members.write_to(models)
    return dict(zip(by_number, zip(models, histories, strict=True), strict=True))


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """`torch.random.fork_rng`, but never while another thread makes a network from the one generator."""
    with ONE_GENERATOR:
        state = torch.get_rng_state()
    try:
        yield
    finally:
        with ONE_GENERATOR:
            torch.set_rng_state(state)


def _seeded(make_model: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A new network, made on the CPU from the CPU's generator: no other device's state is touched."""
    with ONE_GENERATOR:
        torch.default_generator.manual_seed(seed)
        return make_model()


def _rows(jobs: list[Job]) -> tuple[TensorRows, list[int]]:
    """All jobs' rows as one dataset on their device, shared rows only once, and where each job's rows start."""
    different, places = _different(jobs)
    inputs, targets = torch.cat([job.inputs for job in different]), torch.cat([job.targets for job in different])
    rows = TensorRows(inputs.to(jobs[0].device), targets.to(jobs[0].device))
    return rows, [place * len(jobs[0].inputs) for place in places]


def _different(jobs: Sequence[Job]) -> tuple[list[Job], list[int]]:
    """Jobs whose rows differ, and for each of all jobs the number of the one that has its rows."""
    return _distinct(
        jobs, lambda job, other: _same(job.inputs, other.inputs) and torch.equal(job.targets, other.targets)
    )


def _distinct(things: Sequence[T], same: Callable[[T, T], bool]) -> tuple[list[T], list[int]]:
    """The first of each kind, and the kind of each thing."""
    different: list[T] = []
    places = []
    for thing in things:
        places.append(next((i for i, other in enumerate(different) if same(thing, other)), len(different)))
        if places[-1] == len(different):
            different.append(thing)
    return different, places


def _same(rows: Tensor, other: Tensor) -> bool:
    """Whether both are views of the same place in memory."""
    return (rows.data_ptr(), rows.stride(), rows.shape) == (other.data_ptr(), other.stride(), other.shape)


def _monitor(jobs: list[Job], metric: Metric, recipe: Recipe) -> Monitor | None:
    """Score of each member on its own held-out rows."""
    held_out = [job.held_out for job in jobs if job.held_out is not None]
    if not held_out:
        return None
    different, places = _distinct([inputs for inputs, _ in held_out], _same)
    targets = [target.numpy() for _, target in held_out]
    size = max(1, HELD_OUT_ROWS // len(jobs))
    parts = list(zip(*(torch.split(inputs.to(jobs[0].device), size) for inputs in different), strict=True))

    def score(members: nn.Module) -> Tensor:
        members.eval()
        with torch.inference_mode():
            stacks = (torch.stack([part[place] for place in places]) for part in parts)
            outputs = torch.cat([members(stack) for stack in stacks], dim=1).cpu()  # the host waits once
        proba = outputs.double().softmax(dim=-1).numpy()
        gains = [metric.gain(metric(y, p), 0.0) for y, p in zip(targets, proba, strict=True)]
        return torch.tensor(gains, dtype=torch.float64)

    return Monitor(score=score, patience=recipe.epochs if recipe.patience is None else recipe.patience)
