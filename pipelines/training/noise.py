"""Chance of each network's own: its first weights, its dropout, whatever else it draws.

Shapes: E networks that train as one, B batch, n numbers.

`nn.Dropout` draws from torch's global generator, so what a network gets depends on who drew before it. Here each
network has a stream of its own; trained alone or in a stack of a hundred it sees the same noise. It is also cheaper:
16 random bits per unit in place of a float.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pipelines.errors import ModelError
from pipelines.models.contract import outputs_of
from pipelines.models.manners import failures_told, tensors_there

M = TypeVar("M", bound=nn.Module)
BITS = 16
WORD = 4  # 16-bit numbers in the 64 bits that a generator gives at a time
AHEAD = 1 << 15  # numbers made at a time for each network: fewer calls, and 64 KB
AHEAD_ON_DEVICE = 1 << 20  # the same where each call starts a kernel: 2 MB
ONE_GENERATOR = threading.Lock()  # torch has one for all threads: held by whoever sets or draws from it


def seeded(make_model: Callable[[], M], seed: int) -> M:
    """A new network, made on the CPU from `seed`; torch's generator is left as it was, on all devices."""
    with ONE_GENERATOR:
        before = torch.get_rng_state()
        torch.default_generator.manual_seed(seed)
        try:
            return make_model()
        finally:
            torch.set_rng_state(before)


def new_network(make_model: Callable[[int, int], nn.Module], example: Tensor, n_outputs: int, seed: int) -> nn.Module:
    """A new network for rows like the `example` (B, D), from `seed`: in float32, and lazy layers have seen the example.

    Raises: ModelError for what is no network, or cannot take such rows.
    """

    def make() -> nn.Module:
        """A network for such rows, looked at."""
        with failures_told():
            model = make_model(example.shape[1], n_outputs)
        if not isinstance(model, nn.Module):
            raise ModelError(
                f"make_model gives {type(model).__name__}, where a network is needed, an nn.Module",
                "let make_model return the network; a def without return gives None",
                "请让 make_model 返回网络；没有 return 的函数返回 None",
            )
        tensors = tensors_there(model)
        if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
            raise ModelError(
                "make_model gives a network of torch.jit, which cannot be looked into while it trains",
                "let make_model return the plain network, without torch.jit.script and torch.jit.trace; what was "
                "trained can be compiled afterwards",
                "请让 make_model 返回普通网络，不用 torch.jit.script 或 torch.jit.trace；训练之后可再编译",
            )
        model.float()  # before lazy layers take their type
        if any(is_lazy(tensor) for tensor in tensors):
            with torch.no_grad():
                outputs_of(model.eval(), example.cpu() if example.dtype == torch.uint8 else example.cpu().float())
            model.train()
        return model.float()

    return seeded(make, seed)


class NoiseStreams:
    """Endless random int16 for E networks, each from a seed of its own, made where they are needed.

    The networks draw in step, so one position serves all; numbers are made for many steps at a time. Off the CPU a
    generator's numbers depend on how many are asked for at once, so it is always the same number.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.device = device
        self._words = [np.random.SFC64(seed) for seed in seeds]
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds if device.type != "cpu"]
        self._buffer = torch.empty(len(seeds), 0, dtype=torch.int16, device=device)
        self._position = 0

    def take(self, n: int) -> Tensor:
        """The next `n` numbers of each network, (E, n); the rest of the last word is thrown away."""
        if self._position + n > self._buffer.shape[1]:
            self._refill(n)
        taken = self._buffer[:, self._position : self._position + n]
        self._position += -(-n // WORD) * WORD
        return taken

    def state(self) -> dict[str, Tensor]:
        """What the next numbers depend on: the generators, and what was made ahead."""
        words = np.stack([words.state["state"]["state"] for words in self._words]).view(np.int64)
        generators = {str(i): generator.get_state() for i, generator in enumerate(self._generators)}
        return {"words": torch.from_numpy(words), "ahead": self._buffer[:, self._position :], **generators}

    def go_on(self, state: Mapping[str, Tensor]) -> None:
        """Give the numbers that follow such a state."""
        for words, own in zip(self._words, state["words"].numpy().view(np.uint64), strict=True):
            words.state = {**words.state, "state": {"state": own}}
        for i, generator in enumerate(self._generators):
            generator.set_state(state[str(i)])
        self._buffer, self._position = state["ahead"].to(self.device), 0

    def _refill(self, least: int) -> None:
        """A new buffer of at least so many numbers of each: what is left of the old one, then whole blocks."""
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


class OwnDropout(nn.Dropout):
    """`nn.Dropout` with noise from `streams`: inputs (B, ...) of one network, or (E, B, ...) of a stack.

    Networks of a stack may have a `p` each (E,), all of them above 0 and below 1.
    """

    def __init__(self, p: float | Sequence[float], inplace: bool, streams: NoiseStreams, *, stacked: bool) -> None:
        several = [] if isinstance(p, int | float) else list(p)
        super().__init__(max(several) if isinstance(p, Sequence) else p, inplace)
        self.streams, self.stacked = streams, stacked
        self.dropped = dropped_of(several, streams.device) if len(set(several)) > 1 else None

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs times the mask of this step; in evaluation the inputs."""
        if not self.training or self.p == 0:
            return inputs
        n = inputs[0].numel() if self.stacked else inputs.numel()
        if self.p == 1:
            outputs = inputs * 0
        else:
            noise = self.streams.take(n).view(inputs.shape)
            outputs = (
                masked(inputs, self.p, noise) if self.dropped is None else masked_each(inputs, self.dropped, noise)
            )
        return inputs.copy_(outputs) if self.inplace else outputs


