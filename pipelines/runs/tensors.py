"""Files of tensors that know their own hash: nothing in them can run, and nothing damaged is read.

The form is safetensors'; its metadata holds what the tensors are about, as JSON, and a hash of everything.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from pipelines.files import write_whole


class DamagedError(ValueError):
    """A file of tensors cannot be read, or is not as it was written; says which file and why."""


def save(path: Path, tensors: Mapping[str, Tensor | NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write tensors by name, and what they are about (anything that JSON holds), whole or not at all."""
    own = {name: _plain(tensor) for name, tensor in tensors.items()}
    text = json.dumps(about, sort_keys=True)
    write_whole(path, to_bytes(own, {"about": text, "sha256": _hash(own, text)}))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, on the CPU, and what they are about.

    Raises: DamagedError for a file that is cut short, changed, or no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dictionary
        text = metadata["about"]
        if metadata["sha256"] != _hash(tensors, text):
            raise DamagedError(f"{path.name} is damaged: its bytes are not those that were written")
        return tensors, dict(json.loads(text))
    except FileNotFoundError:
        raise DamagedError(f"there is no {path.name}") from None
    except (SafetensorError, KeyError, OSError, UnicodeDecodeError) as error:
        raise DamagedError(f"{path.name} is damaged: {(str(error).splitlines() or ['?'])[0]}") from None


def _plain(tensor: Tensor | NDArray[Any]) -> Tensor:
    """On the CPU, in one piece, sharing its memory with no other."""
    if isinstance(tensor, np.ndarray):
        return torch.from_numpy(np.array(tensor, order="C"))
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _hash(tensors: Mapping[str, Tensor], text: str) -> str:
    found = sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return found.hexdigest()
