"""The gateway to Kaggle: the only module that imports Kaggle's packages, and only when a call is made.

The calls go through `kagglesdk`, the transport that `kaggle` installs, because `kaggle` itself signs in,
prints and makes folders on import, accepts damaged downloads, and has neither time limits nor repetitions
for competitions. This module adds what the transport lacks: time limits, repetition of what may be
repeated, size limits, no netrc, errors in plain words, and a second credential where the first is stale.
"""

import base64
import contextlib
import functools
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import requests

from pipelines.errors import UsageError
from pipelines.kaggle import errors as kaggle_errors
from pipelines.kaggle.credentials import Credential, Found, find
from pipelines.kaggle.errors import CredentialsError
from pipelines.kaggle.patience import Patience, Say, repeat, silent
from pipelines.kaggle.sessions import Session, auth_of, body_of, translated, unsigned

MOST_REDIRECTS = 5
API = "https://api.kaggle.com"
Answer = dict[str, Any]
IN_WORDS = {
    "ListDataFiles": "list of files",
    "DownloadDataFiles": "download",
    "DownloadDataFile": "download",
    "GetSubmissionLimits": "number of submissions left",
    "StartSubmissionUpload": "upload",
    "CreateSubmission": "submission",
    "GetSubmission": "score",
    "ListSubmissions": "list of submissions",
    "GetLeaderboard": "leaderboard",
}


