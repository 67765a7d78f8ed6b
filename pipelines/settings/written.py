"""Where a competition's folder says what its files do not hold: the line that an author can correct."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pipelines.settings import lookup

Step = tuple[str, str]  # what to do, in English and in Chinese
Finder = Callable[[ast.Module], Iterator[int]]  # lines of a file


def column(slug: str, name: str) -> Step:
    """How an error goes on, with the line where the column `name` is declared, or else the schema; may be empty.

    >>> column("titanic", "Fare")[0].split(",")[1]
    ' or correct competitions/titanic/competition.py'
    """
    return _step(
        slug,
        lambda tree: (key.lineno for key in _keys(tree) if key.value == name),
        lambda tree: (key.lineno for key in _keys(tree) if _fits(key.value, name)),
        lambda tree: (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == name),
        partial(_calls, "DataFrameSchema"),
    )


def field(slug: str, *names: str) -> Step:
    """How an error goes on, with the line of the first of these fields of `Competition(...)` that is written there."""
    return _step(slug, *(partial(_fields, name) for name in names), partial(_calls, "Competition"))


def _folder(slug: str) -> Path | None:
    """The competition's folder, its code not run."""
    for name in lookup.names():
        loaded = getattr(sys.modules.get(f"competitions.{name}.competition"), "COMPETITION", None)
        if slug in (lookup.Outline(name).slug, getattr(loaded, "slug", None)):
            return lookup.FOLDER / name
    return None


def _step(slug: str, *finders: Finder) -> Step:
    """The first line that the first of `finders` finds in the folder's files, but for the one that makes the sample."""
    folder = _folder(slug)
    if folder is None:
        return "", ""
    others = sorted(path for path in folder.glob("*.py") if path.stem not in {"competition", "sample", "__init__"})
    trees = [(path, _parsed(path)) for path in (folder / "competition.py", *others)]
    for find in finders:
        for path, tree in trees:
            if (line := min(find(tree), default=None)) is not None:
                shown = f"competitions/{folder.name}/{path.name}"
                return f", or correct {shown}, line {line}", f"，或更正 {shown} 第 {line} 行"
    return "", ""


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _keys(tree: ast.Module) -> Iterator[ast.Constant]:
    """The names in dicts whose values are columns of a schema, made by a call."""
    for node in ast.walk(tree):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(value, ast.Call) and _name(value) in {"Column", "column"}:
                yield key


def _fields(name: str, tree: ast.Module) -> Iterator[int]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) == "Competition")
    return (word.value.lineno for call in calls for word in call.keywords if word.arg == name)


def _calls(name: str, tree: ast.Module) -> Iterator[int]:
    return (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) == name)


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _fits(pattern: object, name: str) -> bool:
    """Whether a schema's regular expression names the column."""
    try:
        return isinstance(pattern, str) and re.fullmatch(pattern, name) is not None
    except re.error:
        return False
