"""One submission of a csv: whatever fails, the list is asked before a repetition.

Making a submission is the one call that must not be repeated blindly, because it may have worked though
its answer was lost. A tag in the description, unique to this attempt and written to the ledger first,
tells whether it did. Where the list lacks it, the number of submissions that Kaggle counts must be explained by
those that it lists; if it is not, or is not known, nothing more is sent, and that is said.
"""

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from pipelines.errors import HomeworkError
from pipelines.kaggle.client import Answer, Kaggle, Show
from pipelines.kaggle.errors import AccessError, RefusedError, daily_limit
from pipelines.kaggle.refusals import SITE
from pipelines.submission.candidate import Candidate
from pipelines.submission.ledger import Entry, Ledger, count_of, number, tag_of
from pipelines.web.failures import NetworkError, printable

LOOKS = 5  # a new submission may not be listed at once
FIRST = 100  # submissions of the first look's page
TRIES = 3
LONGEST_UNLISTED = timedelta(hours=1)  # what was made longer ago is on the list
Counts = tuple[int | None, int | None, int | None]
LONGEST_DESCRIPTION = 400
UNUSABLE = "Kaggle lists it under a reference that is no number"


@dataclass(frozen=True)
class Stock:
    """What Kaggle counts and lists at one moment; None where it does not say."""

    today: int | None = None
    total: int | None = None
    left: int | None = None
    listed: tuple[Answer, ...] | None = None
    day: date | None = None  # UTC; the count begins anew with each