class Kaggle:
    """Calls to Kaggle, signed with the first credential that it accepts.

    Raises (all methods): CredentialsError, AccessError, RefusedError or NetworkError.
    """

    def __init__(self, found: Found | None = None, patience: Patience | None = None, say: Say = silent) -> None:
        self.found = find() if found is None else found
        self.patience = patience or Patience()
        self.say = say
        self._remaining = list(self.found.credentials)
        self._transport: Any = None
        self._storage = Session(self.patience)

    def __enter__(self) -> "Kaggle":
        return self

    def __exit__(self, *_: object) -> None:
        self._storage.close()
        self._close()

    def files(self, slug: str) -> list[Answer]:
        """The first page of a competition's files: name, totalBytes."""
        return _list(self._ask("ListDataFiles", slug, competition_name=slug, page_size=20), "files")

    def archive_url(self, slug: str) -> str:
        """A signed address of all files in one zip, good for some minutes; never show it. Asked once."""
        return self._signed_url("DownloadDataFiles", slug, competition_name=slug)

    def file_url(self, slug: str, name: str) -> str:
        """A signed address of one file; never show it."""
        return self._signed_url("DownloadDataFile", slug, competition_name=slug, file_name=name)

    def limits(self, slug: str) -> Answer:
        """Submissions made today (numToday) and still allowed (numAllowedNow)."""
        return self._ask("GetSubmissionLimits", slug, competition_name=slug)

    def upload(self, slug: str, name: str, content: bytes, modified: int) -> str:
        """Upload bytes; returns the token that stands for them. No submission is made yet."""

        def start_and_put() -> str:
            """One attempt: a place at the storage, then the bytes."""
            ticket = self._ask(
                "StartSubmissionUpload", slug, once=True, competition_name=slug, content_length=len(content),
                last_modified_epoch_seconds=modified, file_name=name,
            )  # fmt: skip
            if not ticket.get("createUrl") or not ticket.get("token"):
                raise kaggle_errors.not_json("upload", json.dumps(sorted(ticket)).encode())
            self._put(str(ticket["createUrl"]), content, slug)
            return str(ticket["token"])

        return repeat(start_and_put, self.patience, self.say)

    def create_submission(self, slug: str, token: str, description: str) -> Answer:
        """Make a submission of uploaded bytes. Asked once: whether it was made is for the caller to see."""
        return self._ask(
            "CreateSubmission", slug, once=True,
            competition_name=slug, blob_file_tokens=token, submission_description=description,
        )  # fmt: skip

    def submission(self, slug: str, ref: int) -> Answer:
        """One submission by its reference. Asked once: the list tells the same."""
        return self._ask("GetSubmission", slug, once=True, ref=ref)

    def submissions(self, slug: str) -> list[Answer]:
        """The latest hundred submissions."""
        answer = self._ask("ListSubmissions", slug, competition_name=slug, page=1, page_token="", page_size=100)
        return _list(answer, "submissions")

    def leaderboard(self, slug: str) -> list[Answer]:
        """The first page of the public leaderboard. Asked once: nothing depends on it."""
        answer = self._ask("GetLeaderboard", slug, once=True, competition_name=slug, page_size=200)
        return _list(answer, "submissions")

    @contextlib.contextmanager
    def storage(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """An open answer of the storage, whatever its status; it gets no credential."""
        for _ in range(MOST_REDIRECTS):
            with translated(url):
                answer = self._storage.get(url, headers=dict(headers), auth=unsigned)
            with answer:
                if not answer.is_redirect:
                    yield answer
                    return
                url = urljoin(url, answer.headers["Location"])
        raise kaggle_errors.not_json("the archive", b"")

    def _ask(self, method: str, slug: str, *, once: bool = False, **fields: Any) -> Answer:
        def work() -> Answer:
            """One attempt: a signed request, and what its JSON says."""
            with self._signed(method, slug, fields) as answer:
                body = self._body(answer)
            try:
                value = json.loads(body)
            except ValueError:
                raise kaggle_errors.not_json(IN_WORDS[method], body) from None
            if not isinstance(value, dict):
                raise kaggle_errors.not_json(IN_WORDS[method], body)
            return value

        return work() if once else repeat(work, self.patience, self.say)

    def _signed_url(self, method: str, slug: str, **fields: Any) -> str:
        with self._signed(method, slug, fields) as answer:
            location = answer.headers.get("Location")
            if not answer.is_redirect or location is None:
                raise kaggle_errors.not_json(IN_WORDS[method], self._body(answer)[:100])
            return urljoin(str(answer.url), location)

    @contextlib.contextmanager
    def _signed(self, method: str, slug: str, fields: Mapping[str, Any]) -> Iterator[requests.Response]:
        """The answer to a signed call; a refused credential makes way for the next one."""
        while True:
            answer = self._send(method, fields)
            with answer:
                if answer.status_code < 400:
                    yield answer
                    return
                text = self._clean(kaggle_errors.message_of(self._body(answer)))
            if answer.status_code == 401 and self._next_credential():
                continue
            raise kaggle_errors.from_answer(
                answer.status_code, answer.headers, text,
                what=IN_WORDS[method], slug=slug, credential=str(self._remaining[0]),
            )  # fmt: skip

    def _send(self, method: str, fields: Mapping[str, Any]) -> requests.Response:
        from kagglesdk.competitions.types import competition_api_service as types

        request = getattr(types, f"Api{method}Request")()
        for name, value in fields.items():
            setattr(request, name, value)
        transport = self._open()
        with translated(API):
            answer: requests.Response = transport.call("competitions.CompetitionApiService", method, request, object)
        return answer

    def _open(self) -> Any:
        if not self._remaining:
            raise no_credentials(self.found)
        if self._transport is None:
            credential = self._remaining[0]
            if credential.kind == "oauth":
                credential = self._exchange(credential)
            self._transport = _make_transport(credential, self.patience)
        return self._transport

    def _exchange(self, credential: Credential) -> Credential:
        """An access token for the refresh token of the OAuth file; the file is left as it is."""
        from kagglesdk.users.types.account_service import ApiVersion, GenerateAccessTokenRequest

        request = GenerateAccessTokenRequest()
        request.refresh_token, request.api_version = credential.secret, ApiVersion.API_VERSION_V1
        transport = _make_transport(None, self.patience)
        try:
            with translated(API):
                answer = transport.call("users.AccountService", "GenerateAccessToken", request, object)
            body = self._body(answer)
        finally:
            transport.__exit__(None, None, None)
        if answer.status_code >= 400:
            raise kaggle_errors.from_answer(
                401 if answer.status_code in (400, 403) else answer.status_code, answer.headers,
                self._clean(kaggle_errors.message_of(body)),
                what="sign in", slug="", credential=str(credential),
            )  # fmt: skip
        try:
            token = str(json.loads(body)["token"])
        except (ValueError, KeyError, TypeError):
            raise kaggle_errors.not_json("sign in", body) from None
        self._secrets.append(token)
        return Credential("token", credential.source, token)

    @functools.cached_property
    def _secrets(self) -> list[str]:
        """All that must not be shown, in the forms in which it is sent."""
        secrets = []
        for credential in self.found.credentials:
            pair = f"{credential.username}:{credential.secret}".encode()
            secrets += [credential.secret, base64.b64encode(pair).decode()]
        return secrets

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _next_credential(self) -> bool:
        refused = self._remaining[0]
        if len(self._remaining) == 1:
            return False
        self._remaining.pop(0)
        self._close()
        self.say(
            f"warning: Kaggle does not accept the {refused} (401); it hides the {self._remaining[0]}, "
            f"which is used now: remove or renew the former"
        )
        return True

    def _put(self, url: str, content: bytes, slug: str) -> None:
        with translated(url):
            answer = self._storage.put(url, data=content, auth=unsigned)
        with answer:
            if answer.status_code in (200, 201):
                return
        status = answer.status_code
        if status in kaggle_errors.PASSING or status >= 500:
            what = f"the upload was not taken ({status})"
            raise kaggle_errors.site_trouble(status, answer.headers, what)
        raise kaggle_errors.upload_refused(status, slug)

    def _body(self, answer: requests.Response) -> bytes:
        return body_of(answer, time.monotonic() + self.patience.deadline)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.__exit__(None, None, None)
            self._transport = None


def _make_transport(credential: Credential | None, patience: Patience) -> Any:
    from kagglesdk.kaggle_http_client import KaggleHttpClient

    class Transport(KaggleHttpClient):  # type: ignore[misc]
        """Kaggle's transport with our session, our choice of credential, and the answer as it came."""

        _session: Session | None

        def _init_session(self) -> None:
            if self._session is None:
                session = Session(patience)
                session.headers.update({"User-Agent": "kaggle-homework", "Accept": "application/json"})
                session.auth = auth_of(credential)
                self._session = session

        def _prepare_response(self, _type: object, answer: requests.Response) -> requests.Response:
            return answer

    try:
        return Transport(verbose=False)
    except Exception as error:  # it raises bare Exceptions for its environment variables
        raise UsageError(str(error), "unset KAGGLE_API_ENVIRONMENT", "请取消环境变量 KAGGLE_API_ENVIRONMENT") from None


def no_credentials(found: Found) -> CredentialsError:
    """The error for a computer on which none were found; it says what was looked at and is no good."""
    notes = "".join(f"\n  note: {note}" for note in found.notes)
    return CredentialsError(
        f"no Kaggle credentials were found{notes}",
        f"make a token at {kaggle_errors.SITE}/settings, then set KAGGLE_API_TOKEN or write it to "
        "~/.kaggle/access_token; or set KAGGLE_USERNAME and KAGGLE_KEY",
        f"请在 {kaggle_errors.SITE}/settings 新建 token，设置 KAGGLE_API_TOKEN 或写入 ~/.kaggle/access_token",
    )


def _list(answer: Answer, name: str) -> list[Answer]:
    value = answer.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
