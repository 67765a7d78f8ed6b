"""E copies of one network trained as one program: each layer is exchanged for a layer of E.

Shapes: E networks, B batch, F features, C outputs of a row.

Cross-validation of a small network is bound by overhead, not by arithmetic: a step of one network costs about as much
as a step of fifty side by side. A stack is an `nn.Module` like any other; its inputs (E, B, F), outputs (E, B, C) and
losses (E,) carry a leading axis, of which the loop knows nothing. Source of the idea: `tabm`, whose layers of many put
that axis second.
"""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipelines.errors import memory_is_full
from pipelines.models.contract import write
from pipelines.training.noise import NoiseStreams, OwnDropout

if TYPE_CHECKING:
    from pipelines.training.fit import Group, Job

ROWS_LOOKED_AT = 32  # on which a stack has to say what its networks say


class CannotStackError(Exception):
    """The networks have to be trained one after another; the text says why."""


def stacked(models: Sequence[nn.Module], seeds: Sequence[int], example: Tensor) -> nn.Module:
    """One network that computes E: inputs (E, B, F), outputs (E, B, C); noise of each from its seed.

    Copies are looked at first: with weights dealt at random (some networks begin with a constant answer) and on rows of
    its own, made from `example` (B, F), each has to say in the stack what it says alone, in training and in evaluation.
    Whatever a forward does with the leading axis shows there.

    Raises: CannotStackError with the reason; RuntimeError or MemoryError where memory is full.
    """
    few = example[:ROWS_LOOKED_AT]
    others = [few.roll(i, 0) for i in range(len(models))]
    rows = torch.stack([each * (1 + i / 10) if few.is_floating_point() else each for i, each in enumerate(others)])
    copies = [_with_random_weights(copy.deepcopy(model), seed) for model, seed in zip(models, seeds, strict=True)]
    for training in (True, False):
        try:
            probe = exchanged(copies, NoiseStreams(seeds, example.device))
            together, apart = _looked_at(probe.train(training), copies, seeds, rows)
        except CannotStackError:
            raise
        except Exception as error:  # whatever forward may raise that the network alone did not
            if memory_is_full(error):
                raise
            what = (str(error).splitlines() or [type(error).__name__])[0]
            raise CannotStackError(f"a layer does not take the rows of many: {what}") from None
        if together.shape != apart.shape or not torch.allclose(together, apart, 1e-3, 1e-4, equal_nan=True):
            when = "training" if training else "evaluation"
            raise CannotStackError(f"in {when} its forward does not keep the networks of a stack apart")
    return exchanged(models, NoiseStreams(seeds, example.device))


def _looked_at(
    probe: nn.Module, models: Sequence[nn.Module], seeds: Sequence[int], rows: Tensor
) -> tuple[Tensor, Tensor]:
    """What the stack says of `rows` (E, B, F), and what copies of its networks say alone."""
    outputs = []
    with torch.no_grad():
        together = probe(rows.clone())
        for model, seed, few in zip(models, seeds, rows, strict=True):
            alone = copy.deepcopy(model)
            give_noise(alone, seed)
            outputs.append(alone.train(probe.training)(few.clone()))
    return together, torch.stack(outputs)


def _with_random_weights(model: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / max(1, weight.shape[-1:].numel()) ** 0.5)
    return model


def give_noise(model: nn.Module, seed: int) -> Callable[[], None]:
    """Exchange a network's dropout for one with noise from `seed`, as in a stack; returns what takes it back."""
    streams = NoiseStreams([seed], next(model.parameters()).device)
    places = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent._modules.items()  # noqa: SLF001 named_children leaves out a child with two names
        if type(child) is nn.Dropout
    ]
    new = {id(child): OwnDropout(child.p, child.inplace, streams, stacked=False) for _, _, child in places}
    for parent, name, child in places:
        parent.add_module(name, new[id(child)])

    def take_back() -> None:
        for parent, name, child in places:
            parent.add_module(name, child)

    return take_back


