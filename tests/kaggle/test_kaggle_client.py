"""Signing in, the second credential behind a stale one, and the doctor, over the TLS proxy."""

import json
import logging
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from stand_in import KEY, TOKEN, USERNAME

from pipelines.kaggle import client as kaggle_client
from pipelines.kaggle.client import Kaggle
from pipelines.kaggle.errors import CredentialsError


def only_file(monkeypatch, home, name, text, mode=0o600):
    for variable in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(variable)
    (home / ".kaggle").mkdir()
    (home / ".kaggle" / name).write_text(text)
    (home / ".kaggle" / name).chmod(mode)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("access_token", TOKEN),
        ("kaggle.json", json.dumps({"username": USERNAME, "key": KEY})),
        ("credentials.json", json.dumps({"refresh_token": "r" * 30})),
    ],
)
def test_files_sign_in(site, cli, home, monkeypatch, name, text):
    only_file(monkeypatch, home, name, text)
    assert cli("data", "titanic").code == 0
    assert (home / ".kaggle" / name).read_text() == text


def test_a_stale_token_that_hides_a_good_key_is_said_and_passed_over(site, cli, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "stale")
    done = cli("data", "titanic")
    assert done.code == 0
    assert "does not accept the token from KAGGLE_API_TOKEN" in done.text
    assert "it hides the key from KAGGLE_USERNAME and KAGGLE_KEY" in done.text
    assert "stale" not in done.text


def test_all_refused_names_the_last_one(site, cli, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "stale-token-1")
    monkeypatch.setenv("KAGGLE_KEY", "stale-key-2")
    done = cli("data", "titanic")
    assert done.code == 3
    assert "does not accept the key from KAGGLE_USERNAME and KAGGLE_KEY (401)" in done.text
    assert "stale-" not in done.text


def test_nothing_is_logged_or_kept_in_an_exception(site, patience, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    site.faults["ListDataFiles"] = ["401"]
    with Kaggle(patience=patience) as kaggle, pytest.raises(CredentialsError) as caught:
        kaggle.files("titanic")
    printed = "".join(capfd.readouterr())
    assert KEY not in f"{caught.value!r} {caught.value} {caplog.text} {printed} {kaggle.found!r}"
    assert caught.value.__context__ is None
    assert "***" in str(caught.value)


def test_netrc_is_not_sent_to_the_storage(site, cli, home):
    (home / ".netrc").write_text("default login anna password geheim\n")
    (home / ".netrc").chmod(0o600)
    assert cli("data", "titanic").code == 0  # the stand-in's storage refuses an Authorization header


def test_an_unknown_environment_is_a_usage_error(site, cli, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "MARS")
    done = cli("data", "titanic")
    assert (done.code, site.calls) == (2, [])
    assert "unset KAGGLE_API_ENVIRONMENT" in done.text


def test_doctor_finds_all_well(site, cli):
    done = cli("doctor")
    assert done.code == 0, done.text
    for line in (
        f"ok  version      kaggle {version('kaggle')}",
        f"ok  proxy        https_proxy={site.proxy}",
        "ok  credentials  key from KAGGLE_USERNAME and KAGGLE_KEY, user anna",
        "ok  sign in      Kaggle answers and accepts the key from KAGGLE_USERNAME and KAGGLE_KEY",
        "ok  rules        accepted: the files of titanic may be downloaded",
        "all is well",
    ):
        assert line in done.out.splitlines()
    assert site.count("storage") == 0
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


def test_one_module_imports_kaggles_packages():
    sources = Path(kaggle_client.__file__).parent.rglob("*.py")
    pattern = re.compile(r"^\s*(?:from|import) (?:kaggle|kagglesdk|kagglehub)\b", re.MULTILINE)
    assert [path.name for path in sources if pattern.search(path.read_text())] == ["kaggle_client.py"]
