"""Where a competition's files may lie, and that what is there and cannot be used never becomes the sample."""

import gzip
import io
import json
import os
import random
import sys
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

from pipelines.data import manifest
from pipelines.data.folders import Target, import_files, prepare
from pipelines.data.sources import from_sample, locate
from pipelines.errors import DataError

D = Path("data/titanic")
TRAIN, TEST, SAMPLE = "train.csv", "test.csv", "gender_submission.csv"


def pack(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def put(folder, files):
    for name, data in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture(autouse=True)
def empty_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def each_packed(files):
    return {f"{name}.zip": pack({name: data}) for name, data in files.items()}


USABLE = {  # what lies in the folder -> what the first line says of it
    "loose": (lambda f: f, ""),
    "a zip": (lambda f: {"titanic.zip": pack(f)}, " (from titanic.zip)"),
    "a zip with a top folder": (
        lambda f: {"titanic.zip": pack({f"titanic/{n}": d for n, d in f.items()})},
        " (from titanic.zip/titanic)",
    ),
    "a zip in a zip": (lambda f: {"all.zip": pack({"titanic.zip": pack(f)})}, " (from all.zip/titanic.zip)"),
    "zips in a zip": (
        lambda f: {"all.zip": pack(each_packed(f))},
        " (from all.zip/gender_submission.csv.zip, all.zip/test.csv.zip, all.zip/train.csv.zip)",
    ),
    "a zip for each": (each_packed, " (from gender_submission.csv.zip, test.csv.zip, train.csv.zip)"),
    "train.zip and test.zip": (
        lambda f: {"train.zip": pack({TRAIN: f[TRAIN]}), "test.zip": pack({TEST: f[TEST]}), SAMPLE: f[SAMPLE]},
        " (from test.zip, train.zip)",
    ),
    "gzip": (
        lambda f: {f"{n}.gz": gzip.compress(d) for n, d in f.items()},
        " (from gender_submission.csv.gz, test.csv.gz, train.csv.gz)",
    ),
    "a folder deeper": (lambda f: {f"titanic/{n}": d for n, d in f.items()}, " (from titanic)"),
    "a folder named as the file": (lambda f: {**f, TRAIN: b""} | {f"{TRAIN}/{TRAIN}": f[TRAIN]}, " (from train.csv)"),
    "capitals": (
        lambda f: {"Train.csv": f[TRAIN], "TEST.CSV": f[TEST], SAMPLE: f[SAMPLE]},
        " (from TEST.CSV, Train.csv)",
    ),
    "the same twice": (
        lambda f: {f"a/{n}": d for n, d in f.items()} | {"titanic.zip": pack(f)},
        " (from a)",
    ),
    "unpacked, and an older zip": (lambda f: {**f, "titanic.zip": pack({**f, TRAIN: b"old"})}, ""),
    "unpacked, and a damaged zip": (lambda f: {**f, "titanic.zip": b"PK"}, ""),
    "another manifest": (lambda f: {**f, "manifest.json": b"[" * 100_000}, ""),
}


@pytest.mark.parametrize("case", USABLE)
@pytest.mark.parametrize("how", ["data/<slug>", "--data", "--from"])
def test_files_are_found_however_they_were_put_there(case, how, titanic, sample_files):
    make, note = USABLE[case]
    files = make(sample_files)
    if f"{TRAIN}/{TRAIN}" in files:
        del files[TRAIN]
    place = D if how == "data/<slug>" else Path("given")
    put(place, files)
    before = sorted(path for path in place.rglob("*"))
    if how == "--from":
        import_files(place, Target("titanic", Path("data"), titanic.files))
        place, note = D, ""
    source = locate(titanic, place if how == "--data" else None)
    assert (source.kind, dict(source.files)) == ("folder", sample_files)
    assert source.line == f"data: folder, {place}{note}"
    if how != "--from":
        assert sorted(path for path in place.rglob("*")) == before  # nothing is unpacked onto the disk


@pytest.mark.parametrize("make", [lambda f: f, lambda f: {f"titanic/{n}": d for n, d in f.items()}, each_packed])
def test_a_zip_can_be_named_itself(make, titanic, sample_files):
    Path("x.zip").write_bytes(pack(make(sample_files)))
    assert dict(locate(titanic, Path("x.zip")).files) == sample_files
    assert manifest.content(Path("x.zip"), SAMPLE) == sample_files[SAMPLE]  # as a submission looks it up later
    import_files(Path("x.zip"), Target("titanic", Path("data"), titanic.files))
    assert {name: (D / name).read_bytes() for name in titanic.files} == sample_files


def test_a_folder_that_holds_all_is_taken_beside_one_that_holds_some(titanic, sample_files):
    put("places/new", sample_files)
    put("places/old", {TRAIN: b"stale"})
    assert dict(locate(titanic, Path("places")).files) == sample_files


def test_one_of_several_zips_stands_for_those_beside_it(titanic, sample_files):
    put("down", each_packed(sample_files) | {"otto.zip": pack({"x": b""})})
    assert dict(locate(titanic, Path("down/test.csv.zip")).files) == sample_files
    import_files(Path("down/test.csv.zip"), Target("titanic", Path("data"), titanic.files))
    assert {name: (D / name).read_bytes() for name in titanic.files} == sample_files


def test_what_was_left_packed_in_the_data_folder_can_be_imported_from_there(titanic, sample_files):
    put(D, {"titanic.zip": pack(sample_files)})
    import_files(D / "titanic.zip", Target("titanic", Path("data"), titanic.files))
    assert {path.name for path in D.iterdir()} == {*sample_files, manifest.NAME}
    assert Path("data/titanic.old-1/titanic.zip").is_file()


@pytest.mark.parametrize("name", ["train.csv", "x.7z"])
def test_what_is_no_zip_is_not_imported(name, titanic, sample_files):
    put("down", {name: sample_files[TRAIN]})
    with pytest.raises(DataError, match=f"{name} is neither a folder nor a zip that holds train.csv"):
        import_files(Path("down") / name, Target("titanic", Path("data"), titanic.files))
    assert not D.exists()


def link(path, to):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)


