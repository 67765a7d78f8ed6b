"""Names that are taken once, locks of those who are gone, and leftovers."""

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from pipelines.files import claim
from pipelines.runs import folder as module
from pipelines.runs.folder import RunFolder, folders, new_folder
from pipelines.submission.record import Record


@pytest.fixture
def at_noon(monkeypatch):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(module, "datetime", SimpleNamespace(now=lambda _zone: noon))


def test_forty_that_begin_in_the_same_second_get_forty_folders(tmp_path, at_noon):
    barrier, made = threading.Barrier(40), []

    def run():
        barrier.wait()
        made.append(new_folder(tmp_path, "titanic", "fast"))

    threads = [threading.Thread(target=run) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {f"20260101-120000-fast{f'-{n}' * (n > 1)}" for n in range(1, 41)}
    assert {each.name for each in made} == {each.name for each in folders(tmp_path, "titanic")} == names
    assert all(each.is_live for each in folders(tmp_path, "titanic"))
    for each in made:
        each.unlock()
    assert not any(each.is_live for each in folders(tmp_path, "titanic"))


def test_a_name_that_a_csv_has_is_not_taken(tmp_path, at_noon):
    folder = new_folder(tmp_path, "titanic", "fast", taken=lambda name: name == "20260101-120000-fast")
    assert folder.name == "20260101-120000-fast-2"
    assert [each.name for each in folders(tmp_path, "titanic")] == ["20260101-120000-fast-2"]


def test_the_lock_of_one_who_is_gone_is_taken_over_and_that_of_one_who_lives_is_not(tmp_path):
    folder = new_folder(tmp_path, "titanic", "fast")
    other = RunFolder(folder.path)
    assert other.is_live
    assert not other.lock()
    folder.unlock()
    (folder.path / ".lock").write_bytes(b"")  # as a kill leaves it
    assert not other.is_live
    assert other.lock()
    assert not folder.lock()
    other.unlock()
    assert not (folder.path / ".lock").exists()


def test_what_a_kill_left_half_written_goes_and_what_is_being_written_stays(tmp_path):
    folder = new_folder(tmp_path, "titanic", "fast")
    (folder.path / "networks").mkdir()
    left, live = folder.path / "networks" / ".a.safetensors.0.part", folder.path / ".record.json.1.part"
    left.write_bytes(b"half")
    descriptor = claim(live)
    folder.remove_leftovers()
    assert (left.exists(), live.exists()) == (False, True)
    module.os.close(descriptor)
    folder.unlock()


def test_a_folder_is_finished_when_its_record_is_there(tmp_path):
    folder = new_folder(tmp_path, "titanic", "fast")
    assert (folder.is_finished, folder.plan(), folder.jobs()) == (False, {}, [])
    Record(slug="titanic", data="sample").save(folder.path / "record.json")
    folder.remove_if_empty()
    assert folder.is_finished
    assert folder.record().slug == folder.slug == "titanic"
    folder.unlock()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"jobs": 1}', '{"jobs": [1, {"key": 2}]}'])
def test_a_plan_that_cannot_be_read_names_no_jobs(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    assert RunFolder(tmp_path).jobs() == []


def test_a_folder_in_which_nothing_was_finished_goes_but_not_with_what_is_not_ours(tmp_path):
    empty, other = (new_folder(tmp_path, "titanic", what) for what in ("fast", "best"))
    (other.path / "mine.txt").write_text("kept")
    for folder in (empty, other):
        for name in ("log.txt", "report.html"):  # written while it ran
            (folder.path / name).write_text("how far it had come")
        folder.remove_if_empty()
    assert empty.path.exists() is False
    assert [path.name for path in other.path.iterdir()] == ["mine.txt"]


def test_the_newest_comes_first_and_other_folders_are_none(tmp_path):
    for name in ("20260101-120000-fast", "20260301-120000-best-cv", "20260201-120000-fast", "notes", "20260401-120000"):
        (tmp_path / "titanic" / name).mkdir(parents=True)
    assert [each.name[:8] for each in folders(tmp_path, "titanic")] == ["20260301", "20260201", "20260101"]
    assert folders(tmp_path, "otto") == []
