"""Why Kaggle does not take a kernel, or ends it, in plain words with the next step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.errors import HomeworkError
from pipelines.kaggle.errors import AccessError, CredentialsError, RefusedError
from pipelines.kaggle.refusals import JOIN, SITE, filled, refusal_of
from pipelines.web.failures import printable

LAST_LINES = 20
NO_QUOTA = f"see what is left at {SITE}/settings/account, and run the same command when the week begins anew"
USED_UP = "the quota of the accelerator is used up"
USED_MEANWHILE = "the quota of the accelerator was used up while it ran"
QUOTA_STEP = (
    f"{NO_QUOTA}; or add --accelerator none, which needs no quota",
    f"剩余额度见 {SITE}/settings/account，请等额度每周重置后再运行同一命令；或加 --accelerator none（不占额度）",
)


class KernelError(HomeworkError):
    """The run on Kaggle has not come to a good end."""


@dataclass(frozen=True)
class Reason:
    """A pattern in Kaggle's words, what it means, and the next step; `kind` is raised."""

    words: str
    cause: str
    step: str
    step_zh: str
    kind: type[HomeworkError] = RefusedError


NOT_TAKEN = (
    Reason(
        r"maximum (?:\w+ )*session|session count|too many (?:\w+ )*sessions",
        "as many kernels run as this account may run at once",
        f"stop one, or wait until it is done ({SITE}/code, View Active Events), then run the same command again",
        f"请在 {SITE}/code 的 View Active Events 中停止一个，或等它结束，再运行同一命令",
    ),
    Reason(r"quota", USED_UP, *QUOTA_STEP),
    Reason(
        r"kernels?\.(?:create|save|update|push|get)|\bscope",
        "the credential may not save kernels",
        f"make a token with all rights at {SITE}/settings/api and put it where the old one is",
        f"请在 {SITE}/settings/api 新建具有全部权限的 token，替换旧的凭据",
        CredentialsError,
    ),
    Reason(
        r"too (?:large|long|big)|exceed\w*.{0,40}(?:size|length|bytes|MB)|(?:size|length) limit"
        r"|maximum (?:size|length)",
        "the script is larger than Kaggle takes",
        "make the competition's folder smaller: what lies in it goes up with the code",
        "请减小比赛文件夹，其中的文件会一并上传",
    ),
    Reason(
        r"machine.?shape|accelerator",
        "Kaggle does not take this accelerator",
        "leave --accelerator out, or name another: gpu, none, or a name of Kaggle's API (NvidiaTeslaT4)",
        "请去掉 --accelerator，或改用 gpu、none，或 Kaggle API 中的名称（如 NvidiaTeslaT4）",
    ),
)
ENDED = (
    Reason(r"quota", USED_MEANWHILE, *QUOTA_STEP, KernelError),
    Reason(
        r"output.{0,60}(?:large|size|exceed|limit|too many|maximum)|(?:large|exceed|limit|too many).{0,60}output"
        r"|no space left|disk (?:is )?full|disk quota",
        "its output is larger than Kaggle keeps",
        "make the run smaller: fewer --seeds, --folds or --variants, or another --preset",
        "请减小运行规模：减少 --seeds、--folds、--variants，或更换 --preset",
        KernelError,
    ),
    Reason(
        r"tim(?:e|ed)[ -]?out|exceed\w*.{0,40}(?:hours?|time|minutes|seconds)|time limit|maximum (?:run|session) time",
        "it took longer than Kaggle lets a session run",
        "make the run smaller: fewer --seeds, --folds, --epochs or --variants, or another --preset",
        "请减小运行规模：减少 --seeds、--folds、--epochs、--variants，或更换 --preset",
        KernelError,
    ),
    Reason(
        r"memory|\boom\b|exit code -?(?:9|137)\b",
        "it needed more memory than the machine has",
        "train less at the same time: another --preset, or --variants one by one",
        "请减少同时训练的数量：更换 --preset，或逐个指定 --variants",
        KernelError,
    ),
)  # fmt: skip


def not_pushed(said: str, slug: str) -> HomeworkError:
    """The error for Kaggle's words where a kernel was not saved."""
    shown = f': "{said[:300]}"'
    for reason in NOT_TAKEN:
        if re.search(reason.words, said, re.IGNORECASE):
            return reason.kind(f"{reason.cause}{shown}", reason.step, reason.step_zh)
    known = refusal_of(said, "kernel", slug=slug)
    if known is not None:
        cause, step, step_zh = filled(slug, known.cause, known.step, known.step_zh)
        return AccessError(f"{cause}{shown}", step, step_zh)
    return RefusedError(
        f"Kaggle did not take the kernel{shown}",
        f"see {SITE}/code with the same account; then run the same command again",
        f"请用同一账号打开 {SITE}/code 查看原因，再运行同一命令",
    )


