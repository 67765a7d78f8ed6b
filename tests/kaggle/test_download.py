"""Downloads through the TLS proxy: whole, resumed, repeated, or refused with nothing left behind."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from stand_in import KEY, USERNAME, make_zip

from pipelines import files
from pipelines.data import archives, manifest
from pipelines.data.sources import locate
from pipelines.kaggle import download
from pipelines.kaggle.errors import AccessError, CredentialsError
from pipelines.settings.lookup import load
from pipelines.web.failures import NetworkError

FOLDER = Path("data/titanic")


def is_complete(wanted):
    found = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.name != manifest.NAME}
    return found == wanted


def leftovers():
    return sorted(path.name for path in Path("data").iterdir() if path.suffix != ".lock")


@pytest.fixture(scope="module")
def large_archive():
    """An archive that takes many reads, and its files."""
    rows = b"".join(b"%d,%d\n" % (n, n * n * 7919 % 100_003) for n in range(200_000))
    files = {"train.csv": rows, "test.csv": rows[:1000], "gender_submission.csv": rows[:500]}
    return make_zip(files), files


@pytest.fixture
def large(site, large_archive):
    site.archives["titanic"], files = large_archive
    return files


def test_files_and_manifest_are_as_kaggle_sent_them_and_a_second_run_downloads_nothing(site, cli, titanic_files):
    assert cli("data", "titanic").code == 0
    assert is_complete(titanic_files)
    assert leftovers() == ["titanic"]
    recorded = manifest.read(FOLDER)
    assert recorded.source == "kaggle"
    assert {name: entry["size"] for name, entry in recorded.files.items()} == {
        name: len(content) for name, content in titanic_files.items()
    }
    calls = len(site.calls)
    again = cli("data", "https://www.kaggle.com/competitions/titanic/data")
    assert (again.code, len(site.calls)) == (0, calls)
    assert "nothing to download" in again.text


def test_a_damaged_file_is_named_and_force_keeps_the_old_folder(site, cli, titanic_files):
    cli("data", "titanic")
    damaged = b"0" * len(titanic_files["test.csv"])
    (FOLDER / "test.csv").write_bytes(damaged)
    (FOLDER / "train.csv").unlink()
    done = cli("data", "titanic")
    assert done.code == 2
    assert "test.csv is changed or damaged; train.csv is missing" in done.text
    assert cli("data", "titanic", "--force").code == 0
    assert is_complete(titanic_files)
    assert Path("data/titanic.old-1/test.csv").read_bytes() == damaged


def test_files_of_the_user_are_left_alone(site, cli):
    FOLDER.mkdir(parents=True)
    (FOLDER / "train.csv").write_text("mine")
    done = cli("data", "titanic")
    assert (done.code, site.calls) == (2, [])
    assert [(p.name, p.read_text()) for p in FOLDER.iterdir()] == [("train.csv", "mine")]


def test_otto_is_downloaded_by_its_slug_though_it_need_have_no_folder(site, cli):
    slug = "otto-group-product-classification-challenge"
    files = {
        "train.csv": b"id,target\n1,Class_1\n",
        "test.csv": b"id\n2\n",
        "sampleSubmission.csv": b"id\n2\n",
    }
    site.archives[slug] = make_zip({f"{name}.zip": make_zip({name: text}) for name, text in files.items()})
    assert cli("data", slug).code == 0
    assert {name: Path("data", slug, name).read_bytes() for name in files} == files


RECOVERED = {
    "api: two 429 with Retry-After": ("DownloadDataFiles", ["429:7", "429:7"], 2),
    "api: two 429": ("DownloadDataFiles", ["429", "429"], 2),
    "api: two 500": ("DownloadDataFiles", ["500", "500"], 2),
    "api: two 503": ("DownloadDataFiles", ["503", "503"], 2),
    "api: dropped twice": ("DownloadDataFiles", ["drop", "drop"], 2),
    "api: silent": ("DownloadDataFiles", ["silent"], 1),
    "storage: two 429 with Retry-After": ("storage", ["429:7", "429:7"], 2),
    "storage: two 429": ("storage", ["429", "429"], 2),
    "storage: two 500": ("storage", ["500", "500"], 2),
    "storage: two 503": ("storage", ["503", "503"], 2),
    "storage: dropped before an answer": ("storage", ["drop"], 1),
    "storage: reset in the middle": ("storage", ["reset"], 1),
    "storage: cut short": ("storage", ["short"], 1),
    "storage: cut short, no length": ("storage", ["short-without-length"], 1),
    "storage: one byte flipped": ("storage", ["flip"], 1),
    "storage: stall in the middle": ("storage", ["stall"], 1),
    "storage: silent": ("storage", ["silent"], 1),
    "storage: signed address too old": ("storage", ["403-xml"], 1),
    "storage: too old during a resume": ("storage", ["reset", "403-xml"], 2),
    "storage: reset ten times": ("storage", ["reset"] * 10, 10),
    "storage: resumed from the start": ("storage", ["reset", "ignore-range"], 1),
}


@pytest.mark.parametrize("case", RECOVERED)
def test_recovered(site, cli, clock, large, case):
    call, faults, waits = RECOVERED[case]
    site.faults[call] = list(faults)
    done = cli("data", "titanic")
    assert done.code == 0, done.text
    assert is_complete(large)
    assert leftovers() == ["titanic"]
    assert len(clock.waits) == waits
    assert clock.waits == [7, 7] if faults[0] == "429:7" else max(clock.waits) < 10
    assert site.resets == faults.count("reset") + faults.count("drop")


@pytest.mark.parametrize("fault", ["reset", "stall", "short"])
def test_a_broken_download_goes_on_where_it_stopped(site, cli, large, fault):
    site.faults["storage"] = [fault]
    assert cli("data", "titanic").code == 0
    half = len(site.archives["titanic"]) // 2
    assert site.ranges[0] is None
    assert site.resets == (fault == "reset")
    begin = int(site.ranges[1].removeprefix("bytes=").rstrip("-"))
    assert begin == half or (sys.platform != "linux" and fault == "reset" and begin < half)  # it says what has arrived


@pytest.mark.parametrize("fault", ["short", "short-without-length", "flip"])
def test_damage_is_seen_without_a_hash_too(site, cli, large, fault):
    site.hash = None
    site.faults["storage"] = [fault]
    done = cli("data", "titanic")
    assert done.code == 0, done.text
    assert is_complete(large)
    assert site.count("storage") == 2


def test_the_crc32c_of_the_storage_is_checked_where_there_is_no_md5(site, cli):
    site.archives["titanic"] = b"123456789"
    site.hash = "crc32c=4waSgw=="  # the check value of CRC-32C
    done = cli("data", "titanic")
    assert (done.code, site.count("storage")) == (2, 2)  # whole as announced, but no zip
    assert "not a zip file" in done.text
    site.archives["titanic"] = b"123456780"
    done = cli("data", "titanic")
    assert done.code == 6
    assert "does not have the hash" in done.text


def test_two_at_once_do_not_meet(site, cli):
    Path("data").mkdir()
    with FileLock("data/.titanic.lock"):
        done = cli("data", "titanic")
    assert (done.code, site.calls) == (2, [])
    assert "another process is fetching titanic" in done.text


FAILED = {
    "api: 401": (
        "DownloadDataFiles",
        "401",
        3,
        "does not accept the key from KAGGLE_USERNAME and KAGGLE_KEY",
    ),
    "api: 403 rules, nested": ("DownloadDataFiles", "403-nested", 4, "/competitions/titanic/rules"),
    "api: 403 rules, flat": ("DownloadDataFiles", "403-flat", 4, "/competitions/titanic/rules"),
    "api: 403 page": ("DownloadDataFiles", "403-html", 6, "a web page came"),
    "api: 401 page": ("DownloadDataFiles", "401-html", 6, "a web page came"),
    "api: 400": ("DownloadDataFiles", "400-other", 5, "python -m pipelines data titanic --from FILE.zip"),
    "api: 403 phone": ("DownloadDataFiles", "403-phone", 4, "phone number"),
    "api: 403 permission": ("DownloadDataFiles", "403-permission", 4, "check the spelling"),
    "api: 404": ("DownloadDataFiles", "404", 4, "check the spelling"),
    "api: page": ("DownloadDataFiles", "html", 6, "a web page came"),
    "api: 429 for ever": ("DownloadDataFiles", "429", 6, "wait some minutes"),
    "api: Retry-After an hour": ("DownloadDataFiles", "429:3600", 6, "wait some minutes"),
    "api: 500 for ever": ("DownloadDataFiles", "500", 6, "Kaggle has trouble"),
    "api: dropped for ever": ("DownloadDataFiles", "drop", 6, "was lost or could not be made"),
    "storage: page": ("storage", "html", 6, "a web page came"),
    "storage: flipped for ever": ("storage", "flip", 6, "does not have the hash"),
    "storage: refused for ever": ("storage", "403-xml", 6, "refuses the signed address"),
    "storage: 403 page": ("storage", "403-html", 6, "the archive (403): a web page came where Kaggle's answer"),
    "proxy: 407": ("CONNECT", "407", 6, "check https_proxy"),
    "proxy: 403": ("CONNECT", "403", 6, "check https_proxy"),
}


@pytest.mark.parametrize("case", FAILED)
def test_failed_in_plain_words(site, cli, case):
    call, fault, code, words = FAILED[case]
    site.faults[call] = [fault] * 20
    done = cli("data", "titanic")
    assert done.code == code, done.text
    assert words in done.text
    assert "怎么办" in done.text
    assert not FOLDER.exists()
    assert "storage" in case or not list(FOLDER.parent.glob("*.download"))  # only a broken download is kept
    site.faults.clear()
    assert cli("data", "titanic").code == 0


def test_silence_for_ever_ends(site, cli, clock):
    site.faults["DownloadDataFiles"] = ["silent"] * 20
    done = cli("data", "titanic")
    assert (done.code, site.count("DownloadDataFiles")) == (6, 6)
    assert "silent" in done.text


def test_unknown_certificate_is_explained(site, cli, monkeypatch, tmp_path):
    import certifi

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    done = cli("data", "titanic")
    assert (done.code, site.calls) == (6, [])
    assert "REQUESTS_CA_BUNDLE" in done.text
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    done = cli("data", "titanic")
    assert done.code == 6
    assert "REQUESTS_CA_BUNDLE" in done.text


def test_no_proxy_behind_the_address(site, cli, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://anna:geheim@127.0.0.1:9")
    done = cli("data", "titanic")
    assert done.code == 6
    assert "check https_proxy" in done.text
    assert "geheim" not in done.text


@pytest.mark.parametrize("name", ["../titanic", "a/b", "", "ti tanic"])
def test_what_cannot_be_a_slug(site, cli, name):
    assert cli("data", name).code == 2
    assert not Path("data").exists()


@pytest.mark.parametrize(("how", "fault"), [("SIGKILL", None), ("SIGKILL", "reset"), ("SIGINT", None)])
def test_killed_or_interrupted_and_run_again(site, cli, large, python, how, fault):
    site.faults["storage"] = ["stall"]
    process = subprocess.Popen([*python, "data", "titanic"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    part = Path("data/.titanic.download/archive.part")
    assert site.stalled.wait(30)
    half, tick = len(site.archives["titanic"]) // 2, threading.Event()
    while not (part.is_file() and part.stat().st_size == half):
        tick.wait(0.01)
    process.send_signal(getattr(signal, how))
    output, _ = process.communicate()
    assert (how == "SIGINT") == (process.returncode == 130) == (b"goes on where it stopped" in output)
    assert KEY.encode() not in output
    assert not FOLDER.exists()
    site.faults["storage"] = [fault]
    assert cli("data", "titanic").code == 0
    assert site.ranges[1] == f"bytes={half}-"
    assert is_complete(large)


def test_import_of_a_zip(home, cli, titanic_files):
    Path("titanic.zip").write_bytes(make_zip(titanic_files))
    assert cli("data", "titanic", "--from", "titanic.zip").code == 0
    assert is_complete(titanic_files)
    assert manifest.read(FOLDER).source == "import"
    assert cli("data", "titanic", "--from", "titanic.zip").code == 2


def test_import_of_another_competitions_zip(home, cli):
    Path("other.zip").write_bytes(make_zip({"train.csv": b"a\n1\n"}))
    done = cli("data", "titanic", "--from", "other.zip")
    assert done.code == 2
    assert "the archive has no test.csv, gender_submission.csv" in done.text
    assert leftovers() == []


def test_a_file_that_was_changed_is_no_longer_kaggles(site, cli, titanic_files):
    cli("data", "titanic")
    assert locate(load("titanic")).kind == "kaggle"
    (FOLDER / "test.csv").write_bytes(titanic_files["test.csv"].replace(b",male", b",female"))
    assert locate(load("titanic")).kind == "folder"


def test_no_credentials_means_no_call(site, cli, monkeypatch):
    monkeypatch.delenv("KAGGLE_KEY")
    done = cli("data", "titanic")
    assert (done.code, site.calls) == (3, [])
    assert not FOLDER.parent.exists()
    assert "KAGGLE_USERNAME has a username and no key" in done.text


def test_an_archive_that_is_whole_already_needs_no_credentials(site, cli, monkeypatch, titanic_files):
    def full(*_):
        raise OSError(28, "No space left on device", "data")

    with monkeypatch.context() as broken:
        broken.setattr(download, "install", full)
        assert cli("data", "titanic").code == 1
    monkeypatch.delenv("KAGGLE_KEY")
    n_calls = len(site.calls)
    assert cli("data", "titanic").code == 0
    assert is_complete(titanic_files)
    assert len(site.calls) == n_calls


def full(*_):
    """A disk with a megabyte left."""
    return SimpleNamespace(total=10**10, free=10**6)


def test_an_archive_that_cannot_be_unpacked_for_lack_of_room_is_kept(site, cli, large, monkeypatch):
    sizes = iter([SimpleNamespace(total=10**10, free=10**9)])
    with monkeypatch.context() as patched:
        patched.setattr(files.shutil, "disk_usage", lambda path: next(sizes, full()))
        done = cli("data", "titanic")
    need = sum(map(len, large.values())) / 1e6
    assert done.code == 1
    assert f"is full: {need:.2f} MB are needed there, 1.00 MB are free" in done.text
    assert leftovers() == [".titanic.download"]
    n_calls = len(site.calls)
    assert cli("data", "titanic").code == 0
    assert is_complete(large)
    assert len(site.calls) == n_calls


def test_no_room_for_the_archive_is_said_before_it_is_fetched(site, cli, large, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(files.shutil, "disk_usage", full)
        done = cli("data", "titanic")
    assert done.code == 1
    assert f"is full: {len(site.archives['titanic']) / 1e6:.2f} MB are needed there, 1.00 MB are free" in done.text
    assert not Path("data/.titanic.download/archive.part").exists()
    assert cli("data", "titanic").code == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_while_unpacking_keeps_the_archive(site, cli, large, monkeypatch, code):
    def fills_up(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(archives.shutil, "copyfileobj", fills_up)
        done = cli("data", "titanic")
    assert done.code == 1
    assert "make room there" in done.text
    n_calls = len(site.calls)
    assert cli("data", "titanic").code == 0
    assert is_complete(large)
    assert len(site.calls) == n_calls


@pytest.mark.parametrize(
    ("call", "fault", "error"),
    [
        ("DownloadDataFiles", "401", CredentialsError),
        ("DownloadDataFiles", "403-flat", AccessError),
        ("CONNECT", "407", NetworkError),
    ],
)
def test_a_run_that_cannot_download_names_the_way_out(site, call, fault, error):
    site.faults[call] = [fault] * 20
    with pytest.raises(error, match=r"(?s)Without Kaggle: --data FOLDER .* or --data sample.*怎么办.*--data sample"):
        locate(load("titanic"), fetch=download.fetch)
    assert locate(load("titanic"), Path("sample"), fetch=download.fetch).kind == "sample"  # which it obeys


def test_credentials_that_cannot_be_used_are_told_before_the_sample_is(site, monkeypatch):
    monkeypatch.delenv("KAGGLE_KEY")
    said = []
    assert not download.fetch(load("titanic"), FOLDER, said.append)
    assert "KAGGLE_USERNAME has a username and no key" in said[0]


def test_a_replaced_folder_that_lost_its_successor_is_put_back_without_a_call(site, cli, monkeypatch, titanic_files):
    cli("data", "titanic")
    FOLDER.rename("data/titanic.old-1")
    monkeypatch.delenv("KAGGLE_KEY")
    n_calls = len(site.calls)
    done = cli("data", "titanic")
    assert (done.code, len(site.calls)) == (0, n_calls)
    assert "titanic.old-1 put back" in done.text
    assert is_complete(titanic_files)
    assert leftovers() == ["titanic"]


def test_killed_between_the_renames_of_force(site, cli, python, titanic_files):
    cli("data", "titanic")
    code = python[-1].replace(
        "from pipelines.__main__ import main",
        "import os\nfrom pipelines.data import folders\nkeep = folders._keep\n"
        "folders._keep = lambda target: (keep(target), os._exit(9))\nfrom pipelines.__main__ import main",
    )
    assert subprocess.run([*python[:-1], code, "data", "titanic", "--force"]).returncode == 9
    assert leftovers() == [".titanic.download", "titanic.old-1"]
    assert cli("data", "titanic").code == 0
    assert is_complete(titanic_files)
    assert leftovers() == ["titanic"]  # the half-made folder and the archive are gone


@pytest.fixture
def notebook(site, monkeypatch, tmp_path, titanic_files):
    """A Kaggle notebook with Titanic attached, one file packed, and nobody signed in; returns its input folder."""
    mounted = tmp_path / "input" / "competitions" / "titanic"
    mounted.mkdir(parents=True)
    for name in ("train.csv", "gender_submission.csv"):
        (mounted / name).write_bytes(titanic_files[name])
    (mounted / "test.csv.zip").write_bytes(make_zip({"test.csv": titanic_files["test.csv"]}))
    variables = {
        "KAGGLE_KERNEL_RUN_TYPE": "Interactive", "KAGGLE_DATA_PROXY_URL": site.proxy,
        "KAGGLE_DATA_PROXY_TOKEN": "proxy", "KAGGLE_USER_SECRETS_TOKEN": "jwt",
        "KAGGLE_CACHE_MOUNT_FOLDER": str(tmp_path / "input"),
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    return mounted


def test_a_kaggle_notebook_has_the_files_already(notebook, site, cli, titanic_files):
    assert cli("data", "titanic").code == 0
    assert is_complete(titanic_files)
    assert leftovers() == ["titanic"]
    assert (FOLDER / "train.csv").resolve() == notebook / "train.csv"  # a link, not a copy
    assert site.calls == ["AttachDatasourceUsingJwtRequest"]
    assert locate(load("titanic")).kind == "kaggle"
    assert "nothing to download" in cli("data", "titanic").text


def test_a_run_in_a_kaggle_notebook_takes_its_input(notebook, site, titanic_files, capfd):
    assert download.fetch(load("titanic"), FOLDER)
    assert is_complete(titanic_files)
    assert "".join(capfd.readouterr()) == ""


def test_a_notebook_that_does_not_attach_the_competition_downloads_it(notebook, site, cli, monkeypatch, titanic_files):
    site.faults["AttachDatasourceUsingJwtRequest"] = ["503"]
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    done = cli("data", "titanic")
    assert done.code == 0
    assert "this notebook does not attach titanic (HTTPError); downloading it" in done.text
    assert is_complete(titanic_files)
    assert site.count("storage") == 1


def test_the_manifest_is_plain_json(site, cli):
    cli("data", "titanic")
    value = json.loads((FOLDER / manifest.NAME).read_bytes())
    assert set(value) == {"slug", "source", "date", "files"}
    assert set(value["files"]["train.csv"]) == {"size", "sha256", "date"}


STATES = [
    "[]", "7", "null", '"x"', "{}", "[" * 100_000, '{"size": "7"}', '{"size": 1.5}', '{"size": true}', '{"size": -1}',
    '{"size": 1000000000000000000000}', '{"size": 200, "validator": 7}', '{"size": 200, "validator": "a\\nb"}',
    '{"size": 200, "validator": "密"}', '{"size": 200, "validator": []}', '{"size": 200, "hash_name": {}}',
    '{"size": 200, "hash_name": "md5", "hash_value": 7}', '{"validator": "x", "size": 1000000000000000000000}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(STATES)))
def test_a_damaged_note_of_a_broken_download_is_a_new_start(site, cli, number):
    work = Path("data/.titanic.download")
    work.mkdir(parents=True)
    (work / "archive.part").write_bytes(b"x" * 100)
    (work / "archive.json").write_text(STATES[number], encoding="utf-8")
    done = cli("data", "titanic")
    assert (done.code, Path("data/titanic/train.csv").is_file()) == (0, True), done.text
