"""What a network's forward changes beside weights and buffers: attributes of Python's.

Numbers, texts and tensors are kept. Of everything else it is told whether it has changed, by what pickle says of it;
what cannot be pickled is taken to stay as it is.
"""

import hashlib
import io
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pipelines.training.noise import OwnDropout, OwnGenerator

USUAL = frozenset(vars(nn.Module()))  # of every module: its tensors, hooks, mode
Plain = bool | int | float | str | None


class Attributes:
    """The attributes of a network as they are when this is made, to be compared with those of later."""

    def __init__(self, model: nn.Module) -> None:
        self._before = {name: _signature(value) for name, value in _attributes(model)}

    def changed(self, model: nn.Module) -> dict[str, Any]:
        """Attributes that are others now, by name."""
        return {name: value for name, value in _attributes(model) if _signature(value) != self._before.get(name, "")}

    def hidden(self, model: nn.Module) -> str | None:
        """In words, what has changed and cannot be kept; None if nothing has."""
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if tensor.layout is not torch.strided:
                return f"{name!r} is a sparse tensor"
        for name, value in self.changed(model).items():
            if not isinstance(value, Plain) and not (isinstance(value, Tensor) and value.layout is torch.strided):
                return f"its forward changes {name!r}, {type(value).__name__}"
        return None


def set_attributes(model: nn.Module, changed: Mapping[str, Any]) -> None:
    """Give a network attributes by name; tensors go to where it lies."""
    device = next(model.parameters()).device
    for name, value in changed.items():
        path, _, own = name.rpartition(".")
        setattr(model.get_submodule(path), own, value.to(device) if isinstance(value, Tensor) else value)


def _attributes(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, module in model.named_modules():
        if not isinstance(module, OwnDropout | OwnGenerator):  # whose chance is kept as such
            for name, value in vars(module).items():
                if name not in USUAL:
                    yield f"{path}.{name}" if path else name, value


def _signature(value: Any) -> str:
    """Equal for equal values, as far as can be told."""
    if isinstance(value, Plain):
        return repr(value)
    data = io.BytesIO()
    try:
        _Shallow(data).dump(value)
    except Exception:  # whatever a stranger's object may raise
        return type(value).__name__
    return hashlib.sha256(data.getbuffer()).hexdigest()


class _Shallow(pickle.Pickler):
    """Leaves out modules and weights, which are kept as such; a tensor is its numbers, not its place."""

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, nn.Module | nn.Parameter):
            return "kept as such"
        if isinstance(obj, Tensor):
            numbers = obj.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            return str(obj.dtype), tuple(obj.shape), hashlib.sha256(numbers.data).hexdigest()
        return None