def clearer(error: HomeworkError, slug: str) -> HomeworkError:
    """The error of a call by the words of a kernel's refusal, where they are known; else as it is."""
    for reason in NOT_TAKEN:
        if re.search(reason.words, error.message.partition('"')[2], re.IGNORECASE):
            return not_pushed(error.message.partition('"')[2].rstrip('"'), slug)
    return error


def unattached(slug: str) -> AccessError:
    """The kernel was saved without the competition's files."""
    cause, step, step_zh = filled(slug, JOIN.cause, JOIN.step, JOIN.step_zh)
    return AccessError(f"Kaggle does not attach the files of {slug} to the kernel: {cause}", step, step_zh)


def quota_used_up(until: str) -> RefusedError:
    """No hour of GPU is left this week; nothing was sent."""
    when = f", until {until}" if until else ""
    return RefusedError(f"no GPU quota is left{when}; nothing was sent", *QUOTA_STEP)


def failed(message: str, lines: Sequence[str], url: str) -> KernelError:
    """The kernel ended with an error: why, and the last lines of its log."""
    said = "\n".join([message, *lines[-200:]])
    known = next((reason for reason in ENDED if re.search(reason.words, message, re.IGNORECASE)), None)
    known = known or next((reason for reason in ENDED[1:2] if re.search(reason.words, said, re.IGNORECASE)), None)
    shown = f': "{message[:300]}"' if message else ""
    tail = "".join(f"\n  | {printable(line)[:200]}" for line in lines[-LAST_LINES:])
    if known is None:
        return KernelError(
            f"the run on Kaggle failed{shown}{tail}",
            f"what it printed last stands above, all of it at {url}; correct what it names, then run the same command",
            f"上面是它最后的输出，完整日志见 {url}；修正后再运行同一命令",
        )
    return KernelError(f"the run on Kaggle failed: {known.cause}{shown}{tail}", known.step, known.step_zh)


def cancelled(url: str) -> KernelError:
    """Somebody has stopped the kernel."""
    return KernelError(
        f"the run on Kaggle was cancelled; nothing came back ({url})",
        "the same command begins it anew",
        "再次运行同一命令即可重新开始",
    )


def gone(ref: str) -> KernelError:
    """The script was deleted at Kaggle, and its run and its output with it."""
    return KernelError(
        f"the script {ref} is gone from Kaggle, and the run with it; nothing came back",
        "the same command begins it anew",
        "再次运行同一命令即可重新开始",
    )


def not_shown(error: HomeworkError, ref: str) -> AccessError:
    """The script is there, and Kaggle does not say how its run fares or what it left."""
    return AccessError(
        f"{error.message} (of {ref}, which is there)",
        f"see {SITE}/code/{ref} with the same account; --restart, added to the same command, gives that run up",
        f"请用同一账号查看 {SITE}/code/{ref}；在同一命令后加 --restart 可放弃那次运行",
    )


def another_account(ref: str, owner: str) -> AccessError:
    """What was sent before belongs to another account than the credentials."""
    return AccessError(
        f"what was sent to Kaggle before is {ref}, and the credentials used now are of the account {owner}",
        f"use the credentials of {ref.partition('/')[0]}; or add --restart, which gives that run up and sends this one",
        f"请使用账号 {ref.partition('/')[0]} 的凭据；或加 --restart，放弃那次运行并发送这一次",
    )


def another_run(command: str, url: str) -> HomeworkError:
    """A kernel of ours is still at work for another command."""
    return RefusedError(
        f"a run of this project is on Kaggle already, and there is one at a time: {command}",
        f"that command follows it and brings it back; or stop it at {url}, then run this one again",
        f"请用该命令继续跟踪并取回结果；或在 {url} 停止它，再运行本命令",
    )


def foreign(what: str, url: str) -> KernelError:
    """What lies at Kaggle is not what was sent from here, or not whole."""
    return KernelError(
        f"{what}; nothing was taken over",
        f"see {url}; the same command with --restart sends the run anew",
        f"请查看 {url}；在同一命令后加 --restart 可重新发送",
    )
