"""What goes wrong between here and Kaggle, in plain words; each class owns an exit code."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
import urllib3

from pipelines.errors import HomeworkError
from pipelines.report.addresses import FORM, host_of, proxy_for, shown, way_fault, without_secrets
from pipelines.submission.refusals import JOIN, SITE, TODAY, UNKNOWN, filled, refusal_of

PASSING = (408, 429)
LOST = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
DROPPED = ("ConnectionReset", "RemoteDisconnected", "ConnectionAborted", "EOF")  # urllib3: ProxyError, behind a proxy
PAGE_START = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\x00<")  # a page where JSON or a zip belongs
LONGEST_WORDS = 300


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
    """What an error answer says, whichever of Kaggle's forms it has; whole, so that a secret in it is found.

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
    return without_secrets(printable(text or ""))


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
    said = f' ({status}): "{text[:LONGEST_WORDS]}"' if text else f" ({status})"
    if status == 401:
        return CredentialsError(
            f"Kaggle does not accept the {credential}{said}",
            f"make a new token at {SITE}/settings and put it where the old one is",
            f"请在 {SITE}/settings 新建 token，替换旧的凭据",
        )
    reason = refusal_of(text, what, status)
    if status >= 500 or (status in PASSING and reason is not TODAY):
        return site_trouble(status, headers, f"{what}: Kaggle answered{said}")
    if reason is not None:
        cause, step, step_zh = filled(slug, reason.cause, reason.step, reason.step_zh)
        message = f"{cause}{said}"
    else:
        step, step_zh = filled(slug, *UNKNOWN.get("submission" if what == "upload" else what, UNKNOWN[""]))
        message = f"{what}: Kaggle said no{said}" if text else f"{what}: Kaggle said no{said}, without a reason"
        if status == 403 and not text:
            step = f"accept the rules ({SITE}/competitions/{slug}/rules) if you have not; else {step}"
            step_zh = f"若尚未接受规则，请打开 {SITE}/competitions/{slug}/rules；否则{step_zh}"
    access = status in (403, 404) if reason is None else reason.access and not (status == 400 and reason is JOIN)
    return (AccessError if access else RefusedError)(message, step, step_zh)


def daily_limit(what: str, slug: str) -> RefusedError:
    """No submission is left today."""
    return RefusedError(what, *filled(slug, TODAY.step, TODAY.step_zh))


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
    """An answer that is no JSON; a page is a proxy's, a login page, or a check for robots."""
    kind = "a web page" if is_page(body) else "nothing" if not body else "something else"
    return NetworkError(
        f"{what}: {kind} came where Kaggle's answer belongs",
        f"a proxy, a login page or a check for robots stands in between: open {SITE} in a browser on this network; "
        "if it opens, run the same command in some minutes, else use another network",
        f"可能被代理、登录页面或人机验证拦截：请在本网络用浏览器打开 {SITE}；能打开则几分钟后重试，否则请更换网络",
        passing=False,
    )


def is_foreign(status: int, body: bytes) -> bool:
    """Whether a refusal is a page of somebody in between: Kaggle gives its reasons as JSON, trouble as a page too."""
    return 400 <= status < 500 and status not in (*PASSING, 413) and is_page(body)


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
    """Raise a NetworkError for whatever breaks a request to `url`; no traceback of it shows the request."""
    try:
        yield
    except HomeworkError:
        raise
    except (*LOST, ValueError) as lost:  # a ValueError is about an address: the server's, or a proxy's
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
        passing=not isinstance(lost, ValueError),
    )


def _from_proxy(text: str, url: str) -> NetworkError:
    """The proxy is not there, or does not let us through."""
    host, (name, address) = host_of(url), proxy_for(url) or ("https_proxy", "")
    proxy = f"the proxy {shown(address)}" if address else "the proxy"
    status = re.search(r"Tunnel connection failed: (\d{3})", text)
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
