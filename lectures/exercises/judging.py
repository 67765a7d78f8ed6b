"""Compares what a learner's lines give with what they should give, and says in plain words what differs.

Whatever is said is said in English and in Chinese; inputs and numbers are written alike in both.
"""

import ast
import inspect
import re
import textwrap
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lectures.exercises.exercise import Wrong

FEW = 12  # numbers that are shown


class Yours(SimpleNamespace):
    """The names of a learner's file; one that is missing is said."""

    def __getattr__(self, name: str) -> Any:
        """What the file does not define."""
        raise Wrong(
            f"your file defines no `{name}` any more: keep its name as the task has it",
            f"文件里没有 `{name}`：请保留任务中给出的名称",
        )


class Slip:
    """What comes of a usual mistake, and what to say of it in English and Chinese."""

    def __init__(self, value: Any, english: str, chinese: str) -> None:
        self.value, self.english, self.chinese = value, english, chinese


def require(holds: bool, english: str, chinese: str) -> None:
    """Raise Wrong with these words unless `holds`."""
    if not holds:
        raise Wrong(english, chinese)


LOOPS = (ast.For, ast.While, ast.comprehension)


def uses(function: Any, kinds: tuple[type[ast.AST], ...] = (), names: str = "(?!)") -> bool:
    """Whether syntax of these kinds, or a name that `names` matches, stands in a learner's function.

    So does what stands in the functions of the same file that it names, and what an import calls by another name.
    """
    nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    elsewhere = _by_name(ast.parse("".join(inspect.findsource(function)[0])))
    for node in nodes:  # grows while it is walked
        if isinstance(node, ast.Name):
            nodes += [inner for each in elsewhere.pop(node.id, ()) for inner in ast.walk(each)]
    said = [name for node in nodes for name in _said(node)]
    return any(isinstance(node, kinds) for node in nodes) or any(re.search(names, name) for name in said)


def _by_name(module: ast.Module) -> dict[str, list[ast.AST]]:
    """What a file's names stand for, as far as it says so outside of its functions: functions and imports."""
    found: dict[str, list[ast.AST]] = {}
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef):
            found.setdefault(statement.name, []).append(statement)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for each in statement.names:
                of = f"{statement.module}." if isinstance(statement, ast.ImportFrom) else ""
                name = each.asname or each.name.partition(".")[0]
                found.setdefault(name, []).append(ast.alias(f"{of}{each.name}"))
    return found


def _said(node: ast.AST) -> list[str]:
    """The names of a node; an import's own, not those that it gives."""
    fields = ("name",) if isinstance(node, ast.alias) else ("attr", "id", "module")
    return [name for name in (getattr(node, each, None) for each in fields) if name]


def expect(inputs: str, got: Any, wanted: Any, *slips: Slip, tolerance: float = 1e-5) -> None:
    """Raise Wrong unless `got` has the shape and the numbers of `wanted`; a slip that gives `got` is named.

    `inputs` is what was handed in, as it is shown: `w = 1, x = [1, 2, 3]`.
    """
    target, found = numbers(wanted), numbers(got)
    if got is None:
        raise Wrong(
            f"for {inputs}: nothing came back; is a `return` missing?",
            f"输入 {inputs}：没有返回值，是否缺少 `return`？",
        )
    if found is None or target is None:
        raise Wrong(
            f"for {inputs}: came {type(got).__name__} {str(got)[:60]!r}, expected {shown(wanted)}",
            f"输入 {inputs}：得到 {type(got).__name__} {str(got)[:60]!r}，应为 {shown(wanted)}",
        )
    if _equal(found, target, tolerance):
        return
    why = next((slip for slip in slips if _equal(found, numbers(slip.value), tolerance)), None)
    shapes = found.shape != target.shape
    came, should = (f"shape {tuple(each.shape)}: {shown(each)}" if shapes else shown(each) for each in (found, target))
    raise Wrong(
        f"for {inputs}: came {came}, expected {should}{f'. {why.english}' if why else ''}",
        f"输入 {inputs}：得到 {came}，应为 {should}{f'。{why.chinese}' if why else ''}".replace("shape", "形状"),
    )


def numbers(value: Any) -> Any:
    """As an array of float64; None where these are no numbers, or rows of unequal length."""
    if isinstance(value, str):
        return None
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, list | tuple):
        value = [numbers(each) for each in value]
        if any(each is None for each in value):
            return None
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _equal(found: Any, target: Any, tolerance: float) -> bool:
    return (
        target is not None
        and found.shape == target.shape
        and np.allclose(found, target, tolerance, tolerance, equal_nan=True)
    )


def shown(value: Any) -> str:
    """A few numbers, with five digits that count.

    >>> shown(2 / 3), shown([[1.0, 2.5]]), shown(range(100))
    ('0.66667', '[[1, 2.5]]', '[0, 1, 2, ... 97, 98, 99]')
    """
    array = numbers(list(value) if isinstance(value, range) else value)
    if array is None:
        return str(value)[:60]
    if array.size > FEW:
        first, last = (", ".join(f"{each:.5g}" for each in array.flat[part]) for part in (slice(3), slice(-3, None)))
        return f"[{first}, ... {last}]"
    return _nested(array)


def _nested(array: Any) -> str:
    return f"{float(array):.5g}" if array.ndim == 0 else f"[{', '.join(_nested(each) for each in array)}]"


def drawn(seed: int, *shape: int) -> Tensor:
    """Normal numbers that depend on the seed alone, float32."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
