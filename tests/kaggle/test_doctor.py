"""The doctor, over the TLS proxy."""

from importlib.metadata import version
from pathlib import Path


def test_doctor_finds_all_well(site, cli):
    done = cli("doctor")
    assert done.code == 0, done.text
    for line in (
        f"ok  version      kagglehub {version('kagglehub')}",
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
