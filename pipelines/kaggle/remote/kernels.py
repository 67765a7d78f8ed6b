"""The calls of Kaggle's kernels service: quota, push, state, log, output. Nothing is shown or decided here."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.errors import HomeworkError
from pipelines.kaggle.client import Kaggle
from pipelines.kaggle.errors import AccessError, RefusedError, not_json
from pipelines.kaggle.refusals import SITE
from pipelines.kaggle.remote.refusals import clearer, not_pushed, unattached
from pipelines.kaggle.remote.script import Job, job_of
from pipelines.submission.ledger import count_of
from pipelines.web.failures import printable

LONGEST_TITLE = 50  # characters
PAGE = 100
MOST_PAGES = 500
LIVE = ("QUEUED", "RUNNING", "NEW_SCRIPT", "CANCEL_REQUESTED")
OVER = ("COMPLETE", "ERROR", "CANCEL_ACKNOWLEDGED")


@dataclass(frozen=True)
class Quota:
    """Hours of GPU: used or reserved, and allowed in a week; when the week begins anew, as Kaggle writes it."""

    used: float
    allowed: float
    until: str

    @property
    def left(self) -> float:
        """Hours that may still be used."""
        return max(0.0, self.allowed - self.used)


@dataclass(frozen=True)
class Pushed:
    """A kernel as Kaggle has it: its reference `owner/name`, the newest version and, where asked for, its job."""

    ref: str
    version: int | None = None
    job: Job | None = None

    @property
    def url(self) -> str:
        """Its page."""
        return f"{SITE}/code/{self.ref}"


def title_of(folder: str) -> str:
    """The title of a competition's kernel, of which Kaggle makes its name in addresses.

    >>> title_of("house_prices")
    'homework house prices'
    """
    return re.sub(r"[^a-z0-9]+", " ", f"homework {folder}".lower()).strip()[:LONGEST_TITLE].strip()


class Kernels:
    """The kernels of one account.

    Raises (all methods): what `Kaggle` raises.
    """

    def __init__(self, kaggle: Kaggle) -> None:
        self.kaggle = kaggle

    def quota(self) -> Quota | None:
        """What is left of the week's GPU hours; None where Kaggle does not say."""
        answer = self.kaggle.kernel("GetAcceleratorQuotaStatistics")
        gpu = answer.get("gpuQuota")
        found = {name: _seconds(value) for name, value in gpu.items()} if isinstance(gpu, dict) else {}
        allowed = found.get("totalTimeAllowed")
        if allowed is None:
            return None
        used = (found.get("timeUsed") or 0) + (found.get("timeReserved") or 0)
        return Quota(used / 3600, allowed / 3600, printable(answer.get("quotaRefreshTime") or ""))

    def ref(self, folder: str) -> str:
        """What the kernel of a competition is called."""
        return f"{self.kaggle.owner()}/{title_of(folder).replace(' ', '-')}"

    def push(self, ref: str, job: Job, text: str) -> Pushed:
        """Save a new version of a kernel, which is run at once. Asked once: whether it was saved, `find` tells.

        Raises: AccessError, RefusedError, beside the others.
        """
        with_gpu: dict[str, Any] = {"machine_shape": job.accelerator} if job.accelerator else {}
        try:
            answer = self.kaggle.kernel(
                "SaveKernel", job.slug, once=True, slug=ref, new_title=title_of(job.name), text=text,
                language="python", kernel_type="script", is_private=True, enable_gpu=bool(job.accelerator),
                enable_internet=False, competition_data_sources=[job.slug], **with_gpu,
            )  # fmt: skip
        except (AccessError, RefusedError) as error:
            raise clearer(error, job.slug) from None
        if said := self.kaggle.plain(answer.get("error") or ""):
            raise not_pushed(said, job.slug)
        if answer.get("invalidCompetitionSources"):
            raise unattached(job.slug)
        return Pushed(_ref_in(answer) or ref, count_of(answer.get("versionNumber")) or None, job)

    def find(self, ref: str) -> Pushed | None:
        """The kernel as it is at Kaggle, with the job in its text; None where there is none."""
        owner, name = ref.split("/")
        try:
            answer = self.kaggle.kernel("GetKernel", user_name=owner, kernel_slug=name)
        except (AccessError, RefusedError):
            return None
        blob, about = (answer.get(part) for part in ("blob", "metadata"))
        source = blob.get("source") if isinstance(blob, dict) else None
        version = count_of(about.get("currentVersionNumber")) if isinstance(about, dict) else None
        return Pushed(ref, version or None, job_of(source))

    def state(self, ref: str) -> tuple[str, str]:
        """How the newest version fares, in capitals, and what Kaggle says of a failure."""
        owner, name = ref.split("/")
        answer = self.kaggle.kernel("GetKernelSessionStatus", user_name=owner, kernel_slug=name)
        status = printable(answer.get("status") or "QUEUED").upper()  # the default is left out
        return status, self.kaggle.plain(answer.get("failureMessage") or "")

    def log(self, ref: str) -> list[str]:
        """Lines that the kernel has printed so far; empty where Kaggle does not give them now."""
        owner, name = ref.split("/")
        try:
            body = self.kaggle.kernel_log(owner, name)
        except HomeworkError:
            return []
        return self._lines(body.decode("utf-8", "replace"))

    def output(self, ref: str) -> tuple[dict[str, str], list[str]]:
        """Signed addresses of the output's files by their paths, never to be shown; and the lines of the log."""
        owner, name = ref.split("/")
        found, lines, token, seen = dict[str, str](), list[str](), "", set[str]()
        for _ in range(MOST_PAGES):
            where: dict[str, Any] = {"page_token": token} if token else {}
            answer = self.kaggle.kernel(
                "ListKernelSessionOutput", user_name=owner, kernel_slug=name, page_size=PAGE, **where
            )
            items = answer.get("files") or []
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("fileName", "url")):
                    found[item["fileName"]] = item["url"]
            lines = lines or self._lines(str(answer.get("log") or ""))
            token = str(answer.get("nextPageToken") or "")
            if not token:
                return found, lines
            if token in seen:
                break
            seen.add(token)
        raise not_json("the list of the kernel's files does not come to an end", b"")

    def _lines(self, text: str) -> list[str]:
        return [self.kaggle.plain(line) for line in "".join(_parts(text)).splitlines() if line.strip()]


def _parts(text: str) -> Iterator[str]:
    """What was printed, of a log in any of its forms: an array, one event a line (`data: {…}`), or plain text."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, list):
        yield from (str(event.get("data") or "") for event in whole if isinstance(event, dict))
        return
    lines = text.splitlines()
    if not any(line.startswith("data:") for line in lines):
        yield text
        return
    for line in lines:
        said = line.removeprefix("data:").strip()
        if line.startswith("data:") and said != "END_OF_LOG":
            yield _printed(said)


def _printed(said: str) -> str:
    try:
        event = json.loads(said)
    except (ValueError, RecursionError):
        return f"{said}\n"
    return str(event.get("data") or "") if isinstance(event, dict) else f"{said}\n"


def _seconds(value: Any) -> float | None:
    """A duration as JSON has it.

    >>> _seconds("3600.5s"), _seconds(None)
    (3600.5, None)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", value) if isinstance(value, str) else None
    return float(match[1]) if match else None


def _ref_in(answer: dict[str, Any]) -> str:
    """`owner/name` where Kaggle has given the kernel another name than was asked for."""
    match = re.search(r"([\w-]+/[\w-]+)/?$", str(answer.get("ref") or ""), re.ASCII)
    return match[1] if match and not match[1].startswith("code/") else ""
