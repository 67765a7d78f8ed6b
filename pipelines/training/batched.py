"""What the layers of a network mean when every tensor carries E members: one call for all of them.

Shapes: E members, B batch, F features.

`vmap` can do this for nearly every operation, and pays for being general with copies and small kernels.
Networks of plain layers need a dozen operations only, and these have batched kernels of their own. While
`BatchedLayers` is active, an unchanged `nn.Module` with stacked weights takes (E, B, F) where it took
(B, F). The list is closed: whatever is not on it raises `NoRuleError`, and `members.py` goes back to vmap.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.training.noise import UNITS, DropoutMode, Take, masked

ELEMENTWISE = {
    F.relu, torch.relu, torch.tanh, torch.sigmoid, F.silu, F.gelu, F.leaky_relu, F.elu, F.softplus, F.hardswish, F.mish,
}  # fmt: skip


class NoRuleError(RuntimeError):
    """The network uses an operation that is not on the list."""


class BatchedLayers(DropoutMode):
    """While active, the operations on the list compute all members at once; others raise NoRuleError.

    Dropout's noise comes from `take`: so many numbers for each member, (E, n).
    """

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.take = take

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in ELEMENTWISE:
            return func(*args, **kwargs)
        if func in UNITS:
            return self._dropout(False, *args, **kwargs)
        if func in RULES:
            try:
                return RULES[func](*args, **kwargs)
            except TypeError as error:  # an argument that the rule does not know
                raise NoRuleError(f"no rule for this call: {error}") from error
        raise NoRuleError(f"no rule for {getattr(func, '__name__', func)}")

    def drop(self, inputs: Tensor, p: float, shape: tuple[int, ...]) -> Tensor:
        """Each member's numbers in the order in which the member alone would use them."""
        return masked(inputs, p, self.take(math.prod(shape[1:])).view(shape))


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(E, B, in) times weights (E, out, in): (E, B, out)."""
    _only(inputs.ndim == 3, "linear layers on inputs that are not (B, F)")
    if bias is None:
        return torch.bmm(inputs, weight.mT)
    return torch.baddbmm(bias.unsqueeze(1), inputs, weight.mT)


def batch_norm(
    inputs: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """The features of all members side by side, (B, E x F), are the features of one wide layer."""
    _only(inputs.ndim == 3, "batch norm of channels")
    E, B, n_features = inputs.shape
    wide = inputs.transpose(0, 1).reshape(B, E * n_features)
    mean, var, weight, bias = (None if t is None else t.view(-1) for t in (running_mean, running_var, weight, bias))
    outputs = F.batch_norm(wide, mean, var, weight, bias, training, momentum, eps)
    return outputs.view(B, E, n_features).transpose(0, 1)


def layer_norm(
    inputs: Tensor,
    normalized_shape: list[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Rows are normalised alone; scale and shift are each member's own."""
    _only(inputs.ndim == 3 and len(normalized_shape) == 1, "layer norm over more than one axis")
    outputs = F.layer_norm(inputs, normalized_shape, None, None, eps)
    if weight is not None:
        outputs = outputs * weight.unsqueeze(1)
    return outputs if bias is None else outputs + bias.unsqueeze(1)


def residual(inputs: Tensor, branch: Tensor, *, alpha: float = 1) -> Tensor:
    """The sum of two activations."""
    same = isinstance(branch, Tensor) and inputs.shape == branch.shape and inputs.ndim == 3
    _only(same and alpha == 1, "sums of different shapes")
    return inputs + branch


def count(counter: Tensor, step: int) -> Tensor:
    """Batch norm counts its batches, in place."""
    _only(isinstance(step, int), "adding in place")
    return counter.add_(step)


def ndim(tensor: Tensor) -> int:
    """The axes that the network knows of; the members' is not one."""
    return tensor.dim() - 1


def _only(known: bool, otherwise: str) -> None:
    if not known:
        raise NoRuleError(f"no rule for {otherwise}")


RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    F.linear: linear,
    F.batch_norm: batch_norm,
    F.layer_norm: layer_norm,
    Tensor.add: residual,
    torch.add: residual,
    Tensor.add_: count,
    Tensor.dim: ndim,
}
