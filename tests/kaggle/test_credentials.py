"""Credentials are found wherever Kaggle's own client finds them, and never shown."""

import json
import os
import subprocess
import sys
import types
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stand_in import KEY, TOKEN, USERNAME

from pipelines.kaggle import doctor
from pipelines.kaggle.credentials import Credential, find

IN_AN_HOUR = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
AN_HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
PAIR = json.dumps({"username": USERNAME, "key": KEY})

PLACES = {
    "token variable": ({"KAGGLE_API_TOKEN": TOKEN}, {}, ("token", "KAGGLE_API_TOKEN", TOKEN)),
    "token variable with a path": (
        {"KAGGLE_API_TOKEN": "{home}/t"}, {"t": TOKEN}, ("token", "KAGGLE_API_TOKEN", TOKEN),
    ),
    "token file": ({}, {".kaggle/access_token": TOKEN + "\n"}, ("token", "~/.kaggle/access_token", TOKEN)),
    "token file of Windows": (
        {}, {".kaggle/access_token.txt": TOKEN}, ("token", "~/.kaggle/access_token.txt", TOKEN),
    ),
    "byte order mark": (
        {}, {".kaggle/access_token": "\ufeff" + TOKEN}, ("token", "~/.kaggle/access_token", TOKEN),
    ),
    "notebook": (
        {"KAGGLE_KERNEL_RUN_TYPE": "x", "KAGGLE_DATA_PROXY_URL": "x", "KAGGLE_API_V1_TOKEN": "{home}/t"},
        {"t": TOKEN},
        ("token", "KAGGLE_API_V1_TOKEN", TOKEN),
    ),
    "variables": (
        {"KAGGLE_USERNAME": USERNAME, "KAGGLE_KEY": KEY}, {}, ("key", "KAGGLE_USERNAME and KAGGLE_KEY", KEY),
    ),
    "kaggle.json": ({}, {".kaggle/kaggle.json": PAIR}, ("key", "~/.kaggle/kaggle.json", KEY)),
    "config folder": (
        {"KAGGLE_CONFIG_DIR": "{home}/c"}, {"c/kaggle.json": PAIR}, ("key", "~/c/kaggle.json", KEY),
    ),
    "XDG": ({}, {"config/kaggle/kaggle.json": PAIR}, ("key", "~/config/kaggle/kaggle.json", KEY)),
    "key variable over the file": (
        {"KAGGLE_KEY": KEY},
        {".kaggle/kaggle.json": json.dumps({"username": USERNAME, "key": "old"})},
        ("key", "KAGGLE_KEY and ~/.kaggle/kaggle.json", KEY),
    ),
    "OAuth, still good": (
        {},
        {
            ".kaggle/credentials.json": json.dumps(
                {"access_token": TOKEN, "access_token_expiration": IN_AN_HOUR}
            )
        },
        ("token", "~/.kaggle/credentials.json", TOKEN),
    ),
    "OAuth, to be refreshed": (
        {},
        {
            ".kaggle/credentials.json": json.dumps(
                {"refresh_token": KEY, "access_token": TOKEN, "access_token_expiration": AN_HOUR_AGO}
            )
        },
        ("oauth", "~/.kaggle/credentials.json", KEY),
    ),
}  # fmt: skip

WRITTEN = {  # how people and shells write a token into a file
    "UTF-16 by PowerShell": f"{TOKEN}\r\n".encode("utf-16"),
    "UTF-16, the other order": b"\xfe\xff" + TOKEN.encode("utf-16-be"),
    "UTF-16 without a mark": TOKEN.encode("utf-16-le"),
    "UTF-16 without a mark, the other order": f"{TOKEN}\n".encode("utf-16-be"),
    "UTF-32": TOKEN.encode("utf-32"),
    "UTF-8 with a mark": f"\ufeff{TOKEN} \r\n".encode(),
    "quotes": f'"{TOKEN}"\n'.encode(),
    "quotes of a word processor": f"“{TOKEN}”".encode(),
    "quotes within quotes": f"'\"{TOKEN}\"'".encode(),
    "blanks seen and unseen": f"\n\t\xa0\u200b{TOKEN}\u2060 \n\n".encode(),
    "an assignment": f'export KAGGLE_API_TOKEN="{TOKEN}"\n'.encode(),
    "PowerShell's assignment": f"$env:KAGGLE_API_TOKEN = '{TOKEN}'".encode(),
}
FAULTS = {  # what is refused, and the fault that is named
    "half a quote": (f'"{TOKEN}'.encode(), "holds the character"),
    "two words": (f"{TOKEN} {TOKEN}".encode(), "holds a blank"),
    "JSON": (PAIR.replace(" ", "").encode(), "holds JSON"),
    "a placeholder": (b"<your-token>", "holds the character '<'"),
    "a variable": (b"$KAGGLE_API_TOKEN", "holds the character '$'"),
    "Latin-1": ("Schlüssel".encode("latin-1"), "neither UTF-8 nor UTF-16"),
    "letters beyond ASCII": ("Schlüssel".encode(), "holds the character '\\xfc'"),
}

