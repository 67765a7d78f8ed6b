"""The command about runs that are kept, and what others like it share. The rest is imported inside it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.report.console import EXIT_CODES, errors_in_plain_words, give, say, say_aside
from pipelines.report.options import RUNS, SUBMISSIONS, Name, Output, Runs

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RUN = "A folder's name or its beginning, a path, or: best, newest, previous."


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog=EXIT_CODES)(runs)


def runs(
    name: Name,
    root: Runs = RUNS,
    output: Output = SUBMISSIONS,
    prune: Annotated[
        int | None, typer.Option(help="Remove runs: all but so many best, the newest, those submitted.", min=1)
    ] = None,
    all_differences: Annotated[
        bool, typer.Option("--all", help="The difference to the best of every run, however many there are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the runs that are kept: score, difference to the best one, public score, size."""
    with errors_in_plain_words("interrupted", stop_unread=True):
        from pipelines.runs.history.listing import public_scores, rows, table_lines
        from pipelines.submission.ledger import Ledger

        slug, ledger = slug_of(name), Ledger(output, say_aside)
        if prune is not None:
            from pipelines.runs.history.pruning import remove, to_remove

            removed = list(remove(to_remove(root, slug, prune, public_scores(ledger, slug))))
            for each in removed:
                say_aside(f"removed {each.name}, {each.n_bytes / 1e6:.2f} MB")
            n_bytes = sum(each.n_bytes for each in removed)
            say_aside(f"removed {len(removed)} run{'s' * (len(removed) != 1)} of {slug}: {n_bytes / 1e6:.2f} MB")
        table = rows(root, slug, ledger, all_differences=all_differences)
        if as_json:
            give(json.dumps(table, indent=2))
        elif table:
            say("\n".join(table_lines(table)))
        else:
            say(f"no run of {slug} is kept in {root / slug}; python -m pipelines run {slug}, or cv {slug}, leaves one")


def slug_of(name: str) -> str:
    """The slug of a competition that has a folder here, its code not loaded if that can be.

    Raises: UsageError where there is none.
    """
    from pipelines.settings.lookup import find, load

    return find(name).slug or load(name).slug


def refuse_same(slug: str, a: Path, b: Path) -> None:
    """A run differs from itself by nothing.

    Raises: UsageError.
    """
    if a.samefile(b):
        from pipelines.errors import UsageError

        raise UsageError(
            f"A and B are the same run: {a.name}",
            f"name two, A and B: python -m pipelines runs {slug} lists them (B is the newest where it is left out)",
            f"请指定两次不同的运行；python -m pipelines runs {slug} 会列出它们（省略 B 时为最新一次）",
        )


def refuse_other_metric(slug: str, of_a: str | None, of_b: str | None) -> None:
    """Scores of two metrics have no difference.

    Raises: UsageError.
    """
    if of_a != of_b:
        from pipelines.errors import UsageError

        raise UsageError(
            f"A was scored by {of_a}, B by {of_b}",
            f"compare two runs of one metric: python -m pipelines runs {slug} lists them",
            f"请比较使用同一指标的两次运行；python -m pipelines runs {slug} 会列出它们",
        )
