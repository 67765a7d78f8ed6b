"""Many copies of one network trained as one program.

Shapes: E members, B batch, C classes.

Cross-validation of a small network is bound by overhead, not by arithmetic: a step of one network costs
about as much as a step of fifty side by side. `Members` is an `nn.Module` like any other; only its
inputs (E, B, ...), outputs (E, B, C) and losses (E,) carry a leading member axis, so the loop in
`training.py` trains one network or a hundred and does not know.
"""

import contextlib
import copy
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from pipelines.batched import BatchedLayers
from pipelines.dropout import CountDropout, DropoutFrom, NoiseStreams, Take, rounded_up

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
        for name, tensor in self.state_dict().items():
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
    """A network like these whose every weight and buffer has a leading axis E; tied weights stay tied.

    Matrices (E, out, in) are stored input by input, as inputs^T x gradient gives them: no copy in each step.
    """
    network = copy.deepcopy(models[0])
    made: dict[int, nn.Parameter] = {}  # by the identity of the weight that is replaced
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
        together = torch.stack([model.get_buffer(name) for model in models])
        network.get_submodule(path).register_buffer(leaf, together)  # in the state dict, so that the best are kept
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

    For a single network, and for networks that vmap has no rule for (an RNN).
    """

    def __init__(self, models: Sequence[nn.Module], seeds: Sequence[int]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        device = next(models[0].parameters()).device
        self._noise = [NoiseStreams([seed], device) for seed in seeds]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (E, B, C) of inputs (E, B, ...)."""
        return torch.stack(list(self._outputs(inputs)))

    def _outputs(self, inputs: tuple[Tensor, ...]) -> Iterator[Tensor]:
        for i, (model, noise) in enumerate(zip(self.models, self._noise, strict=True)):
            with DropoutFrom(noise.of_one):
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
    """Members of these networks: stacked where torch has the rules, which `example` inputs (B, ...) try out."""
    if len(models) == 1:
        return SeparateMembers(models, seeds)
    inputs = tuple(torch.stack([tensor] * len(models)) for tensor in example)
    for batched in (True, False):
        trial = StackedMembers(models, seeds, batched=batched)
        with contextlib.suppress(RuntimeError), torch.no_grad():
            trial(*inputs)
            trial.eval()(*inputs)  # a score may ask for what training does not
            return StackedMembers(models, seeds, batched=batched)  # its statistics have not seen the example
    return SeparateMembers(models, seeds)


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
