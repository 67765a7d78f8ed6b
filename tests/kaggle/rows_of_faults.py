"""The rows of docs/faults.md, run again: ROWS=rows.md pytest tests/kaggle/rows_of_faults.py appends them to a file."""

import os
import stat
from pathlib import Path

import pytest
import test_download
import test_upload
from made import COMPLETE, LEDGER
from stand_in import Odd
from test_archives import special, write
from test_download import large, large_archive

__all__ = ["large", "large_archive"]  # fixtures
DOWNLOAD = {case: (row[0], row[1]) for case, row in test_download.RECOVERED.items()}
DOWNLOAD |= {case: (row[0], [row[1]] * 20) for case, row in test_download.FAILED.items()}
DOWNLOAD["api: silent for ever"] = ("DownloadDataFiles", ["silent"] * 20)
SUBMIT = {case: (row[0], row[1]) for case, row in (test_upload.RECOVERED | test_upload.FAILED).items()}

UNTOLD = "?"  # it neither goes on nor says why not


def happened(part, case, done, files, submissions):
    """One row, at the end of the file; returns what came of it: recovered, or the error's first words."""
    lines = [line for line in done.text.splitlines() if line.startswith("error: ")]
    outcome = lines[0][:110] if lines else "recovered" if not done.code else UNTOLD
    with Path(os.environ["ROWS"]).open("a", encoding="utf-8") as file:
        file.write(f"| {part} | {case} | {outcome} | {done.code} | {files} | {submissions} |\n")
    return outcome


def in_data():
    found = [p for p in Path("data").rglob("*") if p.is_file() and not p.name.endswith(".lock")]
    names = {p.name for p in found if p.parent.name == "titanic"}
    whole = {"train.csv", "test.csv", "gender_submission.csv"} < names
    others = [f"{p.relative_to('data')} ({p.stat().st_size} bytes)" for p in found if p.parent.name != "titanic"]
    return ", ".join(["complete"] * whole + others)


@pytest.mark.parametrize("case", DOWNLOAD)
def test_download_row(site, cli, large, case):
    call, faults = DOWNLOAD[case]
    site.faults[call] = list(faults)
    assert happened("download", case, cli("data", "titanic"), in_data(), len(site.submissions)) != UNTOLD


def bad_checksum(path):
    content = write(path, ("train.csv", b"x" * 99)).read_bytes()
    at = content.index(b"PK\x01\x02") + 16
    path.write_bytes(content[:14] + b"\0\0\0\0" + content[18:at] + b"\0\0\0\0" + content[at + 4 :])
    return path


ARCHIVES = {
    "traversal": lambda path: write(path, ("../evil.csv", b"1")),
    "absolute": lambda path: write(path, ("/evil.csv", b"1")),
    "link": lambda path: write(path, (special("link.csv", stat.S_IFLNK | 0o777), b"/etc/passwd")),
    "duplicate": lambda path: write(path, ("train.csv", b"1"), ("train.csv", b"2")),
    "bomb": lambda path: write(path, ("zeros.csv", bytes(20_000_000))),
    "bad checksum": bad_checksum,
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archive_row(site, cli, tmp_path, case):
    site.archives["titanic"] = ARCHIVES[case](tmp_path / "a.zip").read_bytes()
    assert happened("archive", case, cli("data", "titanic"), in_data(), len(site.submissions)) != UNTOLD


@pytest.mark.parametrize("case", SUBMIT)
def test_submit_row(site, cli, ready, case):
    call, faults = SUBMIT[case]
    site.faults[call] = list(faults)
    assert happened("submit", case, cli("submit", "titanic"), "-", len(site.submissions)) != UNTOLD


def no_submission_left(site):
    site.allowed = 0


def not_listed(site):
    site.faults["CreateSubmission"], site.listed = ["after-500"], False


def late_and_uncounted(site):
    site.faults["CreateSubmission"], site.late = ["after-drop"], 20
    site.faults["GetSubmissionLimits"] = ["500"] * 99


def late_and_midnight(site):
    site.faults["CreateSubmission"], site.late, make = ["after-drop"], 20, site.submit
    site.submit = lambda *arguments: (make(*arguments), site.midnight())[0]


def teammate(site):
    site.faults["CreateSubmission"], take = ["500"], site.next_fault

    def and_theirs(call):
        fault = take(call)
        if fault:
            site.by_hand("titanic")
        return fault

    site.next_fault = and_theirs


def refused_though_made(site):
    site.faults["CreateSubmission"], site.late = ["after-400-file"], 1


def verdict(**answer):
    return lambda site: setattr(site, "verdicts", [answer])


OTHERS = {
    "no submission left": no_submission_left,
    "made, not answered, not listed": not_listed,
    "made, not answered, listed late, count unknown": late_and_uncounted,
    "made, not answered, listed late, midnight between": late_and_midnight,
    "made, and answered with a refusal": refused_though_made,
    "last step: 500 before, and a teammate's meanwhile": teammate,
    "pending for long": verdict(status="PENDING"),
    "ERROR": verdict(status="ERROR", errorDescription="must have 418 rows"),
    "missing score": verdict(status="COMPLETE"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_row(site, cli, ready, case):
    OTHERS[case](site)
    assert happened("submit", case, cli("submit", "titanic"), "-", len(site.submissions)) != UNTOLD


def test_fresh_clone_row(site, cli, ready):
    cli("submit", "titanic", "--no-wait")
    for number in range(150):
        site.by_hand("titanic", name=f"{number}.csv")
    site.allowed, site.verdicts = 200, [COMPLETE]
    LEDGER.unlink()
    done = cli("submit", "titanic")
    assert (
        happened(
            "submit", "fresh clone, the first on page two", done, "-", f"{len(site.submissions) - 150}, 150 by hand"
        )
        != UNTOLD
    )
    LEDGER.unlink()
    page = b'{"submissions": [{"ref": 1}], "nextPageToken": "1"}'
    site.faults["ListSubmissions"] = [Odd(200, page)] * 9
    assert (
        happened("submit", "pages of the list repeat", cli("submit", "titanic"), "-", f"{len(site.submissions) - 150}")
        != UNTOLD
    )
    site.faults["ListSubmissions"] = ["500"] * 9
    assert happened("scores", "fresh clone, list: 500 for ever", cli("scores", "titanic"), "-", "-") != UNTOLD
    site.faults["ListSubmissions"] = ["500"]
    assert happened("scores", "fresh clone, list: 500", cli("scores", "titanic"), "-", "-") != UNTOLD
