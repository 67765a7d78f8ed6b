"""Signing in, and the second credential behind a stale one, over the TLS proxy."""

import json
import logging
import re
from pathlib import Path

import pytest
from stand_in import API, KEY, TOKEN, USERNAME

from pipelines.kaggle import client
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


def test_kaggles_packages_are_imported_where_they_are_used_and_only_when_a_call_is_made():
    pattern = re.compile(r"^( *)(?:from|import) (?:kaggle|kagglesdk|kagglehub)\b", re.MULTILINE)
    found = {path.name: pattern.findall(path.read_text()) for path in Path(client.__file__).parent.parent.rglob("*.py")}
    assert {name for name, indents in found.items() if indents} == {"client.py", "credentials.py", "download.py"}
    assert all(indents for several in found.values() for indents in several)


@pytest.mark.parametrize("keeps", [False, True], ids=["ended", "kept"])
def test_every_request_has_a_connection_of_its_own(site, patience, keeps):
    site.keeps = keeps
    with Kaggle(patience=patience) as kaggle:
        for _ in range(3):
            assert kaggle.files("titanic") == [{"name": "train.csv", "totalBytes": 1}]
    assert site.tunnels == [API] * 3
