"""The gateway to Kaggle: calls with time limits, repeated where they may be, signed with a credential that works.

Kaggle's own clients wait without end and ask once; kagglesdk's puts a token of the environment before the
key that it is given, and fails on a status that it does not know. Its request types and addresses are used
here, over a session of ours (docs/faults.md).
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from pipelines.errors import UsageError
from pipelines.kaggle.credentials import Credential, Found, find, no_credentials
from pipelines.kaggle.errors import (
    UNFIT,
    AccessError,
    CredentialsError,
    RefusedError,
    endless_list,
    from_answer,
    is_foreign,
    message_of,
    missing_list,
    nameless,
    not_accepted,
    not_json,
    not_taken,
    status_in,
)
from pipelines.submission.ledger import count_of
from pipelines.web.addresses import shown, without_secrets
from pipelines.web.failures import LOST, NetworkError, is_html, printable, translated
from pipelines.web.patience import Patience, Say, repeat, silent
from pipelines.web.transport import Adapter, Body, chunks, proxy_secrets, unsigned

Answer = dict[str, Any]
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]
Show = Callable[[str, int, int | None], None]  # what, bytes done, of

LARGEST_ANSWER = 64 * 2**20  # bytes of JSON
MOST_PAGES = 500
DEEPEST = 20  # levels of lists in lists; Kaggle's answers have four
SHORTEST_SECRET = 8  # characters; shorter ones stand in innocent words too, and sign no address
SMALLEST_PAGE = 20  # submissions; fewer are the last page, where no token says that there is another
MOST_REDIRECTS = 5
END_OF_LOG = b"END_OF_LOG"  # what ends a kernel's log, sent line by line
HEADERS = {"User-Agent": "kaggle-homework", "Accept": "application/json"}
IN_WORDS = {
    "ListDataFiles": "list of files", "DownloadDataFiles": "download", "DownloadDataFile": "download",
    "GetSubmissionLimits": "number of submissions left", "StartSubmissionUpload": "upload",
    "CreateSubmission": "submission", "GetSubmission": "score", "ListSubmissions": "list of submissions",
    "GetLeaderboard": "leaderboard", "DownloadLeaderboard": "leaderboard",
}  # fmt: skip
KERNELS = {
    "GetAcceleratorQuotaStatistics": "quota of accelerators", "SaveKernel": "upload of the kernel",
    "GetKernel": "text of the kernel",
    "GetKernelSessionStatus": "state of the kernel", "ListKernelSessionOutput": "output of the kernel",
    "GetKernelSessionLogsStream": "log of the kernel",
}  # fmt: skip
IN_WORDS |= KERNELS


class Kaggle:
    """Calls to Kaggle, signed with the first credential that it accepts.

    Raises (all methods): CredentialsError, AccessError, RefusedError or NetworkError.
    """

    def __init__(self, found: Found | None = None, patience: Patience | None = None, say: Say = silent) -> None:
        self.found = find() if found is None else found
        self.patience, self.say = patience or Patience(), say
        self._remaining = list(self.found.credentials)
        forms = [form for credential in self._remaining for form in credential.as_sent]
        self._secrets = [form for form in (*forms, *proxy_secrets()) if form]
        self._auth: Auth | None = None
        self._token = ""
        self._session = requests.Session()
        self._session.mount("https://", Adapter())
        self._session.mount("http://", Adapter())
        self._session.headers.update({**HEADERS, "Connection": "close"})

    def __enter__(self) -> "Kaggle":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def files(self, slug: str) -> list[Answer]:
        """The first page of a competition's files: name, totalBytes."""
        return _items(self._ask("ListDataFiles", slug, competition_name=slug, page_size=20), "files")

    def archive_url(self, slug: str) -> str:
        """A signed address of all files in one zip, good for some minutes; never show it. Asked once."""
        return self._signed_url("DownloadDataFiles", slug, competition_name=slug)

    def file_url(self, slug: str, name: str) -> str:
        """A signed address of one file; never show it."""
        return self._signed_url("DownloadDataFile", slug, competition_name=slug, file_name=name)

    def limits(self, slug: str) -> Answer:
        """Submissions made today (numToday) and still allowed (numAllowedNow)."""
        return self._ask("GetSubmissionLimits", slug, competition_name=slug)

    def upload(self, slug: str, name: str, content: bytes, modified: int, show: Show | None = None) -> str:
        """Upload bytes; returns the token that stands for them. No submission is made yet."""
        furthest = 0

        def moved(done: int) -> None:
            nonlocal furthest
            furthest = max(furthest, done)
            if show:
                show("upload", done, len(content))

        def start_and_put() -> str:
            """One attempt: a place at the storage, then the bytes."""
            ticket = self._ask(
                "StartSubmissionUpload", slug, once=True, competition_name=slug, content_length=len(content),
                last_modified_epoch_seconds=modified, file_name=name,
            )  # fmt: skip
            url, token = ticket.get("createUrl"), ticket.get("token")
            if not isinstance(token, str) or not token or not _is_address(url):
                raise not_json("upload", json.dumps(sorted(ticket)).encode())
            parts = [part.partition("=")[2] for part in urlsplit(str(url)).query.split("&")]
            self._secrets += [str(url), *(part for part in parts if len(part) >= SHORTEST_SECRET)]
            with self._send("PUT", str(url), data=Body(content, moved)) as answer:
                if answer.status_code not in (200, 201):
                    body = self._body(answer)
                    if is_foreign(answer.status_code, body) and is_html(body):
                        raise not_json(f"upload ({answer.status_code})", body)
                    raise not_taken(answer.status_code, answer.headers, slug)
            return token

        return repeat(start_and_put, self.patience, self.say, lambda: 10 * furthest // max(1, len(content)))

    def create_submission(self, slug: str, token: str, description: str) -> Answer:
        """Make a submission of uploaded bytes. Asked once: whether it was made is for the caller to see."""
        return self._ask(
            "CreateSubmission", slug, once=True,
            competition_name=slug, blob_file_tokens=token, submission_description=description,
        )  # fmt: skip

    def submission(self, slug: str, ref: int) -> Answer:
        """One submission by its reference. Asked once: the list tells the same."""
        return self._ask("GetSubmission", slug, once=True, ref=ref)

    def submissions(self, slug: str) -> Iterator[Answer]:
        """All submissions of the team, the latest first; a page is asked for when it is come to.

        `ref` is a number, or None where Kaggle's is none.
        Raises: NetworkError, beside the others, for a list that is not there or does not come to an end.
        """
        seen: set[Any] = set()
        page, token = 1, ""
        while page <= MOST_PAGES:
            where = {"page_token": token} if token else {"page": page, "page_token": ""}
            answer = self._ask("ListSubmissions", slug, competition_name=slug, page_size=100, **where)
            if answer.get("submissions") is None and page == 1 and not self._nothing_made(slug, answer):
                raise missing_list(slug)
            found = [{**item, "ref": count_of(item.get("ref")) or None} for item in _items(answer, "submissions")]
            keyed = {item["ref"] or json.dumps(item, sort_keys=True): item for item in found}
            new = {key: item for key, item in keyed.items() if key not in seen}
            yield from new.values()
            by_token, token = bool(token), str(answer.get("nextPageToken") or "")
            more = token or (new and not by_token and len(found) >= SMALLEST_PAGE)
            if not more:
                return
            if token in seen or (found and not new):
                break
            seen |= {*new, token} - {""}
            page += 1
        raise endless_list(slug)

    def _nothing_made(self, slug: str, answer: Answer) -> bool:
        """Whether an answer without a list says that it is empty: what is empty or zero may be left out."""
        try:
            limits = self.limits(slug) if answer.keys() <= {"submissions", "nextPageToken"} else {}
        except (AccessError, NetworkError, RefusedError):
            limits = {}
        *made, left = (count_of(limits.get(name)) for name in ("numToday", "numTotal", "numAllowedNow"))
        return (*made, left) != (None, None, None) and not any(made)

    def leaderboard_zip(self, slug: str) -> bytes:
        """The public leaderboard, all of it, as a csv in a zip. Asked once: nothing depends on it."""
        answer, body = self._signed("DownloadLeaderboard", slug, {"competition_name": slug})
        if not answer.is_redirect:
            return body
        found = self.storage(urljoin(str(answer.url), answer.headers["Location"]), {})
        body = self._body(found)
        if found.status_code != 200:
            raise not_json(f"{IN_WORDS['DownloadLeaderboard']} ({found.status_code})", body)
        return body

    def leaderboard_page(self, slug: str, token: str = "") -> tuple[list[Answer], str]:
        """A page of the public leaderboard, the best teams first, and what asks for the next one. Asked once.

        Public by `override_public`: Kaggle gives the private one as soon as there is one.
        """
        where = {"page_token": token} if token else {}
        answer = self._ask(
            "GetLeaderboard", slug, once=True,
            competition_name=slug, page_size=200, override_public=True, **where,
        )  # fmt: skip
        return _items(answer, "submissions"), str(answer.get("nextPageToken") or "")

    def kernel(self, method: str, slug: str = "", /, *, once: bool = False, **fields: Any) -> Answer:
        """The answer of a call of the kernels service; `slug` is the competition's that the call is about."""
        assert method in KERNELS
        return self._ask(method, slug, once=once, **fields)

    def kernel_log(self, owner: str, name: str) -> bytes:
        """What a kernel has printed so far, as events or as JSON. Asked once, and read for some seconds at most."""
        answer, body = self._signed("GetKernelSessionLogsStream", "", {"user_name": owner, "kernel_slug": name})
        return body if answer.status_code == 200 else b""

    def owner(self) -> str:
        """The name of the account that the credential is of.

        Raises: CredentialsError where a token does not tell.
        """
        self._sign_in()
        name = self._remaining[0].username or self._owner_of_token() or os.environ.get("KAGGLE_USERNAME", "")
        if not re.fullmatch(r"[\w-]+", name, re.ASCII):
            raise nameless(str(self._remaining[0]))
        return name

    def _owner_of_token(self) -> str:
        from kagglesdk.security.types.oauth_service import IntrospectTokenRequest

        request = IntrospectTokenRequest()
        request.token = self._token
        answer = self._call("security.OAuthService", "IntrospectToken", request, self._sign_in())
        body = self._body(answer)
        return str(_parsed(body, "sign in").get("username") or "") if answer.status_code == 200 else ""

    def storage(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """An open answer of the storage, whatever its status; it gets no credential."""
        for _ in range(MOST_REDIRECTS):
            answer = self._send("GET", url, headers=dict(headers))
            if not answer.is_redirect:
                return answer
            answer.close()
            url = urljoin(url, answer.headers["Location"])
        raise not_json("the archive", b"")

    def _ask(self, method: str, slug: str, /, *, once: bool = False, **fields: Any) -> Answer:
        def work() -> Answer:
            """One attempt: a signed request, and what its JSON says."""
            response, body = self._signed(method, slug, fields)
            if response.status_code != 200:
                raise not_json(f"{IN_WORDS[method]} ({response.status_code})", body)
            return _parsed(body, IN_WORDS[method])

        return work() if once else repeat(work, self.patience, self.say)

    def _signed_url(self, method: str, slug: str, **fields: Any) -> str:
        answer, body = self._signed(method, slug, fields)
        if not answer.is_redirect:
            raise not_json(IN_WORDS[method], body)
        return urljoin(str(answer.url), answer.headers["Location"])

    def _signed(self, method: str, slug: str, fields: Mapping[str, Any]) -> tuple[requests.Response, bytes]:
        """The answer to a signed call, and its body; a refused credential makes way for the next one."""
        service, types = _service(method)
        request = getattr(types, f"Api{method}Request")()
        for name, value in fields.items():
            setattr(request, name, value)
        while True:
            answer = self._call(service, method, request, self._sign_in())
            body = self._body(answer, self.patience.log_seconds if method.endswith("Stream") else None)
            status = status_in(answer.status_code, body, says_why=method == "SaveKernel")
            if status < 400:
                return answer, body
            error = self._error(answer, body, status, IN_WORDS[method], slug)
            if not isinstance(error, CredentialsError) or not self._next_credential():
                raise error

    def _call(self, service: str, method: str, request: Any, auth: Auth) -> requests.Response:
        url = f"{_address()}/{service}/{method}"
        return self._send("POST", url, auth, json=request.to_dict(request))

    def _send(self, method: str, url: str, auth: Auth | None = None, **options: Any) -> requests.Response:
        """Send with the time limits, follow no redirect, leave the body to be read."""
        limits = (self.patience.connect, self.patience.read)  # the first one holds for each block sent, too
        options |= {"timeout": limits, "stream": True, "allow_redirects": False}
        with translated(url):
            try:
                answer: requests.Response = self._session.request(method, url, auth=auth or unsigned, **options)
            except LOST:
                raise
            except (ValueError, TypeError):  # an address, of a redirect say, that cannot be taken apart
                raise requests.exceptions.InvalidURL("not an address") from None
        return answer

    def _body(self, answer: requests.Response, seconds: float | None = None) -> bytes:
        """The whole body of an answer that is not a file; of one that does not end, what came in so many seconds."""
        if seconds is not None:
            return self._beginning(answer, time.monotonic() + seconds)
        body = bytearray()
        with answer:
            for chunk in chunks(answer, time.monotonic() + self.patience.deadline):
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise not_json("Kaggle", b"")
        return bytes(body)

    def _beginning(self, answer: requests.Response, ends: float) -> bytes:
        body = bytearray()
        with answer, suppress(NetworkError):  # what is silent, or breaks, has said what it had to say
            for chunk in chunks(answer, ends):
                body += chunk
                if END_OF_LOG in body[-len(chunk) - len(END_OF_LOG) :] or len(body) > LARGEST_ANSWER:
                    break
        return bytes(body)

    def _error(self, answer: requests.Response, body: bytes, status: int, what: str, slug: str) -> Exception:
        if is_foreign(answer.status_code, body):
            return not_json(f"{what} ({answer.status_code})", body)
        text = message_of(body)
        shown_text = self.plain(text)
        if status == 401 or (status == 403 and UNFIT.search(text)):
            return not_accepted(str(self._remaining[0]), status, shown_text)
        return from_answer(status, answer.headers, text, shown=shown_text, what=what, slug=slug)

    def plain(self, text: object) -> str:
        """Free text of an answer in one line, as it may be shown and written: without secrets that it may echo.

        Answers themselves are left as they are, for what is decided by them. A short secret is hidden as a word, not
        within one: a proxy's password may be `hw` or `7`.
        """
        secrets = sorted({printable(secret) for secret in self._secrets} - {""}, key=len, reverse=True)
        forms = [re.escape(s) if len(s) >= SHORTEST_SECRET else rf"(?<!\w){re.escape(s)}(?!\w)" for s in secrets]
        text = without_secrets(printable(text))
        return re.sub("|".join(forms), "***", text) if forms else text

    def _sign_in(self) -> Auth:
        """What signs requests with the first credential that is left."""
        if not self._remaining:
            raise no_credentials(self.found)
        credential = self._remaining[0]
        if self._auth is None:
            if credential.kind == "key":
                self._auth = requests.auth.HTTPBasicAuth(credential.username, credential.secret)
            else:
                self._token = self._exchange(credential) if credential.kind == "oauth" else credential.secret
                self._auth = _bearer(self._token)
        return self._auth

    def _exchange(self, credential: Credential) -> str:
        """An access token for the refresh token of the OAuth file; the file is left as it is."""
        from kagglesdk.users.types.account_service import ApiVersion, GenerateAccessTokenRequest

        request = GenerateAccessTokenRequest()
        request.refresh_token, request.api_version = credential.secret, ApiVersion.API_VERSION_V1
        answer = self._call("users.AccountService", "GenerateAccessToken", request, unsigned)
        body = self._body(answer)
        status = status_in(answer.status_code, body)
        if status >= 400:
            raise self._error(answer, body, 401 if status in (400, 403) else status, "sign in", "")
        token = _parsed(body, "sign in").get("token")
        if not token:
            raise not_json("sign in", body)
        self._secrets.append(str(token))
        return str(token)

    def _next_credential(self) -> bool:
        if len(self._remaining) == 1:
            return False
        refused, self._auth = self._remaining.pop(0), None
        self.say(
            f"warning: Kaggle does not accept the {refused}; it hides the {self._remaining[0]}, "
            f"which is used now: remove or renew the former"
        )
        return True


def _service(method: str) -> tuple[str, Any]:
    """The service that has a call, and the module of its request types."""
    if method in KERNELS:
        from kagglesdk.kernels.types import kernels_api_service

        return "kernels.KernelsApiService", kernels_api_service
    from kagglesdk.competitions.types import competition_api_service

    return "competitions.CompetitionApiService", competition_api_service


def _bearer(token: str) -> Auth:
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _address() -> str:
    from kagglesdk.kaggle_env import KaggleEnv, get_endpoint, get_env

    try:
        env = get_env()
    except Exception:  # a bare one, for a name that it does not know
        what = f"KAGGLE_API_ENVIRONMENT={shown(os.environ['KAGGLE_API_ENVIRONMENT'])} is no site of Kaggle's"
        raise UsageError(what, "unset KAGGLE_API_ENVIRONMENT", "请取消环境变量 KAGGLE_API_ENVIRONMENT") from None
    return f"{get_endpoint(env)}/v1" if env == KaggleEnv.PROD else f"{get_endpoint(env)}/api/v1"


def _is_address(url: object) -> bool:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _parsed(body: bytes, what: str) -> Answer:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise not_json(what, body) from None
    if not isinstance(value, dict) or not _is_flat(value, DEEPEST):
        raise not_json(what, body)
    return value


def _is_flat(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat(item, levels - 1) for item in inner)


def _items(answer: Answer, name: str) -> list[Answer]:
    value = answer.get(name)
    if value is not None and not isinstance(value, list):
        raise not_json(name, json.dumps(value).encode())
    return [item for item in value or [] if isinstance(item, dict)]
