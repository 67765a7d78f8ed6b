"""Pickling what plain pickle does not take, which looks functions and classes up by name: a lambda, a local class."""

import operator
import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any

from joblib import wrap_non_picklable_objects
from torch import Tensor


class ByValue:
    """What plain pickle does not take, for it looks functions and classes up by name: pickled with its code."""

    def __init__(self, value: object) -> None:
        self.by_value = value

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        return operator.itemgetter(0), (wrap_non_picklable_objects([self.by_value], keep_wrapper=False),)

    def __deepcopy__(self, memo: object) -> object:
        return self.by_value


class _WithoutTensors(pickle.Pickler):
    """Passes over the numbers of tensors, which can always be pickled and may be many."""

    def persistent_id(self, value: object) -> str | None:
        """Whatever is not None stands for the value."""
        return "" if isinstance(value, Tensor) else None


def picklable(value: object) -> bool:
    """Whether plain pickle takes the value."""
    try:
        _WithoutTensors(BytesIO()).dump(value)
    except Exception:  # what a value of somebody's own may raise
        return False
    return True
