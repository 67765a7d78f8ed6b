"""Dropout noise of each member's own, however many members train together.

Shapes: E members, B batch.

`nn.Dropout` draws from torch's global generator, so what a network gets depends on who drew before it.
Here each member has a stream of its own; a network trained alone and the same network in a stack of a
hundred see the same noise. It is also cheaper: 16 random bits per unit in place of a float.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

BITS = 16
WORD = 4  # 16-bit numbers in the 64 bits that a generator gives at a time
Take = Callable[[int], Tensor]  # so many random int16, shape (n,)
UNITS = (F.dropout, torch.dropout)
CHANNELS = (F.dropout1d, F.dropout2d, F.dropout3d)


class NoiseStream:
    """Endless random int16 from one seed, made where they are needed."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self._words = np.random.SFC64(seed)
        self._generator = torch.Generator(device).manual_seed(seed) if device.type != "cpu" else None

    def take(self, n: int) -> Tensor:
        """The next `n` numbers, rounded up to whole words; shape (rounded_up(n),)."""
        n = rounded_up(n)
        if self._generator is None:
            return torch.from_numpy(self._words.random_raw(n // WORD).view(np.int16))
        noise = torch.empty(n, dtype=torch.int16, device=self.device)
        return noise.random_(-(2 ** (BITS - 1)), 2 ** (BITS - 1), generator=self._generator)


def rounded_up(n: int) -> int:
    """The next multiple of WORD.

    >>> rounded_up(5), rounded_up(8)
    (8, 8)
    """
    return -(-n // WORD) * WORD


class DropoutMode(TorchFunctionMode):
    """While active, dropout of units and of whole channels goes through `drop`; all else passes by.

    Other random layers (alpha dropout, random ReLU) still draw from torch's own generator.
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
        inplace: bool = False,  # noqa: ARG002 part of the signature that is replaced
        *,
        train: bool | None = None,  # what torch.dropout calls `training`
    ) -> Tensor:
        if not (training if train is None else train) or p == 0:
            return inputs
        if p == 1:
            return inputs * 0
        shape = (*inputs.shape[:2], *[1] * (inputs.ndim - 2)) if channels else tuple(inputs.shape)
        return self.drop(inputs, p, shape)

    def drop(self, inputs: Tensor, p: float, shape: tuple[int, ...]) -> Tensor:
        """Inputs after dropout with a mask of `shape`."""
        raise NotImplementedError


class DropoutFrom(DropoutMode):
    """Dropout with noise from `take`.

    # NOTE[DIFF]: the probability is rounded to a multiple of 2^-16, and the scale is that of the
    # rounded one, so the expectation is exact. The streams of CPU and CUDA differ.
    """

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.take = take

    def drop(self, inputs: Tensor, p: float, shape: tuple[int, ...]) -> Tensor:
        """Inputs times a mask that is 0 with probability `p`, else the scale that keeps the mean."""
        dropped = min(round(p * 2**BITS), 2**BITS - 1)
        n = math.prod(shape)
        keep: Tensor = (self.take(n)[:n].view(shape) >= dropped - 2 ** (BITS - 1)).to(inputs.dtype)
        scaled: Tensor = inputs * keep.mul_(2**BITS / (2**BITS - dropped))
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
