"""What a kernel has left comes back: checked paths, sizes and hashes; whole, and put where a run here would put it."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.files import check_room, full_disk_told, link, sha256, sha256_file, whole_file, write_whole
from pipelines.kaggle.errors import AccessError, not_json, site_trouble
from pipelines.kaggle.refusals import SITE
from pipelines.kaggle.remote.aboard import MANIFEST
from pipelines.kaggle.remote.kernels import Kernels
from pipelines.kaggle.remote.ledger import Sent, staging_of
from pipelines.kaggle.remote.refusals import foreign
from pipelines.submission.plain import from_plain
from pipelines.submission.record import Record, RecordError, beside
from pipelines.web.failures import printable
from pipelines.web.patience import Say, repeat
from pipelines.web.transport import chunks

LARGEST_LIST = 8 * 2**20  # bytes of the manifest
LONGEST_NAME, DEEPEST = 200, 8  # bytes of a path, names in it
LONGEST_WORD = 100  # letters of a GPU's name
EXPIRED = (400, 401, 403, 404, 410)  # what the storage answers when a signed address is too old
Show = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Listed:
    """Size in bytes and SHA-256 of a file that the run left."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What the program aboard says of the run: of which job and pack, how it ended, and its files."""

    id: str
    pack: str
    exit: int
    files: Mapping[str, Listed]
    seconds: float = 0.0
    gpu: str = ""


@dataclass(frozen=True)
class Places:
    """Where runs, submissions and the competition's own files lie here."""

    runs: Path
    output: Path
    data: Path


@dataclass(frozen=True)
class Back:
    """A run that has come back: its csv, its folder, its record."""

    csv: Path
    run: Path
    record: Record


