"""Jobs in, trained networks out.

Shapes: N training rows, V rows held out for early stopping, D features, C classes, P outputs of a row.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.competition import Number, Recipe, Variant
from pipelines.errors import memory_is_full
from pipelines.metrics import IntArray, Metric
from pipelines.training.checkpoint.epochs import CheckpointOf
from pipelines.training.early_stopping import split_off
from pipelines.training.loop import History, train
from pipelines.training.stack import CannotStackError
from pipelines.training.targets import Scale, criterion_of
from pipelines.training.together import Together, of_one_shape, say_why


@dataclass(frozen=True, order=True)
class Job:
    """One network to train: its variant, its fold, its number among the seeds; `random_state` fixes its chance."""

    variant: str
    fold: int
    seed: int
    random_state: int = field(default=0, compare=False)


OnEpoch = Callable[[Job, int, float], None]  # the job, the epoch from 1, and its training loss, an `EpochLoss`


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What networks learn from: `inputs` (N, D); `target` (N,) class codes, or (N, C) weighted one-hot rows.

    Where it is a number, `scale` says how it was standardised, and `target` is (N, 1), or (N, 2) of values and weights.
    `held_out` are inputs (V, D) and (V,) codes, or numbers in the file's units, to stop early; `watched` are only seen.
    """

    inputs: Tensor
    target: Tensor
    held_out: tuple[Tensor, Tensor] | None = None
    watched: tuple[Tensor, Tensor] | None = None
    scale: Scale | None = None


class Encoded(NamedTuple):
    """A fold's rows, and the encoder that was fitted on them."""

    rows: Rows
    encoder: Any = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Jobs that one call of `fit` trains, and all that they need; a value that can be pickled.

    `encode(fold)` makes a fold's rows when they are wanted; `make_model(D, P)` a new network. `number` is the target,
    where it is one: it names the loss. Jobs named in `variants` have a learning rate, decay and dropout of their own.
    """

    jobs: tuple[Job, ...]
    encode: Callable[[int], Encoded]
    make_model: Callable[[int, int], nn.Module]
    n_outputs: int
    recipe: Recipe
    metric: Metric
    device: torch.device
    number: Number | None = None
    n_weights: int = 0  # of a network
    variants: Mapping[str, Variant] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A trained network, how its training went, the scale of what it says where that is a number, and its features."""

    model: nn.Module
    history: History
    scale: Scale | None = None
    n_features: int = 0


@dataclass(frozen=True)
class Fitted:
    """What comes back of a group: networks by job, encoders by fold, and the seconds that it took."""

    networks: Mapping[Job, Trained]
    encoders: Mapping[int, Any]
    seconds: float


@torch.inference_mode(False)
def fit(
    group: Group, on_epoch: OnEpoch = lambda _job, _epoch, _loss: None, checkpoint: CheckpointOf = lambda _jobs: None
) -> Fitted:
    """Train the networks of a group: in stacks, where they can be stacked, and where it pays.

    A network depends on its job alone: the same job gives the same network (to rounding) whatever else is trained
    beside it. Where memory does not suffice, they are trained in halves; those with a `checkpoint` go on from it.

    Raises: ModelError for a network that cannot be trained as it is; TrainingError for mistakes that the loop sees.
    """
    started = time.perf_counter()
    encoded = {fold: group.encode(fold) for fold in {job.fold for job in group.jobs}}
    waiting, networks = list(of_one_shape(group, encoded)), dict[Job, Trained]()
    while waiting:
        jobs, together = waiting.pop(0), None
        try:
            together = Together(group, jobs, encoded)
            histories = train(
                together.network, together.batches, criterion_of(group.number), together.optimizer, group.recipe.epochs,
                schedule=group.recipe.schedule, monitor=together.monitor, watch=together.watch,
                on_epoch=together.telling(on_epoch), checkpoint=checkpoint(jobs),
            )  # fmt: skip
        except CannotStackError as reason:
            say_why(reason)
            waiting[:0] = [[job] for job in jobs]
        except (RuntimeError, MemoryError) as error:
            if len(jobs) == 1 or not memory_is_full(error):
                raise
            waiting[:0] = [jobs[: len(jobs) // 2], jobs[len(jobs) // 2 :]]
        else:
            for job, model, history in zip(jobs, together.unstacked(), histories, strict=True):
                rows = encoded[job.fold].rows
                networks[job] = Trained(model, history, rows.scale, rows.inputs.shape[1])
    encoders = {fold: of_fold.encoder for fold, of_fold in encoded.items()}
    return Fitted({job: networks[job] for job in group.jobs}, encoders, time.perf_counter() - started)


def hold_out(
    rows: IntArray,
    y: NDArray[Any],
    recipe: Recipe,
    seed: int,
    units: IntArray | None = None,
    time: IntArray | None = None,
) -> tuple[IntArray, IntArray | None]:
    """Row numbers to train on, and those split off for early stopping: stratified by the target `y` of all rows.

    None are split off where the recipe has no patience. Rows of one unit (equal rows, or a group: the first row of each
    row's) are not parted; where rows have a `time`, the latest are split off.
    """  # fmt: skip
    if recipe.patience is None:
        return rows, None
    return split_off(rows, y, recipe.validation_fraction, seed, units, time)
