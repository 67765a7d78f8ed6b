"""Mistakes of the homework: each a pair, done wrong and done right, with the measured damage and its guard.

The list is read from the text of the files beside this one, so that it does not wait for torch; see `course.catalogue`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lectures.course.catalogue import written_out
from pipelines.errors import UsageError

Pair = tuple[float, float]  # the measure when done wrong, and when done right


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What is done wrong, what `run(seed)` measures of it, and what guards against it here."""

    name: str
    what: str
    measure: str
    guard: str
    run: Callable[[int], Pair]


def fails(error: type[Exception], call: Callable[[], object]) -> float:
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
    """All mistakes: first those with data and files, then those of training; their code is imported when it runs."""
    return [
        Mistake(name=name, what=what, measure=measure, guard=guard, run=partial(_run, file, name))
        for file in ("of_data", "of_training")
        for name, what, measure, guard in written_out(
            Path(__file__).with_name(f"{file}.py"), "Mistake", "name", "what", "measure", "guard"
        )
    ]


def _run(file: str, name: str, seed: int) -> Pair:
    mistakes: list[Mistake] = importlib.import_module(f"lectures.mistakes.{file}").MISTAKES
    return next(mistake for mistake in mistakes if mistake.name == name).run(seed)


def find(name: str) -> list[Mistake]:
    """The mistake of that name, or all.

    Raises: UsageError when there is none.
    """
    known = gallery()
    found = known if name == "all" else [mistake for mistake in known if mistake.name == name]
    if not found:
        names = ", ".join(mistake.name for mistake in known)
        raise UsageError(f"there is no mistake {name!r}; known: {names}, all", "choose one of them", "请从中选择")
    return found
