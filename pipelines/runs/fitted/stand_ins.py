"""What skops does not take, or takes long for, exchanged for arrays while it is saved, and back when it is read.

Pandas' frames, series, indexes and categories, torch's tensors, long lists of texts, dictionaries whose keys are not
all texts or all whole numbers. What holds them is copied, never changed.
"""

from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

LONG = 50  # entries from which a dictionary of texts is kept as two arrays
PLAIN = (str, bytes, int, float, complex, bool, type(None), type, np.generic, np.dtype, np.random.RandomState)
CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, np.ufunc)
Change = Callable[[Any], Any]


class StandIn:
    """One value in another form: its kind, and its parts by name."""

    def __init__(self, kind: str, **parts: Any) -> None:
        self.kind = kind
        self.parts = parts


class CannotKeepError(TypeError):
    """A value has no form in which it can be kept; says which, and where it stands."""


def exchanged(value: Any) -> Any:
    """A copy of `value` in which stand-ins take the place of what skops does not keep.

    Raises: CannotKeepError, naming the attribute.
    """
    return _rebuilt(value, _stand_in, {}, type(value).__name__)


def restored(value: Any) -> Any:
    """What `exchanged` was given."""
    return _rebuilt(value, lambda each: _original(each) if isinstance(each, StandIn) else each, {}, "")


