"""What all commands share: errors in plain words and exit codes, never a traceback."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

TensorBoard = Annotated[Path | None, typer.Option(help="Folder for TensorBoard's curves.")]
Visdom = Annotated[bool, typer.Option("--visdom", help="Curves in the browser, by a running Visdom server.")]

EXIT_CODES = (
    "Exit codes: 0 done; 1 failed; 2 wrong options, data or csv; 3 no or refused credentials; "
    "4 no access (rules, phone, no such competition on Kaggle); 5 refused by Kaggle (daily limit, file, scoring); "
    "6 network or site; 7 no score yet; 130 interrupted."
)


def say(line: str = "", *, err: bool = False) -> None:
    """Print a line, through what `sys.stdout` is now: above a bar that is being drawn, not into it."""
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{line}\n")
    stream.flush()


def say_aside(line: str) -> None:
    """Print a line where it does not stand in the way of a result."""
    say(line, err=True)


@contextlib.contextmanager
def errors_in_plain_words(interrupted: str) -> Iterator[None]:
    """Turn what a user can act on into a message and an exit code; `interrupted` is said on Ctrl-C."""
    from pipelines.errors import HomeworkError, full_memory_told

    try:
        with _warnings_in_plain_words(), full_memory_told():
            yield
    except HomeworkError as error:
        say(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        say(f"error: {error.filename or 'the system'}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        say(interrupted, err=True)
        raise typer.Exit(130) from None


@contextlib.contextmanager
def _warnings_in_plain_words() -> Iterator[None]:
    """Print the text of our own warnings, each once, without Python's file and line."""
    from pipelines.errors import TrainingWarning

    said = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", TrainingWarning)
        show = warnings.showwarning

        def plain(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, TrainingWarning):
                show(message, category, *where, **more)
            elif str(message) not in said:
                said.add(str(message))
                say(f"warning: {message}", err=True)

        warnings.showwarning = plain
        yield


@contextlib.contextmanager
def progress_bar(
    *, silent: bool = False, unit: Literal["counts", "bytes"] = "counts"
) -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield `show(what, done, of)`: a bar with an estimate on a terminal; nothing elsewhere, or when silent.

    A new `what` begins a new bar in the place of the one before. `of` is None where it is not known.
    """
    if silent or not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"), progress.BarColumn(),
        progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(), progress.TextColumn("left"), progress.TimeRemainingColumn(),
    )  # fmt: skip
    # Lines on a terminal have to make way for the bar; lines that go to a file stay out of its hands.
    lines = sys.stdout.isatty()
    with progress.Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=lines) as bar:

        def show(what: str, done: int, of: int | None) -> None:
            if [task.description for task in bar.tasks] != [what]:
                for task in bar.task_ids:
                    bar.remove_task(task)
                bar.add_task(what, total=of)
            bar.update(bar.task_ids[0], completed=done, total=of)

        yield show
