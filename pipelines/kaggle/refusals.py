"""Why Kaggle says no: the words of its answer, what they mean, and the next step.

The wordings are those of public reports (some in Kaggle's older form), and near forms of them. The first row that
matches counts: the more specific before the more general, and what no waiting cures before what tomorrow does,
because one answer may give several reasons.
"""

import re
from dataclasses import dataclass, replace

SITE = "https://www.kaggle.com"


@dataclass(frozen=True)
class Refusal:
    """One reason; `words` is a pattern, {slug}, {page} and {site} stand in the texts for a competition and its page.

    `access` tells what stands between the account and the competition, whatever is asked, from what the competition
    does not take.
    """

    words: str
    cause: str
    step: str
    step_zh: str
    access: bool = False


TODAY = Refusal(
    r"allowance|submission (?:limit|cap)|limit (?:(?:of|on|for|to) )?(?:\d+ |your |the |daily )*submissions\b|quota"
    r"|max\w* (?:number of )?(?:daily )?submission|too many submission|submissions? used|submissions? (?:for )?today"
    r"|\b(?:no|0) (?:more )?submissions? (?:left|remaining)|used (?:up )?(?:all|its|your)\b.{0,40}submission"
    r"|\bdaily (?:\w+ )?(?:limit|allowance|cap|maximum)\b"
    r"|submi.{0,80}\b(?:daily|per day|tomorrow|resets? at|midnight)\b"
    r"|\b(?:daily|per day|tomorrow|resets? at|midnight)\b.{0,80}submi",
    "no submission of {slug} is left today",
    "the count starts anew at 00:00 UTC; run the same command then ({page}/submissions shows today's)",
    "提交次数在北京时间早上 8:00（UTC 零点）重置，请届时再运行同一命令（已提交的见 {page}/submissions）",
)

