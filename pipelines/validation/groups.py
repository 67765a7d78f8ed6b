"""Jobs into groups: what trains as one program, how many programs at a time; all of it in a line."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from pipelines.competition import Competition
from pipelines.errors import TrainingWarning, code_named
from pipelines.hardware import memory_there, memory_to_use, n_cores, numbers_of_a_row
from pipelines.training.fit import Group, Job
from pipelines.training.noise import new_network, own_generator_kept
from pipelines.training.together import fills_a_core, n_weights
from pipelines.validation.estimators import fits_of

if TYPE_CHECKING:
    from pipelines.validation.crossval import FoldEncoder, Plan
    from pipelines.validation.splits import Fold

LEAST_STACK = 5  # fewer networks in one program do not make up for its overhead; on two cores two of 5 beat one of 10
COPIES = 4  # of a fold's encoded rows at the same time: views, their union, the scaled ones, a margin
COPIES_IN_BLOCKS = 1.5  # the encoded rows, those that they are made of, a block's views
BYTES_OF_WEIGHT = 48  # weights, gradients, moments, a linear layer's outputs
BYTES_OF_OUTPUT = 8  # of each number that its layers give of each row of a batch, and its gradient
BYTES_OF_NOISE = {"cpu": 2**18, "cuda": 2**22}  # that is made ahead for a network


@dataclass(frozen=True)
class Size:
    """About how many bytes a fold's rows and one network take, its weights, and whether it fills a CPU core."""

    rows: float
    network: float
    weights: int
    large: bool


