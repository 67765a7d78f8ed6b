"""The doctor, over the TLS proxy."""

from importlib.metadata import version
from pathlib import Path

import pytest
from stand_in import STORAGE, Odd


def test_doctor_finds_all_well(site, cli):
    done = cli("doctor")
    assert done.code == 0, done.text
    for line in (
        f"ok  version      kagglehub {version('kagglehub')}",
        f"ok  proxy        https_proxy={site.proxy}",
        "ok  credentials  key from KAGGLE_USERNAME and KAGGLE_KEY, user anna",
        "ok  sign in      Kaggle answers and accepts the key from KAGGLE_USERNAME and KAGGLE_KEY",
        "ok  rules        accepted: the files of titanic may be downloaded",
        f"ok  storage      storage.googleapis.com answers, through {site.proxy}",
        "all is well",
    ):
        assert line in done.out.splitlines()
    assert site.ranges == ["bytes=0-0"]
    assert list(Path.cwd().iterdir()) == []


def test_doctor_names_a_stale_token_and_an_open_file(site, cli, home):
    (home / ".kaggle").mkdir()
    (home / ".kaggle/access_token").write_text("stale")
    (home / ".kaggle/access_token").chmod(0o644)
    done = cli("doctor", "titanic")
    assert done.code == 1
    assert "-rw-r--r--" in done.text
    assert "next step: chmod 600 ~/.kaggle/access_token" in done.text
    assert "next step: remove it: it hides the next one" in done.text
    assert "ok  rules" in done.text
    assert "to mend: 2" in done.text


def test_doctor_without_credentials_with_rules_open_and_behind_a_bad_proxy(site, cli, monkeypatch):
    site.faults["DownloadDataFile"] = ["403-flat"]
    done = cli("doctor", "titanic")
    assert done.code == 1
    assert "next step: open https://www.kaggle.com/competitions/titanic/rules" in done.text
    monkeypatch.setenv("https_proxy", "http://anna:geheim@127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "none.pem")
    done = cli("doctor")
    assert done.code == 1
    assert "https_proxy=http://***@127.0.0.1:9" in done.text
    assert "geheim" not in done.text
    assert "REQUESTS_CA_BUNDLE=none.pem, which is not there" in done.text
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    done = cli("doctor")
    assert done.code == 1
    assert "none found" in done.text


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("blocked", "does not let us through to storage.googleapis.com (403)"),
        ("403-html", "storage.googleapis.com (403): a web page came"),
        ("html", "storage.googleapis.com (200): a web page came"),
        ("drop", "the connection to storage.googleapis.com was lost"),
        ("500", "storage.googleapis.com gives no file for a signed address (500)"),
    ],
)
def test_doctor_tells_that_only_the_storage_is_blocked(site, cli, fault, told):
    if fault == "blocked":
        site.blocked.add(STORAGE)
    else:
        site.faults["storage"] = [fault] * 9
    done = cli("doctor", "titanic")
    assert done.code == 1
    assert "ok  rules" in done.out
    (line,) = [line for line in done.out.splitlines() if line.startswith("!!")]
    assert line.startswith("!!  storage")
    assert told in line
    assert "to mend: 1" in done.out


def test_doctor_looks_at_the_storage_without_credentials_and_without_rules(site, cli, monkeypatch):
    well = f"ok  storage      storage.googleapis.com answers, through {site.proxy}"
    site.faults["DownloadDataFile"] = ["403-flat"]
    assert well in cli("doctor").out
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    assert well in cli("doctor").out
    site.blocked.add(STORAGE)
    assert "does not let us through to storage.googleapis.com" in cli("doctor").out


@pytest.mark.parametrize(
    "proxy",
    [
        "http://anna:gehe#im@127.0.0.1:9", "http://anna:gehe/im@127.0.0.1:9", "anna:geheim@127.0.0.1:9",
        "http://anna:gehe@im@127.0.0.1:9", "http://anna:gehe?im@127.0.0.1:9", "http://anna:gehe%im@127.0.0.1:9",
        "http://anna:gehe[im@127.0.0.1:9", "http://gehe%40im:x@127.0.0.1:9", "socks://anna:geheim@127.0.0.1:9",
        "127.0.0.1:9:anna:geheim", "'http://anna:geheim@127.0.0.1:9'", "http://[geheim", "http://anna:geh密码@127.0.0.1:9",
    ],
)  # fmt: skip
def test_doctor_shows_no_secret_of_a_proxy_and_ends_without_a_traceback(site, cli, monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    done = cli("doctor", "titanic")
    assert done.code == 1
    assert "geh" not in done.text
    assert "im@" not in done.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "127.0.0.1:9:anna:geheim"),
        ("NO_PROXY", "localhost,http://anna:gehe#im@127.0.0.1:9"),
        ("KAGGLE_API_ENVIRONMENT", "https://anna:gehe/im@127.0.0.1:9"),
        ("REQUESTS_CA_BUNDLE", "https://anna:gehe?im@127.0.0.1:9/ca.pem"),
    ],
)
def test_doctor_shows_no_secret_of_other_variables(site, cli, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    if name == "ALL_PROXY":
        monkeypatch.delenv("https_proxy")
    assert "geh" not in cli("doctor", "titanic").text


@pytest.mark.parametrize("body", [b"{}", b'{"files": null}', b'{"documents": []}', b'{"files": []}'])
def test_doctor_does_not_call_a_list_without_files_well(site, cli, body):
    site.faults["ListDataFiles"] = [Odd(200, body)]
    done = cli("doctor", "titanic")
    assert (done.code, "to mend: 1" in done.out) == (1, True)
    assert "!!  rules        titanic shows no files" in done.out
