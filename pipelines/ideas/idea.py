"""An idea: a file with `add_features`, `make_encoder` or `make_model`, or further variants, put into a competition."""

import ast
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.competition import Competition, Variant
from pipelines.errors import UsageError, code_named
from pipelines.files import sha256

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("add_features", "make_encoder", "make_model")


@dataclass(frozen=True)
class Idea:
    """What is to be tried: the functions of `file`, which are `parts`, and `variants` beside the preset's."""

    file: Path | None
    parts: tuple[str, ...]
    variants: tuple[str, ...]
    sha256: str  # of what it says, comments and line breaks left out

    @property
    def what(self) -> str:
        """In a few words.

        >>> Idea(Path("ideas/deck.py"), ("add_features",), ("trees",), "").what
        'add_features of deck.py, trees beside the others'
        """
        said = [f"{' and '.join(self.parts)} of {self.file.name}"] if self.file else []
        return ", ".join(said + [f"{' and '.join(self.variants)} beside the others"] * bool(self.variants))


def read_idea(file: Path | None, variants: tuple[str, ...]) -> Idea:
    """The idea that a file and names of variants are; the file's code is not run.

    Raises: UsageError where there is nothing to try.
    """
    tree = ast.Module([], []) if file is None else _parsed(file)
    named = [name for node in tree.body for name in _names(node)]
    parts = tuple(part for part in PARTS if part in named)
    if not parts and (file is not None or not variants):
        what = f"{file} holds none of {', '.join(PARTS)}" if file else "nothing is to be tried"
        raise UsageError(
            what,
            "write --features FILE, a Python file with def add_features(rows): return rows.assign(...), make_encoder() "
            "or make_model(n_features, n_outputs); or --variants NAME, of the competition's variants",
            "请用 --features 指定一个 Python 文件，其中定义 add_features(rows)、make_encoder() 或 "
            "make_model(n_features, n_outputs)；或用 --variants 指定比赛的其他 variant",
        )
    text = json.dumps([ast.dump(tree), variants])
    return Idea(file, parts, variants, sha256(text.encode()))


def with_idea(competition: Competition, idea: Idea) -> Competition:
    """The competition with the idea's functions: features after its own, encoder and network in place of its own.

    Columns that are added reach encoders that do not look for them all the same, see `BesideEncoder`.
    Raises: UsageError for a file that cannot be run.
    """
    own = {part: function for part, function in _functions(idea).items() if part in idea.parts}
    variants = dict(competition.variants)
    added = Added(competition.add_features, own["add_features"]) if "add_features" in own else None
    for name, variant in variants.items():
        variants[name] = _changed(variant, own, added)
    return replace(competition, variants=variants, add_features=added or competition.add_features)


@dataclass
class Added:
    """Features after features; which columns the second function adds is known once it has been called."""

    first: "Callable[..., pd.DataFrame] | None"
    second: "Callable[..., pd.DataFrame]"
    columns: tuple[str, ...] = field(default=(), compare=False)

    def __call__(self, rows: "pd.DataFrame", **tables: "pd.DataFrame") -> "pd.DataFrame":
        """Train and test rows with the columns of both; of further tables each gets those that it names."""
        before = rows if self.first is None else self.first(rows, **tables)
        after = self.second(before.copy(), **_taken(self.second, tables))
        self.columns = tuple(column for column in getattr(after, "columns", ()) if column not in before)
        return after


def _changed(variant: Variant, own: dict[str, Callable[..., Any]], added: Added | None) -> Variant:
    changes: dict[str, Any] = {}
    if variant.make_encoder is not None and "make_encoder" in own:
        changes["make_encoder"] = own["make_encoder"]
    elif variant.make_encoder is not None and added is not None:
        pieces = 0 if variant.make_model is None else 16
        changes["make_encoder"] = partial(_beside, variant.make_encoder, added, pieces)
    if variant.make_model is not None and "make_model" in own:
        changes["make_model"] = own["make_model"]
    return replace(variant, **changes)


def _beside(make_own: Callable[[], Any], added: Added, pieces: int) -> Any:
    from pipelines.encoders.beside import BesideEncoder

    return BesideEncoder(make_own(), added.columns, pieces)


def _taken(function: Callable[..., Any], tables: dict[str, Any]) -> dict[str, Any]:
    """Of the tables, those that a function has parameters for."""
    parameters = signature(function).parameters
    if any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        return tables
    return {name: table for name, table in tables.items() if name in parameters}


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
        said = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else "it is not UTF-8 text"
        said = f"{error.strerror}" if isinstance(error, OSError) else said
        raise UsageError(
            f"{file} cannot be read: {said}",
            "name a Python file with add_features(rows), make_encoder() or make_model(n_features, n_outputs)",
            "请指定定义了 add_features(rows)、make_encoder() 或 make_model(n_features, n_outputs) 的 Python 文件",
        ) from None


def _names(node: ast.stmt) -> list[str]:
    """What a statement of a module gives a name to."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom | ast.Import):
        return [each.asname or each.name for each in node.names]
    return [each.id for each in getattr(node, "targets", []) if isinstance(each, ast.Name)]


def _functions(idea: Idea) -> dict[str, Callable[..., Any]]:
    """The functions of an idea's file, which is run once, as a module of its own.

    Raises: UsageError.
    """
    if idea.file is None:
        return {}
    import cloudpickle

    name = f"idea_{idea.sha256[:12]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, idea.file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # where pickle looks for its functions; other processes get them as they are
        cloudpickle.register_pickle_by_value(module)
        try:
            with code_named(idea.file.name):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return {part: getattr(sys.modules[name], part) for part in idea.parts}
