"""One upload, one submission: whatever fails, the list is asked before anything is repeated.

Making a submission is the one call that must not be repeated blindly, because it may have worked though
its answer was lost. A tag in the description, unique to this attempt and written to the ledger first,
tells whether it did; the number of submissions that Kaggle counts today is the second witness.
"""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import HomeworkError
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.errors import AccessError, NetworkError, RefusedError, daily_limit, printable
from pipelines.kaggle.ledger import Entry, Ledger

LOOKS = 5  # a new submission may not be listed at once
TRIES = 3
LONGEST_DESCRIPTION = 400


@dataclass(frozen=True)
class Parcel:
    """What is sent: the csv and what the description says beside the tag."""

    slug: str
    path: Path
    csv: bytes
    csv_sha256: str
    message: str


class Sender:
    """Sends parcels to Kaggle and writes down what it does."""

    def __init__(self, kaggle: Kaggle, ledger: Ledger) -> None:
        self.kaggle, self.ledger = kaggle, ledger

    def already_sent(self, parcel: Parcel) -> Entry | None:
        """The submission of the same bytes, by ledger or by Kaggle's list; None if there is none.

        Of an attempt that was killed at its last step, the list tells what became of it; an attempt
        that Kaggle does not know is closed in the ledger.
        """
        same = [e for e in self.ledger.entries(parcel.slug) if e.csv_sha256 == parcel.csv_sha256]
        for entry in reversed(same):
            if entry.ref is not None:
                return entry
            ref = self._find(entry)
            if ref is not None:
                return self._submitted(entry, ref)
            self._close(entry, "it is not on Kaggle's list")
        listed = self._listed(parcel.slug, _tag_start(parcel))
        if listed is None:
            return None
        tag = re.search(rf"{_tag_start(parcel)}\w*", str(listed.get("description")))
        assert tag, "the list was searched for it"
        return self._submitted(_entry(parcel, tag.group()), int(listed["ref"]))

    def settle(self, entry: Entry) -> Entry:
        """Look once whether an attempt that was cut short was made after all."""
        listed = self._listed(entry.slug, entry.tag) if entry.ref is None else None
        return entry if listed is None else self._submitted(entry, int(listed["ref"]))

    def send(self, parcel: Parcel, today: int | None) -> Entry:
        """Upload and make one submission; returns its entry, with the reference.

        `today` is what `remaining` returned.

        Raises: RefusedError if none was made; NetworkError if that cannot be known yet: the same
        command then looks first.
        """
        entry = _entry(parcel, f"{_tag_start(parcel)}{secrets.token_hex(3)}")
        entry.today = today
        modified = int(parcel.path.stat().st_mtime)
        token = self.kaggle.upload(parcel.slug, parcel.path.name, parcel.csv, modified)
        self.ledger.append("sending", entry, today=entry.today)
        message = " ".join(parcel.message.split())[:LONGEST_DESCRIPTION]
        return self._create(entry, token, f"{message} [{entry.tag}]".strip())

    def remaining(self, slug: str) -> int | None:
        """Say how many submissions are left; returns how many were made today, None if unknown.

        Raises: RefusedError if none is left.
        """
        try:
            limits = self.kaggle.limits(slug)
        except (AccessError, NetworkError, RefusedError):
            self.kaggle.say("submissions left today: unknown, Kaggle does not say")
            return None
        left, today = limits.get("numAllowedNow"), int(limits.get("numToday") or 0)
        if left is None:
            self.kaggle.say(f"submissions made today: {today}")
        elif int(left) <= 0:
            raise daily_limit(f"no submission of {slug} is left today ({today} made)", slug)
        else:
            self.kaggle.say(f"submissions left today: {left} ({today} made)")
        return today

    def _create(self, entry: Entry, token: str, description: str) -> Entry:
        failure: HomeworkError | None = None
        for _ in range(TRIES):
            try:
                answer = self.kaggle.create_submission(entry.slug, token, description)
            except NetworkError as error:
                failure = error
                self.kaggle.say(f"{error.message}; looking whether the submission was made")
            except HomeworkError as error:
                self._close(entry, error.message)
                raise
            else:
                if answer.get("ref"):
                    return self._submitted(entry, int(answer["ref"]))
                failure = _no_reference(answer)
            ref = self._find(entry)
            if ref is not None:
                return self._submitted(entry, ref)
        assert failure is not None, "the loop ends with a return or a failure"
        self._close(entry, failure.message)
        raise failure

    def _find(self, entry: Entry) -> int | None:
        """The reference of the attempt; None if it is sure, by list and count, that none was made.

        Raises: NetworkError if that cannot be known now.
        """
        patience = self.kaggle.patience
        for look in range(LOOKS):
            listed = self._listed(entry.slug, entry.tag)
            if listed is not None:
                return int(listed["ref"])
            if look + 1 < LOOKS:
                patience.sleep(min(patience.longest_poll, patience.first_poll * 2**look))
        if entry.today is not None and self._made_today(entry.slug) > entry.today:
            raise _unknown(entry)
        return None

    def _made_today(self, slug: str) -> int:
        return int(self.kaggle.limits(slug).get("numToday") or 0)

    def _listed(self, slug: str, tag: str) -> Answer | None:
        listed = self.kaggle.submissions(slug)
        return next((s for s in listed if tag in str(s.get("description")) and s.get("ref")), None)

    def _submitted(self, entry: Entry, ref: int) -> Entry:
        self.ledger.append("submitted", entry, ref=ref)
        entry.ref, entry.state = ref, "submitted"
        return entry

    def _close(self, entry: Entry, why: str) -> None:
        self.ledger.append("refused", entry, why=why)


def _tag_start(parcel: Parcel) -> str:
    """The same for the same bytes."""
    return f"hw-{parcel.csv_sha256[:12]}-"


def _entry(parcel: Parcel, tag: str) -> Entry:
    return Entry(parcel.slug, parcel.path.name, parcel.csv_sha256, tag, "")


def _no_reference(answer: Answer) -> RefusedError:
    said = printable(answer.get("message") or "nothing")[:300]
    return RefusedError(
        f'Kaggle took the call and made no submission: "{said}"',
        "run the same command again; if it stays so, upload the file by hand",
        "请重试；若仍失败，请在网页上手动提交",
    )


def _unknown(entry: Entry) -> NetworkError:
    error = NetworkError(
        f"it is not known yet whether {entry.file} was submitted: Kaggle counts one more, and lists none",
        "run the same command in some minutes: it looks for it before anything is sent; --again does not",
        "请几分钟后再运行同一命令：它会先查找，不会重复提交；--again 则直接再次提交",
    )
    error.passing = False
    return error
