"""What all commands share: errors in plain words and exit codes, never a traceback."""

import contextlib
import errno
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Literal

import typer

from pipelines.language.catalogue import translated
from pipelines.report import process

STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)  # what steers a terminal: names hold it

SHOWN = 60  # characters of a name that is too long

EXIT_CODES = (
    "Exit codes: 0 done; 1 failed; 2 wrong options, data or csv; 3 no or refused credentials; "
    "4 no access (rules, phone, no such competition on Kaggle); 5 refused by Kaggle (daily limit, file, scoring); "
    "6 network or site; 7 no score yet; 130 interrupted (Ctrl-C, SIGTERM, SIGHUP)."
)


def say(line: str = "", *, err: bool = False) -> None:
    """Print a line in the language that is shown, through what `sys.stdout` is now: above a bar, not into it.

    Whether anybody reads it stops nothing, but where `errors_in_plain_words` was told so.
    """
    give(translated(STEERING.sub("", line)), err=err)


def give(text: str, *, err: bool = False) -> None:
    """Print a result, which is the same in every language: JSON, a csv, a path. Else as `say`."""
    try:
        process.write_line("stderr" if err else "stdout", STEERING.sub("", text))
    except OSError:
        if stops.get() and not err:
            raise


def say_aside(line: str) -> None:
    """Print a line where it does not stand in the way of a result."""
    say(line, err=True)


def complain(line: str) -> None:
    """Print what must not be missed: to stderr, or to stdout if stderr is closed."""
    say(line, err=not isinstance(sys.stderr, process.Unread))


def unread() -> bool:
    """Whether stdout is closed, or nobody reads it any more."""
    return isinstance(sys.stdout, process.Unread)


stops: ContextVar[bool] = ContextVar("stops", default=False)


@contextlib.contextmanager
def errors_in_plain_words(interrupted: str | Callable[[], str], *, stop_unread: bool = False) -> Iterator[None]:
    """Turn what a user can act on into a message and an exit code; `interrupted` is said on Ctrl-C.

    With `stop_unread` a command ends, well, when nobody reads its lines any more: for commands that only print.
    """
    from pipelines.errors import HomeworkError, full_memory_told

    before = stops.set(stop_unread)
    try:
        with warnings_in_plain_words(), full_memory_told():
            yield
        _check_stdout()
    except HomeworkError as error:
        complain(f"error: {error}")
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        raise typer.Exit(0) from None
    except OSError as error:
        complain(f"error: {_in_plain_words(error)}")
        raise typer.Exit(2 if error.errno == errno.ENAMETOOLONG else 1) from None
    except (KeyboardInterrupt, typer.Abort):  # the latter at a question
        process.signals.told = True
        complain(interrupted if isinstance(interrupted, str) else interrupted())
        raise typer.Exit(process.INTERRUPTED) from None
    finally:
        stops.reset(before)


def _check_stdout() -> None:
    """What was printed into a full disk, say, is lost; a reader that went away wanted no more."""
    reason = sys.stdout.reason if isinstance(sys.stdout, process.Unread) else None
    if reason is not None and not isinstance(reason, BrokenPipeError):
        raise reason


def _in_plain_words(error: OSError) -> str:
    from pipelines.errors import NoRoomError, UsageError
    from pipelines.files import NO_ROOM

    if error.errno == errno.ENAMETOOLONG:
        what = f"no file can have so long a name: {str(error.filename)[:SHOWN]}..."
        return str(UsageError(what, "give a shorter one", "请使用更短的名称"))
    said = f"{error.filename or 'the system'}: {error.strerror or error}"
    return str(NoRoomError(said)) if error.errno in NO_ROOM else said


@contextlib.contextmanager
def warnings_in_plain_words() -> Iterator[None]:
    """Print the text of our own warnings, each once, without Python's file and line."""
    from pipelines.errors import HomeworkWarning

    said = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", HomeworkWarning)
        show = warnings.showwarning

        def plain(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, HomeworkWarning):
                show(message, category, *where, **more)
            elif str(message) not in said:
                said.add(str(message))
                complain(f"warning: {message}")

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
        progress.TimeElapsedColumn(), progress.TextColumn(translated("left")), progress.TimeRemainingColumn(),
    )  # fmt: skip
    # Lines on a terminal have to make way for the bar; lines that go to a file stay out of its hands.
    lines = sys.stdout.isatty()
    with progress.Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=lines) as bar:

        def show(what: str, done: int, of: int | None) -> None:
            what = translated(what)
            if [task.description for task in bar.tasks] != [what]:
                for task in bar.task_ids:
                    bar.remove_task(task)
                bar.add_task(what, total=of)
            bar.update(bar.task_ids[0], completed=done, total=of)

        yield show