NOTES = {
    "username only": ({"KAGGLE_USERNAME": USERNAME}, {}, "has a username and no key"),
    "key only": ({"KAGGLE_KEY": KEY}, {}, "has a key and no username"),
    "malformed": ({}, {".kaggle/kaggle.json": "{username"}, "is no JSON object"),
    "a list": ({}, {".kaggle/kaggle.json": "[]"}, "is no JSON object"),
    "no key in it": (
        {},
        {".kaggle/kaggle.json": '{"username": "anna"}'},
        "~/.kaggle/kaggle.json has a username",
    ),
    "empty": ({}, {".kaggle/access_token": " \n"}, "access_token is empty"),
    "no text": ({}, {".kaggle/access_token": b"\xff\xfe\x00"}, "cannot be read"),
    "two lines": ({}, {".kaggle/access_token": f"{TOKEN}\n{TOKEN}"}, "no credential has"),
}


def prepare(home, monkeypatch, variables, files):
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("{home}", str(home)))
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)


@pytest.mark.parametrize("place", PLACES)
def test_every_place(home, monkeypatch, place):
    variables, files, expected = PLACES[place]
    prepare(home, monkeypatch, variables, files)
    found = find()
    assert [(c.kind, c.source, c.secret) for c in found.credentials] == [expected]
    assert found.notes == ()


@pytest.mark.parametrize("case", NOTES)
def test_what_is_wrong_is_noted_and_not_used(home, monkeypatch, case):
    variables, files, words = NOTES[case]
    prepare(home, monkeypatch, variables, files)
    found = find()
    assert found.credentials == ()
    assert words in found.notes[0]
    assert KEY not in str(found.notes)


@pytest.mark.parametrize("case", WRITTEN)
def test_a_token_is_read_as_it_is_meant(home, monkeypatch, case):
    prepare(home, monkeypatch, {}, {".kaggle/access_token": WRITTEN[case], "t": WRITTEN[case]})
    monkeypatch.setenv("KAGGLE_API_TOKEN", '"~/t"')
    assert [c.secret for c in find().credentials] == [TOKEN, TOKEN]
    assert find().notes == ()


@pytest.mark.parametrize("case", FAULTS)
def test_what_no_token_can_be_is_refused_with_file_and_fault(home, monkeypatch, case):
    content, fault = FAULTS[case]
    prepare(home, monkeypatch, {}, {".kaggle/access_token": content})
    found = find()
    assert found.credentials == ()
    assert found.notes[0].startswith(
        f"~/.kaggle/access_token {fault}" if "holds" in fault else "~/.kaggle/access_token"
    )
    assert fault in found.notes[0]
    assert TOKEN[:8] not in found.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_key_file_is_read_as_it_is_meant(home, monkeypatch, encoding):
    text = json.dumps({"username": f' "{USERNAME}" ', "key": f"'{KEY}'\r\n"})
    prepare(home, monkeypatch, {}, {".kaggle/kaggle.json": f" '{text}' \r\n".encode(encoding)})
    assert [(c.username, c.secret) for c in find().credentials] == [(USERNAME, KEY)]
    assert find().notes == ()


def test_variables_are_read_as_they_are_meant(home, monkeypatch):
    prepare(home, monkeypatch, {}, {"c/kaggle.json": PAIR})
    monkeypatch.setenv("KAGGLE_API_TOKEN", f" '{TOKEN}' \r")
    monkeypatch.setenv("KAGGLE_USERNAME", f'"{USERNAME}"')
    monkeypatch.setenv("KAGGLE_KEY", f"{KEY} \n")
    assert [(c.username, c.secret) for c in find().credentials] == [("", TOKEN), (USERNAME, KEY)]
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", '"~/c" ')
    assert [(c.username, c.secret) for c in find().credentials] == [(USERNAME, KEY)]


@pytest.mark.parametrize("value", ["~/token", "/nowhere/token", ".\\\\token", "C:\\\\token", "token.txt"])
def test_a_token_variable_that_names_no_file_is_not_sent_as_a_token(home, monkeypatch, value):
    monkeypatch.setenv("KAGGLE_API_TOKEN", value)
    assert find().credentials == ()
    assert "holds a path, and no file is there" in find().notes[0]


def test_order_is_tokens_then_keys_then_oauth(home, monkeypatch):
    files = {
        ".kaggle/access_token": "second", ".kaggle/access_token.txt": "third", ".kaggle/kaggle.json": PAIR,
        ".kaggle/credentials.json": json.dumps({"refresh_token": "fifth"}),
    }  # fmt: skip
    prepare(home, monkeypatch, {"KAGGLE_API_TOKEN": "first"}, files)
    assert [c.secret for c in find().credentials] == ["first", "second", "third", KEY, "fifth"]


