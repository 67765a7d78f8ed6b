"""Dropout noise of each member's own, however many members train together.

Shapes: E members, B batch.

`nn.Dropout` draws from torch's global generator, so what a network gets depends on who drew before it.
Here each member has a stream of its own; a network trained alone and the same network in a stack of a
hundred see the same noise. It is also cheaper: 16 random bits per unit in place of a float.
"""

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


class DropoutFrom(TorchFunctionMode):
    """While active, `F.dropout` (and so `nn.Dropout`) takes its noise from `take`.

    # NOTE[DIFF]: the probability is rounded to a multiple of 2^-16, and the scale is that of the
    # rounded one, so the expectation is exact.
    """

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.take = take

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.dropout:
            return self._dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(self, inputs: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:  # noqa: ARG002
        if not training or p == 0:
            return inputs
        dropped = min(round(p * 2**BITS), 2**BITS - 1)
        noise = self.take(inputs.numel())[: inputs.numel()].view(inputs.shape)
        keep: Tensor = (noise >= dropped - 2 ** (BITS - 1)).to(inputs.dtype)
        scaled: Tensor = inputs * keep.mul_(2**BITS / (2**BITS - dropped))
        return scaled


class CountDropout(TorchFunctionMode):
    """While active, `F.dropout` returns its input and `n` counts the numbers that it would take."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.dropout:
            self.n += rounded_up(args[0].numel())
            return args[0]
        return func(*args, **(kwargs or {}))