REFUSALS = (
    Refusal(
        r"from (?:kaggle )?(?:notebook|kernel)|(?:through|via|using|in) (?:a |kaggle )?(?:notebook|kernel)s?\b"
        r"|(?:notebook|kernel|code)s?[- ]only|code competition|\bonly (?:accepts? )?(?:notebook|kernel)"
        r"|(?:limited to|use) (?:a |kaggle )?(?:notebook|kernel)",
        "{slug} takes what a notebook on Kaggle writes, no uploaded csv",
        "open {page}/code, make a notebook that writes submission.csv, and submit that notebook there",
        "该比赛只接受 Kaggle Notebook 的提交：请在 {page}/code 新建 Notebook，写出 submission.csv 并在那里提交",
    ),
    Refusal(
        r"\bteams?\b.{0,20}\bmerg(?:e|er|ers|ing)\b|\bmerg(?:e|er|ers|ing)\b.{0,20}\bteams?\b"
        r"|\bmerger? (?:request|proposal|deadline|is pending)|\bpending merger?\b",
        "a merger of teams stands in the way",
        "settle it at {page}/team (accept, decline or withdraw it), then run the same command again",
        "请先在 {page}/team 处理队伍合并（接受、拒绝或撤回），再运行同一命令",
    ),
    Refusal(
        r"\bidentity\b.{0,30}\b(?:verif|confirm|check|proof)|(?:verif|confirm|pro[vo])\w*.{0,30}\bidentity\b"
        r"|\bpersona\b.{0,30}verif|verif\w*.{0,40}\bpersona\b"
        r"|\bid verif|verif\w* (?:your |of )?(?:an? )?id\b|government.issued",
        "{slug} asks for a verified identity",
        "press `Verify now` at {page} (or {site}/settings), then run the same command again",
        "该比赛要求实名验证：请在 {page} 点击 Verify now（或 {site}/settings），再运行同一命令",
        access=True,
    ),
    Refusal(
        r"\b(?:tele)?phone|mobile number|\bsms\b",
        "Kaggle wants the account's phone number verified first",
        "verify it at {site}/settings, then run the same command again",
        "请先在 {site}/settings 验证手机号，再运行同一命令",
        access=True,
    ),
    Refusal(
        r"verif\w*.{0,30}(?:account|e-?mail|yourself)|(?:account|e-?mail|you)\b.{0,30}\bverified",
        "Kaggle wants the account verified first",
        "see what is not verified yet at {site}/settings (e-mail, phone, identity), then run the same command again",
        "请在 {site}/settings 完成尚缺的验证（邮箱、手机、身份），再运行同一命令",
        access=True,
    ),
    Refusal(
        r"^(?!.*\buntil you\b).*"
        r"(?:(?:competition|submissions?) (?:(?:is|are|has|have|was|been|already|now|currently) )*"
        r"(?:closed|disabled|ended|finished|completed?)\b|competition (?:is|was) (?:already |now )?over\b(?! the)"
        r"|competition\b[^.]{0,40}\b(?:it|which|that) "
        r"(?:(?:is|has|was|been|already|now) )*(?:closed|ended|finished|over)\b"
        r"|submissions? (?:is|are) (?:no longer|not) (?:being )?(?:accepted|allowed|possible)|late submission"
        r"|no longer (?:accept|tak|open)\w*|not (?:currently )?(?:accepting|taking|open)\b"
        r"|deadline\b.{0,40}(?:pass|over|expired|reached|end|ago)"
        r"|(?:past|after|missed) (?:the |its )?(?:\w+ )?deadline)",
        "{slug} takes no submissions now",
        "see its dates at {page}; if its page offers a late submission, make it by hand at {page}/submit",
        "该比赛目前不接受提交：日期见 {page}；若页面提供 Late Submission，请在 {page}/submit 手动提交",
    ),
    Refusal(
        r"team (?:size|limit)|size of (?:your|the) team|too many (?:team )?members",
        "the team is larger than {slug} allows",
        "see {page}/team and the rules at {page}/rules",
        "请查看 {page}/team 以及 {page}/rules 中的队伍人数规定",
    ),
    Refusal(
        r"^(?!.*\b(?:characters?|letters|description|columns?|values?|fields?|cells?)\b).*"
        r"(?:(?:file|submission|upload|csv|archive|zip|entity|payload|body|content|request|size)s?"
        r"(?: (?:file|size|is|was|are|much|far))* too (?:large|big)\b"
        r"|(?:larger|bigger) than\b.{0,40}(?:limit|max|allowed|size|\bbytes?\b|\d ?[kmgt]i?b\b)"
        r"|exceed\w*.{0,40}(?:\bsize\b|\bbytes?\b|\d ?[kmgt]i?b\b)"
        r"|max\w* (?:(?:file|submission|upload|allowed) )*size|size limit"
        r"|\b(?:limit|max\w*|at most|up to|more than|over|under|below)\b.{0,30}\b\d+(?:\.\d+)? ?[kmgt]i?b\b"
        r"|\d ?[kmgt]i?b (?:or (?:less|smaller)|limit|max))",
        "the file is larger than {slug} takes",
        "zip the csv and upload the zip by hand at {page}/submit, or write its numbers with fewer digits",
        "请将 csv 压缩为 zip 后在 {page}/submit 手动提交，或减少数字的小数位数",
    ),
    Refusal(
        r"(?:total|overall|lifetime)\b.{0,40}(?:submission|allowance|limit)|submissions?\b.{0,40}\bin total",
        "no submission of {slug} is left, today or later",
        "see {page}/submissions: one of those made has to serve",
        "提交总次数已用完，请在 {page}/submissions 选择已有的提交",
    ),
    TODAY,
    Refusal(
        r"invit(?:e|ed|ation)|private competition|limited.participation",
        "{slug} is open to invited people only",
        "open the link of the invitation in a browser, join, then run the same command again",
        "该比赛仅限受邀者：请在浏览器打开邀请链接并加入，再运行同一命令",
        access=True,
    ),
    Refusal(
        r"accept\w*.{0,60}\b(?:rules|terms)|\b(?:rules|terms)\b.{0,60}accept|agree\w*.{0,40}\brules|\bjoin"
        r"|(?:must|need to|have to) (?:first )?enter\b|not (?:yet )?(?:entered|a participant|participating)",
        "the rules of {slug} are not accepted yet",
        "open {page}/rules, join the competition, then run the same command again",
        "请打开 {page}/rules 接受比赛规则，再运行同一命令",
        access=True,
    ),
    Refusal(
        r"permission|not ?found|does not exist|no such competition",
        "Kaggle has no competition {slug!r} that this account may see",
        "check the spelling: the slug is what follows {site}/competitions/; if {page} opens, accept its rules at "
        "{page}/rules",
        "请检查比赛名称的拼写；若 {page} 能打开，请在 {page}/rules 接受规则",
        access=True,
    ),
    Refusal(
        r"valid submission|invalid (?:file|submission|format)|file (?:format|type|extension|name)|must be named"
        r"|unsupported|extension|column|header|\brows?\b",
        "Kaggle does not take the file",
        "compare the file with the sample at {page}/data, or upload it by hand at {page}/submit",
        "请对照 {page}/data 的示例检查文件，或在 {page}/submit 手动提交",
    ),
)
TOO_LARGE = next(row for row in REFUSALS if row.cause.startswith("the file is larger"))
JOIN = next(row for row in REFUSALS if row.cause.startswith("the rules of"))
UNSEEN = next(row for row in REFUSALS if row.cause.startswith("Kaggle has no competition"))
NO_FILES = replace(
    UNSEEN,
    cause="Kaggle shows this account no files of {slug}",
    step="check the spelling: the slug is what follows {site}/competitions/; if {page}/data shows files, join at "
    "{page}/rules, or download them there and import them: python -m pipelines data {slug} --from FILE.zip",
    step_zh="请检查比赛名称的拼写；若 {page}/data 能看到文件，请在 {page}/rules 加入比赛，"
    "或手动下载后运行 python -m pipelines data {slug} --from FILE.zip",
)
UNKNOWN = {  # by what was asked: the next step where Kaggle's words, or their absence, say nothing that is known
    "download": (
        "download the files at {page}/data in a browser, then: python -m pipelines data {slug} --from FILE.zip",
        "请在浏览器从 {page}/data 下载文件，再运行 python -m pipelines data {slug} --from FILE.zip",
    ),
    "submission": (
        "see {page}/submit: uploaded there by hand, the same csv shows what Kaggle has against it",
        "请在 {page}/submit 手动提交同一 csv，页面会显示原因",
    ),
    "": (
        "see {page} in a browser, with the same account: it says more, or opens; then run the same command again",
        "请用同一账号在浏览器打开 {page} 查看原因，再运行同一命令",
    ),
}

