"""The ledger: what is told by its lines, and which lines are believed."""

import json

import pytest

from pipelines.submission.ledger import Entry, Ledger

GOOD = {"time": "2026-01-01T00:00:00+00:00", "slug": "titanic", "file": "a.csv", "csv_sha256": "ab", "tag": "hw-1"}
DAMAGED = {
    "torn": b'{"time": "2026-01-01", "event": "sco',
    "bytes": b"\xff\xfe\x00\x01",
    "nested": b"[" * 100_000,
    "a list": b"[1]",
    "a number": b"7",
    "no tag": json.dumps({"event": "scored", "slug": "titanic"}).encode(),
    **{
        name: json.dumps({**GOOD, "event": "scored", **changes}).encode()
        for name, changes in {
            "score a text": {"public": "0.77"},
            "score a list": {"public": [0.77]},
            "score not a number": {"public": float("nan")},
            "score too large": {"public": 10**400},
            "status a number": {"status": 3},
            "reference a text": {"ref": "4000"},
            "reference true": {"ref": True},
            "file a list": {"file": ["a.csv"]},
            "hash a number": {"csv_sha256": 3},
            "tag a list": {"tag": ["hw-1"]},
            "slug a list": {"slug": ["titanic"]},
            "event unknown": {"event": "celebrated"},
        }.items()
    },
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_line_is_named_once_and_passed_over(tmp_path, damage):
    said = []
    ledger = Ledger(tmp_path, said.append)
    entry = Entry("titanic", "a.csv", "ab", "hw-2")
    ledger.append("submitted", entry, ref=1)
    with ledger.path.open("ab") as file:
        file.write(DAMAGED[damage] + b"\n")
    ledger.append("scored", entry, ref=1, status="COMPLETE", public=0.5)
    for _ in range(2):
        [read] = ledger.entries("titanic")
        assert (read.ref, read.status, read.public) == (1, "COMPLETE", 0.5)
    [line] = said
    assert line.startswith(f"warning: line 2 of {ledger.path} is damaged")


def test_another_competitions_lines_are_not_damaged(tmp_path):
    said = []
    ledger = Ledger(tmp_path, said.append)
    ledger.append("submitted", Entry("otto", "a.csv", "ab", "hw-2"), ref=1)
    assert (ledger.entries("titanic"), said) == ([], [])


def test_a_folder_that_takes_no_line_is_said_and_a_name_of_bytes_is_written(tmp_path):
    said = []
    ledger = Ledger(tmp_path, said.append)
    ledger.append("submitted", Entry("titanic", "a\udc80.csv", "ab", "hw-2"), ref=1)
    assert ledger.entries("titanic")[0].file == "a\udc80.csv"
    (tmp_path / "file").touch()
    Ledger(tmp_path / "file", said.append).note("scored", Entry("titanic", "a.csv", "ab", "hw-2"))
    assert "takes no line" in said[0]
