"""Many copies of one network trained as one program.

Shapes: E members, B batch, C classes.

Cross-validation of a small network is bound by overhead, not by arithmetic: a step of one network costs
about as much as a step of fifty side by side. `Members` is an `nn.Module` like any other; only its
inputs (E, B, ...), outputs (E, B, C) and losses (E,) carry a leading member axis, so the loop in
`training.py` trains one network or a hundred and does not know.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from pipelines.errors import memory_is_full
from pipelines.training.batched import BatchedLayers
from pipelines.training.loop import weights_and_buffers
from pipelines.training.noise import CountDropout, DropoutFrom, NoiseStreams, Take, rounded_up
from pipelines.training.side_by_side import ONE_GENERATOR

State = dict[str, Tensor]


class StackedMembers(nn.Module):
    """E copies of one network with stacked weights; one call computes all of them.

    Plain layers have batched kernels of their own (`batched.py`); with another layer in the network,
    or `batched=False`, one `vmap` over the network does it.

    Raises: RuntimeError at the first call if vmap has no rule for something in the network.
    Source: the model ensembling tutorial of torch.func.
    """

    def __init__(self, models: Sequence[nn.Module], seeds: Sequence[int], *, batched: bool = True) -> None:
        super().__init__()
        self.network = stacked(models)
        self._noise = NoiseStreams(seeds, next(self.network.parameters()).device)
        self._noise_needed: dict[tuple[int, ...], int] = {}
        self._batched = batched

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (E, B, C) of inputs (E, B, ...)."""
        outputs: Tensor
        if self._batched:
            with BatchedLayers(self._noise.take):
                outputs = self.network(*inputs)
            return outputs

        def one(parameters: State, buffers: State, noise: Tensor, *inputs: Tensor) -> Tensor:
            with DropoutFrom(_reader(noise)):
                return self._call((parameters, buffers), *inputs)

        parameters, buffers = _state(self.network)
        noise = self._draw(parameters, buffers, inputs)
        outputs = vmap(one, randomness="different")(parameters, buffers, noise, *inputs)
        return outputs

    def _call(self, state: tuple[State, State], *inputs: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self.network, state, inputs, tie_weights=False)
        return outputs

    def _draw(self, parameters: State, buffers: State, inputs: tuple[Tensor, ...]) -> Tensor:
        """Noise of all members for one step, (E, numbers); how many it takes is found out once a shape."""
        if not self.training:
            return self._noise.take(0)
        shape = tuple(inputs[0].shape)
        if shape not in self._noise_needed:
            state = [{name: tensor[0].clone() for name, tensor in part.items()} for part in (parameters, buffers)]
            with torch.no_grad(), CountDropout() as counted:
                self._call((state[0], state[1]), *(tensor[0] for tensor in inputs))
            self._noise_needed[shape] = counted.n
        return self._noise.take(self._noise_needed[shape])

    def keep_members(self, best: State, improved: Tensor) -> None:
        """Copy the state of the members that `improved` (E,) marks into `best`."""
        for name, tensor in weights_and_buffers(self).items():
            best[name][improved] = tensor[improved]

    def write_to(self, models: Sequence[nn.Module]) -> None:
        """Give E plain networks the members' weights and buffers."""
        parameters, buffers = _state(self.network)
        with torch.no_grad():
            for i, model in enumerate(models):
                for name, weight in parameters.items():
                    model.get_parameter(name).copy_(weight[i])
                for name, buffer in buffers.items():
                    model.get_buffer(name).copy_(buffer[i])


def stacked(models: Sequence[nn.Module]) -> nn.Module:
    """A network like these whose every weight and buffer has a leading axis E; what is tied stays tied.

    Matrices (E, out, in) are stored input by input, as inputs^T x gradient gives them: no copy in each step.
    """
    network = copy.deepcopy(models[0])
    made: dict[int, nn.Parameter] = {}  # by the identity of the weight that is replaced
    together_buffers: dict[int, Tensor] = {}
    parameters, buffers = _state(network)
    for name, weight in parameters.items():
        if id(weight) not in made:
            together = torch.stack([model.get_parameter(name).detach() for model in models])
            together = together.mT.contiguous().mT if together.ndim == 3 else together
            made[id(weight)] = nn.Parameter(together, weight.requires_grad)
        path, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(path), leaf, made[id(weight)])
    for name in buffers:
        path, _, leaf = name.rpartition(".")
        if id(buffers[name]) not in together_buffers:
            together_buffers[id(buffers[name])] = torch.stack([model.get_buffer(name) for model in models])
        together = together_buffers[id(buffers[name])]
        network.get_submodule(path).register_buffer(leaf, together)
    return network


def _state(network: nn.Module) -> tuple[State, State]:
    """Parameters and buffers of each module by one name, however many names the module has."""
    parameters: State = {}
    buffers: State = {}
    for path, module in network.named_modules():
        prefix = path + "." if path else ""
        parameters |= {prefix + leaf: weight for leaf, weight in module.named_parameters(recurse=False)}
        buffers |= {prefix + leaf: buffer for leaf, buffer in module.named_buffers(recurse=False)}
    return parameters, buffers


