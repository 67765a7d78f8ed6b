"""Weights that networks ended their training with: whoever begins with them is no new network.

Of each weight that has changed a number is kept, made of a thousand of its values at most.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pipelines.models.contract import _shared

VALUES = 1024  # of a weight that are looked at, evenly over it
LEARNED: set[int] = set()  # of all weights that were trained in this process


def hashes(network: nn.Module) -> dict[str, int]:
    """A number for each weight; none for one of a single value, such as zeros, which many begin with."""
    found = {name: _values(weight) for name, weight in network.named_parameters() if weight.layout is torch.strided}
    return {
        name: hash((tuple(values.shape), values.numpy().tobytes()))
        for name, values in found.items()
        if len(values) and bool((values != values[0]).any())
    }


def refuse_learned(networks: Sequence[nn.Module]) -> list[dict[str, int]]:
    """The networks' weights as `hashes`.

    Raises: ModelError for a weight that another network has learned.
    """
    before = [hashes(network) for network in networks]
    for own in before:
        for name, number in own.items():
            if number in LEARNED:
                raise _shared(f"begin with what another network has learned ({name!r})")
    return before


def remember_learned(networks: Sequence[nn.Module], before: Sequence[Mapping[str, int]]) -> None:
    """Keep the numbers of weights that are not what they were `before`."""
    for network, begun in zip(networks, before, strict=True):
        LEARNED.update(number for name, number in hashes(network).items() if begun.get(name) != number)


def _values(weight: Tensor) -> Tensor:
    flat = weight.detach().flatten()
    return flat[:: max(1, len(flat) // VALUES)].cpu()
