"""The commands that talk to Kaggle: data, submit, scores, doctor. The rest is imported inside them."""

import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.language.catalogue import translated
from pipelines.report.console import EXIT_CODES, errors_in_plain_words, give, progress_bar, say, say_aside
from pipelines.report.options import RUNS, SUBMISSIONS, Name, Output, Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.errors import HomeworkError
    from pipelines.kaggle.scores import Board
    from pipelines.kaggle.upload import Uploader
    from pipelines.submission.candidate import Candidate
    from pipelines.submission.ledger import Entry
    from pipelines.web.patience import Patience

PICTURE = "scores.png"
GO_ON = "interrupted; run the same command again: it goes on where it stopped"

Data = Annotated[Path | None, typer.Option(help="Folder or zip with the competition's csv files.")]
Timeout = Annotated[float, typer.Option(help="Seconds without a byte before a request counts as lost.", min=0.1)]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (data, submit, scores, doctor):
        app.command(epilog=EXIT_CODES)(command)


def data(
    name: Name,
    archive: Annotated[
        Path | None, typer.Option("--from", help="A zip, or a folder, downloaded by hand, instead of a download.")
    ] = None,
    root: Annotated[Path, typer.Option(help="Where data folders are.")] = Path("data"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is there; the old folder is kept beside it.")
    ] = False,
    timeout: Timeout = 30.0,
) -> None:
    """Download a competition's files into data/<slug>/; if they are there, verify them."""
    with errors_in_plain_words(GO_ON):
        from pipelines.data.folders import Target, import_files
        from pipelines.kaggle.client import Kaggle
        from pipelines.kaggle.download import download

        slug, expected = _resolve(name)
        target = Target(slug, root, expected)
        if archive is not None:
            found = import_files(archive, target, force=force)
            say(f"imported {archive}")
        else:
            with Kaggle(patience=_patience(timeout), say=say_aside) as kaggle, progress_bar(unit="bytes") as show:
                found, fetched = download(kaggle, target, show, force=force)
            say("downloaded" if fetched else "nothing to download: the files are there and verified")
        for file, entry in found.files.items():
            say(f"  {target.folder / file}  {entry['size']} bytes")


def submit(
    name: Name,
    file: Annotated[Path | None, typer.Option(help="The csv; otherwise the newest one.")] = None,
    data: Data = None,
    output: Output = SUBMISSIONS,
    message: Annotated[str, typer.Option("--message", "-m", help="Put before the description.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Send the same bytes once more.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the score.")] = True,
    wait_minutes: Annotated[float, typer.Option(help="How long to wait for the score.", min=0.0)] = 20.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before uploading.")] = False,
    timeout: Timeout = 30.0,
) -> None:
    """Upload the newest checked csv, wait for its score and write it beside the forecast."""
    with errors_in_plain_words(GO_ON):
        from pipelines.kaggle import scores
        from pipelines.kaggle.client import Kaggle
        from pipelines.kaggle.upload import Uploader
        from pipelines.settings.lookup import find, load
        from pipelines.submission.candidate import check, choose
        from pipelines.web.failures import printable

        slug = find(name).slug or load(name).slug
        candidate = choose(slug, output / slug, file)
        check(load(name), candidate, data or Path("data") / slug)
        say(f"submission: {printable(candidate.path)} (checked)")
        board = _board(output, candidate.path.parent)
        patience = replace(_patience(timeout), score_deadline=60 * wait_minutes)
        with Kaggle(patience=patience, say=say_aside) as kaggle:
            output.mkdir(parents=True, exist_ok=True)
            with _alone(output, patience):  # two at once would not see each other's submission
                uploader = Uploader(kaggle, board.ledger)
                entry = _send(uploader, candidate, message, again=again, ask=not yes)
            if entry is None:
                return
            if wait and not entry.done:
                say(f"waiting for the score of submission {entry.ref}")
                scores.wait(kaggle, board, entry)
        if entry.done:
            scores.check_verdict(entry)
            say(scores.score_line(entry, board.record(entry)))
        else:
            say(f"later: python -m pipelines scores {slug}")


@contextmanager
def _alone(output: Path, patience: "Patience") -> "Iterator[None]":
    """One submit at a time; waits for another one, and says so.

    Raises: HomeworkError if the other takes long.
    """
    from filelock import FileLock, Timeout

    from pipelines.kaggle.errors import another_submits
    from pipelines.web.failures import printable

    lock = FileLock(output / ".submit.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say_aside(
            f"another submit is running in {printable(output)}; waiting for it, {patience.deadline:.0f} s at most"
        )
        try:
            lock.acquire(timeout=patience.deadline)
        except Timeout:
            raise another_submits(printable(output)) from None
    try:
        yield
    finally:
        lock.release()


