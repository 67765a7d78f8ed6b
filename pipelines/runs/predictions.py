"""What a run said of each row, kept in its folder as `predictions.safetensors`.

Shapes: N training rows, M test rows, P predictions of a row: probabilities of the classes, or one value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.metrics import FloatArray, IntArray, Target
from pipelines.runs import tensors
from pipelines.runs.folder import PREDICTIONS


@dataclass(frozen=True, kw_only=True)
class RowPredictions:
    """Out-of-fold `oof` (N, P) and `test` (M, P), in the file's units; NaN where no fold scores a row.

    `ids` (N) and `test_ids` (M) are the rows' ids as text, `y` (N,) class codes or numbers of the file, `fold` (N,) the
    fold that scores a row, from 0; -1 where none does. `units` (N,) are numbers that rows share which errors must not
    count as independent, if there are any. `variants` holds the same of each variant alone, `oof` only. `weights`
    (F, V) are those of the variants in the pool of each fold; `columns` those of the test file, but for the id.
    """

    ids: Sequence[str]
    y: Target
    fold: IntArray
    oof: FloatArray
    test_ids: Sequence[str]
    test: FloatArray
    units: IntArray | None = None
    variants: Mapping[str, FloatArray] = field(default_factory=dict)
    weights: FloatArray | None = None
    columns: Sequence[str] = ()

    def save(self, folder: Path) -> None:
        """Write them to the folder, whole or not at all."""
        arrays: dict[str, Any] = {"y": self.y, "fold": self.fold, "oof": self.oof, "test": self.test}
        arrays |= {f"variants/{name}": oof for name, oof in self.variants.items()}
        arrays |= {} if self.units is None else {"units": self.units}
        arrays |= {} if self.weights is None else {"weights": self.weights}
        arrays |= {"ids": _as_bytes(self.ids), "test_ids": _as_bytes(self.test_ids)}
        tensors.save(folder / PREDICTIONS, arrays, {"variants": list(self.variants), "columns": list(self.columns)})

    @classmethod
    def load(cls, folder: Path) -> "RowPredictions":
        """Those of a run's folder.

        Raises: DamagedError.
        """
        found, about = tensors.load(folder / PREDICTIONS)
        arrays = {name: tensor.numpy() for name, tensor in found.items()}
        return cls(
            ids=_as_texts(found["ids"]), y=arrays["y"], fold=arrays["fold"], oof=arrays["oof"], test=arrays["test"],
            test_ids=_as_texts(found["test_ids"]), units=arrays.get("units"),
            variants={name: arrays[f"variants/{name}"] for name in about["variants"]},
            weights=arrays.get("weights"), columns=about.get("columns", []),
        )  # fmt: skip


def _as_bytes(texts: Sequence[str]) -> torch.Tensor:
    """Texts of a csv's cells, each ended by a zero, which no cell holds."""
    joined = "".join(f"{text}\0" for text in texts).encode("utf-8", "surrogatepass")
    return torch.from_numpy(np.frombuffer(joined, dtype=np.uint8).copy())


def _as_texts(tensor: torch.Tensor) -> list[str]:
    return tensor.numpy().tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]
