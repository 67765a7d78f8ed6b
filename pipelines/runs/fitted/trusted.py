"""Which classes and functions a file of fitted encoders may name: nothing else is looked up, let alone called.

skops checks names; these rules say which are added to those that it trusts by itself. An object is only made and given
its attributes, so whole packages may be trusted; a function can be called by what is made, so few are.
"""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from skops.io import get_untrusted_types

OWN = ("pipelines.encoders.", "pipelines.training.", "pipelines.models.", "pipelines.validation.baselines.")
PACKAGES = (
    *OWN, "sklearn.", "scipy.sparse.", "scipy.interpolate.", "rtdl_num_embeddings.", "tabm.", "torch.nn.modules.",
    "pipelines.competition.", "pipelines.validation.estimators.", "pipelines.runs.fitted.", "xgboost.", "lightgbm.",
    "catboost.",
)  # fmt: skip
CONTAINERS = ("pipelines.encoders.", "sklearn.utils._bunch.")
FUNCTIONS = (
    "pipelines.encoders.",
    "pipelines.validation.baselines.",
    "sklearn.feature_selection.",
    "sklearn.metrics.",
    "scipy.special.",
)
HARMLESS = frozenset(
    f"numpy.{name}"
    for name in (
        "array", "asarray", "ascontiguousarray", "clip", "concatenate", "cumsum", "hstack", "max", "mean", "median",
        "min", "nan_to_num", "nanmean", "nanmedian", "ravel", "round", "std", "sum", "vstack", "where",
    )
) | {"scipy._lib.array_api_compat.numpy._aliases.asarray", "sklearn.utils.validation.check_array"}  # fmt: skip
MADE_BY_SKOPS = (("DTypeNode", "numpy.dtype"), ("TreeNode", "sklearn.tree._tree.Tree"))  # that and nothing else
# Called with what is in the file, while it is read: values without any effect.
VALUES = frozenset(f"builtins.{name}" for name in ("complex", "frozenset", "range")) | frozenset(
    f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")
)
KEY = "key"  # in place of a loader: the type of a dictionary's key
HOLDERS = ("ObjectNode", "TupleNode")
CALLED = ("DictNode", "ListNode", "SetNode")  # whose class is called with the parts
KEYS = ("builtins.str", "builtins.int", "builtins.float")


def check(data: bytes, folder: str) -> tuple[list[str], list[str]]:
    """What a file in skops' form names beyond what skops trusts: what may be trusted here, and what may not.

    `folder` is that of the competition, whose own code is trusted.
    Raises: ValueError, KeyError, TypeError or what zipfile raises, for anything but such a file.
    """
    with ZipFile(BytesIO(data)) as file:
        nodes = set(_nodes(json.loads(file.read("schema.json"))))
    loaders: dict[str, set[str]] = {}
    for loader, name in nodes:
        loaders.setdefault(name, set()).add(loader)
    unknown = get_untrusted_types(data=data)
    refused = [name for name in unknown if not all(_may(each, name, folder) for each in loaders.get(name, {""}))]
    refused += [name for loader, name in nodes if loader == KEY and name not in KEYS]
    return [name for name in unknown if name not in refused], refused


_passed: set[tuple[str, frozenset[tuple[str, str]]]] = set()  # kinds of files that have been checked


def check_once(data: bytes, schema: Mapping[str, Any], folder: str) -> list[str]:
    """What the file may not name; files of our own that name the same as one before are not looked at again."""
    kind = folder, frozenset(_nodes(schema))
    if kind in _passed:
        return []
    refused = check(data, folder)[1]
    if not refused:
        _passed.add(kind)
    return refused


def _nodes(schema: Any) -> Iterator[tuple[str, str]]:
    """The loader and the name of each thing that a file names; `key` for the types of a dictionary's keys."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list | tuple):  # before it is JSON, skops' schema holds tuples
            waiting += node
        elif isinstance(node, dict):
            if "__loader__" in node:
                yield node["__loader__"], f"{node['__module__']}.{node['__class__']}"
            if node.get("__loader__") == "DictNode":
                yield from ((KEY, f"{key['__module__']}.{key['__class__']}") for key in node["key_types"]["content"])
            waiting += [each for each in node.values() if isinstance(each, list | tuple | dict)]


def _may(loader: str, name: str, folder: str) -> bool:
    """Whether a name may be trusted where it stands."""
    own = f"competitions.{folder}."
    if loader in HOLDERS or loader in CALLED:
        packages = PACKAGES if loader in HOLDERS else CONTAINERS
        return name.startswith((own, *packages)) and isinstance(found(name), type)
    if loader == "TypeNode":
        return name.startswith((own, *OWN, "sklearn.")) and isinstance(found(name), type)
    if loader == "FunctionNode":
        return (name in HARMLESS or name.startswith((own, *FUNCTIONS))) and callable(found(name))
    values = (loader == "ConstructorFromReduceNode" and name in VALUES) or (loader, name) in MADE_BY_SKOPS
    return values or (loader == "PartialNode" and name == "functools.partial")


def found(name: str) -> object:
    """The thing of that name, in a package that may be trusted; None where there is no such thing."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(import_module(module), last, None)
    except Exception:  # what a module of somebody's own may raise
        return None
