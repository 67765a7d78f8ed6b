"""The commands that write a page: report, compare. The rest is imported inside them."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.report.console import EXIT_CODES, complain, errors_in_plain_words, give, say, say_aside
from pipelines.report.options import RUNS, Lang, Name, Runs
from pipelines.runs.commands import RUN, Json, refuse_other_metric, refuse_same, slug_of

WHICH = "A run's name or its beginning, a folder, or a competition, for its newest run; else the newest of all."


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (report, compare):
        app.command(epilog=EXIT_CODES)(command)


def report(
    run: Annotated[str | None, typer.Argument(help=WHICH, metavar="[RUN]")] = None,
    root: Runs = RUNS,
    lang: Lang = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print where the page is, and open nothing.")] = False,
) -> None:
    """Show what a run found out: write its page anew and open it in the browser."""
    with errors_in_plain_words("interrupted", stop_unread=True):
        from pipelines.pages.words import Words, language
        from pipelines.runs.folder import REPORT
        from pipelines.runs.history.choice import choose_any

        words, folder = Words(language(lang)), choose_any(root, run)
        path = folder.path / REPORT
        if folder.is_finished:  # else the page is one that grows
            from pipelines.pages.write import write_report

            try:
                write_report(folder, words)
            except OSError as error:
                if not path.exists():
                    raise
                complain(f"warning: {path} is as it was, and cannot be written anew: {error.strerror or error}")
        give(str(path))
        if not no_open:
            _open(path)


def compare(
    name: Name,
    a: Annotated[str, typer.Argument(help=RUN, metavar="A")],
    b: Annotated[str, typer.Argument(help=RUN, metavar="B")] = "newest",
    root: Runs = RUNS,
    as_json: Json = False,
    as_html: Annotated[
        bool, typer.Option("--html", help="Write a page into B's folder, and print where it is.")
    ] = False,
    lang: Lang = None,
) -> None:
    """Compare two runs row by row: how much better B is than A, on which rows, and whether that is more than chance."""
    with errors_in_plain_words("interrupted", stop_unread=not as_html):
        from pipelines.pages.words import Words, language
        from pipelines.runs.history.choice import choose, metric_of

        words, slug = Words(language(lang)), slug_of(name)
        chosen = [choose(root, slug, said) for said in (a, b)]
        refuse_same(slug, *(run.folder.path for run in chosen))
        refuse_other_metric(slug, *(run.record.metric for run in chosen))

        from pipelines.runs.history.compare import compare as compared
        from pipelines.runs.history.listing import predictions
        from pipelines.runs.history.shown import as_plain, lines
        from pipelines.runs.history.training import with_training
        from pipelines.settings.lookup import load

        competition = load(name)
        metric = metric_of(slug, chosen[0].record.metric)
        of_a, of_b = (predictions(run.folder) for run in chosen)
        found = compared(metric, of_a, of_b, competition.classes)
        found = with_training(found, competition, (chosen[0], of_a), (chosen[1], of_b))
        if as_html:
            from pipelines.pages.compared import write_comparison

            path = write_comparison(found, chosen[0], chosen[1], competition.target, words)
            say_aside(found.verdict)
            give(str(path))
        elif as_json:
            give(json.dumps({"a": chosen[0].folder.name, "b": chosen[1].folder.name} | as_plain(found), indent=2))
        else:
            for line in lines(found, chosen[0].folder.name, chosen[1].folder.name, competition.target):
                say(line)


def _open(path: Path) -> None:
    """Show a page in the browser, where a person sits in front of one: not over ssh, not in a pipe."""
    screen = os.name == "nt" or sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if sys.stdout.isatty() and (screen or os.environ.get("BROWSER")):
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
