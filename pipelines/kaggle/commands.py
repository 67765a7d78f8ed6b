"""The commands that talk to Kaggle: data, submit, scores, doctor. The rest is imported inside them."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import EXIT_CODES, errors_in_plain_words, say, say_aside

if TYPE_CHECKING:
    from pipelines.competition import Competition
    from pipelines.kaggle.ledger import Entry
    from pipelines.kaggle.patience import Patience
    from pipelines.kaggle.scores import Board
    from pipelines.kaggle.sending import Parcel, Sender

GO_ON = "interrupted; run the same command again: it goes on where it stopped"

Name = Annotated[str, typer.Argument(help="Competition: folder name, Kaggle slug or URL.", metavar="COMPETITION")]
Data = Annotated[Path | None, typer.Option(help="Folder with the competition's csv files.")]
Output = Annotated[Path, typer.Option(help="Where submissions are; a folder per competition.")]
Timeout = Annotated[float, typer.Option(help="Seconds without a byte before a request counts as lost.", min=0.1)]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (data, submit, scores, doctor):
        app.command(epilog=EXIT_CODES)(command)


def data(
    name: Name,
    archive: Annotated[
        Path | None, typer.Option("--from", help="A zip downloaded by hand, instead of a download.")
    ] = None,
    root: Annotated[Path, typer.Option(help="Where data folders are.")] = Path("data"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is there; the old folder is kept beside it.")
    ] = False,
    timeout: Timeout = 30.0,
) -> None:
    """Download a competition's files into data/<slug>/; if they are there, verify them."""
    with errors_in_plain_words(GO_ON):
        from pipelines.kaggle.client import Kaggle
        from pipelines.kaggle.download import Target, download, import_zip

        slug, competition = _resolve(name)
        target = Target(slug, root, competition.files if competition else ())
        if archive is not None:
            found = import_zip(archive, target, force=force)
            say(f"imported {archive}")
        else:
            with Kaggle(patience=_patience(timeout), say=say_aside) as kaggle, _bar(slug) as progress:
                found, fetched = download(kaggle, target, progress, force=force)
            say("downloaded" if fetched else "nothing to download: the files are there and verified")
        for file, entry in found.files.items():
            say(f"  {target.folder / file}  {entry['size']} bytes")


def submit(
    name: Name,
    file: Annotated[Path | None, typer.Option(help="The csv; otherwise the newest one.")] = None,
    data: Data = None,
    output: Output = Path("submissions"),
    message: Annotated[str, typer.Option("--message", "-m", help="Put before the description.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Send the same bytes once more.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the score.")] = True,
    wait_minutes: Annotated[float, typer.Option(help="How long to wait for the score.", min=0.0)] = 20.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before uploading.")] = False,
    timeout: Timeout = 30.0,
) -> None:
    """Upload the newest checked csv, wait for its score and write it beside the forecast."""
    with errors_in_plain_words(GO_ON):
        from filelock import FileLock

        from pipelines.competition import load
        from pipelines.kaggle import scores as scoring
        from pipelines.kaggle import submit as choice
        from pipelines.kaggle.client import Kaggle
        from pipelines.kaggle.sending import Sender

        competition = load(name)
        candidate = choice.choose(competition, output / competition.slug, file)
        choice.check(competition, candidate, data or Path("data") / competition.slug)
        say(f"submission: {candidate.path} (checked)")
        board = _board(output, candidate.path.parent)
        patience = replace(_patience(timeout), score_deadline=60 * wait_minutes)
        with Kaggle(patience=patience, say=say_aside) as kaggle:
            with FileLock(output / ".submit.lock"):  # two at once would not see each other's submission
                sender = Sender(kaggle, board.ledger)
                entry = _send(sender, choice.pack(candidate, message), again=again, ask=not yes)
            if entry is None:
                return
            if wait and not entry.done:
                say(f"waiting for the score of submission {entry.ref}")
                scoring.wait(kaggle, board, entry)
        if entry.done:
            scoring.check_verdict(entry)
            say(scoring.score_line(entry, board.record(entry)))
        else:
            say(f"later: python -m pipelines scores {competition.slug}")


def _send(sender: "Sender", parcel: "Parcel", *, again: bool, ask: bool) -> "Entry | None":
    """The entry of the submission, new or made before; None if the user declines."""
    before = None if again else sender.already_sent(parcel)
    if before is not None:
        say(f"these bytes are submission {before.ref} already; not sent again (--again does)")
        return before
    today = sender.remaining(parcel.slug)
    if ask and sys.stdin.isatty() and not typer.confirm(f"upload {parcel.path.name}?", default=True):
        return None
    entry = sender.send(parcel, today)
    say(f"submitted: reference {entry.ref}")
    return entry


def scores(
    name: Name,
    output: Output = Path("submissions"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask Kaggle nothing.")] = False,
    timeout: Timeout = 30.0,
) -> None:
    """Pick up scores that were pending and print the table of submissions."""
    with errors_in_plain_words(GO_ON):
        from pipelines.errors import HomeworkError
        from pipelines.kaggle import scores as scoring

        slug, _ = _resolve(name)
        board = _board(output, output / slug)
        failure = None
        try:
            if not offline:
                _pick_up(board, slug, timeout)
        except HomeworkError as error:
            failure = error  # what is known is shown all the same
        table = scoring.rows(board, slug)
        if as_json:
            say(json.dumps(table, indent=2))
        elif table:
            for line in scoring.table_lines(table):
                say(line)
        else:
            say(f"no submission of {slug} yet; python -m pipelines submit {slug}")
        if failure is not None:
            raise failure


def _pick_up(board: "Board", slug: str, timeout: float) -> None:
    from pipelines.kaggle import scores as scoring
    from pipelines.kaggle.client import Kaggle
    from pipelines.kaggle.sending import Sender

    open_entries = [entry for entry in board.ledger.entries(slug) if not entry.done]
    if not open_entries:
        return
    with Kaggle(patience=_patience(timeout), say=say_aside) as kaggle:
        for entry in open_entries:
            if Sender(kaggle, board.ledger).settle(entry).ref is not None:
                scoring.look(kaggle, board, entry)


def doctor(
    name: Annotated[
        str, typer.Argument(help="The competition whose rules are looked at.", metavar="COMPETITION")
    ] = "titanic",
    timeout: Timeout = 15.0,
) -> None:
    """Examine credentials, proxy, versions, device and the way to Kaggle; exit code 1 if one is wrong."""
    with errors_in_plain_words("interrupted"):
        from pipelines.kaggle.doctor import examine

        slug, _ = _resolve(name)
        wrong = 0
        for finding in examine(slug, _patience(timeout)):
            say(finding.line)
            wrong += bool(finding.next_step)
        say(f"to mend: {wrong}" if wrong else "all is well")
        if wrong:
            raise typer.Exit(1)


def _resolve(name: str) -> "tuple[str, Competition | None]":
    """The slug, and the competition if it has a folder here."""
    from pipelines.competition import load
    from pipelines.errors import UsageError
    from pipelines.kaggle.download import slug_of

    try:
        competition = load(name)
    except UsageError:
        return slug_of(name), None
    return competition.slug, competition


def _board(output: Path, folder: Path) -> "Board":
    from pipelines.kaggle.ledger import Ledger
    from pipelines.kaggle.scores import Board

    output.mkdir(parents=True, exist_ok=True)
    return Board(Ledger(output), folder)


def _patience(timeout: float) -> "Patience":
    from pipelines.kaggle.patience import Patience

    return Patience(read=timeout)


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar in bytes on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)
