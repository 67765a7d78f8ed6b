"""Which csv goes to Kaggle, and one submission of it: whatever fails, the list is asked before a repetition.

Making a submission is the one call that must not be repeated blindly, because it may have worked though
its answer was lost. A tag in the description, unique to this attempt and written to the ledger first,
tells whether it did; the number of submissions that Kaggle counts today is the second witness.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.competition import Competition
from pipelines.data.manifest import content
from pipelines.errors import HomeworkError, SubmissionError
from pipelines.files import sha256
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.errors import AccessError, NetworkError, RefusedError, daily_limit, printable
from pipelines.kaggle.scores import Entry, Ledger
from pipelines.submission.record import Record

LOOKS = 5  # a new submission may not be listed at once
TRIES = 3
LONGEST_DESCRIPTION = 400


@dataclass(frozen=True)
class Candidate:
    """A csv that may go to Kaggle, and what its record says of it."""

    slug: str
    path: Path
    csv: bytes
    csv_sha256: str
    cv_mean: float | None
    inputs_sha256: Mapping[str, str]  # of the files that it was made from
    where: Path | None  # the folder that they were in

    @property
    def tag_start(self) -> str:
        """How the tags of its attempts begin; the same for the same bytes."""
        return f"hw-{self.csv_sha256[:12]}-"


def choose(slug: str, folder: Path, file: Path | None = None) -> Candidate:
    """`file`, or the newest csv of `folder`, as its record describes it.

    Raises: SubmissionError if there is none, it has no record, was changed since, or is of sample data.
    """
    path = file or _newest(slug, folder)
    if not path.is_file():
        raise SubmissionError(f"there is no file {path}", "name a csv of submissions/", "请指定已有的 csv 文件")
    record, csv = Record.load(path.with_suffix(".json")), path.read_bytes()
    if record is None:
        raise _refused(slug, f"{path.name} has no record {path.with_suffix('.json').name} beside it")
    if record.csv_sha256 != sha256(csv):
        raise _refused(slug, f"{path.name} was changed after its record was written")
    if record.slug != slug:
        raise _refused(slug, f"{path.name} is of {record.slug}, not of {slug}")
    if record.data == "sample":
        raise SubmissionError(
            f"{path.name} was made from the embedded sample, whose rows are not the competition's",
            f"fetch the data (python -m pipelines data {slug}) and run again",
            f"该文件由内置示例数据生成；请先用 python -m pipelines data {slug} 获取真实数据",
        )
    where = Path(record.where) if record.where else None
    return Candidate(slug, path, csv, record.csv_sha256, record.cv_mean, record.inputs_sha256, where)


def check(competition: Competition, candidate: Candidate, data: Path) -> None:
    """Pass the csv through the linter, against the sample submission that it was made with.

    Raises: SubmissionError with every reason not to upload it.
    """
    from pipelines.submission import linter

    name = competition.sample_submission
    for place in filter(None, (data, candidate.where)):
        found = content(place, name)
        if found is not None and sha256(found) == candidate.inputs_sha256.get(name):
            linter.check(competition, candidate.csv, found)
            return
    raise SubmissionError(
        f"{candidate.path.name} cannot be checked: the {name} that it was made with is not in {data}",
        f"name the folder with --data, or fetch it: python -m pipelines data {competition.slug}",
        f"请用 --data 指定数据文件夹，或运行 python -m pipelines data {competition.slug}",
    )


def _newest(slug: str, folder: Path) -> Path:
    """The newest by the time in its name, then by its age."""
    paths = sorted(folder.glob("*.csv"), key=lambda path: (path.name[:15], path.stat().st_mtime_ns))
    if not paths:
        raise SubmissionError(
            f"there is no csv in {folder}",
            f"make one first: python -m pipelines run {slug}",
            f"请先运行 python -m pipelines run {slug}",
        )
    return paths[-1]


def _refused(slug: str, what: str) -> SubmissionError:
    return SubmissionError(
        f"nothing was sent: {what}",
        f"make a new one: python -m pipelines run {slug}; or name another with --file",
        f"请重新运行 python -m pipelines run {slug}，或用 --file 指定其他文件",
    )


class Uploader:
    """Sends csv files to Kaggle and writes down what it does."""

    def __init__(self, kaggle: Kaggle, ledger: Ledger) -> None:
        self.kaggle, self.ledger = kaggle, ledger

    def already_sent(self, candidate: Candidate) -> Entry | None:
        """The submission of the same bytes, by ledger or by Kaggle's list; None if there is none.

        Of an attempt that was killed at its last step, the list tells what became of it; an attempt
        that Kaggle does not know is closed in the ledger.
        """
        same = [e for e in self.ledger.entries(candidate.slug) if e.csv_sha256 == candidate.csv_sha256]
        for entry in reversed(same):
            if entry.ref is not None:
                return entry
            ref = self._find(entry)
            if ref is not None:
                return self._submitted(entry, ref)
            self.ledger.append("refused", entry, why="it is not on Kaggle's list")
        listed = self._listed(candidate.slug, candidate.tag_start)
        if listed is None:
            return None
        tag = re.search(rf"{candidate.tag_start}\w*", str(listed.get("description")))
        assert tag, "the list was searched for it"
        return self._submitted(_entry(candidate, tag.group()), int(listed["ref"]))

    def settle(self, entry: Entry) -> Entry:
        """Look once whether an attempt that was cut short was made after all."""
        listed = self._listed(entry.slug, entry.tag) if entry.ref is None else None
        return entry if listed is None else self._submitted(entry, int(listed["ref"]))

    def send(self, candidate: Candidate, message: str, today: int | None) -> Entry:
        """Upload and make one submission; returns its entry, with the reference.

        The description is `message`, the csv's name and score, and the tag. `today` is what `remaining`
        returned. Raises: RefusedError if none was made; NetworkError if that cannot be known yet: the
        same command then looks first.
        """
        entry = _entry(candidate, f"{candidate.tag_start}{secrets.token_hex(3)}")
        entry.today = today
        path, score = candidate.path, candidate.cv_mean
        token = self.kaggle.upload(candidate.slug, path.name, candidate.csv, int(path.stat().st_mtime))
        self.ledger.append("sending", entry, today=today)
        words = [*message.split(), path.stem, *([f"cv {score:.5f}"] if isinstance(score, float) else [])]
        return self._create(entry, token, f"{' '.join(words)[:LONGEST_DESCRIPTION]} [{entry.tag}]")

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
                self.ledger.append("refused", entry, why=error.message)
                raise
            else:
                if answer.get("ref"):
                    return self._submitted(entry, int(answer["ref"]))
                failure = _no_reference(answer)
            ref = self._find(entry)
            if ref is not None:
                return self._submitted(entry, ref)
        assert failure is not None, "the loop ends with a return or a failure"
        self.ledger.append("refused", entry, why=failure.message)
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
        if entry.today is not None and int(self.kaggle.limits(entry.slug).get("numToday") or 0) > entry.today:
            raise NetworkError(
                f"it is not known yet whether {entry.file} was submitted: Kaggle counts one more, and lists none",
                "run the same command in some minutes: it looks for it before anything is sent; --again does not",
                "请几分钟后再运行同一命令：它会先查找，不会重复提交；--again 则直接再次提交",
                passing=False,
            )
        return None

    def _listed(self, slug: str, tag: str) -> Answer | None:
        listed = self.kaggle.submissions(slug)
        return next((s for s in listed if tag in str(s.get("description")) and s.get("ref")), None)

    def _submitted(self, entry: Entry, ref: int) -> Entry:
        self.ledger.append("submitted", entry, ref=ref)
        entry.ref = ref
        return entry


def _entry(candidate: Candidate, tag: str) -> Entry:
    return Entry(candidate.slug, candidate.path.name, candidate.csv_sha256, tag)


def _no_reference(answer: Answer) -> RefusedError:
    said = printable(answer.get("message") or "nothing")[:300]
    return RefusedError(
        f'Kaggle took the call and made no submission: "{said}"',
        "run the same command again; if it stays so, upload the file by hand",
        "请重试；若仍失败，请在网页上手动提交",
    )
