"""Many copies of one network trained as one program.

Shapes: E members, B batch, C classes.

Cross-validation of a small network is bound by overhead, not by arithmetic: a step of one network costs
about as much as a step of fifty side by side. `Members` is an `nn.Module` like any other; only its
inputs (E, B, ...), outputs (E, B, C) and losses (E,) carry a leading member axis, so the loop in
`training.py` trains one network or a hundred and does not know.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from pipelines.dropout import CountDropout, DropoutFrom, NoiseStream, Take, rounded_up

State = dict[str, Tensor]


class StackedMembers(nn.Module):
    """E copies of one network with stacked weights; one `vmap` computes all of them.

    Raises: RuntimeError at the first call if vmap has no rule for something in the network.
    Source: the model ensembling tutorial of torch.func.
    """

    def __init__(self, models: Sequence[nn.Module], seeds: Sequence[int]) -> None:
        super().__init__()
        parameters, buffers = stack_module_state(list(models))
        self.weights = nn.ParameterDict(
            {_key(name): nn.Parameter(w.detach(), w.requires_grad) for name, w in parameters.items()}
        )
        for name, buffer in buffers.items():
            self.register_buffer(_key(name), buffer)  # all of them persistent, so that the best are kept
        self._names = list(parameters), list(buffers)
        self._base = (copy.deepcopy(models[0]),)  # in a tuple, so that its weights do not count as ours
        device = next(iter(parameters.values())).device
        self._noise = [NoiseStream(seed, device) for seed in seeds]
        self._noise_needed: dict[tuple[int, ...], int] = {}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (E, B, C) of inputs (E, B, ...)."""
        parameters = {name: self.weights[_key(name)] for name in self._names[0]}
        buffers = {name: self.get_buffer(_key(name)) for name in self._names[1]}
        noise = self._draw(parameters, buffers, inputs)

        def one(parameters: State, buffers: State, noise: Tensor, *inputs: Tensor) -> Tensor:
            with DropoutFrom(_reader(noise)):
                outputs: Tensor = functional_call(self._base[0], (parameters, buffers), inputs)
            return outputs

        outputs: Tensor = vmap(one, randomness="different")(parameters, buffers, noise, *inputs)
        return outputs

    def _draw(self, parameters: State, buffers: State, inputs: tuple[Tensor, ...]) -> Tensor:
        """Noise of all members for one step, (E, numbers); how many it takes is found out once a shape."""
        if not self.training:
            return torch.empty(len(self._noise), 0, device=inputs[0].device)
        shape = tuple(inputs[0].shape)
        if shape not in self._noise_needed:
            state = [{name: tensor[0].clone() for name, tensor in part.items()} for part in (parameters, buffers)]
            with torch.no_grad(), CountDropout() as counted:
                functional_call(self._base[0], tuple(state), tuple(tensor[0] for tensor in inputs))
            self._noise_needed[shape] = counted.n
        n = self._noise_needed[shape]
        return torch.stack([stream.take(n) for stream in self._noise]) if n else torch.empty(len(self._noise), 0)

    def train(self, mode: bool = True) -> Self:
        """Switch dropout and batch statistics of all members on or off."""
        self._base[0].train(mode)
        return super().train(mode)

    def keep_members(self, best: State, improved: Tensor) -> None:
        """Copy the state of the members that `improved` (E,) marks into `best`."""
        for name, tensor in self.state_dict().items():
            best[name][improved] = tensor[improved]

    def write_to(self, models: Sequence[nn.Module]) -> None:
        """Give E plain networks the members' weights and buffers."""
        state = self.state_dict()
        with torch.no_grad():
            for i, model in enumerate(models):
                for name, weight in model.named_parameters():
                    weight.copy_(state["weights." + _key(name)][i])
                for name, buffer in model.named_buffers():
                    buffer.copy_(self.get_buffer(_key(name))[i])


class SeparateMembers(nn.Module):
    """E networks that compute one after another behind the same interface.

    For a single network, and for networks that vmap has no rule for (an RNN).
    """

    def __init__(self, models: Sequence[nn.Module], seeds: Sequence[int]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        device = next(models[0].parameters()).device
        self._noise = [NoiseStream(seed, device) for seed in seeds]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (E, B, C) of inputs (E, B, ...)."""
        return torch.stack(list(self._outputs(inputs)))

    def _outputs(self, inputs: tuple[Tensor, ...]) -> Iterator[Tensor]:
        for i, (model, noise) in enumerate(zip(self.models, self._noise, strict=True)):
            with DropoutFrom(noise.take):
                yield model(*(tensor[i] for tensor in inputs))

    def keep_members(self, best: State, improved: Tensor) -> None:
        """Copy the state of the members that `improved` (E,) marks into `best`."""
        for name, tensor in self.state_dict().items():
            if improved[int(name.split(".")[1])]:
                best[name].copy_(tensor)

    def write_to(self, models: Sequence[nn.Module]) -> None:
        """Give E plain networks the members' weights and buffers."""
        assert all(model is trained for model, trained in zip(models, self.models, strict=True))


Members = StackedMembers | SeparateMembers


def make_members(models: Sequence[nn.Module], seeds: Sequence[int], example: tuple[Tensor, ...]) -> Members:
    """Members of these networks: stacked where vmap has the rules, which `example` inputs (B, ...) try out."""
    if len(models) == 1:
        return SeparateMembers(models, seeds)
    stacked = StackedMembers(models, [0] * len(models))
    try:
        with torch.no_grad():
            stacked(*(torch.stack([tensor] * len(models)) for tensor in example))
    except RuntimeError:
        return SeparateMembers(models, seeds)
    return StackedMembers(models, seeds)


class MemberCrossEntropy(nn.Module):
    """Cross entropy of outputs (E, B, C) and targets (E, B), or (E, B, C) for weighted rows: losses (E,)."""

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Mean over the batch, for each member on its own."""
        loss = F.cross_entropy(outputs.flatten(0, 1), target.flatten(0, 1), reduction="none")
        return loss.view(len(outputs), -1).mean(dim=1)


def _key(name: str) -> str:
    """Names of parameters as a ParameterDict takes them: without dots."""
    return name.replace(".", "/")


def _reader(noise: Tensor) -> Take:
    """Hand out `noise` (numbers,) piece by piece, each piece on a whole word."""
    position = 0

    def take(n: int) -> Tensor:
        nonlocal position
        piece = noise[position : position + n]
        position += rounded_up(n)
        return piece

    return take
