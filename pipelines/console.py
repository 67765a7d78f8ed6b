"""What all commands share: errors in plain words and exit codes, never a traceback."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import typer

EXIT_CODES = (
    "Exit codes: 0 done; 1 failed; 2 wrong options, data or csv; 3 no or refused credentials; "
    "4 no access (rules, phone, unknown competition); 5 refused by Kaggle (daily limit, file, scoring); "
    "6 network or site; 7 no score yet; 130 interrupted."
)


@contextlib.contextmanager
def errors_in_plain_words(interrupted: str) -> Iterator[None]:
    """Turn what a user can act on into a message and an exit code; `interrupted` is said on Ctrl-C."""
    from pipelines.errors import HomeworkError

    try:
        with _warnings_in_plain_words():
            yield
    except HomeworkError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        typer.echo(f"error: {error.filename or 'the system'}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(interrupted, err=True)
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
                typer.echo(f"warning: {message}", err=True)

        warnings.showwarning = plain
        yield
