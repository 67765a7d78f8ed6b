"""Mistakes of the homework: each a pair of lines, wrong and right, with the measured damage and what guards against it.

The lines that are shown are those that are run. The list is read from the text of the files beside this one, so that
it does not wait for torch.
"""

import ast
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipelines.errors import UsageError, meant

FILES = "of_files", "of_features", "of_networks", "of_training"
Pair = tuple[float, float]  # the measure when done wrong, and when done right
Both = tuple[str, str]  # English, Chinese

LESS, MORE = ("less is better", "越小越好"), ("more is better", "越大越好")
TRUE = ("the right one is true, the wrong one only looks better", "正确做法给出真实值，错误做法只是看起来更好")
MEASURES: dict[str, tuple[str, Both]] = {
    "log loss": ("对数损失", LESS),
    "accuracy": ("准确率", MORE),
    "accuracy believed / true": ("准确率，自以为的 / 真实的", TRUE),
    "trainings that fail": ("失败的训练", LESS),
    "test rows without prediction": ("得不到预测的测试行", LESS),
    "problems found by the linter": ("格式检查发现的问题", LESS),
    "distance from the mean loss": ("与平均损失相差", LESS),
    "missing values left (pandas 3)": ("剩下的缺失值（pandas 3）", LESS),
    "graph nodes held": ("占着内存的计算图节点", LESS),
}


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What is done wrong and why it does harm, the lines, and what guards against it here; texts in both languages.

    `by(seed, lines)` runs lines and returns what `measure` names.
    """

    name: str
    what: str
    what_zh: str
    why: str
    why_zh: str
    wrong: str
    right: str
    measure: str
    guard: str
    guard_zh: str
    by: Callable[[int, str], float]

    @property
    def better(self) -> Both:
        """Which direction of the measure is better, in words."""
        return MEASURES[self.measure][1]

    def run(self, seed: int) -> Pair:
        """The measure of the wrong lines and of the right ones."""
        return self.by(seed, self.wrong), self.by(seed, self.right)


def after(lines: str, **names: Any) -> Any:
    """What is defined after lines of an entry have run among these names.

    >>> after("c = a + 1", a=1).c
    2
    """
    exec(compile(lines, "<lines>", "exec"), names)  # noqa: S102 lines of this folder
    return SimpleNamespace(**names)


def fails(error: type[Exception] | tuple[type[Exception], ...], call: Callable[[], object]) -> float:
    """1.0 where `call` raises `error`, else 0.0.

    >>> fails(ZeroDivisionError, lambda: 1 / 0)
    1.0
    """
    try:
        call()
    except error:
        return 1.0
    return 0.0


def gallery() -> list[Mistake]:
    """All mistakes: first those with files and data, then those of training; their code is imported when it runs."""
    return [mistake for file in FILES for mistake in _written(file)]


def _written(file: str) -> list[Mistake]:
    tree = ast.parse(Path(__file__).with_name(f"{file}.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    texts = [
        {str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg != "by"}
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Mistake"
    ]
    return [Mistake(**each, by=partial(_by, file, each["name"])) for each in texts]


def _by(file: str, name: str, seed: int, lines: str) -> float:
    mistakes: list[Mistake] = importlib.import_module(f"lectures.mistakes.{file}").MISTAKES
    return next(mistake for mistake in mistakes if mistake.name == name).by(seed, lines)


def find(name: str) -> list[Mistake]:
    """The mistake of that name, or all.

    Raises: UsageError when there is none.
    """
    known = gallery()
    found = known if name == "all" else [mistake for mistake in known if mistake.name == name]
    if not found:
        names = ", ".join(mistake.name for mistake in known)
        hints = meant(name, names.split(", "), "choose one of them", "请从中选择")
        raise UsageError(f"there is no mistake {name!r}; known: {names}, all", *hints)
    return found
