"""Dropout noise of each member's own, however many members train together.

Shapes: E members, B batch.

`nn.Dropout` draws from torch's global generator, so what a network gets depends on who drew before it.
Here each member has a stream of its own; a network trained alone and the same network in a stack of a
hundred see the same noise. It is also cheaper: 16 random bits per unit in place of a float.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

BITS = 16
WORD = 4  # 16-bit numbers in the 64 bits that a generator gives at a time
AHEAD = 1 << 15  # numbers made at a time for each member: fewer calls, and 64 KB
AHEAD_ON_DEVICE = 1 << 20  # the same where each call starts a kernel: 2 MB
Take = Callable[[int], Tensor]  # so many random int16: (n,), or (E, n) for members in a stack
UNITS = (F.dropout, torch.dropout)
CHANNELS = (F.dropout1d, F.dropout2d, F.dropout3d)


class NoiseStreams:
    """Endless random int16 for E members, each from a seed of its own, made where they are needed.

    Members draw in step, so one position serves all; numbers are made for many steps at a time. Off the CPU a
    generator's numbers depend on how many are asked for at once, so it is always the same number.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.device = device
        self._words = [np.random.SFC64(seed) for seed in seeds]
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds if device.type != "cpu"]
        self._buffer = torch.empty(len(seeds), 0, dtype=torch.int16, device=device)
        self._position = 0

    def take(self, n: int) -> Tensor:
        """The next `n` numbers of each member, (E, n); the rest of the last word is thrown away."""
        if self._position + n > self._buffer.shape[1]:
            self._refill(n)
        taken = self._buffer[:, self._position : self._position + n]
        self._position += rounded_up(n)
        return taken

    def of_one(self, n: int) -> Tensor:
        """The next `n` numbers of the only member, (n,)."""
        return self.take(n)[0]

    def _refill(self, least: int) -> None:
        """A new buffer of at least so many numbers of each member: what is left of the old one, then whole blocks."""
        left = self._buffer[:, self._position :]
        block = AHEAD_ON_DEVICE if self._generators else AHEAD
        n = -(-(least - left.shape[1]) // block) * block
        self._buffer = torch.empty(len(self._words), left.shape[1] + n, dtype=torch.int16, device=self.device)
        self._position = 0
        old, new = self._buffer.tensor_split([left.shape[1]], dim=1)
        old.copy_(left)
        for row, generator in zip(new, self._generators, strict=False):
            for part in row.split(block):
                part.random_(-(2 ** (BITS - 1)), 2 ** (BITS - 1), generator=generator)
        if not self._generators:
            for row, words in zip(new.numpy(), self._words, strict=True):
                row[:] = words.random_raw(n // WORD).view(np.int16)


def rounded_up(n: int) -> int:
    """The next multiple of WORD.

    >>> rounded_up(5), rounded_up(8)
    (8, 8)
    """
    return -(-n // WORD) * WORD


class DropoutMode(TorchFunctionMode):
    """While active, calls of dropout, of units or whole channels, go through `drop`; all else passes by.

    Noise that is drawn elsewhere (alpha dropout, random ReLU, inside attention or an LSTM) comes from torch's own
    generator; `members.py` sees to it that each network has it for itself.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in UNITS or func in CHANNELS:
            return self._dropout(func in CHANNELS, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(
        self,
        channels: bool,
        inputs: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
        *,
        train: bool | None = None,  # what torch.dropout calls `training`
    ) -> Tensor:
        if not (training if train is None else train) or p == 0:
            return inputs
        shape = (*inputs.shape[:2], *[1] * (inputs.ndim - 2)) if channels else tuple(inputs.shape)
        outputs = inputs * 0 if p == 1 else self.drop(inputs, p, shape)
        return inputs.copy_(outputs) if inplace else outputs

    def drop(self, inputs: Tensor, p: float, shape: tuple[int, ...]) -> Tensor:
        """Inputs after dropout with a mask of `shape`."""
        raise NotImplementedError


class DropoutFrom(DropoutMode):
    """Dropout of one network with noise from `take`. The streams of CPU and CUDA differ."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.take = take

    def drop(self, inputs: Tensor, p: float, shape: tuple[int, ...]) -> Tensor:
        """Inputs times a mask of `shape`."""
        return masked(inputs, p, self.take(math.prod(shape)).view(shape))


def masked(inputs: Tensor, p: float, noise: Tensor) -> Tensor:
    """Inputs times a mask that is 0 where `noise` says so, with probability `p`, else the scale that keeps the mean.

    # NOTE[DIFF]: the probability is rounded to a multiple of 2^-16, neither 0 nor 1, and the scale is that of
    # the rounded one, so the expectation is exact but for the rounding of the inputs' own type.
    """
    dropped = min(max(round(p * 2**BITS), 1), 2**BITS - 1)
    first_kept = dropped - 2 ** (BITS - 1)
    keep = noise.clamp(first_kept - 1, first_kept).sub_(first_kept - 1)  # 0 or 1, sooner than by comparing
    scaled: Tensor = inputs * keep.to(inputs.dtype).mul_(2**BITS / (2**BITS - dropped))
    return scaled


class CountDropout(DropoutMode):
    """Dropout that does nothing but count, in `n`, the numbers that it would take."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def drop(self, inputs: Tensor, p: float, shape: tuple[int, ...]) -> Tensor:  # noqa: ARG002
        """The inputs unchanged."""
        self.n += rounded_up(math.prod(shape))
        return inputs