def n_dropped(p: float) -> int:
    """How many of 2^16 numbers a network drops at."""
    # NOTE[DIFF]: the probability is rounded to a multiple of 2^-16, neither 0 nor 1, and the scale is that of the
    # rounded one, so the expectation is exact but for the rounding of the inputs' own type.
    return int(min(max(round(p * 2**BITS), 1), 2**BITS - 1))


def dropped_of(several: Sequence[float], device: torch.device) -> Tensor:
    """The same for each network of a stack, (E,)."""
    return torch.tensor([n_dropped(p) for p in several], device=device)


def masked_each(inputs: Tensor, dropped: Tensor, noise: Tensor) -> Tensor:
    """As `masked`, of inputs (E, B, ...) of networks that drop with probabilities of their own; `dropped` is (E,)."""
    dropped = dropped.view(-1, *[1] * (inputs.ndim - 1))
    first_kept = (dropped - 2 ** (BITS - 1)).to(torch.int16)
    keep = noise.clamp(first_kept - 1, first_kept).sub_(first_kept - 1)
    scale = (2**BITS / (2**BITS - dropped).double()).to(inputs.dtype)
    scaled: Tensor = inputs * keep.to(inputs.dtype).mul_(scale)
    return scaled


def masked(inputs: Tensor, p: float, noise: Tensor) -> Tensor:
    """Inputs times a mask that is 0 where `noise` says so, with probability `p`, else the scale that keeps the mean."""
    dropped = n_dropped(p)
    first_kept = dropped - 2 ** (BITS - 1)
    keep = noise.clamp(first_kept - 1, first_kept).sub_(first_kept - 1)  # 0 or 1, sooner than by comparing
    scaled: Tensor = inputs * keep.to(inputs.dtype).mul_(2**BITS / (2**BITS - dropped))
    return scaled


class OwnGenerator(nn.Module):
    """A network that draws from torch's own generator while it trains (in attention or an LSTM, channel dropout).

    It finds the generator as it left it, and nobody else draws meanwhile: side by side with others it is what it is
    alone.
    """

    def __init__(self, model: nn.Module, seed: int) -> None:
        super().__init__()
        self.model = model
        self._generator = generator_of(model)
        self._state = torch.Generator(self._generator.device).manual_seed(seed).get_state()

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the model says of `inputs`."""
        if not self.training:
            outputs: Tensor = self.model(*inputs)
            return outputs
        with ONE_GENERATOR:
            before = self._generator.get_state()
            self._generator.set_state(self._state)
            try:
                outputs = self.model(*inputs)
            finally:
                self._state = self._generator.get_state()
                self._generator.set_state(before)
        return outputs

    def state(self) -> dict[str, Tensor]:
        """What the next numbers depend on."""
        return {"state": self._state}

    def go_on(self, state: Mapping[str, Tensor]) -> None:
        """Draw the numbers that follow such a state."""
        self._state = state["state"]


def generator_of(model: nn.Module) -> torch.Generator:
    """Torch's own generator of the device that the model lies on; the CPU's where a device shows none."""
    device = next(model.parameters()).device
    if device.type == "cuda":
        torch.cuda.init()
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator


def draws(model: nn.Module, inputs: Tensor, *, training: bool = True) -> bool:
    """Whether a model in training (or not) draws from torch's own generator when it looks at `inputs`.

    The look moves the model's statistics and uses up its noise: hand over a copy.
    """
    generator = generator_of(model)
    with own_generator_kept(model), torch.no_grad():
        before = generator.get_state()
        model.train(training)(inputs.clone())
        return not torch.equal(before, generator.get_state())


@contextmanager
def own_generator_kept(model: nn.Module) -> Iterator[None]:
    """Nobody else draws from torch's own generator of the model's device, and in the end it is as it was."""
    generator = generator_of(model)
    with ONE_GENERATOR:
        before = generator.get_state()
        try:
            yield
        finally:
            generator.set_state(before)
