"""A hash of somebody's own code: what a function does, whatever it calls, and nothing that it does not.

Comments, lines and what else is in the file change nothing; constants, defaults, closures and the functions and classes
that it names do. Code of Python, of installed packages and of this project is told by its name and its version.
"""

import copyreg
import dis
import secrets
import sys
import types
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipelines.runs.jobs import modules
from pipelines.runs.jobs.modules import CUT, code_of, constants, is_installed, is_own, version_of

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented), range, slice)
DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType)
BUILTIN = (types.BuiltinFunctionType, types.MethodDescriptorType, types.MethodWrapperType, torch.dtype)
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
IMPORTING = frozenset(("__import__", "import_module"))
BY_NAME = IMPORTING | {"globals", "vars", "eval", "exec"}
OF_EVERY_CLASS = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__annotate__", "__annotate_func__",
    "__annotations_cache__", "__firstlineno__", "__static_attributes__", "__match_args__", "__slotnames__",
    "__dataclass_fields__", "__dataclass_params__", "_abc_impl", "__abstractmethods__", "__parameters__",
    "__orig_bases__",
}  # fmt: skip


class UnknownError(ValueError):
    """Something cannot be told from another of its kind: a file that is open, a lock, what np.frompyfunc makes."""


def code_hash(*values: Any) -> str:
    """A hash of functions, classes and values, and of all own code that they name.

    Where something cannot be told from another of its kind, the hash is one that no other equals.
    """
    try:
        return _Walk().of(values)
    except (UnknownError, RecursionError):
        return f"unknown-{secrets.token_hex(8)}"


