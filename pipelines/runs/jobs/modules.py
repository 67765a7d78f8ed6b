"""Modules of Python: whose they are, what they compile to, and what their code imports."""

import dis
import importlib.util
import inspect
import marshal
import sys
import sysconfig
import types
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipelines.errors import NOT_THEIRS

HAS_DOCSTRING = 0x4000000  # flag of code, since Python 3.13; before that the first constant is the docstring or None
CUT = 24  # hexadecimal digits of a hash that are kept


@cache
def modules_hash(names: tuple[str, ...]) -> str:
    """A hash of what modules compile to, without comments, lines and the docstrings of functions."""
    found = sha256()
    for name in names:
        found.update(name.encode() + compiled(name))
    return found.hexdigest()[:CUT]


def compiled(module: str) -> bytes:
    """What a module compiles to; empty for one that is not there, or has no code."""
    code = code_of(module)
    # In form 0 of marshal nothing shows of what other names point to the same constants, or are interned, by now.
    return b"" if code is None else marshal.dumps(_bare(code), 0)


def code_of(module: str) -> types.CodeType | None:
    """The code of a module, not run; None for one that is not there, or has none."""
    try:
        spec = importlib.util.find_spec(module)
        return spec.loader.get_code(module) if spec and spec.loader else None  # type: ignore[attr-defined]
    except Exception:  # none of that name; or whatever a package of somebody's own raises when it is imported
        return None


def taken_whole(value: Any, steps: Sequence[dis.Instruction]) -> Iterator[types.ModuleType]:
    """The module that code goes on with, if it is one and no name in it is taken; `steps` follow where it is named."""
    for step in steps:
        if not isinstance(value, types.ModuleType):
            return
        if step.opname not in ("LOAD_ATTR", "LOAD_METHOD") or step.argval == "__dict__":
            yield value
            return
        value = getattr(value, step.argval, None)


def imports(code: types.CodeType, package: str) -> Iterator[str]:
    """Modules of somebody's own that code imports, or functions in it do; `package` is what relative names begin at."""
    steps = list(dis.get_instructions(code))
    within = ["", *(package.rsplit(".", n)[0] for n in range(package.count(".") + 1))]
    named = {step.argval for step in steps if step.opname == "IMPORT_NAME"}
    full = {".".join(filter(None, (outer, name))) for outer in within for name in named}
    full |= {f"{name}.{step.argval}" for name in full for step in steps if step.opname == "IMPORT_FROM"}
    for name in sorted(full - {""}):
        if is_own(name) and code_of(name) is not None:
            yield name
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from imports(constant, package)


def _bare(code: types.CodeType) -> types.CodeType:
    consts = tuple(_bare(c) if isinstance(c, types.CodeType) else c for c in constants(code))
    return code.replace(co_linetable=b"", co_firstlineno=1, co_filename="", co_consts=consts)


def constants(code: types.CodeType) -> tuple[Any, ...]:
    """A code's constants but for its docstring."""
    has = code.co_flags & HAS_DOCSTRING if sys.version_info >= (3, 13) else code.co_flags & inspect.CO_OPTIMIZED
    first = code.co_consts[:1]
    return (None, *code.co_consts[1:]) if has and first and isinstance(first[0], str) else code.co_consts


@cache
def is_installed(file: str) -> bool:
    """Whether a file is Python's, an installed package's or this project's."""
    places = (*NOT_THEIRS, *(sysconfig.get_path(name) for name in ("platlib", "platstdlib")))
    return file.startswith((*places, "<frozen"))


def is_own(module: str, file: str | None = None) -> bool:
    """Whether code is somebody's own: neither Python's, nor installed, nor of this project's rooms."""
    top = module.partition(".")[0]
    if top == "competitions":
        return True
    if top in sys.stdlib_module_names and top != "__main__":
        return False
    return top != "pipelines" and not is_installed(file or _file_of(module))


def _file_of(module: str) -> str:
    """Where a module lies, or the package that it would be imported from; empty where there is none."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        spec = None if file else importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):  # as of __main__
        spec = None
    return file or (spec and spec.origin) or ""


@cache
def version_of(module: str) -> str:
    """The version of an installed package that a run's record does not name."""
    try:
        return version(module.partition(".")[0])
    except (PackageNotFoundError, ValueError):
        return ""