def two(files):
    put(D / "a", files)
    put(D / "b", {**files, TRAIN: files[TRAIN] + b"\n"})


UNUSABLE = {
    "a browser's copies": (
        lambda f: put(D, {n.replace(".csv", " (1).csv"): d for n, d in f.items()}),
        r"holds gender_submission \(1\).csv, .*rename 'train \(1\).csv' to 'train.csv', 'test",
    ),
    "an ending too many": (lambda f: put(D, {**f, TRAIN + ".txt": b"", TRAIN: b""}) or (D / TRAIN).unlink(), "rename"),
    "a dangling link": (lambda f: link(D, "nowhere"), "data/titanic is a link to nowhere, which is not there"),
    "a circle of links": (lambda f: link(D, "titanic"), "its links lead in a circle"),
    "a dangling link above": (lambda f: link(Path("data"), "nowhere"), "data is a link to nowhere"),
    "dangling files": (lambda f: [link(D / n, f"/nowhere/{n}") for n in f], "train.csv is a link that leads nowhere"),
    "a file": (lambda f: put("data", {"titanic": b""}), "Not a directory"),
    "a file above": (lambda f: put(".", {"data": b""}), "Not a directory"),
    "two folders": (two, "train.csv more than once, and not the same: a/train.csv, b/train.csv"),
    "changed, and packed": (
        lambda f: put(D, {"titanic.zip": pack(f), TRAIN: b"mine"}),
        "more than once, and not the same: titanic.zip/train.csv, train.csv",
    ),
    "one missing": (lambda f: put(D, {TRAIN: f[TRAIN], "x.txt": b""}), "lacks test.csv, gender_submission.csv; it"),
    "something else": (lambda f: put(D, {"titanic.7z": b""}), "holds titanic.7z, but not train.*unpack titanic.7z"),
    "notes": (lambda f: put(D, {"notes.txt": b""}), "holds notes.txt, but not train.csv, .*download the files from"),
    "a damaged zip": (lambda f: put(D, {"titanic.zip": b"PK"}), "note: titanic.zip is damaged"),
    "a hostile zip": (lambda f: put(D, {"a.zip": pack({**f, "../x": b""})}), "note: nothing was extracted"),
    "damaged gzip": (
        lambda f: put(D, {f"{n}.gz": gzip.compress(d)[:-9] for n, d in f.items()}), "train.csv.gz is damaged"
    ),
    "its only manifest": (lambda f: put(D, {manifest.NAME: b"{}"}), "holds manifest.json, but not"),
    "a folder too high": (lambda f: put("data", f), "gender_submission.csv is there, and .*use it with --data data;"),
    "a zip too high": (lambda f: put("data", {"titanic.zip": pack(f)}), "use it with --data data/titanic.zip;"),
    "half too high": (lambda f: put("data", {TRAIN: b""}), "put train.csv, .* into data/titanic, packed or not"),
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="links and their errors are POSIX's")
@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_does_not_become_the_sample(case, titanic, sample_files):
    make, words = UNUSABLE[case]
    make(sample_files)
    with pytest.raises(DataError, match=f"(?s){words}") as error:
        locate(titanic)
    assert error.value.exit_code == 2


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_cannot_be_read(titanic, sample_files):
    put(D, sample_files)
    D.chmod(0)
    with pytest.raises(DataError, match="data/titanic cannot be looked into: Permission denied"):
        locate(titanic)
    D.chmod(0o700)


