"""Trainings that have not come to their end, kept in the folder of their run: `unfinished/<key>-<n>.safetensors`.

The name has the key of the first of `n` jobs that train together. Their state is not used by any others.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from pipelines.files import full_disk_told
from pipelines.runs import tensors
from pipelines.runs.tensors import DamagedError

FOLDER = "unfinished"
VERSION = 1  # of the form of such a file


class Unfinished:
    """Where the state of jobs that train together is kept: a `Checkpoint` of the loop.

    `keys` are the jobs', `name` is what they are called where something is said of them.
    """

    def __init__(self, run: Path, keys: Sequence[str], name: str, say: Callable[[str], None]) -> None:
        self.path = run / FOLDER / f"{keys[0]}-{len(keys)}.safetensors"
        self.keys, self.name, self.say = list(keys), name, say

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was saved last; None where there is nothing, or what is there is not used, which is said."""
        if not self.path.exists():
            return None
        try:
            found, about = tensors.load(self.path)
            if (about.get("version"), about.get("keys")) != (VERSION, self.keys):
                raise DamagedError(f"{self.path.name} is of another version, or of other networks")
        except DamagedError as error:
            self.say(f"not used: {self.path.parent}: {error}; {self.name} begins anew")
            return None
        state: dict[str, Any] = about["state"]
        self.say(f"goes on after epoch {len(state['losses'])}: {self.name}")
        return found, state

    def save(self, named: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Write a state in the place of the last one, whole or not at all.

        Raises: NoRoomError.
        """
        with full_disk_told(self.path.parent):
            tensors.save(self.path, named, {"version": VERSION, "keys": self.keys, "state": about})


def remove_unfinished(run: Path, keys: Sequence[str] | None = None) -> None:
    """Remove the states of jobs with such keys, which are finished; all states without."""
    folder = run / FOLDER
    for path in folder.glob("*.safetensors"):
        if keys is None or path.name.partition("-")[0] in keys:
            path.unlink(missing_ok=True)
    if keys is None and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
