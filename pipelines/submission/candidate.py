"""Which csv goes to Kaggle: the newest or the one that is named, as its record describes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.competition import Competition
from pipelines.data.manifest import content
from pipelines.errors import SubmissionError
from pipelines.files import sha256
from pipelines.submission.ledger import tag_of
from pipelines.submission.record import beside

OUR_NAME = re.compile(r"\d{8}-\d{6}-")


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

    def tag_in(self, listed: Mapping[str, Any]) -> str | None:
        """The tag of a listed submission of the same bytes; None for one of others.

        Without any tag, uploaded in a browser say, the same bytes are known by a name with our time in it and the size.
        """
        found = tag_of(listed.get("description"))
        if found:
            return found if found.startswith(self.tag_start) else None
        same = listed.get("fileName") == self.path.name and listed.get("totalBytes") in (None, 0, len(self.csv))
        return f"{self.tag_start}by-hand" if same and OUR_NAME.match(self.path.name) else None


def choose(slug: str, folder: Path, file: Path | None = None) -> Candidate:
    """`file`, or the newest csv of `folder`, as its record describes it.

    Raises: SubmissionError if there is none, it has no record, was changed since, or is of sample data.
    """
    path = file or _newest(slug, folder)
    if not path.is_file():
        raise SubmissionError(f"there is no file {path}", "name a csv of submissions/", "请指定已有的 csv 文件")
    csv = path.read_bytes()
    csv_sha256 = sha256(csv)
    record = beside(path, slug, csv_sha256)
    if isinstance(record, str):
        raise _refused(slug, record)
    if record.data == "sample":
        raise SubmissionError(
            f"{path.name} was made from the embedded sample, whose rows are not the competition's",
            f"fetch the data (python -m pipelines data {slug}) and run again",
            f"该文件由内置示例数据生成；请先用 python -m pipelines data {slug} 获取真实数据",
        )
    where = Path(record.where) if record.where else None
    return Candidate(slug, path, csv, csv_sha256, record.cv_mean, record.inputs_sha256, where)


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
    paths = sorted(
        filter(Path.is_file, folder.glob("*.csv")), key=lambda path: (path.name[:15], path.stat().st_mtime_ns)
    )
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
