"""Plain JSON values -> dataclasses, each value checked against the type that its field declares; and any -> plain."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints


def from_plain(kind: Any, value: Any, name: str) -> Any:
    """`value` as `kind`: a dataclass, list, mapping, number, text or Any, of any depth, or None where it may be.

    What a dataclass does not know is passed over; null where a field has a default means the default.
    Raises: ValueError with `name`, the value's place, and what was expected there.

    >>> from_plain(list[float], [1, 2.5], "scores")
    [1.0, 2.5]
    >>> from_plain(list[float], [1, "a"], "scores")
    Traceback (most recent call last):
    ValueError: scores[1] is text, not a number
    """
    options = get_args(kind)
    if NoneType in options:
        return None if value is None else from_plain(next(o for o in options if o is not NoneType), value, name)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _dataclass(kind, _expect(dict, value, name), name)
    if get_origin(kind) is list:
        return [from_plain(options[0], item, f"{name}[{i}]") for i, item in enumerate(_expect(list, value, name))]
    if get_origin(kind) in (dict, Mapping):
        return {key: from_plain(options[1], item, f"{name}.{key}") for key, item in _expect(dict, value, name).items()}
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{name} is too large a number") from None
    return _expect(kind, value, name)


def to_plain(value: Any) -> Any:
    """A value as JSON holds it: what it has no word for is shown as Python shows it.

    >>> to_plain({"max_iter": 100, "missing": float("nan"), "steps": (1, {2})})
    {'max_iter': 100, 'missing': 'nan', 'steps': [1, '{2}']}
    """
    if isinstance(value, dict):
        return {str(name): to_plain(each) for name, each in value.items()}
    if type(value) in (list, tuple):
        return [to_plain(each) for each in value]
    exact = type(value) in (str, int, bool, NoneType) or (type(value) is float and math.isfinite(value))
    return value if exact else repr(value)


def _dataclass(kind: Any, value: dict[str, Any], name: str) -> Any:
    hints, made = get_type_hints(kind), {}
    for field in fields(kind):
        place, default = (
            f"{name}.{field.name}".lstrip("."),
            (field.default, field.default_factory) != (MISSING, MISSING),
        )
        if field.name in value and not (default and value[field.name] is None):
            made[field.name] = from_plain(hints[field.name], value[field.name], place)
        elif not default:
            raise ValueError(f"{place} is missing")
    return kind(**made)


WORDS = {
    str: "text", float: "a number", int: "a whole number", bool: "true or false", list: "a list", dict: "an object",
    NoneType: "null",
}  # fmt: skip


def _expect(kind: type[Any], value: Any, name: str) -> Any:
    if type(value) is not kind:  # True is no number
        raise ValueError(f"{name or 'it'} is {WORDS[type(value)]}, not {WORDS[kind]}")
    return value
