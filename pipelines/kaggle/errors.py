"""What goes wrong between here and Kaggle, in plain words; each class owns an exit code."""

import json
import re
from collections.abc import Mapping

from pipelines.errors import HomeworkError
from pipelines.kaggle.refusals import JOIN, SITE, TODAY, UNKNOWN, filled, refusal_of
from pipelines.submission.ledger import count_of
from pipelines.web.failures import NetworkError, is_page, printable, seconds_of

PASSING = (408, 429)
LONGEST_WORDS = 300
UNFIT = re.compile(  # a credential, though it is known
    r"(?<!blob )(?<!file )(?<!upload )\b(?:token|credential|api key)s?\b.{0,40}"
    r"\b(?:expired|revoked|invalid|inactive|(?:not|no longer) (?:active|valid))"
    r"|\b(?:expired|revoked|invalid) (?:(?:access|api|auth\w*|bearer) )*(?:token|credential|api key)"
    r"|\b(?:insufficient|lack|missing|requir|need|without|grant)\w*\b.{0,40}\bscopes?\b"
    r"|\bscopes?\b.{0,40}\b(?:insufficient|lack|missing|requir|need|not)",
    re.IGNORECASE,
)


class CredentialsError(HomeworkError):
    """No credentials, or Kaggle does not accept them."""

    exit_code = 3


class AccessError(HomeworkError):
    """The account may not do this: rules, phone, or a competition that is not there."""

    exit_code = 4


class RefusedError(HomeworkError):
    """Kaggle understood and said no: daily limit, not joined, file refused, scoring failed."""

    exit_code = 5


class PendingError(HomeworkError):
    """The submission is made and its score is not there yet."""

    exit_code = 7


def message_of(body: bytes) -> str:
    """What an error answer says, whichever of Kaggle's forms it has; whole, and with any secret in it.

    >>> message_of(b'{"error":{"code":403,"message":"accept the rules"}}')
    'accept the rules'
    >>> message_of(b'{"code":403,"message":"accept the rules"}')
    'accept the rules'
    >>> message_of(b"<html>")
    ''
    """
    try:
        answer = json.loads(body)
        if not isinstance(answer, dict):
            return ""
        inner = answer.get("error")
        text = inner.get("message") if isinstance(inner, dict) else answer.get("message") or inner
        return printable(text or "")
    except (ValueError, RecursionError):
        return ""


def _quoted(status: int, shown: str) -> str:
    return f' ({status}): "{shown[:LONGEST_WORDS]}"' if shown else f" ({status})"


def not_accepted(credential: str, status: int, shown: str) -> CredentialsError:
    """401, or a 403 about the credential; `shown` is what Kaggle says, without secrets."""
    return CredentialsError(
        f"Kaggle does not accept the {credential}{_quoted(status, shown)}",
        f"make a new token at {SITE}/settings and put it where the old one is",
        f"请在 {SITE}/settings 新建 token，替换旧的凭据",
    )


def nameless(credential: str) -> CredentialsError:
    """A credential that does not say whose it is, where a name is needed."""
    return CredentialsError(
        f"the {credential} does not tell which account it is of",
        "set KAGGLE_USERNAME to the account's name, as it stands in the address of your profile, beside it",
        "请另外设置环境变量 KAGGLE_USERNAME，填写账号名（个人主页地址中的名称）",
    )


def status_in(status: int, body: bytes, *, says_why: bool = False) -> int:
    """An answer's status, or the one in its body: an error may come under a 200.

    An answer that `says_why` has a field `error`, a text, for what was understood and not done.

    >>> status_in(200, b'{"code":403,"message":"no"}'), status_in(200, b'{"error":{"message":"no"}}')
    (403, 500)
    >>> status_in(200, b'{"code":7}'), status_in(404, b"")
    (200, 404)
    """
    try:
        answer = json.loads(body) if status < 400 else {}
    except (ValueError, RecursionError):
        return status
    inner = answer.get("error") if isinstance(answer, dict) else None
    inner = None if says_why and isinstance(inner, str) else inner
    codes = [count_of(said.get("code")) for said in (inner, answer) if isinstance(said, dict)]
    found = [code for code in codes if code is not None and 400 <= code < 600]
    return [*found, 500 if inner else status][0]


def from_answer(
    status: int, headers: Mapping[str, str], text: str, *, shown: str, what: str, slug: str
) -> HomeworkError:
    """The error for an HTTP answer of 400 or more, other than 401, when `what` was asked for.

    `text` is its message, which tells the reason; `shown` is the same without secrets.
    """
    said = _quoted(status, shown)
    reason = refusal_of(text, what, status, slug)
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
    seconds = seconds_of(headers.get("Retry-After"))
    if seconds is not None:
        what = f"{what}, asking to wait {seconds:.0f} s"
    if status == 429:
        hint = "too many requests: wait some minutes, then run the same command; it goes on where it stopped"
        hint_zh = "请求过多，请几分钟后再运行同一命令"
    else:
        hint = "Kaggle has trouble: run the same command later; it goes on where it stopped"
        hint_zh = "Kaggle 暂时故障，请稍后再运行同一命令"
    return NetworkError(what, hint, hint_zh, passing=passing, retry_after=seconds)


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


def endless_list(slug: str, what: str = "does not come to an end") -> NetworkError:
    """The pages of submissions repeat, so that what is not on them cannot be known."""
    return NetworkError(
        f"Kaggle's list of submissions of {slug} {what}",
        f"look at {SITE}/competitions/{slug}/submissions; if the csv is not there: "
        f"python -m pipelines submit {slug} --again",
        f"请查看 {SITE}/competitions/{slug}/submissions；若其中没有该文件，请用 submit {slug} --again 提交",
        passing=False,
    )


def missing_list(slug: str) -> NetworkError:
    """An answer without the list, where Kaggle does not say that nothing was submitted."""
    return endless_list(slug, "is not in its answer, and it does not say that there are none")


def another_submits(where: str) -> HomeworkError:
    """Another process holds the lock of the submissions' folder."""
    return HomeworkError(
        f"another submit is still running in {where}; nothing was sent",
        "wait until it is done, or end it; then run the same command again",
        "另一个 submit 正在运行：请等它结束（或结束它），再运行同一命令",
    )