class Uploader:
    """Sends csv files to Kaggle and writes down what it does."""

    def __init__(self, kaggle: Kaggle, ledger: Ledger) -> None:
        self.kaggle, self.ledger = kaggle, ledger
        self.stock = Stock()

    def already_sent(self, candidate: Candidate) -> Entry | None:
        """The submission of the same bytes, by ledger or by Kaggle's list; None if there is none.

        Of an attempt whose end is not known, the list tells what became of it; an attempt that was
        certainly not made is closed in the ledger.
        Raises: NetworkError if it is not certain.
        """
        day = self.kaggle.patience.now().date()
        same = [e for e in self.ledger.entries(candidate.slug) if e.csv_sha256 == candidate.csv_sha256]
        for entry in reversed(same):
            if entry.ref:
                return entry
        self.stock = self._stock(candidate.slug)
        ours = [(tag, listed["ref"]) for listed in self.stock.listed or () if (tag := candidate.tag_in(listed))]
        for tag, ref in sorted(ours, key=lambda one: one[1] is None)[:1]:
            if ref is None:
                raise _unclear(_entry(candidate, tag), UNUSABLE)
            return self._submitted(_entry(candidate, tag), ref)
        for entry in reversed(same):
            ref = self._find(entry)
            if ref is not None:
                return self._submitted(entry, ref)
            self.ledger.append("refused", entry, why="it is not on Kaggle's list")
        if self._is_hidden(candidate.slug, day):
            why = "Kaggle counts more submissions than it lists, and this may be one of them"
            raise _unclear(_entry(candidate, candidate.tag_start.rstrip("-")), why)
        return None

    def _is_hidden(self, slug: str, day: date) -> bool:
        """Whether Kaggle counts a submission, in all or since `day` began, that neither its list nor the ledger has."""
        listed = self.stock.listed or ()
        refs = {item["ref"] for item in listed}
        ours = [entry.time for entry in self.ledger.entries(slug) if entry.ref and entry.ref not in refs]
        times = [*(str(item.get("date")) for item in listed), *ours]
        today = [time for time in times if not re.match("[0-9]{4}-", time) or time[:10] >= day.isoformat()]
        return (self.stock.total or 0) > len(times) or (self.stock.today or 0) > len(today)

    def settle(self, entry: Entry) -> Entry:
        """Look once whether an attempt that was cut short was made after all."""
        ref = None if entry.ref else _ref_of(self.kaggle.submissions(entry.slug), entry.tag)
        return entry if ref is None else self._submitted(entry, ref)

    def remaining(self, slug: str) -> None:
        """Say how many submissions are left.

        Raises: RefusedError if none is left.
        """
        if self.stock.listed is None:
            with suppress(AccessError, NetworkError, RefusedError):
                self.stock = self._stock(slug)
        today, left = self.stock.today, self.stock.left
        if today is None:
            self.kaggle.say("submissions left today: unknown, Kaggle does not say")
        elif left is None:
            self.kaggle.say(f"submissions made today: {today}")
        elif left <= 0:
            raise daily_limit(f"no submission of {slug} is left today ({today} made)", slug)
        else:
            self.kaggle.say(f"submissions left today: {left} ({today} made)")

    def send(self, candidate: Candidate, message: str, show: Show | None = None) -> Entry:
        """Upload and make one submission; returns its entry, with the reference.

        The description is `message`, the csv's name and score, and the tag.
        Raises: RefusedError if none was made; NetworkError if that cannot be known yet: the same command
        then looks first.
        """
        entry = _entry(candidate, f"{candidate.tag_start}{secrets.token_hex(3)}")
        path, score = candidate.path, number(candidate.cv_mean)
        token = self.kaggle.upload(candidate.slug, path.name, candidate.csv, int(path.stat().st_mtime), show)
        now = self.kaggle.patience.now()
        entry.time = now.isoformat(timespec="seconds")
        open_ones = [other for other in self.ledger.entries(entry.slug) if not other.ref and _is_recent(other, now)]
        if self.stock.day == now.date() and not open_ones:
            entry.today, entry.total = self.stock.today, self.stock.total
            entry.listed = self._counted(self.stock, entry.slug)
        facts = {name: getattr(entry, name) for name in ("time", "today", "total", "listed")}
        self.ledger.append("sending", entry, **facts)
        words = [*message.split(), printable(path.stem), *([f"cv {score:.5f}"] if score is not None else [])]
        return self._create(entry, token, f"{' '.join(words)[:LONGEST_DESCRIPTION]} [{entry.tag}]")

    def _create(self, entry: Entry, token: str, description: str) -> Entry:
        failure: HomeworkError | None = None
        for _ in range(TRIES):
            looks = LOOKS
            try:
                answer = self.kaggle.create_submission(entry.slug, token, description)
            except NetworkError as error:
                failure = error
                self.kaggle.say(f"{error.message}; looking whether the submission was made")
            except HomeworkError as error:
                failure, looks = error, 1
            else:
                if made := count_of(answer.get("ref")):
                    return self._submitted(entry, made)
                failure = _no_reference(self.kaggle.plain(answer.get("message") or "nothing"))
            try:
                ref = self._find(entry, looks)
            except NetworkError as unclear:
                raise (unclear if looks > 1 else failure) from None
            if ref is not None:
                return self._submitted(entry, ref)
            if looks == 1:
                break
        assert failure is not None, "the loop ends with a return or a failure"
        self.ledger.append("refused", entry, why=failure.message)
        raise failure

    def _find(self, entry: Entry, looks: int = LOOKS) -> int | None:
        """The reference of an attempt; None if it is certain that none was made.

        Certain is what the list lacks where everything that Kaggle counts beyond what it counted before is
        listed, or where so much time has passed that it would be. Midnight sets the count to zero.
        Raises: NetworkError if that is not certain.
        """
        patience = self.kaggle.patience
        try:
            for look in range(looks - 1):  # what was just made is on the first page
                ref = _ref_of(islice(self.kaggle.submissions(entry.slug), FIRST), entry.tag)
                if ref is not None:
                    return ref
                patience.sleep(min(patience.longest_poll, patience.first_poll * 2**look))
            stock = self._stock(entry.slug)
        except HomeworkError as error:
            raise _unclear(entry, error.message) from None
        ref = _ref_of(stock.listed or (), entry.tag)
        if ref is not None:
            return ref
        if any(tag_of(item.get("description")) == entry.tag for item in stock.listed or ()):
            raise _unclear(entry, UNUSABLE)
        now = patience.now()
        if not _is_recent(entry, now):
            return None
        why = "a day has ended since, and with it Kaggle's count"
        if _began_on(entry, now):
            after = (stock.today, stock.total, self._counted(stock, entry.slug))
            why = _why_unclear((entry.today, entry.total, entry.listed), after)
        if why:
            raise _unclear(entry, why)
        return None

    def _stock(self, slug: str) -> Stock:
        """What Kaggle counts, then what it lists: one made in between is listed and not counted, never the reverse."""
        try:
            limits = self.kaggle.limits(slug)
        except (AccessError, NetworkError, RefusedError):
            limits = {}
        today, total, left = (count_of(limits.get(name)) for name in ("numToday", "numTotal", "numAllowedNow"))
        if limits.get("numToday") is None and (total, left) != (None, None):
            today = 0  # JSON made by protobuf leaves zeros out
        listed = tuple(self.kaggle.submissions(slug))
        return Stock(today, total, left, listed, self.kaggle.patience.now().date())

    def _counted(self, stock: Stock, slug: str) -> int | None:
        """How many submissions are known that Kaggle may count; what could not be scored it does not."""
        if stock.listed is None:
            return None
        failed = {item["ref"] for item in stock.listed if str(item.get("status")).upper() == "ERROR"} | {None}
        known = {item["ref"] for item in stock.listed} | {e.ref for e in self.ledger.entries(slug) if e.ref}
        return len(known - failed)

    def _submitted(self, entry: Entry, ref: int) -> Entry:
        self.ledger.note("submitted", entry, ref=ref)
        entry.ref = ref
        return entry


