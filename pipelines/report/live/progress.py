"""How far a run has come, in one line: on a terminal, on a pipe once a minute, in a notebook in its place."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from pipelines.pages.words import Words
from pipelines.report.console import say_aside
from pipelines.report.live.so_far import SoFar, Tell

A_MINUTE = 60.0  # between two lines on a pipe
IN_A_NOTEBOOK = 0.5  # seconds between two looks of the line in a notebook
TASKS = {"estimators": "模型", "baselines": "基线模型", "estimators and baselines": "模型与基线模型"}


def line_of(so_far: SoFar, words: Words) -> str:
    """Networks done of all, the score so far with its error, and the time left, as far as they are known."""
    parts = [counted(so_far, words)]
    if score := score_of(so_far):
        parts.append(words(f"{score} so far", f"目前 {score}"))
    if so_far.deadline is not None:
        parts.append(words(f"{duration(so_far.left or 0)} left", f"剩 {duration(so_far.left or 0, words)}"))
    elif so_far.left:
        parts.append(words(f"about {duration(so_far.left)} left", f"约剩 {duration(so_far.left, words)}"))
    return words(", ", "，").join(parts)


def over(so_far: SoFar, words: Words) -> str:
    """What is said when the run is over: how much was trained, and how long it took."""
    took = duration(so_far.elapsed, words)
    return words(", ", "，").join((counted(so_far, words), words(f"{took} in all", f"共 {took}")))


def counted(so_far: SoFar, words: Words) -> str:
    """How many of the networks, or models of whatever kind, are done; and of the baselines, while they are fitted."""
    done, of = so_far.n_models
    networks = all(part.epochs for part in so_far.variants)
    line = words(
        f"{done} of {of} {'networks' if networks else 'models'}",
        f"{of} 个{'网络' if networks else '模型'}已完成 {done} 个",
    )
    what, some, all_of_them = so_far.task or ("", 0, 0)
    if what in TASKS:
        of_task = words(f"{some} of {all_of_them} {what}", f"{all_of_them} 个{TASKS[what]}已完成 {some} 个")
        line = words(", ", "，").join((of_task, line))
    return line


def score_of(so_far: SoFar) -> str:
    """The score of the rows that are scored by now; empty while there is none."""
    pool, competition = so_far.pool, so_far.competition
    if pool.score is None or pool.se is None or competition is None:
        return ""
    return f"{competition.metric.name} {pool.score:.4f} ± {pool.se:.4f}"


def duration(seconds: float, words: Words = Words()) -> str:  # noqa: B008 a value
    """A time in the unit that fits it.

    >>> [duration(seconds) for seconds in (0.2, 41.3, 100, 4000, 90000)]
    ['1 s', '41 s', '2 min', '67 min', '25 h']
    """
    if seconds < 99.5:
        return words(f"{max(1, round(seconds))} s", f"{max(1, round(seconds))} 秒")
    if seconds < 2 * 3600:
        return words(f"{round(seconds / 60)} min", f"{round(seconds / 60)} 分钟")
    return words(f"{round(seconds / 3600)} h", f"{round(seconds / 3600)} 小时")


@contextlib.contextmanager
def progress(words: Words = Words(), *, silent: bool = False) -> Iterator[Tell]:  # noqa: B008 a value
    """Yield what shows how far a run has come, where somebody looks; nothing when silent."""
    if silent:
        yield lambda _so_far: None
    elif _in_a_notebook():
        yield InANotebook(words)
    elif sys.stderr.isatty():
        with _bar(words) as show:
            yield show
    else:
        yield LineAMinute(words)


class LineAMinute:
    """On a pipe: nothing for a minute, then a line a minute at most."""

    def __init__(
        self, words: Words, say: Callable[[str], None] = say_aside, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._words, self._say, self._clock, self._again = words, say, clock, clock() + A_MINUTE

    def __call__(self, so_far: SoFar) -> None:
        """Say the line, if it is time, and the run is not over."""
        if self._clock() >= self._again and not so_far.is_over:
            self._again = self._clock() + A_MINUTE
            self._say(line_of(so_far, self._words))


class InANotebook:
    """One line of a cell's output that is rewritten; it needs nothing of the notebook but that it shows text."""

    def __init__(self, words: Words, clock: Callable[[], float] = time.monotonic) -> None:
        self._words, self._clock, self._again = words, clock, 0.0
        self._shown: Any = None

    def __call__(self, so_far: SoFar) -> None:
        """Rewrite the line, if it is time."""
        if self._clock() < self._again and not so_far.is_over:
            return
        from IPython.display import display

        self._again = self._clock() + IN_A_NOTEBOOK
        line = over(so_far, self._words) if so_far.is_over else line_of(so_far, self._words)
        text = {"text/plain": line}
        if self._shown is None:
            self._shown = display(text, raw=True, display_id=True)
        else:
            self._shown.update(text, raw=True)


def _in_a_notebook() -> bool:
    """Whether IPython runs with a kernel, which is what shows a notebook's outputs."""
    return "IPython" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel")


@contextlib.contextmanager
def _bar(words: Words) -> Iterator[Tell]:
    """A bar on the terminal, with the line around it; gone in the end."""
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"), rich_progress.BarColumn(16),
        rich_progress.TextColumn("{task.fields[score]}"), rich_progress.TimeElapsedColumn(),
        rich_progress.TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    lines = sys.stdout.isatty()  # they have to make way for the bar; those that go to a file stay out of its hands
    console = Console(stderr=True)
    with rich_progress.Progress(*columns, console=console, transient=True, redirect_stdout=lines) as bar:
        task = bar.add_task("", start=False, visible=False, score="", left="")

        def show(so_far: SoFar) -> None:
            """Move the bar to where the run is."""
            done, of = so_far.steps
            left = so_far.left
            if not bar.tasks[0].started:
                bar.start_task(task)
            bar.update(
                task, description=counted(so_far, words), completed=done, total=of, visible=not so_far.is_over,
                score=score_of(so_far),
                left="" if left is None else words(f"left {duration(left)}", f"约剩 {duration(left, words)}"),
            )  # fmt: skip

        yield show
