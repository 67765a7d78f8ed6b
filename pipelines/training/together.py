"""Which networks go together, and all that the loop needs to train them.

Shapes: N training rows, D features.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pipelines.errors import TrainingWarning
from pipelines.hardware import fills_a_gpu, in_bfloat16, numbers_of_a_row
from pipelines.models.contract import changing, layers_named, refuse_trained
from pipelines.models.learned import refuse_learned, remember_learned
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.checks import ROWS_LOOKED_AT, look_at
from pipelines.training.learning_curves.watch import EpochLoss, looking_on
from pipelines.training.noise import OwnGenerator, draws, new_network, own_generator_kept
from pipelines.training.stack import CannotStackError, give_noise, network_of, optimizer_of, stacked, unstack

if TYPE_CHECKING:
    from pipelines.training.fit import Encoded, Group, Job, OnEpoch

STACKED_PARAMETERS = 100_000  # above this a network's own arithmetic, not overhead, fills a CPU core
NUMBERS_OF_A_ROW = 5_000  # the same, of what its layers give: a convolution uses each weight at many places


def of_one_shape(group: "Group", encoded: "Mapping[int, Encoded]") -> "Iterator[list[Job]]":
    """Jobs that can be stacked, since no row is ever padded; each alone where its own arithmetic fills the device."""
    by_shape: dict[tuple[object, ...], list[Job]] = {}
    for job in group.jobs:
        rows = encoded[job.fold].rows
        apart = [None if kept is None else kept[0].shape for kept in (rows.held_out, rows.watched)]
        by_shape.setdefault((rows.inputs.shape, rows.target.shape, *apart), []).append(job)
    for jobs in by_shape.values():
        few = encoded[jobs[0].fold].rows.inputs[:ROWS_LOOKED_AT].to(group.device)
        new = partial(new_network, network_of(group, jobs[0]), few, group.n_outputs)
        network = look_at(new, few, group.n_outputs, group.recipe.batch_size)
        with own_generator_kept(network):
            weights, numbers = n_weights(network), numbers_of_a_row(network, few[:2])
        alone = fills_a_core(weights, numbers) if few.is_cpu else fills_a_gpu(numbers * group.recipe.batch_size)
        yield from [[job] for job in jobs] if alone else [jobs]


def fills_a_core(weights: int, numbers: int) -> bool:
    """Whether a network's arithmetic, not a step's overhead, fills a core: told by weights and a row's numbers."""
    return weights > STACKED_PARAMETERS or numbers > NUMBERS_OF_A_ROW


def n_weights(model: nn.Module) -> int:
    """How many numbers a network has to learn."""
    return sum(weight.numel() for weight in model.parameters())


def say_why(reason: CannotStackError) -> None:
    """Warn that networks train one after another; the same words for all groups, so that they are said once."""
    warnings.warn(
        TrainingWarning(
            f"the networks train one after another, not as one program: {reason}",
            "the result is the same, and takes longer; layers that can be stacked: Linear, BatchNorm1d, LayerNorm, "
            "Dropout, and those without weights",
            "结果相同，只是更慢；可堆叠的层：Linear、BatchNorm1d、LayerNorm、Dropout 以及没有权重的层",
        ),
        stacklevel=3,
    )


class Together:
    """Networks of one shape, ready for the loop: a stack of them, or a single one.

    Raises: CannotStackError where several cannot be stacked.
    """

    def __init__(self, group: "Group", jobs: "Sequence[Job]", encoded: "Mapping[int, Encoded]") -> None:
        recipe, device = group.recipe, group.device
        folds = list(dict.fromkeys(job.fold for job in jobs))  # rows that jobs share are there once
        rows = [encoded[fold].rows for fold in folds]
        n_rows, example = len(rows[0].inputs), rows[0].inputs[: recipe.batch_size].to(device)
        seeds = [job.random_state for job in jobs]
        new = partial(new_network, example=example, n_outputs=group.n_outputs)
        self.jobs = jobs
        self.models = [new(network_of(group, job), seed=job.random_state).to(device) for job in jobs]
        self._bare = self._network(seeds, example)
        self._begun = refuse_learned(self.models)
        self.network = in_bfloat16(self._bare, device) if recipe.bfloat16 else self._bare
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        starts = [folds.index(job.fold) * n_rows for job in jobs]
        drawn = generators if len(jobs) > 1 else generators[0]
        order = ShuffledBatches(n_rows, recipe.batch_size, drawn, starts, device)
        inputs, target = _joined([each.inputs for each in rows]), _joined([each.target for each in rows])
        self.batches = training_batches(TensorRows(inputs.to(device), target.to(device)), order)
        weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.optimizer = optimizer_of(weights, group, jobs)
        self.watch, self.monitor = looking_on(group, self._bare, self.models[0], [encoded[j.fold].rows for j in jobs])

    def _network(self, seeds: Sequence[int], example: Tensor) -> nn.Module:
        first = self.models[0]
        self._take_back = give_noise(first, seeds[0])
        probe = copy.deepcopy(first)
        with layers_named(probe):
            drawing = draws(probe, example)
        refuse_trained(self.models, changing(first, probe))
        if len(seeds) == 1:
            return OwnGenerator(first, seeds[0]) if drawing else first
        self._take_back()
        if drawing:
            raise CannotStackError("while it trains, the network draws from torch's own generator")
        return stacked(self.models, seeds, example)

    def telling(self, on_epoch: "OnEpoch") -> Callable[[int, list[float]], None]:
        """What the loop calls after each epoch: it tells the loss of each job."""

        def tell(epoch: int, losses: list[float]) -> None:
            for i, (job, loss) in enumerate(zip(self.jobs, losses, strict=True)):
                held_out = None if self.watch is None else self.watch.at(epoch, i)
                on_epoch(job, epoch, EpochLoss.of(loss, held_out))

        return tell

    def unstacked(self) -> list[nn.Module]:
        """The plain networks, as they were made, with what they have learned."""
        if len(self.models) > 1:
            unstack(self._bare, self.models)
        else:
            self._take_back()
        remember_learned(self.models, self._begun)
        return self.models


def _joined(tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)
