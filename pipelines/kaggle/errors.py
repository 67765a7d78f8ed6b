"""What goes wrong between here and Kaggle, in plain words; each class owns an exit code."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
import urllib3

from pipelines.errors import HomeworkError

SITE = "https://www.kaggle.com"
PASSING = (408, 429)
LOST = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
DROPPED = ("ConnectionReset", "RemoteDisconnected", "ConnectionAborted", "EOF")  # urllib3: ProxyError, behind a proxy
PAGE_START = (b"<", b"\xef\xbb\xbf<")  # a page where JSON or a zip belongs


class CredentialsError(HomeworkError):
    """No credentials, or Kaggle does not accept them."""

    exit_code = 3


class AccessError(HomeworkError):
    """The account may not do this: rules, phone, or a competition that is not there."""

    exit_code = 4


class RefusedError(HomeworkError):
    """Kaggle understood and said no: daily limit, not joined, file refused, scoring failed."""

    exit_code = 5


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


class PendingError(HomeworkError):
    """The submission is made and its score is not there yet."""

    exit_code = 7


def message_of(body: bytes) -> str:
    """What an error answer says, whichever of Kaggle's forms it has; at most 300 characters.

    >>> message_of(b'{"error":{"code":403,"message":"accept the rules"}}')
    'accept the rules'
    >>> message_of(b'{"code":403,"message":"accept the rules"}')
    'accept the rules'
    >>> message_of(b"<html>")
    ''
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    inner = answer.get("error")
    text = inner.get("message") if isinstance(inner, dict) else answer.get("message") or inner
    return printable(text or "")[:300]


def printable(text: object) -> str:
    r"""Text from elsewhere in one line, without what would steer a terminal.

    >>> printable("a\n  b\x1b[2J")
    'a b[2J'
    """
    return "".join(letter for letter in " ".join(str(text).split()) if letter.isprintable())


def is_page(body: bytes) -> bool:
    """Whether it is HTML or XML."""
    return body.lstrip()[:4].startswith(PAGE_START)


def from_answer(
    status: int, headers: Mapping[str, str], text: str, *, what: str, slug: str, credential: str
) -> HomeworkError:
    """The error for an HTTP answer of 400 or more; `text` is its message, `what` was asked for."""
    said = f': "{text}"' if text else ""
    if status == 401:
        return CredentialsError(
            f"Kaggle does not accept the {credential} (401){said}",
            f"make a new token at {SITE}/settings and put it where the old one is",
            f"请在 {SITE}/settings 新建 token，替换旧的凭据",
        )
    if status in (403, 404):
        return _no_access(status, text.lower(), said, slug)
    if status in PASSING or status >= 500:
        return site_trouble(status, headers, f"{what}: Kaggle answered {status}{said}")
    return _refused(text.lower(), f"{what}: Kaggle said no ({status}){said}", slug)


def _no_access(status: int, words: str, said: str, slug: str) -> AccessError:
    page, said = f"{SITE}/competitions/{slug}", f" ({status}){said}"
    if "phone" in words or "verif" in words:
        return AccessError(
            f"Kaggle wants the account's phone number verified first{said}",
            f"verify it at {SITE}/settings/phone, then run the same command again",
            f"请先在 {SITE}/settings/phone 验证手机号，再运行同一命令",
        )
    if "rules" in words or "accept" in words:
        return AccessError(
            f"the rules of {slug} are not accepted yet{said}",
            f"open {page}/rules, join the competition, then run the same command again",
            f"请打开 {page}/rules 接受比赛规则，再运行同一命令",
        )
    if status == 404 or "permission" in words or "not found" in words:
        return AccessError(
            f"Kaggle has no competition {slug!r} that this account may see{said}",
            f"check the spelling: the slug is what follows {SITE}/competitions/; "
            f"if {page} opens, accept its rules at {page}/rules",
            f"请检查比赛名称的拼写；若页面能打开，请在 {page}/rules 接受规则",
        )
    return AccessError(
        f"Kaggle denies access to {slug}{said}",
        f"accept the rules at {page}/rules, verify the phone number at {SITE}/settings/phone, or check the spelling",
        f"请在 {page}/rules 接受规则，在 {SITE}/settings/phone 验证手机号，或检查名称拼写",
    )


def _refused(words: str, what: str, slug: str) -> RefusedError:
    page = f"{SITE}/competitions/{slug}"
    if any(word in words for word in ("limit", "daily", "per day")):
        return daily_limit(what, slug)
    if any(word in words for word in ("join", "rules", "team")):
        return RefusedError(
            what,
            f"join the competition at {page}/rules, then run the same command again",
            f"请先在 {page}/rules 加入比赛",
        )
    return RefusedError(
        what,
        f"compare the file with {page}/data, or upload it by hand at {page}/submit",
        f"请对照 {page}/data 检查文件，或在 {page}/submit 手动提交",
    )


