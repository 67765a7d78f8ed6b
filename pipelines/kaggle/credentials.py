"""Kaggle credentials: every place that the official clients look at; no network, nothing printed.

kagglehub gives the first credential that it finds, without its place, and stops at a file that it cannot
read; here all are found, so that the one behind a stale one can be used. Colab's secrets are asked through it.
"""

import base64
import codecs
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pipelines.kaggle.errors import CredentialsError
from pipelines.kaggle.refusals import SITE

FOREIGN = re.compile(r"[^\x21-\x7e]|[\"'`{}\[\]<>,;\\$%]")  # what no user name, key or token has
WRAPPING = " \t\r\n\f\v\0\xa0\ufeff\u200b\u2060"  # what editors and shells put around a text, seen or not
QUOTES = ('""', "''", "``", "“”", "‘’", "«»")
ASSIGNMENT = re.compile(
    r"^(?:export\s+|set\s+|setx\s+|\$env:)?KAGGLE_(?:API_TOKEN|KEY|USERNAME)\s*[=:]\s*", re.IGNORECASE
)
PATH_START = re.compile(r"~|\.{0,2}[/\\]|[A-Za-z]:[/\\]|.*\.(?:txt|json)$")
MARKS = (  # the longer first: UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
NOWHERE = Path(os.devnull, "~")
TOKEN_START = "KGAT_"  # noqa: S105 the start of every token, not one of them
SECRET_FORM = re.compile(rf"[0-9A-Fa-f]{{32}}|{TOKEN_START}.*")  # a key, or a token; no user name


@dataclass(frozen=True)
class Credential:
    """One way to sign in. `secret` is never shown; `source` is a variable's or a file's name."""

    kind: Literal["token", "key", "oauth"]
    source: str
    secret: str = field(repr=False)
    username: str = ""

    def __str__(self) -> str:
        """For people: what it is and where it was found."""
        return f"{self.kind} from {self.source}"

    @property
    def as_sent(self) -> tuple[str, str]:
        """The forms in which the secret goes over the line; neither must be shown."""
        return self.secret, base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()


@dataclass(frozen=True)
class Found:
    """Credentials in the order in which they are tried, and what is wrong with those left out."""

    credentials: tuple[Credential, ...]
    notes: tuple[str, ...]


def find(environ: Mapping[str, str] | None = None) -> Found:
    """All credentials in the official order: tokens, then username and key, then OAuth, then Colab's secrets.

    Source: the `authenticate` of Kaggle's own client, and the HTTP client below it, which puts a token
    before a key whatever the former decided.
    """
    search = _Search(os.environ if environ is None else environ)
    found = []
    for credential in (*search.tokens(), *search.keys(), *search.oauth(), *_colab()):
        if SECRET_FORM.fullmatch(credential.username):
            search.notes.append(f"in {credential.source} key and username are exchanged: exchange them")
        else:
            found.append(credential)
    return Found(tuple(found), tuple(search.notes))


def no_credentials(found: Found) -> CredentialsError:
    """The error for a computer on which none were found; it says what was looked at and is no good."""
    notes = "".join(f"\n  note: {note}" for note in found.notes)
    return CredentialsError(
        f"no Kaggle credentials were found{notes}",
        f"make a token at {SITE}/settings, then set KAGGLE_API_TOKEN or write it to "
        "~/.kaggle/access_token; or set KAGGLE_USERNAME and KAGGLE_KEY",
        f"请在 {SITE}/settings 新建 token，设置 KAGGLE_API_TOKEN 或写入 ~/.kaggle/access_token；"
        "或设置 KAGGLE_USERNAME 和 KAGGLE_KEY",
    )


def as_meant(text: str) -> str:
    r"""A credential without what editors and shells put around it.

    >>> as_meant("\ufeff export KAGGLE_KEY='abc' \r\n"), as_meant('"abc')
    ('abc', '"abc')
    """
    while True:
        before, text = text, ASSIGNMENT.sub("", text.strip(WRAPPING), count=1)
        if len(text) > 1 and text[0] + text[-1] in QUOTES:
            text = text[1:-1]
        if text == before:
            return text


def decoded(content: bytes) -> str:
    """The text of a file, as UTF-8 or, as PowerShell's `>` writes it, UTF-16, with its mark or without.

    Raises: UnicodeDecodeError.
    """
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    return content.decode(encoding)


def expanded(path: str) -> Path:
    """A path with its ~ filled in; a place that holds nothing where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return NOWHERE


def in_kaggle_notebook(environ: Mapping[str, str]) -> bool:
    """Whether this runs in one of Kaggle's own notebooks."""
    return "KAGGLE_KERNEL_RUN_TYPE" in environ and "KAGGLE_DATA_PROXY_URL" in environ


def _colab() -> Iterator[Credential]:
    """What kagglehub finds among the secrets of a Colab notebook; elsewhere it is not imported."""
    if "google.colab" not in sys.modules:
        return
    from kagglehub.config import get_colab_credentials

    secret = get_colab_credentials()
    if secret and secret.api_key:
        yield Credential("token", "Colab's secrets", secret.api_key)
    elif secret:
        yield Credential("key", "Colab's secrets", secret.key, secret.username)


class _Search:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.home = expanded("~")
        self.notes: list[str] = []
        if self.home == NOWHERE:
            self.notes.append("no home folder is known, so that ~/.kaggle is not looked at: set HOME")

    def tokens(self) -> Iterator[Credential]:
        """Access tokens, in the official client's order of places."""
        places = []
        if in_kaggle_notebook(self.environ):
            places.append(("KAGGLE_API_V1_TOKEN", self._file_text(self.environ.get("KAGGLE_API_V1_TOKEN"))))
        value = as_meant(self.environ.get("KAGGLE_API_TOKEN", ""))
        path = os.path.expanduser(value)  # noqa: PTH111 long tokens are no names
        if os.path.isfile(path):  # noqa: PTH113
            places.append(("KAGGLE_API_TOKEN", self._file_text(path)))
        elif PATH_START.match(value):
            self.notes.append(
                "KAGGLE_API_TOKEN holds a path, and no file is there: it is not used; put the token into it"
            )
        elif value:
            places.append(("KAGGLE_API_TOKEN", value))
        names = ("access_token", "access_token.txt")
        places += [(f"~/.kaggle/{name}", self._file_text(self.home / ".kaggle" / name)) for name in names]
        for source, text in places:
            if text is not None and self._usable(source, text):
                yield Credential("token", source, text)

    def keys(self) -> Iterator[Credential]:
        """A username with its key, or a token that stands where the key belongs."""
        config, source = self._config()
        names = [f"KAGGLE_{part.upper()}" for part in ("username", "key") if self._variable(part)]
        username = self._variable("username") or as_meant(str(config.get("username") or ""))
        key = self._variable("key") or as_meant(str(config.get("key") or ""))
        where = " and ".join(names) if len(names) == 2 else " and ".join([*names, source] if config else names)
        if key.startswith(TOKEN_START):
            if self._usable(where, key):
                self.notes.append(f"{where} holds a token ({TOKEN_START}...) as the key: move it to KAGGLE_API_TOKEN")
                yield Credential("token", where, key)
        elif username and key:
            if self._usable(where, key) and self._usable(where, username):
                yield Credential("key", where, key, username)
        elif username or key:
            lacking, have = ("key", "a username") if username else ("username", "a key")
            self.notes.append(f"{where} has {have} and no {lacking}: it is not used; add the {lacking}")

    def oauth(self) -> Iterator[Credential]:
        """The saved access token while it is good for five minutes more, else the refresh token."""
        path = self.home / ".kaggle" / "credentials.json"
        saved = self._json(path)
        token, until = saved.get("access_token"), _moment(saved.get("access_token_expiration"))
        token, refresh = as_meant(str(token or "")), as_meant(str(saved.get("refresh_token") or ""))
        source = "~/.kaggle/credentials.json"
        if token and until and until > datetime.now(UTC) + timedelta(minutes=5):
            if self._usable(source, token):
                yield Credential("token", source, token)
        elif refresh and self._usable(source, refresh):
            yield Credential("oauth", source, refresh)

    def _config(self) -> tuple[dict[str, Any], str]:
        """The first kaggle.json with something in it, and its name for people."""
        places = self._config_folders()
        for folder in places:
            config = self._json(folder / "kaggle.json")
            if config:
                if folder != places[0]:
                    self.notes.append(
                        f"Kaggle's own client looks in {self._short(places[0])} and does not see "
                        f"{self._short(folder / 'kaggle.json')}: move the file there"
                    )
                return config, self._short(folder / "kaggle.json")
        return {}, ""

    def _config_folders(self) -> list[Path]:
        dot_kaggle = self.home / ".kaggle"
        base = self.environ.get("XDG_CONFIG_HOME") or str(self.home / ".config")
        folders = [dot_kaggle, Path(base) / "kaggle"]
        if not os.path.isdir(dot_kaggle):  # noqa: PTH112 is_dir raises where it may not look
            folders.reverse()
        chosen = as_meant(self.environ.get("KAGGLE_CONFIG_DIR", ""))
        if expanded(chosen) == NOWHERE:
            self.notes.append(f"KAGGLE_CONFIG_DIR={chosen} names a user without a folder: write the whole path")
            return folders
        return [expanded(chosen), *folders] if chosen else folders

    def _variable(self, part: str) -> str:
        return as_meant(self.environ.get(f"KAGGLE_{part.upper()}", ""))

    def _json(self, path: Path) -> dict[str, Any]:
        text = self._file_text(path)
        if text is None:
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            self.notes.append(f"{self._short(path)} is no JSON object: it is not used; download it anew")
            return {}
        return value

    def _file_text(self, path: str | Path | None) -> str | None:
        """The file's text as it is meant; None (with a note, unless there is no file) if it cannot be used."""
        if path is None:
            return None
        path = Path(path)
        try:
            text = as_meant(decoded(path.read_bytes()))
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError:
            what = "cannot be read, for it is neither UTF-8 nor UTF-16"
            self.notes.append(f"{self._short(path)} {what}: it is not used; save it as plain text (UTF-8)")
            return None
        except (OSError, ValueError):
            self.notes.append(f"{self._short(path)} cannot be read: it is not used; check its permissions")
            return None
        if os.name == "posix" and mode & 0o077:
            self.notes.append(f"{self._short(path)} can be read by others: chmod 600 {self._short(path)}")
        if not text:
            self.notes.append(f"{self._short(path)} is empty: it is not used; write the token into it, or remove it")
            return None
        return text

    def _usable(self, source: str, text: str) -> bool:
        foreign = FOREIGN.search(text)
        if foreign is None:
            return True
        what = (
            "a line break" if "\n" in text else "a blank" if foreign[0].isspace() else f"the character {foreign[0]!a}"
        )
        if text.startswith("{"):
            what, step = "JSON", "kaggle.json is the place for it"
        else:
            step = "copy it anew, without anything around it"
        self.notes.append(f"{source} holds {what}, which no credential has: it is not used; {step}")
        return False

    def _short(self, path: Path) -> str:
        return f"~/{path.relative_to(self.home).as_posix()}" if path.is_relative_to(self.home) else str(path)


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
