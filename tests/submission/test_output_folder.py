"""Names are taken once, what is written is whole, and leftovers go without harm to runs that still write."""

import errno
import shutil
import threading
from types import SimpleNamespace

import pytest

from pipelines import files
from pipelines.errors import NoRoomError
from pipelines.files import sha256, whole_file
from pipelines.submission import folder as folders
from pipelines.submission import writer
from pipelines.submission.folder import prepare, remove_leftovers, reserved
from pipelines.submission.record import Record
from pipelines.submission.writer import save

SAMPLE = b"PassengerId,Survived\n892,0\n893,1\n"
STEM = "20260101-120000-fast"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_forty_that_save_at_the_same_moment_get_forty_csvs_each_beside_its_own_record(tmp_path, monkeypatch):
    at_noon = SimpleNamespace(now=lambda _zone: writer_time)
    writer_time = writer.datetime(2026, 1, 1, 12, tzinfo=writer.UTC)
    monkeypatch.setattr(writer, "datetime", at_noon)
    barrier, paths = threading.Barrier(40), {}

    def run(number):
        csv = f"id,label\n{number},1\n".encode()
        record = Record(slug="titanic", data="folder", csv_sha256=sha256(csv), seed=number)
        barrier.wait()
        paths[number] = save(tmp_path / "titanic", "fast", csv, record)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths.values())) == 40
    assert len(names(tmp_path / "titanic")) == 80
    for number, path in paths.items():
        record = Record.load(path.with_suffix(".json"))
        assert (record.seed, record.csv_sha256) == (number, sha256(path.read_bytes()))


@pytest.mark.parametrize("taken", [f"{STEM}.csv", f"{STEM}.json", f".{STEM}.csv.part"])
def test_a_name_that_is_taken_in_any_way_is_not_taken_again(tmp_path, taken):
    (tmp_path / taken).write_text("theirs")
    with reserved(tmp_path, STEM) as path:
        assert path.name == f"{STEM}-2.csv"
    assert (tmp_path / taken).read_text() == "theirs"


def test_an_interruption_after_the_csv_has_its_name_keeps_its_record(tmp_path, monkeypatch):
    real = files.Path.replace

    def interrupted(self, target):
        real(self, target)
        if target.suffix == ".csv":
            raise KeyboardInterrupt

    monkeypatch.setattr(files.Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, "fast", SAMPLE, Record(slug="titanic", data="folder"))
    record, csv = sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert csv.read_bytes() == SAMPLE
    assert Record.load(record).slug == "titanic"
    assert folders.reserved_here[-1] == csv


@pytest.mark.parametrize("full_at", [".json", ".csv"])
def test_a_full_disk_at_the_saving_leaves_nothing_and_names_the_file(tmp_path, monkeypatch, full_at):
    sync = files.os.fsync
    calls = iter([".json", ".csv"])

    def full(descriptor):
        if next(calls) == full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        save(tmp_path, "fast", SAMPLE, Record(slug="titanic", data="folder"))
    assert error.value.filename.endswith(full_at)
    assert names(tmp_path) == []


def test_a_disk_without_room_is_named_with_what_is_needed_and_what_is_free(tmp_path, monkeypatch):
    disk = SimpleNamespace(total=10**9, free=400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk if path == tmp_path else None)
    with pytest.raises(NoRoomError, match=r"titanic is full: 0\.50 MB are needed there, 0\.40 MB are free"):
        prepare(tmp_path / "new" / "titanic", SAMPLE)
    disk.free = 10**9 - 1
    prepare(tmp_path / "new" / "titanic", SAMPLE)
    wide = b"id" + b",Class" * 9 + b"\n" + (b"1" + b",0.1" * 9 + b"\n") * 1000
    disk.free = 600_000  # enough for Titanic's labels, too little for 1,000 rows of nine probabilities
    prepare(tmp_path / "new" / "titanic", SAMPLE)
    with pytest.raises(NoRoomError, match=r"0\.68 MB are needed there, 0\.60 MB are free"):
        prepare(tmp_path / "new" / "titanic", wide)
    disk.total = disk.free = 0  # a mounted drive that does not say
    prepare(tmp_path / "new" / "titanic", wide)
    assert names(tmp_path) == []


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path):
    folder = tmp_path / "titanic"
    folder.mkdir()
    moved = "20260101-130000-fast.json"  # its csv was moved away; the record may hold Kaggle's verdict
    kept = {f"{STEM}-2.csv", f"{STEM}-2.json", f"{STEM}-2.png", moved, "notes.json", "mine.txt"}
    left = {f".{STEM}.csv.part", f".{STEM}.csv.0a1b2c3d.part", f".{STEM}.json.0a1b2c3d.part", f"{STEM}.json"}
    left.add(f".{STEM}-2.csv.part")  # of one that was killed when all was written
    for name in kept | left:
        (folder / name).write_text("{}")
    remove_leftovers(folder)
    assert set(names(folder)) == kept
    remove_leftovers(tmp_path / "not there yet")


def test_what_is_being_written_is_no_leftover(tmp_path):
    with reserved(tmp_path, STEM) as path:
        path.with_suffix(".json").write_text("{}")
        with whole_file(path) as temporary:
            temporary.write_text("half")
            before = names(tmp_path)
            assert len(before) == 3
            remove_leftovers(tmp_path)
            assert names(tmp_path) == before
        assert names(tmp_path) == [f".{STEM}.csv.part", f"{STEM}.csv", f"{STEM}.json"]
    assert names(tmp_path) == [f"{STEM}.csv", f"{STEM}.json"]