NAMES = re.compile(
    r"""(?<!\w)(['"`])[^\s'"`]+\1(?!\w)|[\w-]+\.(?:csv|zip|gz|7z|json|parquet|txt)\b|(?![A-Z_]+\b)\b\w+_\w+"""
    r"|(?<=\b[Cc]olumn )(?!is\b|was\b|does\b|not\b)\w+|\w+(?= column\b)"
)


def refusal_of(said: str, asked: str, status: int = 400, slug: str = "") -> Refusal | None:
    """The reason that Kaggle's words give for not doing what was asked; None for words that are not known.

    What a competition does not take is a reason only where something is submitted. Names are no reason.
    """
    said = without_names(said, slug)
    submitting = asked in ("upload", "submission")
    found = next(
        (row for row in REFUSALS if (row.access or submitting) and re.search(row.words, said, re.IGNORECASE)), None
    )
    if status == 413 and submitting:
        return TOO_LARGE
    if found is UNSEEN or (found is None and status == 404):
        return NO_FILES if asked == "download" else UNSEEN
    return found


def without_names(said: str, slug: str) -> str:
    """Kaggle's words without the names in them: the competition's, files', columns', and whatever is quoted.

    >>> without_names("Rules of Daily Power; column daily_sum of 'midnight' is not in daily.csv", "daily-power")
    'Rules of this competition; column * of * is not in *'
    """
    if slug:
        title = r"[\W_]{1,3}".join(map(re.escape, slug.split("-")))
        said = re.sub(rf"(?<![\w-]){title}(?![\w-])", "this competition", said, flags=re.IGNORECASE)
    return NAMES.sub("*", said)


def filled(slug: str, *texts: str) -> tuple[str, ...]:
    """Texts of this module with a competition's name and page in them."""
    return tuple(text.format(slug=slug, page=f"{SITE}/competitions/{slug}", site=SITE) for text in texts)