def test_a_folder_that_cannot_be_looked_into_by_the_error_of_the_system(titanic, sample_files, monkeypatch):
    put(D, sample_files)
    (D / TRAIN).unlink()

    def refused(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(DataError, match="titanic cannot be looked into: Permission denied"):
        locate(titanic)


def test_a_slugs_short_name_is_seen(sample_files):
    from pipelines.settings.lookup import load

    put("data/otto", {TRAIN: b""})
    with pytest.raises(DataError, match="otto is there, and is not where the data of otto-group-product"):
        locate(load("otto"))


@pytest.mark.parametrize("name", [".DS_Store", ".gitkeep", "Thumbs.db", "desktop.ini"])
def test_hidden_files_of_systems_are_no_data(name, titanic):
    put(D, {name: b"x"})
    assert locate(titanic).kind == "sample"


def test_the_sample_can_be_asked_for(titanic, sample_files):
    put(D, {"x": b""})
    assert locate(titanic, Path("sample")).kind == "sample"
    manifest.check_place(Path("sample"), titanic.files, "titanic")
    put("sample", sample_files)  # a folder of that name is what the user means
    assert locate(titanic, Path("sample")).line == "data: folder, sample"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere", "there is no folder nowhere"),
        ("x.7z", "x.7z is neither a folder nor a zip that holds train.csv"),
        ("bad.zip", "bad.zip is damaged: File is not a zip file"),
        ("evil.zip", "nothing was extracted: evil.zip: member '../evil.csv' leads out of the folder"),
        ("some.zip", "some.zip is neither a folder nor a zip that holds train.csv, test.csv, gender_submission.csv"),
    ],
)
def test_what_is_named_and_cannot_be_used(given, words, titanic, sample_files):
    put(".", {"x.7z": b"7z", "bad.zip": b"PK", "some.zip": pack({"a/train.csv": b"1"})})
    put(".", {"evil.zip": pack({**sample_files, "../evil.csv": b""})})
    with pytest.raises(DataError, match=words):
        manifest.check_place(Path(given), titanic.files, "titanic")
    assert not list(Path().rglob("evil.csv"))


def test_a_gzip_bomb_is_refused(titanic, sample_files):
    put("x", {f"{n}.gz": gzip.compress(d) for n, d in sample_files.items()})
    put("x", {f"{TRAIN}.gz": gzip.compress(bytes(2**22))})
    with pytest.raises(DataError, match="grows more than 200 times"):
        locate(titanic, Path("x"))


def test_any_damage_to_a_zip_gives_the_same_files_or_an_error_in_words(titanic, sample_files):
    whole = pack({f"{name}.zip": pack({name: data[:2000]}) for name, data in sample_files.items()})
    right = {name: data[:2000] for name, data in sample_files.items()}
    chance, refused = random.Random(0), []
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        Path("x.zip").write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        try:
            found = manifest.complete(Path("x.zip"), titanic.files, "titanic")
            assert {name: item.read() for name, item in found.items.items()} == right
        except DataError as error:
            refused.append(error.message)
    assert refused
    assert all(any(name in message for name in ("x.zip", *titanic.files)) for message in refused)