def _rebuilt(value: Any, change: Change, memo: dict[int, Any], place: str) -> Any:
    """`value` with each part changed, the outer ones first; the same object becomes the same object."""
    if id(value) in memo:
        return memo[id(value)][0]
    try:
        new = change(value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise CannotKeepError(f"{place} is {type(value).__name__}: {error}") from error
    if new is not value:
        new = new if isinstance(value, StandIn) else _with_parts(new, change, memo, place)
    elif not isinstance(value, (*PLAIN, *CODE, np.ndarray)):
        new = _with_parts(value, change, memo, place)
    memo[id(value)] = new, value  # what is kept alive keeps its number
    return new


def _with_parts(value: Any, change: Change, memo: dict[int, Any], place: str) -> Any:
    """A copy of a container, or of an object with attributes, with its parts rebuilt."""

    def part(each: Any, name: object) -> Any:
        return _rebuilt(each, change, memo, f"{place}{name}")

    if isinstance(value, list | tuple):
        parts = [part(each, f"[{i}]") for i, each in enumerate(value)]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    is_dict = isinstance(value, dict)
    held = value if is_dict else getattr(value, "__dict__", {})
    changed = {key: part(each, f"[{key!r}]" if is_dict else f".{key}") for key, each in held.items()}
    if all(changed[key] is each for key, each in held.items()):
        return value
    copy = value.copy() if is_dict else object.__new__(type(value))  # an ordered dictionary stays one
    (copy if is_dict else vars(copy)).update(changed)
    return copy


def _stand_in(value: Any) -> Any:
    """The stand-in of a value that needs one; any other value itself."""
    if value is pd.NA or value is pd.NaT:
        return StandIn("gap", name=str(value))
    if type(value) is np.ndarray:
        return _texts(value.ravel().tolist(), value.shape) if _are_texts(value) else value
    if type(value) is dict:
        return _of_dictionary(value)
    for kind, stand_in in STAND_INS:
        if isinstance(value, kind):
            return stand_in(value)
    return value


def _of_frame(value: pd.DataFrame) -> StandIn:
    columns = [value.iloc[:, i].array for i in range(value.shape[1])]
    return StandIn("frame", columns=columns, names=value.columns, index=value.index)


def _of_series(value: pd.Series) -> StandIn:
    return StandIn("series", array=value.array, index=value.index, name=value.name)


def _of_indexes(value: pd.MultiIndex) -> StandIn:
    codes = [np.asarray(each) for each in value.codes]
    return StandIn("indexes", levels=list(value.levels), codes=codes, names=list(value.names))


def _of_index(value: pd.Index) -> StandIn:
    return StandIn("index", array=value.array, name=value.name)


def _of_categorical(value: pd.Categorical) -> StandIn:
    return StandIn("categorical", codes=np.asarray(value.codes), categories=value.categories, ordered=value.ordered)


def _of_kinds(value: pd.CategoricalDtype) -> StandIn:
    return StandIn("kinds", categories=value.categories, ordered=value.ordered)


def _of_moment(value: pd.Timestamp) -> StandIn:
    if value.tz is not None:
        raise TypeError("a moment with a time zone has no plain form")
    return StandIn("moment", ts_input=value.isoformat())


def _of_tensor(value: Tensor) -> StandIn:
    plain = value.detach().cpu()
    kind, wanted = ("parameter" if isinstance(value, nn.Parameter) else "tensor"), str(plain.dtype).split(".")[-1]
    if plain.dtype == torch.bfloat16:
        plain = plain.view(torch.int16)
    return StandIn(kind, array=plain.numpy(), dtype=wanted, requires_grad=bool(value.requires_grad))


def _of_array(value: Any) -> StandIn:
    """An array of pandas' own: numbers as they are, others as a list, None where a value is missing."""
    if type(value) is pd.arrays.NumpyExtensionArray:
        return StandIn("array", values=value.to_numpy(), dtype=None)
    if isinstance(value.dtype, np.dtype):  # moments and spans of time
        return StandIn("array", values=np.asarray(value), dtype=None)
    if getattr(value.dtype, "tz", None) is not None or value.dtype.kind not in "OiufbUT":
        raise TypeError(f"values of type {value.dtype} have no plain form")
    missing = np.asarray(value.isna())
    values = np.array([None if gap else each for each, gap in zip(value, missing, strict=True)], dtype=object)
    return StandIn("array", values=values, dtype=str(value.dtype))


def _are_texts(value: np.ndarray) -> bool:
    return value.dtype == object and value.size > 0 and all(type(each) is str or each is None for each in value.flat)


def _texts(texts: list[str | None], shape: tuple[int, ...]) -> StandIn:
    """Texts as bytes one after the other, and the length of each in bytes; -1 for None."""
    as_bytes = [b"" if text is None else text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = [-1 if text is None else len(each) for text, each in zip(texts, as_bytes, strict=True)]
    joined = np.frombuffer(b"".join(as_bytes), dtype=np.uint8)
    return StandIn("texts", joined=joined, lengths=np.array(lengths, dtype=np.int64), shape=list(shape))


def _of_dictionary(value: dict[Any, Any]) -> Any:
    """Its keys and values as lists, where JSON would not give the keys back, or they are many."""
    kinds = {type(key) for key in value}
    if kinds == {str} and len(value) > LONG:
        keys = np.array([*value, None], dtype=object)[:-1]
        whole = all(type(each) is int and abs(each) < 2**62 for each in value.values())
        values = np.array(list(value.values()), dtype=np.int64) if whole else list(value.values())
        return StandIn("dictionary", keys=keys, values=values)
    if kinds in (set(), {str}, {int}):
        return value
    return StandIn("dictionary", keys=list(value), values=list(value.values()))


def _original(stand_in: StandIn) -> Any:
    """What a stand-in stands for."""
    parts = {name: restored(each) for name, each in stand_in.parts.items()}
    return MAKERS[stand_in.kind](**parts)


def _tensor(array: np.ndarray, dtype: str, requires_grad: bool) -> Tensor:
    plain = torch.from_numpy(np.array(array))
    return (plain.view(torch.bfloat16) if dtype == "bfloat16" else plain).requires_grad_(requires_grad)


def _parameter(array: np.ndarray, dtype: str, requires_grad: bool) -> Tensor:
    return nn.Parameter(_tensor(array, dtype, requires_grad=False), requires_grad=requires_grad)


def _array(values: Any, dtype: str | None) -> Any:
    return values if dtype is None else pd.array(values.tolist(), dtype=dtype)


def _frame(columns: list[Any], names: pd.Index, index: pd.Index) -> pd.DataFrame:
    frame = pd.DataFrame({i: pd.Series(column, index=index) for i, column in enumerate(columns)}, index=index)
    return frame.set_axis(names, axis=1)


def _index(array: Any, name: Any) -> Any:
    return pd.Index(array, name=name, dtype=getattr(array, "dtype", None))


def _of_texts(joined: np.ndarray, lengths: np.ndarray, shape: list[int]) -> np.ndarray:
    held, ends = joined.tobytes(), np.cumsum(np.maximum(lengths, 0))
    starts = ends - np.maximum(lengths, 0)
    places = zip(starts.tolist(), ends.tolist(), lengths.tolist(), strict=True)
    texts = [None if size < 0 else held[start:end].decode("utf-8", "surrogatepass") for start, end, size in places]
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array.reshape(shape)


def _dictionary(keys: Any, values: Any) -> dict[Any, Any]:
    values = values.tolist() if isinstance(values, np.ndarray) else values
    return dict(zip(keys, values, strict=True))


STAND_INS: tuple[tuple[type, Callable[[Any], StandIn]], ...] = (
    (Tensor, _of_tensor), (pd.DataFrame, _of_frame), (pd.Series, _of_series), (pd.MultiIndex, _of_indexes),
    (pd.Index, _of_index), (pd.Categorical, _of_categorical), (pd.api.extensions.ExtensionArray, _of_array),
    (pd.CategoricalDtype, _of_kinds), (pd.Timestamp, _of_moment),
)  # fmt: skip
MAKERS: dict[str, Callable[..., Any]] = {
    "tensor": _tensor, "parameter": _parameter, "frame": _frame, "index": _index, "array": _array, "texts": _of_texts,
    "series": lambda array, index, name: pd.Series(array, index=index, name=name),
    "indexes": lambda levels, codes, names: pd.MultiIndex(levels, codes, names=names),
    "categorical": lambda codes, categories, ordered: pd.Categorical.from_codes(codes, categories, ordered=ordered),
    "dictionary": _dictionary, "moment": pd.Timestamp,
    "kinds": pd.CategoricalDtype,
    "gap": lambda name: pd.NA if name == str(pd.NA) else pd.NaT,
}  # fmt: skip
