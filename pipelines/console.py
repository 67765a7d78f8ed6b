"""What all commands share: errors in plain words and exit codes, never a traceback."""

import contextlib
import os
import sys
from collections.abc import Iterator

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
