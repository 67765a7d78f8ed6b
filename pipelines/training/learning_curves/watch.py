"""What networks say, after each epoch, of rows that they do not train on: their loss, and what early stopping asks.

Shapes: E networks that train as one, V rows of each, P outputs of a row, n rows of a fold.

The loss is for whoever reads a learning curve: it chooses nothing, and training goes on as if nobody had looked. A look
takes 1.2 % (Otto), 2.7 % (Titanic) or 3.5 % (house prices: a fourth as many rows as are trained on) of its epoch.
"""

import copy
import math
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor, nn

from pipelines.hardware import rows_at_a_time
from pipelines.metrics import IntArray, Metric
from pipelines.models.contract import changing
from pipelines.training.checkpoint.attributes import Attributes
from pipelines.training.early_stopping import Monitor
from pipelines.training.noise import draws
from pipelines.training.targets import criterion_of

if TYPE_CHECKING:
    from pipelines.training.fit import Group, Rows

MOST_ROWS = 1_000  # of a fold that are looked at
FEW_ROWS = 100  # that cost next to nothing; of more there is one
SHARE = 4  # for each so many that are trained on, at most
ROWS_AT_A_TIME = 8192  # of all networks together
ROWS_LOOKED_AT = 32  # that tell whether a look leaves a trace


class EpochLoss(float):
    """The training loss of an epoch, a number as any other; `held_out` is that of rows not trained on, if there is."""

    held_out: float | None = None

    @classmethod
    def of(cls, loss: float, held_out: float | None) -> Self:
        """Both in one."""
        made = cls(loss)
        made.held_out = held_out
        return made


class Watch:
    """Looks at each network's own rows after an epoch; `losses` has a list for each epoch, a number per network.

    The loss is the criterion's: cross entropy, or of numbers the recipe's loss on the standardised scale, as that of
    training is. A network is asked as it will predict, in evaluation mode and float32, so its curve may begin below
    that of training, in which there is dropout, and which is the mean over an epoch in which the network gets better.
    """

    def __init__(
        self, model: nn.Module, rows: Sequence["Rows"], criterion: Callable[[Tensor, Tensor], Tensor],
        device: torch.device,
    ) -> None:  # fmt: skip
        kept = [pair for each in rows if (pair := each.held_out or each.watched) is not None]
        different = list({id(inputs): inputs for inputs, _ in kept}.values())  # rows that networks share are there once
        self._places = [next(i for i, other in enumerate(different) if other is inputs) for inputs, _ in kept]
        self._inputs = [inputs.to(device) for inputs in different]
        self._truth, self._scales = [truth for _, truth in kept], [each.scale for each in rows]
        pairs = zip(self._truth, self._scales, strict=True)
        self._target = torch.stack([y if scale is None else scale.target(y.numpy()) for y, scale in pairs])
        self._model, self._criterion, self._size = model, criterion, 0
        self.losses: list[list[float]] = []

    @property
    def shape(self) -> list[int]:
        """Networks and rows of each: [E, V]."""
        return list(self._target.shape[:2])

    def look(self, epoch: int) -> None:
        """Take the loss of an epoch, counted from 1; early stopping may have done so."""
        if len(self.losses) < epoch:
            self._ask()

    def score(self, metric: Metric) -> Tensor:
        """What early stopping asks after an epoch: how well each network does, in the file's units; () or (E,)."""
        outputs = self._ask()
        said = [
            each.softmax(dim=-1).numpy() if scale is None else scale.values(each)
            for each, scale in zip(outputs, self._scales, strict=True)
        ]
        gains = [metric.gain(metric(y.numpy(), p), 0.0) for y, p in zip(self._truth, said, strict=True)]
        return torch.tensor(gains[0] if len(gains) == 1 else gains, dtype=torch.float64)

    def at(self, epoch: int, i: int) -> float | None:
        """The loss of network i after an epoch; None where it is no number."""
        loss = self.losses[epoch - 1][i]
        return loss if math.isfinite(loss) else None

    def curve(self, i: int, ended: int) -> list[float]:
        """The losses of network i that was trained for so many epochs, as far as they are numbers."""
        return list(takewhile(math.isfinite, (losses[i] for losses in self.losses[:ended])))

    def _ask(self) -> Tensor:
        outputs = self._outputs()
        self.losses.append(self._criterion(outputs, self._target).tolist())
        return outputs

    def _outputs(self) -> Tensor:
        """What each network says of its rows, in one pass for all: float64 (E, V, P) on the CPU."""
        self._model.eval()
        if not self._size:
            most = max(1, ROWS_AT_A_TIME // len(self._places))
            alone = len(self._places) == 1
            self._size = rows_at_a_time(self._model, self._inputs[0], most) if alone else most
        parts = list(zip(*(torch.split(inputs, self._size) for inputs in self._inputs), strict=True))
        with torch.inference_mode():
            if len(self._places) == 1:
                outputs = torch.cat([self._model(part[0].clone()) for part in parts]).unsqueeze(0)
            else:
                outputs = torch.cat(
                    [self._model(torch.stack([part[i] for i in self._places])) for part in parts], dim=1
                )
        return outputs.cpu().double()  # the host waits once


def looking_on(
    group: "Group", network: nn.Module, plain: nn.Module, rows: Sequence["Rows"]
) -> tuple[Watch | None, Monitor | None]:
    """Who watches a network, or a stack, and who stops it early, if there are rows; `plain` is one of the networks.

    Where early stopping asks anyhow, the loss comes of the same outputs. Else nobody watches networks whose forward
    would notice: that count, cache or draw in evaluation too.
    """
    recipe, first, device = group.recipe, rows[0], group.device
    if first.held_out is None and (first.watched is None or leaves_a_trace(plain, first.watched[0])):
        return None, None
    watch = Watch(network, rows, criterion_of(group.number), device)
    if first.held_out is None:
        return watch, None
    patience = recipe.epochs if recipe.patience is None else recipe.patience
    return watch, Monitor(score=lambda _network: watch.score(group.metric), patience=patience)


def sample(scored: IntArray, n_training: int) -> IntArray:
    """Some of a fold's `scored` row numbers (n,), the same each time: at most a fourth as many as are trained on.

    >>> len(sample(np.arange(500), 400)), len(sample(np.arange(500), 1200)), len(sample(np.arange(9000), 9000))
    (100, 300, 1000)
    """
    most = min(MOST_ROWS, max(FEW_ROWS, n_training // SHARE))
    return scored if len(scored) <= most else np.sort(np.random.default_rng(0).choice(scored, most, replace=False))


def leaves_a_trace(model: nn.Module, inputs: Tensor) -> bool:
    """Whether a network that is asked in evaluation mode is another then, or draws from torch's own generator."""
    few = inputs[:ROWS_LOOKED_AT].to(next(model.parameters()).device)
    probe = copy.deepcopy(model).requires_grad_(False)  # so that no weight counts as one that changes
    before, attributes = copy.deepcopy(probe), Attributes(probe)
    drawing = draws(probe, few, training=False)
    return drawing or bool(changing(before, probe.train()) or attributes.changed(probe))