def test_an_empty_folder_that_hides_a_good_file_is_noted(home, monkeypatch):
    prepare(home, monkeypatch, {}, {"config/kaggle/kaggle.json": PAIR})
    (home / ".kaggle").mkdir()
    found = find()
    assert [c.secret for c in found.credentials] == [KEY]
    assert "does not see ~/config/kaggle/kaggle.json" in found.notes[0]


def test_a_long_token_is_no_path_and_a_token_in_the_place_of_a_key_is_used(home, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "t" * 5000)
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    found = find()
    assert [(c.kind, len(c.secret)) for c in found.credentials] == [("token", 5000), ("token", len(TOKEN))]
    assert "move it to KAGGLE_API_TOKEN" in found.notes[0]


@pytest.mark.parametrize("secret", [KEY, KEY.upper(), TOKEN])
@pytest.mark.parametrize("place", ["variables", "kaggle.json", "Colab's secrets"])
def test_key_and_username_exchanged_are_noted_and_neither_is_shown_or_used(home, monkeypatch, place, secret):
    if place == "variables":
        prepare(home, monkeypatch, {"KAGGLE_USERNAME": secret, "KAGGLE_KEY": USERNAME}, {})
    elif place == "kaggle.json":
        prepare(home, monkeypatch, {}, {".kaggle/kaggle.json": json.dumps({"username": secret, "key": USERNAME})})
    else:
        values = {"KAGGLE_API_TOKEN": "", "KAGGLE_USERNAME": secret, "KAGGLE_KEY": USERNAME}
        colab = types.ModuleType("google.colab")
        colab.userdata = types.SimpleNamespace(get=values.__getitem__)
        monkeypatch.setitem(sys.modules, "google.colab", colab)
    found = find()
    assert found.credentials == ()
    [note] = found.notes
    assert "key and username are exchanged" in note
    assert not [word for word in (secret, USERNAME) if word in note]
    shown = "\n".join(finding.line for finding in doctor._credentials(found))
    assert "next step: exchange them" in shown
    assert secret not in shown


def test_open_modes_are_noted(home, monkeypatch):
    prepare(home, monkeypatch, {}, {".kaggle/access_token": TOKEN})
    (home / ".kaggle/access_token").chmod(0o644)
    assert find().notes == ("~/.kaggle/access_token can be read by others: chmod 600 ~/.kaggle/access_token",)


def test_a_home_that_is_no_folder(home, monkeypatch):
    monkeypatch.setenv("HOME", os.devnull)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert find().credentials == ()


@pytest.mark.parametrize(
    ("secrets", "kind", "secret"),
    [
        ({"KAGGLE_API_TOKEN": TOKEN}, "token", TOKEN),
        ({"KAGGLE_API_TOKEN": "", "KAGGLE_USERNAME": USERNAME, "KAGGLE_KEY": KEY}, "key", KEY),
    ],
)
def test_secrets_of_a_colab_notebook_are_found_last(home, monkeypatch, secrets, kind, secret):
    colab = types.ModuleType("google.colab")
    colab.userdata = types.SimpleNamespace(get=secrets.__getitem__)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setenv("KAGGLE_API_TOKEN", "first")
    first, last = find().credentials
    assert (first.secret, last.kind, last.secret, str(last)) == ("first", kind, secret, f"{kind} from Colab's secrets")


def test_the_secret_is_in_no_representation():
    credential = Credential("key", "kaggle.json", KEY, USERNAME)
    assert KEY not in f"{credential} {credential!r} {[credential]}"


def test_import_and_help_touch_no_network_and_no_credential_file(home, tmp_path):
    code = (
        "import sys; seen = []\n"
        "sys.addaudithook(lambda e, a: seen.append((e, str(a[0]) if a else '')) "
        "if e in ('open', 'socket.connect', 'socket.getaddrinfo') else None)\n"
        "import pipelines, pipelines.__main__\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(pipelines.__main__.app, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(pipelines.__main__.app, ['submit', '--help']).exit_code == 0\n"
        "bad = [s for s in seen if s[0] != 'open' or 'kaggle.json' in s[1] or 'access_token' in s[1]]\n"
        "assert not bad, bad\n"
        "loaded = {'kaggle', 'kagglesdk', 'kagglehub', 'requests', 'torch'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("folder", ["~nobody-of-that-name/x", "~nobody-of-that-name"])
def test_a_folder_of_a_user_that_is_not_there_is_a_note(home, folder):
    found = find({"KAGGLE_CONFIG_DIR": folder, "KAGGLE_API_TOKEN": "t"})
    assert [credential.source for credential in found.credentials] == ["KAGGLE_API_TOKEN"]
    assert f"KAGGLE_CONFIG_DIR={folder} names a user without a folder: write the whole path" in found.notes


def test_without_any_home_the_variables_still_count(site, cli, monkeypatch):
    def no_home(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    assert cli("data", "titanic").code == 0
    done = cli("doctor", "titanic")
    assert (done.code, "no home folder is known" in done.out) == (1, True)
    assert "next step: set HOME" in done.out