class SeparateMembers(nn.Module):
    """E networks that compute one after another behind the same interface.

    For a single network, and for networks that vmap has no rule for (an RNN). With `random` the networks draw
    from torch's own generator too (noise, the dropout inside attention or an LSTM): each finds it as it left it.
    """

    def __init__(self, models: Sequence[nn.Module], seeds: Sequence[int], *, random: bool = False) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        device = next(models[0].parameters()).device
        self._noise = [NoiseStreams([seed], device) for seed in seeds]
        self._generator = _generator_of(device)
        self._states = [torch.Generator(device).manual_seed(seed).get_state() for seed in seeds] if random else []

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (E, B, C) of inputs (E, B, ...)."""
        return torch.stack(list(self._outputs(inputs)))

    def _outputs(self, inputs: tuple[Tensor, ...]) -> Iterator[Tensor]:
        for i, (model, noise) in enumerate(zip(self.models, self._noise, strict=True)):
            with DropoutFrom(noise.of_one), self._drawing_on(i):
                yield model(*(tensor[i] for tensor in inputs))

    @contextmanager
    def _drawing_on(self, i: int) -> Iterator[None]:
        """Torch's generator as member i left it, for as long as nobody else may use it."""
        if not self._states or not self.training:
            yield
            return
        with ONE_GENERATOR:
            before = self._generator.get_state()
            self._generator.set_state(self._states[i])
            try:
                yield
            finally:
                self._states[i] = self._generator.get_state()
                self._generator.set_state(before)

    def keep_members(self, best: State, improved: Tensor) -> None:
        """Copy the state of the members that `improved` (E,) marks into `best`."""
        for name, tensor in weights_and_buffers(self).items():
            if improved[int(name.split(".")[1])]:
                best[name].copy_(tensor)

    def write_to(self, models: Sequence[nn.Module]) -> None:
        """Give E plain networks the members' weights and buffers."""
        assert all(model is trained for model, trained in zip(models, self.models, strict=True))


Members = StackedMembers | SeparateMembers


def make_members(
    models: Sequence[nn.Module],
    seeds: Sequence[int],
    example: tuple[Tensor, ...],
    precision: AbstractContextManager[Any] | None = None,
) -> Members:
    """Members of these networks: stacked where torch has the rules.

    `example` inputs (B, ...), forward and backward in that `precision`, try it out, and a stack has to say in
    evaluation what the networks say alone: whatever differs between them and is neither weight nor buffer is not
    stacked. Networks that draw from torch's own generator do not share it.

    Raises: what `memory_is_full` knows, for a smaller stack is faster than one network after another.
    """
    random = _draws(models[0], example)
    if len(models) > 1 and not random and not any(_pads(module) for module in models[0].modules()):
        for batched in (True, False):
            try:
                _try(StackedMembers(models, seeds, batched=batched), example, precision or nullcontext())
                members = StackedMembers(models, seeds, batched=batched)  # one whose statistics saw no example
                if _says_what_they_say(members, models, example):
                    return members
            except Exception as error:  # a network alone says plainly what is wrong with it
                if memory_is_full(error):
                    raise
    return SeparateMembers(models, seeds, random=random)


def _try(members: StackedMembers, example: tuple[Tensor, ...], precision: AbstractContextManager[Any]) -> None:
    """Forward and backward, as the loop does them."""
    members.train()
    with precision:
        outputs = members(*_for_all(members, example))
    target = torch.zeros(outputs.shape[:2], dtype=torch.long, device=outputs.device)
    weights = [weight for weight in members.parameters() if weight.requires_grad]
    torch.autograd.grad(MemberCrossEntropy()(outputs.float(), target).sum(), weights, allow_unused=True)


def _says_what_they_say(members: StackedMembers, models: Sequence[nn.Module], example: tuple[Tensor, ...]) -> bool:
    try:
        with torch.no_grad():
            together = members.eval()(*_for_all(members, example))
            alone = torch.stack([model.eval()(*example) for model in models])
    finally:
        for module in (members, *models):
            module.train()
    return torch.allclose(together, alone, atol=1e-4, rtol=1e-3, equal_nan=True)


def _for_all(members: StackedMembers, example: tuple[Tensor, ...]) -> list[Tensor]:
    n_members = len(next(members.parameters()))
    return [tensor.expand(n_members, *tensor.shape) for tensor in example]


def _pads(module: nn.Module) -> bool:
    """Under vmap the gradient of an embedding's padding row is zeroed for the first member only (torch 2.13)."""
    return isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.padding_idx is not None


def _draws(model: nn.Module, example: tuple[Tensor, ...]) -> bool:
    """Whether a network draws from torch's own generator while it trains, dropout of ours left aside."""
    probe = copy.deepcopy(model).train()
    device = next(model.parameters()).device
    generator = _generator_of(device)
    with ONE_GENERATOR:
        before = generator.get_state()
        try:
            with torch.no_grad(), CountDropout():
                probe(*example)
        except (RuntimeError, ValueError) as error:
            if memory_is_full(error):
                raise
        finally:
            after = generator.get_state()
            generator.set_state(before)
    return not torch.equal(before, after)


def _generator_of(device: torch.device) -> torch.Generator:
    """Torch's own generator of that device; the CPU's where a device shows none."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator


class MemberCrossEntropy(nn.Module):
    """Cross entropy of outputs (E, B, C) and targets (E, B), or (E, B, C) for weighted rows: losses (E,).

    Outputs (E, B, K, C) are K answers to each row, as a batch ensemble gives them: the mean of their losses.
    """

    takes_logits = True

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Mean over the batch, for each member on its own."""
        answers = outputs.shape[2] if outputs.ndim == 4 else 1
        rows = target.flatten(0, 1).repeat_interleave(answers, dim=0) if answers > 1 else target.flatten(0, 1)
        loss = F.cross_entropy(outputs.flatten(0, -2), rows, reduction="none")
        return loss.view(len(outputs), -1).mean(dim=1)


def _reader(noise: Tensor) -> Take:
    """Hand out `noise` (numbers,) piece by piece, each piece on a whole word."""
    position = 0

    def take(n: int) -> Tensor:
        nonlocal position
        piece = noise[position : position + n]
        position += rounded_up(n)
        return piece

    return take