KEPT = Path("data/titanic.old-1")


def test_a_replacement_that_was_killed_between_its_renames_is_undone(titanic, sample_files):
    put(KEPT, {TRAIN: b"older"})
    put("data/titanic.old-2", sample_files)
    put("data/.titanic.download/files-0a1b2c3d", {TRAIN: b"new"})
    put("data/.titanic.download", {"archive.part": b"PK", ".archive.json.0a1b2c3d.part": b""})
    source = locate(titanic)
    assert dict(source.files) == sample_files
    assert source.line == "data: folder, data/titanic (titanic.old-2 put back: its replacement was cut short)"
    assert [path.name for path in Path("data/.titanic.download").iterdir()] == ["archive.part"]
    assert KEPT.is_dir()
    assert locate(titanic).note == ""


def test_leftovers_go_at_the_next_start_and_not_while_another_process_is_at_it(titanic, sample_files):
    put(D, sample_files | {".manifest.json.0a1b2c3d.part": b""})
    put("data/.titanic.download/files-0a1b2c3d", {TRAIN: b"new"})
    put("data", {".other.0a1b2c3d.part": b""})
    with FileLock("data/.titanic.lock"):
        assert locate(titanic).kind == "folder"  # reading needs no lock
        assert Path("data/.titanic.download/files-0a1b2c3d/train.csv").is_file()
    assert locate(titanic).kind == "folder"
    left = {path.as_posix() for path in Path("data").rglob("*")} - {f"data/titanic/{name}" for name in sample_files}
    assert left == {"data/titanic", "data/.titanic.lock", "data/.other.0a1b2c3d.part"}


def test_while_another_process_replaces_the_folder_there_is_no_sample(titanic, sample_files):
    put(KEPT, sample_files)
    with (
        FileLock("data/.titanic.lock"),
        pytest.raises(DataError, match=r"(?s)another process is .*--data data/titanic.old-1"),
    ):
        locate(titanic)
    assert KEPT.is_dir()


def test_a_fresh_clone_stays_as_it_is(titanic):
    assert prepare(Target("titanic")) == ""
    assert locate(titanic).kind == "sample"
    assert list(Path().iterdir()) == []


def test_a_rename_that_fails_leaves_the_old_folder(titanic, sample_files, monkeypatch):
    put("x", sample_files)
    put(D, {TRAIN: b"mine"})
    rename = Path.rename

    def broken(self, target):
        if self.name.startswith("files-"):
            raise OSError(5, "Input/output error", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(OSError, match="Input/output error"):
        import_files(Path("x"), Target("titanic", Path("data"), titanic.files), force=True)
    assert (D / TRAIN).read_bytes() == b"mine"
    assert not KEPT.exists()


MANIFESTS = [
    "[" * 100_000, '{"files": {}}', '{"slug":"t","source":"k","date":"d","files":{"train.csv":{"size":1}}}',
    '{"slug":"t","source":"k","date":"d","files":{"train.csv":{"size":Infinity,"sha256":"x"}}}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MANIFESTS)))
def test_a_damaged_manifest_is_named(number):
    put(D, {manifest.NAME: MANIFESTS[number].encode()})
    with pytest.raises(DataError, match=r"manifest.json is damaged\n.*python -m pipelines data titanic --force"):
        manifest.read(D)


def test_the_manifest_of_another_competition_does_not_verify(titanic, sample_files):
    from pipelines.data.folders import verify

    put(D, sample_files)
    manifest.write(D, "otto", "kaggle")
    text = json.loads((D / manifest.NAME).read_text())
    del text["files"][TEST]
    (D / manifest.NAME).write_text(json.dumps(text))
    with pytest.raises(DataError, match=r"the files are those of otto; test.csv was not downloaded"):
        verify(Target("titanic", Path("data"), titanic.files))


def test_a_folder_with_too_many_files_is_no_endless_search(titanic, monkeypatch):
    monkeypatch.setattr(manifest, "MOST", 20)
    put("x", {f"{n}/{n}/{n}.txt": b"" for n in range(30)})
    with pytest.raises(DataError, match="lacks|but not"):
        locate(titanic, Path("x"))


def test_the_sample_is_made_of_the_competitions_files(titanic):
    assert tuple(from_sample(titanic).files) == titanic.files
