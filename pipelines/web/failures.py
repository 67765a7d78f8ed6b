"""A request that got no whole answer: which link of the way broke, and what to do about it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
import urllib3

from pipelines.errors import HomeworkError
from pipelines.web.addresses import FORM, host_of, proxy_for, shown, way_fault

LOST = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
DROPPED = ("ConnectionReset", "RemoteDisconnected", "ConnectionAborted", "EOF")  # urllib3: ProxyError, behind a proxy
PAGE_START = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\x00<")  # a page where JSON or a zip belongs


class NetworkError(HomeworkError):
    """The way to Kaggle, or Kaggle itself, does not work.

    `passing` says that a repetition may help; `retry_after` (s) is how long Kaggle asks to wait.
    """

    exit_code = 6

    def __init__(
        self, message: str, hint: str, hint_zh: str, *, passing: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint, hint_zh)
        self.passing, self.retry_after = passing, retry_after


def printable(text: object) -> str:
    r"""Text from elsewhere in one line, without what would steer a terminal.

    >>> printable("a\n  b\x1b[2J")
    'a b[2J'
    """
    return "".join(letter for letter in " ".join(str(text).split()) if letter.isprintable())


def is_page(body: bytes) -> bool:
    """Whether it is HTML or XML."""
    return body.lstrip()[:4].startswith(PAGE_START)


def is_html(body: bytes) -> bool:
    """Whether it is a page for people: the storage gives its reasons as XML.

    >>> is_html(b"<html>no</html>"), is_html(b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>")
    (True, False)
    """
    return is_page(body) and b"<Error>" not in body[:1000]


def seconds_of(retry_after: str | None) -> float | None:
    """Retry-After in seconds, whether it is a number or a date.

    >>> seconds_of("7"), seconds_of("soon"), seconds_of("Thu, 01 Jan 1970 00:00:00 GMT")
    (7.0, None, 0.0)
    """
    if retry_after is None or re.fullmatch(r"\s*[0-9]+\s*", retry_after):
        return None if retry_after is None else float(retry_after)
    try:
        when = parsedate_to_datetime(retry_after)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise a NetworkError for whatever breaks a request to `url`; no traceback of it shows the request."""
    try:
        yield
    except HomeworkError:
        raise
    except (*LOST, ValueError, TypeError) as lost:  # the last two are about an address: the server's, or a proxy's
        error = from_lost(lost, url)
    else:
        return
    raise error from None


def from_lost(lost: Exception, url: str) -> NetworkError:
    """The error for a request that got no whole answer; of the URL only the host is shown."""
    host, text = host_of(url), f"{type(lost).__name__} {lost}"
    fault = way_fault(url)
    if fault is not None:
        return NetworkError(f"no way to {host}: {fault.what}", fault.step, fault.step_zh, passing=False)
    if "CERTIFICATE_VERIFY_FAILED" in text or "TLS CA certificate bundle" in text:
        return NetworkError(
            f"the certificate of {host} cannot be checked",
            "behind a proxy with its own certificate: REQUESTS_CA_BUNDLE=/path/to/its/ca.pem; "
            "else check the computer's clock",
            "若代理使用自己的证书，请设置 REQUESTS_CA_BUNDLE 指向其 ca.pem；并检查系统时间",
            passing=False,
        )
    socks = re.search(r"SOCKS.*Failed to establish", text)
    if "Tunnel connection failed" in text or socks or ("ProxyError" in text and not any(w in text for w in DROPPED)):
        return _from_proxy(text, url)
    if "Timeout" in text or "timed out" in text:
        return NetworkError(
            f"{host} is silent: no byte within the time limit",
            "run the same command again; on a slow line give --timeout 120; behind a proxy set https_proxy",
            "请重试；网速慢时加 --timeout 120；需要代理时请设置 https_proxy",
        )
    return NetworkError(
        f"the connection to {host} was lost or could not be made",
        "check the network (behind a proxy: https_proxy), then run the same command; it goes on where it stopped",
        "请检查网络（需要代理时设置 https_proxy），再运行同一命令即可继续",
        passing=not isinstance(lost, ValueError | TypeError),
    )


def _from_proxy(text: str, url: str) -> NetworkError:
    """The proxy is not there, or does not let us through."""
    host, (name, address) = host_of(url), proxy_for(url) or ("https_proxy", "")
    proxy = f"the proxy {shown(address)}" if address else "the proxy"
    status = re.search(r"Tunnel connection failed: ([0-9]{3})", text)
    form = FORM.replace("http://", "socks5h://") if address.lower().startswith("socks") else FORM
    step, step_zh = (
        f"check {name} ({form}), or unset it",
        f"请检查 {name}（{form.replace(' or ', ' 或 ')}），或取消设置",
    )
    if "only use HTTP" in text:
        what = f"{proxy} speaks HTTP, not HTTPS"
        step, step_zh = f"check {name}: it has to begin with http://, not https://", f"{name} 应以 http:// 开头"
    elif status is None:
        what = f"{proxy} does not answer" if "SOCKS" not in text else f"{proxy} does not let us through to {host}"
    elif status[1] == "407":
        what = f"{proxy} asks for a user and password, or does not accept them (407)"
        step += "; in them # is %23, / %2F, ? %3F, @ %40, % %25"
        step_zh += "；其中特殊字符写成 %23（#）、%2F（/）、%3F（?）、%40（@）、%25（%）"
    else:
        what = f"{proxy} does not let us through to {host} ({status[1]})"
        step += f", or ask whoever runs the proxy to allow {host}"
        step_zh += f"，或请代理管理员放行 {host}"
    passing = "only use HTTP" not in text and (status is None or status[1][0] != "4")
    return NetworkError(what, step, step_zh, passing=passing)