def make_groups(
    competition: Competition, plan: "Plan", encoders: "Mapping[str, FoldEncoder]"
) -> tuple[list[Group], int, int]:
    """All jobs of the plan in groups, how many groups train at the same time, and threads for each.

    On the CPU small networks are stacked, a stack for each core at least; large ones fill a core each, fold by fold.
    A GPU takes all folds of a variant at once, several take a share each. What trains at the same time takes about
    `plan.memory_mb`.

    The last bits of a network depend on how many stand in its stack. So stacks are shared out for the cores of this
    computer, or for `plan.shares`, wherever they train: then it is the same network. One that trains alone may go alone
    to an executor that has more workers than there are groups.
    """
    device, executor = torch.device(plan.device), plan.executor
    here = n_cores() if device.type == "cpu" else 1
    programs = plan.shares or (executor.workers if executor.workers and executor.devices else here)
    budget = 1e6 * plan.memory_mb if plan.memory_mb else memory_to_use(device) * max(1, len(executor.devices))
    groups: list[Group] = []
    largest, large = 0.0, set[str]()
    for name, encode in encoders.items():
        size = _size(competition, plan, encode)
        large |= {name} if size.large else set()
        fold_by_fold = size.large and device.type == "cpu"
        of_folds = [plan.jobs(fold, name) for fold in range(plan.folds)]
        for jobs in _chunks(of_folds, encode.folds, size, budget / programs, programs, fold_by_fold=fold_by_fold):
            groups.append(
                Group(
                    jobs=tuple(jobs), encode=encode,
                    make_model=_network(encode), n_outputs=competition.n_outputs,
                    recipe=encode.variant.recipe, metric=competition.metric, device=device, number=competition.number,
                    n_weights=size.weights,
                )
            )  # fmt: skip
            largest = max(largest, size.rows * len({job.fold for job in jobs}) + size.network * len(jobs))
    fitting = max(1, int(budget / largest))
    threads = max(1, n_cores() // min(here, len(groups), fitting)) if len(large) == len(encoders) else 1
    if device.type == "cpu" and len(groups) < (executor.workers or 0):
        groups = [part for group in groups for part in _in_parts(group, alone=group.jobs[0].variant in large)]
    workers = min(executor.workers or here, len(groups), fitting if executor.here else len(groups))
    if device.type == "cpu" and executor.here:
        warn_of_little_memory(workers * largest)
    return groups, workers, threads


def plan_line(competition: Competition, plan: "Plan", preset: str | None = None) -> str:
    """How many networks are trained, and for how long; how many estimators are fitted; that a GPU is missing."""
    trained, n_fits = [], len(fits_of(plan, plan.variants))
    if plan.networks:
        several = f"{len(plan.networks)} variants x " * (len(plan.networks) > 1)
        n_networks = len(plan.networks) * plan.folds * plan.seeds
        networks = f"{several}{plan.folds} folds x {plan.seeds} seed{'s' * (plan.seeds > 1)} = {n_networks} networks"
        epochs = {variant.recipe.epochs for variant in plan.networks.values()}
        each = f"{min(epochs)} epochs" if len(epochs) == 1 else f"{min(epochs)} to {max(epochs)} epochs"
        trained.append(f"{networks}, {each} each, on {plan.device}")
    if n_fits:
        trained.append(f"{n_fits} estimators in {plan.folds} folds")
    chosen = competition.presets[preset] if preset else None
    if chosen and chosen.gpu and plan.device == "cpu" and set(chosen.variants) <= set(plan.variants):
        trained.append("this is made for a GPU: on this processor it takes many hours, if not days")
    return f"{competition.slug}: {'; '.join(trained)}"


def fits_at_a_time(plan: "Plan", encoders: "Mapping[str, FoldEncoder]") -> int:
    """Estimators and baselines: a fit for each core, as far as the memory goes.

    Reckoned by the rows of the estimators, and those of the first variant, which a baseline is given.
    """
    cpu = torch.device("cpu")
    of_device = plan.memory_mb is None or torch.device(plan.device) != cpu
    budget = memory_to_use(cpu) if of_device else 1e6 * (plan.memory_mb or 0)
    of_fits = [each for i, each in enumerate(encoders.values()) if i == 0 or each.variant.make_estimator]
    executor = plan.executor.for_fits
    at_a_time = executor.workers or n_cores()
    fitting = int(budget / max(map(_bytes_of_rows, of_fits))) if executor.here else at_a_time
    return max(1, min(at_a_time, fitting))


def warn_of_little_memory(needed: float) -> None:
    """Say before the training that bytes are `needed` which are not there: a system that runs out says nothing."""
    there = memory_there()
    if needed > there:
        enough = max(1, round(there / 4e6))
        what = f"what trains at the same time takes about {needed / 1e6:,.0f} MB, and {there / 1e6:,.0f} MB are there"
        warnings.warn(
            TrainingWarning(
                f"{what}; the system may end the run without a word (Killed, exit code 137)",
                f"give the computer or container more memory, choose a smaller network with --variants, or at most "
                f"--memory {enough}",
                f"请增加计算机或容器的内存，用 --variants 选较小的网络，或将 --memory 设为 {enough} 以下",
            ),
            stacklevel=2,
        )


def _chunks(
    of_folds: Sequence[Sequence[Job]], folds: "Sequence[Fold]", size: Size, budget: float, programs: int, *,
    fold_by_fold: bool,
) -> Iterator[list[Job]]:  # fmt: skip
    """Jobs of folds with as many training rows: whole folds, a share for each core, as far as the budget goes."""
    by_n_rows: dict[int, list[int]] = {}
    for fold, jobs_of_fold in enumerate(of_folds):
        if jobs_of_fold:
            by_n_rows.setdefault(len(folds[fold].train), []).append(fold)
    seeds = max(map(len, of_folds))
    for same in by_n_rows.values():
        share = max(math.ceil(len(same) / programs), math.ceil(LEAST_STACK / seeds))
        fitting = int(budget / (size.rows + seeds * size.network))
        n_folds = 1 if fold_by_fold else max(1, min(share, fitting))
        for start in range(0, len(same), n_folds):
            jobs = [job for fold in same[start : start + n_folds] for job in of_folds[fold]]
            most = len(jobs) if fold_by_fold or fitting else max(1, int((budget - size.rows) / size.network))
            yield from (jobs[first : first + most] for first in range(0, len(jobs), most))


def _in_parts(group: Group, *, alone: bool) -> list[Group]:
    """A group, or a group for each of its networks where they train alone anyhow."""
    return [replace(group, jobs=(job,)) for job in group.jobs] if alone else [group]


def _network(encode: "FoldEncoder") -> Callable[[int, int], nn.Module]:
    make_model = encode.variant.make_model
    assert make_model is not None  # estimators are in no group
    return make_model


def _bytes_of_rows(encode: "FoldEncoder") -> float:
    make = encode.variant.make_encoder
    copies = COPIES_IN_BLOCKS if make is not None and getattr(make(), "blockwise", False) else COPIES
    return float(copies * encode.form.n_bytes * max(len(fold.train) for fold in encode.folds))


def _size(competition: Competition, plan: "Plan", encode: "FoldEncoder") -> Size:
    of_row, make_model = encode.form, _network(encode)
    few = torch.zeros(2, of_row.n_features, dtype=of_row.dtype)
    with code_named("make_model"):
        network = new_network(make_model, few, competition.n_outputs, 0)
    weights, numbers = n_weights(network), 0
    with suppress(Exception), own_generator_kept(network):  # what forward raises is told by the looks before training
        numbers = numbers_of_a_row(network, few)
    outputs = BYTES_OF_OUTPUT * encode.variant.recipe.batch_size * numbers
    noise = BYTES_OF_NOISE.get(torch.device(plan.device).type, BYTES_OF_NOISE["cpu"])
    return Size(
        rows=_bytes_of_rows(encode),
        network=float(BYTES_OF_WEIGHT * weights + outputs + noise),
        weights=weights,
        large=fills_a_core(weights, numbers),
    )