class Bringer:
    """Brings the output of one kernel; what a killed command has fetched is used again.

    Raises (all methods): what `Kernels` raises; KernelError for output that is not this job's, or not whole.
    """

    def __init__(self, kernels: Kernels, sent: Sent, places: Places, say: Say, show: Show) -> None:
        self.kernels, self.sent, self.places, self.say, self.show = kernels, sent, places, say, show
        self.url = f"{SITE}/code/{sent.ref}"
        self.staging = staging_of(places.runs, sent)
        self._addresses: dict[str, str] = {}

    def manifest(self) -> Manifest | None:
        """What the kernel has listed; None where it has not come so far.

        Raises: KernelError for one that cannot be read.
        """
        self._addresses, _ = self.kernels.output(self.sent.ref)
        if MANIFEST not in self._addresses:
            return None
        return _parsed(self._list()) or _parsed(self._list()) or self._unreadable()

    def _list(self) -> bytes:
        target = self.staging / MANIFEST
        self._download(MANIFEST, target, None)
        text = target.read_bytes()
        target.unlink()
        self._tidy()
        return text

    def _unreadable(self) -> Manifest:
        raise foreign(f"{MANIFEST} of the run on Kaggle cannot be read", self.url)

    def is_ours(self) -> bool:
        """Whether the output that Kaggle has now is of this job; what ended before it began has none."""
        try:
            found = self.manifest()
        except AccessError:
            return False
        return found is not None and found.id == self.sent.job.id

    def bring(self, load: Callable[[], Any]) -> Back:
        """Fetch all files, check the csv, and put run and csv into their places; `load` gives the competition."""
        found, job = self.manifest(), self.sent.job
        if found is None:
            raise foreign("the run on Kaggle has left no list of its files", self.url)
        if (found.id, found.pack) != (job.id, job.pack):
            raise foreign("the output at Kaggle is of another run, or of other code, than was sent from here", self.url)
        names = _checked(found.files, job.slug, self.url)
        lost = [name for name in names if name not in self._addresses]
        if lost:
            what = f"Kaggle has {len(names) - len(lost)} of the {len(names)} files that the run left, not {lost[0]}"
            raise foreign(f"{what}: its output is larger than Kaggle keeps", self.url)
        self._fetch(found.files)
        run, csv = _pair(found.files, job.slug, self.url)
        record = self._record(run, csv)
        self._lint(csv, record, load)
        return self._install(run, csv, record, found.gpu)

    def _fetch(self, files: Mapping[str, Listed]) -> None:
        whole, done = sum(each.size for each in files.values()), 0
        missing = [n for n, each in files.items() if not _is_there(self.staging / n, each)]
        check_room(self.places.runs, sum(files[name].size for name in missing))
        for name, each in files.items():
            if name in missing:
                with full_disk_told(self.places.runs, each.size):
                    self._download(name, self.staging / name, each)
            done += each.size
            self.show("from Kaggle", done, whole)

    def _download(self, name: str, target: Path, wanted: Listed | None) -> None:
        """One file, whole: again where the line breaks; with a new address where the old one has expired."""

        def attempt() -> None:
            """One request: the whole file, checked, or none."""
            limit = LARGEST_LIST if wanted is None else wanted.size
            with self.kernels.kaggle.storage(self._addresses[name], {"Accept-Encoding": "identity"}) as answer:
                if answer.status_code in EXPIRED:
                    self._addresses |= self.kernels.output(self.sent.ref)[0]
                    raise site_trouble(500, {}, f"the storage refuses the address of {name} ({answer.status_code})")
                if answer.status_code != 200:
                    raise site_trouble(answer.status_code, answer.headers, f"the storage answered {answer.status_code}")
                ends = self.kernels.kaggle.patience.download_deadline
                size, digest = 0, hashlib.sha256()
                with whole_file(target) as part, part.open("wb") as file:
                    for chunk in chunks(answer, time.monotonic() + ends):
                        size += len(chunk)
                        if size > limit:
                            break
                        digest.update(chunk)
                        file.write(chunk)
                    if wanted is not None and (size, digest.hexdigest()) != (wanted.size, wanted.sha256):
                        raise site_trouble(500, {}, f"{name} came with other bytes than the run left")
                    if wanted is None and size > limit:
                        raise not_json(MANIFEST, b"")

        repeat(attempt, self.kernels.kaggle.patience, self.kernels.kaggle.say)

    def _record(self, run: str, csv: str) -> Record:
        """The record of the run, which has to be that of the csv, too."""
        job, path = self.sent.job, self.staging / csv
        found = beside(path, job.slug)
        try:
            record = Record.load(self.staging / run / "record.json")
        except RecordError as error:
            raise foreign(str(error), self.url) from None
        if isinstance(found, str):
            raise foreign(found, self.url)
        if (record.slug, record.csv_sha256) != (job.slug, found.csv_sha256) or record.data == "sample":
            raise foreign("the record of the run is of another csv", self.url)
        return record

    def _lint(self, csv: str, record: Record, load: Callable[[], Any]) -> None:
        """Pass the csv through the linter, against the sample submission that lies here.

        Raises: SubmissionError with every reason not to upload it.
        """
        from pipelines.data.manifest import content
        from pipelines.submission import linter

        competition = load()
        sample = content(self.places.data, competition.sample_submission)
        if sample is None or sha256(sample) != record.inputs_sha256.get(competition.sample_submission):
            self.say(
                f"note: {self.places.data} has no {competition.sample_submission} like that of the run: the csv was "
                f"checked at Kaggle only; submit wants to check it here (python -m pipelines data {record.slug})"
            )
            return
        linter.check(competition, (self.staging / csv).read_bytes(), sample)

    def _install(self, run: str, csv: str, record: Record, gpu: str) -> Back:
        from pipelines.submission import writer

        job, places = self.sent.job, self.places
        version = f" version {self.sent.version}" if self.sent.version else ""
        where = f"Kaggle ({printable(gpu)[:LONGEST_WORD] or 'no GPU'}), {self.sent.ref}{version}"
        record = replace(record, ran_on=where, git_commit=record.git_commit or job.commit or None)
        content, name = (self.staging / csv).read_bytes(), PurePosixPath(run).name
        path = writer.save(places.output / job.slug, name, content, record)
        picture = (self.staging / csv).with_suffix(".png")
        if picture.is_file() and not path.with_suffix(".png").exists():
            link(picture, path.with_suffix(".png"))
        folder = _home(places.runs / job.slug, name, record)
        if not folder.exists():
            record.save(self.staging / run / "record.json")
            _at_home(self.staging / run / "plan.json", places)
            (self.staging / run).rename(folder)
        shutil.rmtree(self.staging, ignore_errors=True)
        return Back(path, folder, record)

    def _tidy(self) -> None:
        """Leave no empty folders behind."""
        for folder in (self.staging, self.staging.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _parsed(text: bytes) -> Manifest | None:
    """None for what is no manifest: a byte may have been changed on the way."""
    try:
        found: Manifest = from_plain(Manifest, json.loads(text), "")
    except (ValueError, RecursionError):
        return None
    return found


def _checked(files: Mapping[str, Listed], slug: str, url: str) -> list[str]:
    """The paths, if each of them stays in the run's folder or beside its csv."""
    for name, each in files.items():
        path = PurePosixPath(name)
        size = len(name.encode("utf-8", "surrogatepass"))
        plain = name == str(path) and size <= LONGEST_NAME and len(path.parts) <= DEEPEST
        folder = any(str(parent) in files for parent in path.parents)  # a file that is a folder, too
        strange = any(sign in name for sign in '\\:*?"<>|') or any(
            ord(sign) < 32 or "\ud800" <= sign <= "\udfff" for sign in name
        )
        inside = path.parts[:2] in (("runs", slug), ("submissions", slug)) and len(path.parts) > 2
        hidden = any(part.startswith(".") or part.endswith((".", " ")) for part in path.parts)
        if not plain or folder or strange or hidden or not inside or each.size < 0:
            raise foreign(f"the run on Kaggle lists {name[:LONGEST_NAME]!r}, which is no file of a run", url)
    return list(files)


def _pair(files: Mapping[str, Listed], slug: str, url: str) -> tuple[str, str]:
    """The folder of the run, and its csv."""
    csvs = [name for name in files if name.startswith(f"submissions/{slug}/") and name.endswith(".csv")]
    for csv in csvs:
        run = f"runs/{slug}/{PurePosixPath(csv).stem}"
        if f"{run}/record.json" in files and csv.replace(".csv", ".json") in files:
            return run, csv
    raise foreign("the run on Kaggle has left no csv with its record and its folder", url)


def _is_there(path: Path, listed: Listed) -> bool:
    there = path.is_file() and path.stat().st_size == listed.size
    return there and sha256_file(path) == listed.sha256


def _home(folder: Path, name: str, record: Record) -> Path:
    """Where the run's folder goes: its name, if no other run has it; one of this very run is not put there again."""
    for number in count(1):
        path = folder / f"{name}{f'-{number}' * (number > 1)}"
        try:
            same = Record.load(path / "record.json") == record
        except RecordError:
            same = False
        if same or not path.exists():
            return path
    raise AssertionError("numbers end")


def _at_home(path: Path, places: Places) -> None:
    """Let the run's plan name the folders here: by them a copy of a run is known."""
    try:
        plan = json.loads(path.read_bytes())
        plan["options"] |= {"output": str(places.output.absolute()), "runs": str(places.runs.absolute())}
    except (OSError, ValueError, LookupError, TypeError):
        return
    write_whole(path, f"{json.dumps(plan, indent=1)}\n".encode())