class _Walk:
    """Goes through values and the code that they name, each thing once."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is given anew
        self._modules: set[str] = set()  # that were imported inside functions

    def of(self, value: Any) -> str:
        self._value(value)
        return self._hash.hexdigest()[:CUT]

    def _say(self, *words: object) -> None:
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
            self._hash.update(len(data).to_bytes(8, "big") + data)

    def _value(self, value: Any) -> None:
        if isinstance(value, PLAIN) and type(value) in PLAIN:
            self._say(type(value).__name__, repr(value))
        elif type(value) is tuple:
            self._say("tuple", len(value))
            for each in value:
                self._value(each)
        elif id(value) in self._seen:
            self._say("seen", self._seen[id(value)])
        else:
            self._seen[id(value)] = len(self._seen)
            self._kept.append(value)
            self._thing(value)

    def _thing(self, value: Any) -> None:
        self._say(type(value).__name__)
        ways: dict[Any, Any] = {
            list: self._list, (dict, types.MappingProxyType): self._dict, (set, frozenset): self._set,
            types.FunctionType: self._function,
            types.MethodType: self._method, type: self._class, property: self._property,
            (staticmethod, classmethod): self._wrapped, DESCRIPTORS: self._nothing,
            BUILTIN: self._named, types.ModuleType: self._module, np.ufunc: self._ufunc, np.ndarray: self._array,
            (pd.DataFrame, pd.Series, pd.Index): self._frame, torch.Tensor: self._tensor, object: self._instance,
        }  # fmt: skip
        next(way for kind, way in ways.items() if isinstance(value, kind))(value)

    def _list(self, value: list[Any]) -> None:
        self._say(len(value))
        for each in value:
            self._value(each)

    def _set(self, value: set[Any] | frozenset[Any]) -> None:
        self._say(*sorted(_Walk().of(each) for each in value))

    def _dict(self, value: "dict[Any, Any] | types.MappingProxyType[Any, Any]") -> None:
        self._say(len(value))
        for key, each in value.items():
            self._value(key)
            self._value(each)

    def _named(self, value: Any) -> None:
        module = getattr(value, "__module__", None) or ""
        self._say(module, getattr(value, "__qualname__", None) or repr(value), version_of(module) if module else "")

    def _module(self, value: types.ModuleType) -> None:
        """A module that code goes on with: whatever is in it may be taken, by `getattr` say."""
        if is_own(value.__name__):
            self._whole(value.__name__)
        else:
            self._named(value)

    def _whole(self, name: str) -> None:
        if name not in self._modules:
            code = code_of(name)
            if code is None:
                raise UnknownError(f"the code of the module {name} is nowhere")
            self._modules.add(name)
            self._say(name, modules.compiled(name))
            self._imported(code, name if hasattr(sys.modules.get(name), "__path__") else name.rpartition(".")[0])

    def _ufunc(self, value: Any) -> None:
        """One of a module's own is told by its name; what is within one that was made of a function does not show."""
        if not any(getattr(module, "__dict__", {}).get(value.__name__) is value for module in [*sys.modules.values()]):
            raise UnknownError(f"{value.__name__}, of np.frompyfunc say")
        self._named(value)

    def _array(self, value: Any) -> None:
        if value.dtype.hasobject:
            self._list(value.tolist())
        else:
            self._say(value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())

    def _frame(self, value: Any) -> None:
        frame = pd.DataFrame(value)
        self._say(list(frame.columns), list(frame.dtypes), pd.util.hash_pandas_object(frame).to_numpy().tobytes())

    def _tensor(self, value: torch.Tensor) -> None:
        there = value.detach().cpu().contiguous()
        self._say(there.dtype, tuple(there.shape), there.reshape(-1).view(torch.uint8).numpy().tobytes())

    def _function(self, value: types.FunctionType) -> None:
        own = is_own(value.__module__ or "", value.__code__.co_filename)
        if own and not is_installed(value.__code__.co_filename):
            self._code(value.__code__, value.__globals__)
        else:
            self._named(value)
        if own or "<locals>" in value.__code__.co_qualname or "<lambda>" in value.__qualname__:
            self._value((value.__defaults__, value.__kwdefaults__ or {}, vars(value)))
            for cell in value.__closure__ or ():
                try:
                    held = cell.cell_contents
                except ValueError:
                    held = "empty"
                self._value(held)

    def _code(self, code: types.CodeType, names: dict[str, Any]) -> None:
        self._say(code.co_code, code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
        self._say(*code.co_names, "|", *code.co_varnames, "|", *code.co_freevars, "|", code.co_exceptiontable)
        for constant in constants(code):
            if isinstance(constant, types.CodeType):
                self._code(constant, names)
            else:
                self._value(constant)
        steps = list(dis.get_instructions(code))
        for place, step in enumerate(steps):
            if step.opname in GLOBAL and step.argval in names:
                self._global(names[step.argval], code)
                for module in modules.taken_whole(names[step.argval], steps[place + 1 :]):
                    self._module(module)
            elif step.opname == "IMPORT_NAME":
                self._say(step.argval, version_of(step.argval))
        self._imported(code, names.get("__package__") or "")
        self._by_name(code, names, {step.argval for step in steps if step.opname in GLOBAL})

    def _global(self, value: Any, code: types.CodeType, within: tuple[Any, ...] = ()) -> None:
        if not isinstance(value, types.ModuleType):
            self._value(value)
        elif is_own(value.__name__) and value not in within:
            for name in code.co_names:  # what is taken from the module, or from a module in it, among them
                if name in vars(value):
                    self._global(vars(value)[name], code, (*within, value))

    def _imported(self, code: types.CodeType, package: str) -> None:
        """Modules that are imported inside a function, and what these import: all of each that is somebody's own."""
        for module in modules.imports(code, package):
            self._whole(module)

    def _by_name(self, code: types.CodeType, names: dict[str, Any], taken: set[str]) -> None:
        """Code that takes things by names that it makes up: all of its module counts, and of those that it names."""
        words = set(code.co_names)
        if not (BY_NAME & taken or "import_module" in words or words >= {"sys", "modules"}):
            return  # `eval` and `modules` of a network are methods
        said = [each for each in code.co_consts if isinstance(each, str) and code_of(each) is not None]
        if IMPORTING & words and not said:
            raise UnknownError("the module that is imported has a name that is made up")
        for name in (*said, names.get("__name__") or ""):
            if is_own(name):
                self._whole(name)

    def _method(self, value: types.MethodType) -> None:
        self._value(value.__func__)
        self._value(value.__self__)

    def _class(self, value: type) -> None:
        if not is_own(value.__module__):
            self._named(value)
            return
        self._say(value.__qualname__)
        if type(value) is not type:
            self._value(type(value))
        for base in value.__mro__[1:]:
            self._value(base)
        for name in sorted(vars(value).keys() - OF_EVERY_CLASS):
            self._say(name)
            self._value(vars(value)[name])

    def _property(self, value: property) -> None:
        self._value((value.fget, value.fset, value.fdel))

    def _wrapped(self, value: Any) -> None:
        self._value(value.__func__)

    def _nothing(self, _value: Any) -> None:
        pass

    def _instance(self, value: Any) -> None:
        """Anything else is what it would be made of again."""
        reduce = copyreg.dispatch_table.get(type(value))  # as of regular expressions
        try:
            made_of = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except Exception as error:
            raise UnknownError(f"{type(value).__name__}: {error}") from error
        self._value(type(value))
        if isinstance(made_of, str):
            self._say(made_of)
            self._value(getattr(value, "__wrapped__", None))  # of a function whose results are cached
        else:
            self._value(
                tuple(list(part) if i in (3, 4) and part is not None else part for i, part in enumerate(made_of))
            )
