"""Small networks over folds and seeds, trained side by side: what they say of rows that they have not seen.

Shapes: N rows, D inputs, S seeds, F folds, E networks that train as one program.

A step of one small network is overhead, not arithmetic: all networks whose folds have as many rows are one stack
(`pipelines.training.stack`), as cross-validation for the competitions trains them.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.errors import TrainingWarning
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import predict_logits, train
from pipelines.training.noise import seeded
from pipelines.training.stack import stacked, unstack

N_FOLDS = 5
Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SmallPlan:
    """How small networks learn: by Adam or plain SGD, in batches of so many rows (None: all of them)."""

    epochs: int
    lr: float
    batch_size: int | None = None
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam


@dataclass(frozen=True)
class Scores:
    """Accuracy (S, F) on the rows that trained each network and on its fold; whether it says the same of all rows."""

    training: Numbers
    held_out: Numbers
    dead: NDArray[np.bool_]


class _Job(NamedTuple):
    seed: int
    fold: int
    train: Tensor
    held_out: Tensor


def cross_validated(
    rows: tuple[Tensor, Tensor], make_model: Callable[[], nn.Module], plan: SmallPlan, seeds: Sequence[int]
) -> Scores:
    """Five stratified folds, drawn anew for each seed; new weights for each fold of each seed.

    `rows` are inputs (N, D) and target (N, 1) of 0.0 and 1.0; networks give a logit (B, 1).
    """
    jobs = [job for seed in seeds for job in _jobs(seed, rows[1])]
    by_length: dict[int, list[_Job]] = {}
    for job in jobs:
        by_length.setdefault(len(job.train), []).append(job)
    shape = len(seeds), N_FOLDS
    scores = Scores(np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool))
    for group in by_length.values():
        for job, model in zip(group, trained(rows, group, make_model, plan), strict=True):
            place = seeds.index(job.seed), job.fold
            logits = predict_logits(model, rows[0])
            right = ((logits > 0) == (rows[1] > 0.5)).double()
            scores.training[place] = right[job.train].mean().item()
            scores.held_out[place] = right[job.held_out].mean().item()
            scores.dead[place] = (logits.max() - logits.min()).item() < 1e-4
    return scores


def _jobs(seed: int, target: Tensor) -> list[_Job]:
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    parts = folds.split(np.zeros((len(target), 1)), target.cpu().numpy().ravel())
    return [_Job(seed, n, *map(torch.from_numpy, part)) for n, part in enumerate(parts)]


def trained(
    rows: tuple[Tensor, Tensor], jobs: Sequence[_Job], make_model: Callable[[], nn.Module], plan: SmallPlan
) -> list[nn.Module]:
    """The jobs' networks, each from weights and an order of rows of its own, which its seed and fold fix."""
    device, n_rows = rows[0].device, len(jobs[0].train)
    starts = [N_FOLDS * job.seed + job.fold for job in jobs]
    models = [seeded(make_model, start).to(device) for start in starts]
    network = stacked(models, starts, rows[0][:32])
    drawn = torch.cat([job.train for job in jobs]).to(device)
    order = ShuffledBatches(
        n_rows, plan.batch_size or n_rows, [torch.Generator().manual_seed(start) for start in starts],
        [n_rows * n for n in range(len(jobs))], device,
    )  # fmt: skip
    batches = training_batches(TensorRows(rows[0][drawn], rows[1][drawn]), order)
    with warnings.catch_warnings(action="ignore", category=TrainingWarning):  # of networks that are dead: counted
        train(network, batches, loss_of_each, plan.optimizer(network.parameters(), lr=plan.lr), plan.epochs)  # type: ignore[call-arg]
    unstack(network, models)
    return models


def loss_of_each(outputs: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of each of E networks, (E,); outputs and target (E, B, 1)."""
    return F.binary_cross_entropy_with_logits(outputs, target, reduction="none").mean(dim=(1, 2))


def standard_error(scores: Numbers) -> float:
    """Of the mean of `scores` (S, F), or of differences: counts starts and folds, and that folds share training rows.

    Source: Nadeau & Bengio 2003, Inference for the generalization error: the variance times 1/(SF) + 1/(F - 1).

    >>> round(standard_error(np.array([[0.7, 0.8], [0.7, 0.8]])), 4)
    0.0645
    """
    n_folds = scores.shape[1]
    return float(np.sqrt(scores.var(ddof=1) * (1 / scores.size + 1 / (n_folds - 1))))


def described(scores: Numbers) -> str:
    """Mean and standard error.

    >>> described(np.array([[0.7, 0.8], [0.7, 0.8]]))
    '0.7500 ± 0.0645'
    """
    return f"{scores.mean():.4f} ± {standard_error(scores):.4f}"


def leading(leads: Numbers) -> bool:
    """Whether differences (S, F) have a mean of at least two standard errors.

    >>> leading(np.full((2, 5), 0.1)), leading(np.array([[0.1, -0.1, 0.2]]))
    (True, False)
    """
    return bool(leads.mean() >= 2 * standard_error(leads))