def _entry(candidate: Candidate, tag: str) -> Entry:
    return Entry(candidate.slug, candidate.path.name, candidate.csv_sha256, tag)


def _ref_of(listed: Iterable[Answer], tag: str) -> int | None:
    found = (item["ref"] for item in listed if tag_of(item.get("description")) == tag)
    return next(filter(None, found), None)


def _age(entry: Entry, now: datetime) -> timedelta | None:
    """How long ago the last step of an attempt was begun; None if its time cannot be read."""
    try:
        began = now - (now - datetime.fromisoformat(entry.time))  # in UTC; some times are in no calendar there
        return now - began
    except (ValueError, TypeError, OverflowError):
        return None


def _is_recent(entry: Entry, now: datetime) -> bool:
    age = _age(entry, now)
    return age is None or age < LONGEST_UNLISTED


def _began_on(entry: Entry, now: datetime) -> bool:
    """Whether an attempt was begun on the day of `now`."""
    age = _age(entry, now)
    return age is not None and (now - age).date() == now.date()


def _why_unclear(before: Counts, now: Counts) -> str:
    """Why it cannot be told from counts (today, total, known) whether one more was made; empty if none was."""
    (today, total, known), (today_now, total_now, known_now) = before, now
    if today is None or known is None or today_now is None or known_now is None:
        return "Kaggle does not list it, nor say how many it counts"
    if today_now < today:
        return "Kaggle does not list it, and its count began anew"
    if today_now - today > known_now - known:
        return "Kaggle counts one more, and lists none"
    if total is None or total_now is None:  # a midnight by Kaggle's clock may have set the day's count back
        return "Kaggle does not list it, nor say how many it counts in all" if today else ""
    if total_now - total > known_now - known:
        return "Kaggle counts one more, and lists none"
    return ""


def _unclear(entry: Entry, why: str) -> NetworkError:
    page = f"{SITE}/competitions/{entry.slug}/submissions"
    return NetworkError(
        f"it is not known yet whether {printable(entry.file)} was submitted: {why}",
        f"nothing more was sent; run the same command in some minutes, it looks first. Or look yourself at {page} "
        f"for {entry.tag}: if it is not there, the same command with --again submits it",
        f"没有再次提交。请几分钟后再运行同一命令（会先查找）；或在 {page} 查找 {entry.tag}，"
        "若没有，则在同一命令后加 --again 再次提交",
        passing=False,
    )


def _no_reference(said: str) -> RefusedError:
    return RefusedError(
        f'Kaggle took the call and made no submission: "{said[:300]}"',
        "run the same command again; if it stays so, upload the file by hand",
        "请重试；若仍失败，请在网页上手动提交",
    )