def exchanged(models: Sequence[nn.Module], streams: NoiseStreams) -> nn.Module:
    """A network like these, its layers exchanged for layers of many.

    Raises: CannotStackError for a layer with weights that has no layer of many.
    """
    done: dict[int, nn.Module] = {}
    _refuse_sharing(models[0])

    def exchange(modules: Sequence[nn.Module]) -> nn.Module:
        """The module that does for all of them what each does for its own network."""
        first = modules[0]
        if id(first) not in done:
            if type(first) is nn.Dropout:
                new: nn.Module = _dropout_of_many(modules, streams)
            elif type(first) in LAYERS or _own_tensors(first):
                new = layer_of_many(modules)
            else:
                new = copy.copy(first)  # the same weights, buffers and attributes
                children = first._modules  # noqa: SLF001 named_children leaves out a child with two names
                new._modules = {  # noqa: SLF001
                    name: None if child is None else exchange([module.get_submodule(name) for module in modules])
                    for name, child in children.items()
                }
            done[id(first)] = new
        return done[id(first)]

    return exchange(models).train()


def _dropout_of_many(layers: Sequence[Any], streams: NoiseStreams) -> OwnDropout:
    """Dropout of E networks, which may have probabilities of their own: one of 0 draws no noise where others do."""
    several = [float(layer.p) for layer in layers]
    if len(set(several)) > 1 and not all(0 < p < 1 for p in several):
        raise CannotStackError("a dropout of 0 or 1 stands beside others")
    return OwnDropout(several, bool(layers[0].inplace), streams, stacked=True)


def _refuse_sharing(model: nn.Module) -> None:
    """Two layers that share a weight or a buffer would part ways in a stack."""
    seen: set[int] = set()
    for module in model.modules():
        own = {id(tensor) for tensor in _own_tensors(module)}
        if own & seen:
            raise CannotStackError("two of its layers share a weight or a buffer")
        seen |= own


def _own_tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def unstack(network: nn.Module, models: Sequence[nn.Module]) -> None:
    """Give E plain networks their weights and buffers out of the stack."""
    with torch.no_grad():
        for name, weight in network.named_parameters(remove_duplicate=False):
            for model, own in zip(models, weight, strict=True):
                write(model.get_parameter(name), own)
        for name, buffer in network.named_buffers(remove_duplicate=False):
            for model, own in zip(models, buffer, strict=True):
                write(model.get_buffer(name), own)


def layer_of_many(layers: Sequence[nn.Module]) -> nn.Module:
    """The layer that computes all of `layers`.

    Raises: CannotStackError if there is none.
    """
    first = layers[0]
    kind = LAYERS.get(type(first))
    if kind is None:
        raise CannotStackError(f"there is no layer of many for {type(first).__name__}")
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(getattr(holder, name, None) for holder in (first, *first.parameters()) for name in hooks):
        raise CannotStackError(f"a hook hangs on {type(first).__name__}")
    return kind(layers)


class LayerOfMany(nn.Module):
    """E layers of one kind; every weight and buffer has a leading axis E."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        for name, own in layers[0].named_parameters(recurse=False):
            together = torch.stack([layer.get_parameter(name).detach() for layer in layers])
            # Matrices (E, out, in) are stored as inputs^T x gradient gives them: no copy in each step.
            together = together.mT.contiguous().mT if together.ndim == 3 else together
            self.register_parameter(name, nn.Parameter(together, own.requires_grad))
        for name, _ in layers[0].named_buffers(recurse=False):
            self.register_buffer(name, torch.stack([layer.get_buffer(name) for layer in layers]))

    def tensor(self, name: str) -> Tensor | None:
        """The weight or buffer of that name, (E, ...); None where the layers have none."""
        found: Tensor | None = getattr(self, name, None)
        return found


class LinearOfMany(LayerOfMany):
    """Inputs (E, B, in) to (E, B, out)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """One batched product."""
        weight, bias = self.get_parameter("weight").mT, self.tensor("bias")
        return torch.bmm(inputs, weight) if bias is None else torch.baddbmm(bias.unsqueeze(1), inputs, weight)


