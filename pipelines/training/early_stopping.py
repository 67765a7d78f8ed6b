"""Early stopping: the best epoch's weights are kept, for each network of a stack on its own.

Shapes: N rows, E networks that train as one.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from pipelines.errors import DataError
from pipelines.metrics import IntArray
from pipelines.models.contract import write
from pipelines.settings.allowed import Checked
from pipelines.training.checks import scoring


@dataclass(frozen=True, kw_only=True)
class Monitor(Checked):
    """`score(model)` after each epoch, () or (E,) for a stack, greater is better.

    A network is done when `patience` epochs in a row were not better than its best.
    """

    score: Callable[[nn.Module], Tensor]
    patience: int


class Best:
    """The best state so far and the score of each epoch; with several scores every tensor has a row for each."""

    def __init__(self, model: nn.Module, monitor: Monitor) -> None:
        self.monitor = monitor
        self.state = copy.deepcopy(weights_and_buffers(model))
        self.scores: list[Tensor] = []
        self.epoch = torch.zeros(0, dtype=torch.long)  # of each network's best score; (E,)

    def look(self, model: nn.Module, epoch: int) -> None:
        """Score the model after an epoch, counted from 1; keep what is better than before."""
        with scoring(model):
            score = self.monitor.score(model).cpu()
        if not self.scores:
            self.score = torch.full_like(score.reshape(-1), -math.inf)
            self.epoch = torch.zeros(score.numel(), dtype=torch.long)
        self.scores.append(score.reshape(-1))
        alive = epoch - self.epoch.clamp(min=1) <= self.monitor.patience
        improved = alive & (self.scores[-1] > self.score)
        self.score = torch.where(improved, self.scores[-1], self.score)
        self.epoch[improved] = epoch
        for name, tensor in weights_and_buffers(model).items():
            if score.numel() > 1:
                self.state[name][improved] = tensor[improved]
            elif improved:
                self.state[name].copy_(tensor)

    def restore(self, model: nn.Module) -> None:
        """Give the model its best state back."""
        for name, tensor in weights_and_buffers(model).items():
            write(tensor, self.state[name])

    def training(self) -> list[bool]:
        """Which networks have patience left: what the others do is not theirs any more."""
        return [len(self.scores) - int(epoch) < self.monitor.patience for epoch in self.epoch]

    def ended(self, i: int) -> int:
        """How many epochs network i was trained before its patience ended."""
        return min(len(self.scores), int(self.epoch[i]) + self.monitor.patience)

    def scores_of(self, i: int) -> list[float]:
        """The score of network i after each epoch."""
        return [float(score[i]) for score in self.scores]


def first_equal(rows: pd.DataFrame | NDArray[Any], y: NDArray[Any]) -> IntArray:
    """For each row the number of the first that equals it, label and all: its own where there is none before; (N,).

    >>> first_equal(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [1.0, 2.0]]), np.array([0, 1, 0, 1])).tolist()
    [0, 1, 0, 3]
    """
    of_rows = pd.util.hash_pandas_object(pd.DataFrame(rows), index=False).to_numpy()
    hashed = pd.util.hash_pandas_object(pd.DataFrame({"rows": of_rows, "y": y}), index=False).to_numpy()
    _, first, which = np.unique(hashed, return_index=True, return_inverse=True)
    return np.asarray(first[which], dtype=np.int64)


def strata(y: NDArray[Any], least: int) -> NDArray[Any]:
    """What is stratified: class codes as they are; of numbers the tenth of their order that each falls in; (N,).

    There are fewer than ten parts where a part would have fewer than `least` rows.

    >>> strata(np.array([5.0, 1.0, 2.5, 40.0, 3.0, 2.0]), 2).tolist()
    [2, 0, 1, 2, 1, 0]
    """
    if y.dtype.kind != "f":
        return y
    n_parts = max(1, min(10, len(y) // least))
    return np.argsort(np.argsort(y, kind="stable")) * n_parts // len(y)


def split_off(
    rows: IntArray, y: NDArray[Any], share: float, seed: int, units: IntArray | None, time: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """Part `rows` in two, the second about a `share` of them.

    They are dealt at random, stratified, and rows of one unit stay: `units` (N,) holds the first row of each row's.
    With `time` (N,) the second part are the latest, and rows of equal time stay.

    Raises: DataError where there are too few rows, or times.
    """
    if time is not None:
        return _latest(rows, time, share)
    first = rows if units is None else rows[units[rows] == rows]
    labels = strata(y[first], math.ceil(2 / min(share, 1 - share)))
    try:
        kept, held = train_test_split(first, test_size=share, stratify=labels, random_state=seed)
    except ValueError as error:
        counts = np.unique(labels, return_counts=True)[1]
        raise DataError(
            f"early stopping cannot split {share:g} of {len(first)} different training rows off, a row of each of "
            f"{len(counts)} classes at least: the smallest class has {counts.min()} of them",
            "train without it (patience=None), or choose a larger validation_fraction; each class needs two rows",
            "请不使用早停（patience=None），或增大 validation_fraction；每个类别至少需要两行",
        ) from error
    if units is None:
        return kept, held
    others = rows[units[rows] != rows]
    kept, held = (np.concatenate([part, others[np.isin(units[others], part)]]) for part in (kept, held))
    return kept, held


def _latest(rows: IntArray, time: IntArray, share: float) -> tuple[IntArray, IntArray]:
    when = time[rows]
    times = np.unique(when)
    if len(times) < 2:
        raise DataError(
            f"early stopping cannot split later rows off: all {len(rows)} training rows are of one time",
            "train without it (patience=None), or choose fewer folds",
            "请不使用早停（patience=None），或减少折数",
        )
    since = max(np.sort(when)[-math.ceil(share * len(rows))], times[1])
    return rows[when < since], rows[when >= since]


def weights_and_buffers(model: nn.Module) -> dict[str, Tensor]:
    """Everything that training changes, by name, detached: buffers too that no state dict shows."""
    return {name: tensor.detach() for name, tensor in (*model.named_parameters(), *model.named_buffers())}
