"""Kaggle credentials: every place that the official client looks at; no network, nothing printed."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

PRINTABLE = re.compile(r"[\x21-\x7e]+")  # whatever else is in it cannot be sent in a header
TOKEN_START = "KGAT_"  # noqa: S105 the start of every token, not one of them


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


@dataclass(frozen=True)
class Found:
    """Credentials in the order in which they are tried, and what is wrong with those left out."""

    credentials: tuple[Credential, ...]
    notes: tuple[str, ...]


def find(environ: Mapping[str, str] | None = None) -> Found:
    """All credentials in the official order: tokens, then username and key, then OAuth.

    Source: the `authenticate` of Kaggle's own client, and the HTTP client below it, which puts a token
    before a key whatever the former decided.
    """
    search = _Search(os.environ if environ is None else environ)
    found = [*search.tokens(), *search.keys(), *search.oauth()]
    return Found(tuple(found), tuple(search.notes))


class _Search:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.home = Path("~").expanduser()
        self.notes: list[str] = []

    def tokens(self) -> Iterator[Credential]:
        """Access tokens, in the official client's order of places."""
        places = []
        if "KAGGLE_KERNEL_RUN_TYPE" in self.environ and "KAGGLE_DATA_PROXY_URL" in self.environ:
            places.append(("KAGGLE_API_V1_TOKEN", self._file_text(self.environ.get("KAGGLE_API_V1_TOKEN"))))
        value = self.environ.get("KAGGLE_API_TOKEN", "").strip()
        if value:
            text = self._file_text(value) if _is_file(value) else value
            places.append(("KAGGLE_API_TOKEN", text))
        names = ("access_token", "access_token.txt")
        places += [(f"~/.kaggle/{name}", self._file_text(self.home / ".kaggle" / name)) for name in names]
        for source, text in places:
            if text is not None and self._usable(source, text):
                yield Credential("token", source, text)

    def keys(self) -> Iterator[Credential]:
        """A username with its key, or a token that stands where the key belongs."""
        config, source = self._config()
        names = [f"KAGGLE_{part.upper()}" for part in ("username", "key") if self._variable(part)]
        username = self._variable("username") or str(config.get("username") or "").strip()
        key = self._variable("key") or str(config.get("key") or "").strip()
        where = " and ".join(names) if len(names) == 2 else " and ".join([*names, source] if config else names)
        if key.startswith(TOKEN_START):
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
        source = "~/.kaggle/credentials.json"
        if token and until and until > datetime.now(UTC) + timedelta(minutes=5):
            if self._usable(source, str(token)):
                yield Credential("token", source, str(token))
        elif saved.get("refresh_token") and self._usable(source, str(saved["refresh_token"])):
            yield Credential("oauth", source, str(saved["refresh_token"]))

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
        if not _is_folder(dot_kaggle):
            folders.reverse()
        chosen = self.environ.get("KAGGLE_CONFIG_DIR")
        return [Path(chosen), *folders] if chosen else folders

    def _variable(self, part: str) -> str:
        return self.environ.get(f"KAGGLE_{part.upper()}", "").strip()

    def _json(self, path: Path) -> dict[str, Any]:
        text = self._file_text(path)
        if text is None:
            return {}
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self.notes.append(f"{self._short(path)} is no JSON object: it is not used; download it anew")
            return {}
        return value

    def _file_text(self, path: str | Path | None) -> str | None:
        """The file's text, stripped; None (with a note, unless there is no file) if it cannot be used."""
        if path is None:
            return None
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig").strip()
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
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
        if PRINTABLE.fullmatch(text):
            return True
        self.notes.append(f"{source} holds blanks or characters that no credential has: it is not used; copy it anew")
        return False

    def _short(self, path: Path) -> str:
        return f"~/{path.relative_to(self.home).as_posix()}" if path.is_relative_to(self.home) else str(path)


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except (OSError, ValueError):  # a long token is no file name
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