class BatchNormOfMany(LayerOfMany):
    """Inputs (E, B, F) to the same: the features of all networks side by side are those of one wide layer."""

    def __init__(self, layers: Sequence[nn.BatchNorm1d]) -> None:
        super().__init__(layers)
        if layers[0].momentum is None:
            raise CannotStackError("batch norm without momentum has to know how many batches came before")
        self.eps, self.momentum = layers[0].eps, float(layers[0].momentum)

    def forward(self, inputs: Tensor) -> Tensor:
        """Each feature less its mean, over its deviation."""
        E, B, n_features = inputs.shape
        wide = inputs.transpose(0, 1).reshape(B, E * n_features)
        found = (self.tensor(name) for name in ("running_mean", "running_var", "weight", "bias"))
        mean, var, weight, bias = (tensor if tensor is None else tensor.view(-1) for tensor in found)
        counter = self.tensor("num_batches_tracked")
        if self.training and counter is not None:
            counter.add_(1)
        outputs = F.batch_norm(wide, mean, var, weight, bias, self.training or mean is None, self.momentum, self.eps)
        return outputs.view(B, E, n_features).transpose(0, 1)


class LayerNormOfMany(LayerOfMany):
    """Inputs (E, B, F) to the same: rows are normalised alone; scale and shift are each network's own."""

    def __init__(self, layers: Sequence[nn.LayerNorm]) -> None:
        super().__init__(layers)
        self.shape, self.eps = list(layers[0].normalized_shape), layers[0].eps
        if len(self.shape) != 1:
            raise CannotStackError("there is no layer of many for layer norm over several axes")

    def forward(self, inputs: Tensor) -> Tensor:
        """Each row less its mean, over its deviation."""
        outputs, weight, bias = (
            F.layer_norm(inputs, self.shape, eps=self.eps),
            self.tensor("weight"),
            self.tensor("bias"),
        )
        outputs = outputs if weight is None else outputs * weight.unsqueeze(1)
        return outputs if bias is None else outputs + bias.unsqueeze(1)


def network_of(group: "Group", job: "Job") -> Callable[[int, int], nn.Module]:
    """What makes a job's network: that of its own variant, if it has one."""
    own = group.variants.get(job.variant)
    return (own and own.make_model) or group.make_model


def optimizer_of(weights: Sequence[nn.Parameter], group: "Group", jobs: Sequence["Job"]) -> torch.optim.Optimizer:
    """AdamW with the learning rate and weight decay of each job's own recipe, one for all where they are equal."""
    recipes = [group.variants[job.variant].recipe if job.variant in group.variants else group.recipe for job in jobs]
    rates, decays = [each.lr for each in recipes], [each.weight_decay for each in recipes]
    if len({*zip(rates, decays, strict=True)}) > 1:
        return AdamWOfMany(weights, rates, decays)
    return torch.optim.AdamW(weights, lr=rates[0], weight_decay=decays[0], fused=True)


class AdamWOfMany(torch.optim.Optimizer):
    """AdamW over weights (E, ...) of a stack, with a learning rate and a weight decay for each network.

    `lr` of its parameter group, which schedules change, is a factor on all rates. Arithmetic and defaults are those of
    torch's AdamW. Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization".
    """

    def __init__(self, weights: Sequence[nn.Parameter], rates: Sequence[float], decays: Sequence[float]) -> None:
        super().__init__(weights, {"lr": 1.0, "betas": (0.9, 0.999), "eps": 1e-8})
        self.rates, self.decays = (torch.tensor(each, device=weights[0].device) for each in (rates, decays))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002 the loop has none
        """One update of all networks."""
        for group in self.param_groups:
            (beta1, beta2), rates = group["betas"], group["lr"] * self.rates
            shrink = 1 - rates * self.decays
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state |= {"step": 0, "mean": torch.zeros_like(weight), "square": torch.zeros_like(weight)}
                state["step"] += 1
                state["mean"].lerp_(weight.grad, 1 - beta1)
                state["square"].mul_(beta2).addcmul_(weight.grad, weight.grad, value=1 - beta2)
                spread = state["square"].sqrt().div_((1 - beta2 ** state["step"]) ** 0.5).add_(group["eps"])
                each = (-1, *[1] * (weight.ndim - 1))
                weight.mul_(shrink.view(each))
                weight.addcmul_(state["mean"] / spread, rates.view(each), value=-1 / (1 - beta1 ** state["step"]))


LAYERS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    nn.Linear: LinearOfMany, nn.BatchNorm1d: BatchNormOfMany, nn.LayerNorm: LayerNormOfMany,
}  # fmt: skip