def _send(uploader: "Uploader", candidate: "Candidate", message: str, *, again: bool, ask: bool) -> "Entry | None":
    """The entry of the submission, new or made before; None if the user declines."""
    from pipelines.web.failures import printable

    before = None if again else uploader.already_sent(candidate)
    if before is not None:
        say(f"these bytes are submission {before.ref} already; not sent again (--again does)")
        return before
    uploader.remaining(candidate.slug)
    if (
        ask
        and sys.stdin.isatty()
        and not typer.confirm(translated(f"upload {printable(candidate.path.name)}?"), default=True)
    ):
        return None
    with progress_bar(unit="bytes") as show:
        entry = uploader.send(candidate, message, show)
    say(f"submitted: reference {entry.ref}")
    return entry


def scores(
    name: Name,
    output: Output = SUBMISSIONS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask Kaggle nothing.")] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw a mark per run: what it forecast, what came, and the other teams.")
    ] = False,
    runs: Runs = RUNS,
    timeout: Timeout = 30.0,
) -> None:
    """Pick up scores that were pending; print the table of submissions, and where they stand among all teams."""
    with errors_in_plain_words(GO_ON):
        from pipelines.kaggle.board.show import Shown
        from pipelines.kaggle.scores import rows, table_lines
        from pipelines.settings.lookup import find

        slug, _ = _resolve(name)
        board = _board(output, output / slug)
        entries = board.ledger.entries(slug)
        failure, unasked = None, "Kaggle was not asked (--offline)"
        if not offline:
            failure, unasked = _pick_up(board, slug, entries, timeout, ask_teams=plot)
        if unasked and failure is None and not entries and not board.folder.is_dir():
            find(name)  # nobody has heard of it, here or at Kaggle: a name that is spelt wrongly is said to be
        shown = Shown.of(slug, runs, output, entries)
        table = rows(board, entries, shown.field)
        if as_json:
            give(json.dumps(table, indent=2))
        elif table:
            say("\n".join([*table_lines(table), *shown.lines(table)]))
        elif unasked:
            say(f"no submission of {slug} is known in {output}; {unasked}")
        else:
            say(f"no submission of {slug} yet; python -m pipelines submit {slug}")
        if plot:
            (say_aside if as_json else say)(shown.draw(board.folder / PICTURE))
        if failure is not None:
            raise failure
        if unasked and (table or as_json) and not offline:
            say_aside(f"note: {unasked}; shown is what {output} knows")


def _pick_up(
    board: "Board", slug: str, entries: "list[Entry]", timeout: float, *, ask_teams: bool
) -> "tuple[HomeworkError | None, str]":
    """Ask Kaggle how the entries fare and add those that only it knows; then how all teams do.

    The latter is kept, and so asked for once a day, and only where there is a folder of ours or a picture is wanted.

    Returns the failure that stands between, if something is open or nothing known, and why not all was asked.
    """
    from pipelines.errors import HomeworkError
    from pipelines.kaggle.board.leaderboard import refresh
    from pipelines.kaggle.client import Kaggle
    from pipelines.kaggle.credentials import find
    from pipelines.kaggle.scores import look, others
    from pipelines.kaggle.upload import Uploader

    still_open, found = [entry for entry in entries if not entry.done], find()
    if not still_open and not found.credentials:
        return None, "Kaggle was not asked (no credentials: python -m pipelines doctor)"
    patience = _patience(timeout)
    try:
        with Kaggle(found, patience, say_aside) as kaggle:
            for entry in still_open:
                if Uploader(kaggle, board.ledger).settle(entry).ref is not None:
                    look(kaggle, board, entry)
            kaggle.patience = replace(patience, tries=1) if entries else patience
            entries += others(kaggle, slug, entries)
            if (ask_teams or board.folder.is_dir()) and (why := refresh(kaggle, slug, board.leaderboard)):
                say_aside(f"note: no leaderboard of today: {why}")
    except HomeworkError as error:  # what is known is shown all the same
        told = bool(entries) and all(entry.done for entry in entries)
        return (None if told else error), f"Kaggle could not be asked ({error.message})"
    return None, ""


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


def _resolve(name: str) -> tuple[str, tuple[str, ...]]:
    """The slug, and the files that a run of the competition reads, if it has a folder here."""
    from pipelines.errors import UsageError
    from pipelines.settings.lookup import find, load, slug_of

    slug = slug_of(name)
    try:
        outline = find(name)
    except UsageError:
        return slug, ()
    if outline.slug and outline.files:
        return outline.slug, outline.files
    competition = load(name)
    return competition.slug, competition.files


def _board(output: Path, folder: Path) -> "Board":
    from pipelines.kaggle.scores import Board
    from pipelines.submission.ledger import Ledger

    return Board(Ledger(output, say_aside), folder)


def _patience(timeout: float) -> "Patience":
    from pipelines.web.patience import Patience

    return Patience(connect=timeout, read=timeout)
