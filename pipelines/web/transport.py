"""Bytes over the line: sent and read a block at a time, so that a time limit holds for what moves at once."""

import base64
import io
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from pipelines.web.failures import from_lost, translated

CHUNK = 2**18
BLOCK = 2**12  # bytes sent within one time limit
SEND_BUFFER = 2**18  # bytes; what lies in a larger one moves in jumps that look like silence on a slow line


def unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An `auth` that adds nothing: without it requests looks into the netrc file."""
    return request


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
            error = from_lost(TimeoutError("timed out"), url)
            error.passing = False
            raise error


def proxy_secrets() -> Iterator[str]:
    """What stands before the @ of the proxies' addresses, in the forms in which it goes over the line."""
    for address in getproxies().values():
        login = address.rpartition("@")[0].rpartition("://")[2]
        for form in (login, unquote(login)):
            yield from (form.partition(":")[2], base64.b64encode(form.encode()).decode()) if login else ()


class Adapter(HTTPAdapter):
    """Connections with a small send buffer, straight or through a proxy, one for each request.

    One that is kept, while a score is waited for say, is dropped by many a proxy just when it is used again; and
    a server that ends it after an answer, as it is asked to, need not say so in the answer.
    """

    OPTIONS = (*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER))

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """The connections that go to the server without a proxy."""
        super().init_poolmanager(*args, **options, socket_options=self.OPTIONS)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The connections that go through `proxy`."""
        return super().proxy_manager_for(proxy, **options, socket_options=self.OPTIONS)

    def send(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request on a new connection."""
        self.close()  # those that lie idle; a body that is still being read keeps its own
        return super().send(*args, **options)


class Body(io.BytesIO):
    """Bytes to send, a block at a time: a time limit holds for what is sent at once, and was one for all of it."""

    def __init__(self, content: bytes, moved: Callable[[int], None]) -> None:
        super().__init__(content)
        self.moved = moved

    def read(self, size: int | None = -1) -> bytes:
        """The next block, at most."""
        self.moved(self.tell())  # what was read before is sent now
        return super().read(BLOCK if size is None or size < 0 else min(size, BLOCK))
