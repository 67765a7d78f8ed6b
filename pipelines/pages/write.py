"""A run's report, as a file in its folder."""

from dataclasses import replace
from pathlib import Path

from pipelines.competition import Competition
from pipelines.files import write_whole
from pipelines.pages.first import first_screen
from pipelines.pages.render import render
from pipelines.pages.sections import all_sections
from pipelines.pages.words import Words
from pipelines.runs.folder import REPORT, RunFolder
from pipelines.runs.saved import SavedRun
from pipelines.submission.ledger import Ledger
from pipelines.submission.record import Record, Verdict


def write_report(folder: RunFolder | Path, words: Words, competition: Competition | None = None) -> Path:
    """Write what a finished run found out as `report.html` into its folder; returns where it is.

    `competition` where it is none of `competitions/`.
    Raises: UsageError, DataError for a folder that cannot be read; OSError where it cannot be written.
    """
    run = SavedRun(folder.path if isinstance(folder, RunFolder) else folder, competition)
    path = run.path / REPORT
    write_whole(path, report(run, words).encode())
    return path


def report(run: SavedRun, words: Words) -> str:
    """The whole page of a run."""
    csv = csv_of(run)
    first = first_screen(with_verdict(run.record, csv), csv, words)
    return render("report.html.jinja", words, first=first, sections=all_sections(run, words))


def csv_of(run: SavedRun) -> Path | None:
    """The submission that a run has written, if it is still there: it has the name that the run's folder had first."""
    options = RunFolder(run.path).plan().get("options")
    output = options.get("output") if isinstance(options, dict) else None
    if run.record.csv_sha256 is None or not isinstance(output, str):
        return None
    path = Path(output) / run.record.slug / f"{run.record.run or run.path.name}.csv"
    return path if path.is_file() else None


def with_verdict(record: Record, csv: Path | None) -> Record:
    """The record with what Kaggle said of its csv since, as the ledger beside the csv tells."""
    if record.kaggle is not None or csv is None:
        return record
    sent = [each for each in Ledger(csv.parent.parent).entries(record.slug) if each.csv_sha256 == record.csv_sha256]
    scored = [each for each in sent if each.public is not None]
    if not scored:
        return record
    last = scored[-1]
    return replace(record, kaggle=Verdict(ref=last.ref, tag=last.tag, **last.verdict))