def daily_limit(what: str, slug: str) -> RefusedError:
    """No submission is left today."""
    return RefusedError(
        what,
        f"the count starts anew at 00:00 UTC; see {SITE}/competitions/{slug}/submissions",
        "提交次数在 UTC 零点重置，请届时再运行同一命令",
    )


def not_taken(status: int, headers: Mapping[str, str], slug: str) -> HomeworkError:
    """The storage does not take the file: now, or at all."""
    what = f"the upload was not taken ({status})"
    if status in PASSING or status >= 500:
        return site_trouble(status, headers, what)
    return RefusedError(
        f"{what}; no submission was made",
        f"run the same command again, or upload the file by hand at {SITE}/competitions/{slug}/submit",
        f"请重试，或在 {SITE}/competitions/{slug}/submit 手动提交",
    )


def site_trouble(status: int, headers: Mapping[str, str], what: str, *, passing: bool = True) -> NetworkError:
    """429, 5xx, or bytes that are not what was announced; with what Retry-After asks for."""
    seconds = _seconds(headers.get("Retry-After"))
    if seconds is not None:
        what = f"{what}, asking to wait {seconds:.0f} s"
    if status == 429:
        hint = "too many requests: wait some minutes, then run the same command; it goes on where it stopped"
        hint_zh = "请求过多，请几分钟后再运行同一命令"
    else:
        hint = "Kaggle has trouble: run the same command later; it goes on where it stopped"
        hint_zh = "Kaggle 暂时故障，请稍后再运行同一命令"
    return NetworkError(what, hint, hint_zh, passing=passing, retry_after=seconds)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds, whether it is a number or a date.

    >>> _seconds("7"), _seconds("soon"), _seconds("Thu, 01 Jan 1970 00:00:00 GMT")
    (7.0, None, 0.0)
    """
    if retry_after is None or re.fullmatch(r"\s*[0-9]+\s*", retry_after):
        return None if retry_after is None else float(retry_after)
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def not_json(what: str, body: bytes) -> NetworkError:
    """An answer that is no JSON; a page is usually a proxy's login page."""
    kind = "a web page" if is_page(body) else "nothing" if not body else "something else"
    return NetworkError(
        f"{what}: {kind} came where Kaggle's answer belongs",
        f"a proxy or login page may stand in between: open {SITE} in a browser, or use another network",
        f"可能被代理或登录页面拦截：请用浏览器打开 {SITE} 检查，或更换网络",
        passing=False,
    )


def endless_list(slug: str) -> NetworkError:
    """The pages of submissions repeat, so that what is not on them cannot be known."""
    return NetworkError(
        f"Kaggle's list of submissions of {slug} does not come to an end",
        f"look at {SITE}/competitions/{slug}/submissions; if the csv is not there: "
        f"python -m pipelines submit {slug} --again",
        f"请查看 {SITE}/competitions/{slug}/submissions；若其中没有该文件，请用 submit {slug} --again 提交",
        passing=False,
    )


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise a NetworkError for whatever breaks a request to `url`, without the request in its context."""
    try:
        yield
    except LOST as lost:
        error = from_lost(lost, url)
    else:
        return
    raise error


def from_lost(lost: Exception, url: str) -> NetworkError:
    """The error for a request that got no whole answer; of the URL only the host is shown."""
    host, text = urlsplit(url).hostname or "the server", f"{type(lost).__name__} {lost}"
    if "CERTIFICATE_VERIFY_FAILED" in text or "TLS CA certificate bundle" in text:
        return NetworkError(
            f"the certificate of {host} cannot be checked",
            "behind a proxy with its own certificate: REQUESTS_CA_BUNDLE=/path/to/its/ca.pem; "
            "else check that the file it names is there, and the computer's clock",
            "若代理使用自己的证书，请设置 REQUESTS_CA_BUNDLE 指向其 ca.pem；并检查系统时间",
            passing=False,
        )
    if "Tunnel connection failed" in text or ("ProxyError" in text and not any(word in text for word in DROPPED)):
        return NetworkError(
            f"the proxy does not let us through to {host}",
            "check https_proxy (http://host:port, http://user:password@host:port), or unset it",
            "请检查环境变量 https_proxy，或取消设置",
            passing=not any(code in text for code in (" 403", " 407", "InvalidProxyURL")),
        )
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
    )
