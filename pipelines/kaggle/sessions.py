"""HTTP with time limits: no answer is waited for without end, and every break is a NetworkError."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3

from pipelines.kaggle import errors as kaggle_errors
from pipelines.kaggle.credentials import Credential
from pipelines.kaggle.patience import Patience

LARGEST_ANSWER = 64 * 2**20  # bytes of JSON
CHUNK = 2**18
LOST = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


class Session(requests.Session):
    """A session with time limits that follows no redirect and keeps no connection.

    A connection kept while a score is waited for is dropped by many a proxy just when it is used again.
    """

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self.limits = (patience.connect, patience.read)
        self.headers["Connection"] = "close"

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send with the time limits; the body is left to be read."""
        return super().send(request, **{**options, "timeout": self.limits, "stream": True, "allow_redirects": False})


def unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An `auth` that adds nothing: without it requests looks into the netrc file."""
    return request


def auth_of(credential: Credential | None) -> Auth:
    """What signs requests: basic for a key, bearer for a token, nothing for None."""
    if credential is None:
        return unsigned
    if credential.kind == "key":
        return requests.auth.HTTPBasicAuth(credential.username, credential.secret)

    def bearer(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {credential.secret}"
        return request

    return bearer


@contextlib.contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise a NetworkError for whatever breaks a request to `url`, without the request in its context."""
    try:
        yield
    except LOST as lost:
        error = kaggle_errors.from_lost(lost, url)
    else:
        return
    raise error


def chunks(answer: requests.Response, ends: float) -> Iterator[bytes]:
    """The body as it arrives, until the monotonic time `ends`.

    Raises: NetworkError if it breaks, or drips on beyond the end.
    """
    url = str(answer.url)
    while True:
        with translated(url):
            chunk: bytes = answer.raw.read1(CHUNK, decode_content=True)
        if not chunk:
            return
        yield chunk
        if time.monotonic() > ends:
            error = kaggle_errors.from_lost(TimeoutError("timed out"), url)
            error.passing = False
            raise error


def body_of(answer: requests.Response, ends: float) -> bytes:
    """The whole body of an answer that is not a file."""
    parts, size = [], 0
    for chunk in chunks(answer, ends):
        parts.append(chunk)
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise kaggle_errors.not_json("Kaggle", b"")
    return b"".join(parts)
