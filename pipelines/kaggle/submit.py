"""Which csv goes to Kaggle: the newest one, if it has a record, passes the linter and is of real data."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.competition import Competition
from pipelines.errors import SubmissionError
from pipelines.files import sha256
from pipelines.kaggle.sending import Parcel
from pipelines.submission import writer as submission


@dataclass(frozen=True)
class Candidate:
    """A csv and its record."""

    path: Path
    csv: bytes
    record: dict[str, Any]


def choose(competition: Competition, folder: Path, file: Path | None = None) -> Candidate:
    """`file`, or the newest csv of `folder`, with its record.

    Raises: SubmissionError if there is none, it has no record, was changed since, or is of sample data.
    """
    path = file or _newest(competition, folder)
    if not path.is_file():
        raise SubmissionError(f"there is no file {path}", "name a csv of submissions/", "请指定已有的 csv 文件")
    record_path = path.with_suffix(".json")
    try:
        record = json.loads(record_path.read_bytes())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict):
        raise _refused(competition, f"{path.name} has no record {record_path.name} beside it")
    csv = path.read_bytes()
    if record.get("csv_sha256") != sha256(csv):
        raise _refused(competition, f"{path.name} was changed after its record was written")
    if record.get("slug") != competition.slug:
        raise _refused(competition, f"{path.name} is of {record.get('slug')}, not of {competition.slug}")
    if record.get("data") == "sample":
        raise SubmissionError(
            f"{path.name} was made from the embedded sample, whose rows are not the competition's",
            f"fetch the data (python -m pipelines data {competition.slug}) and run again",
            f"该文件由内置示例数据生成；请先用 python -m pipelines data {competition.slug} 获取真实数据",
        )
    return Candidate(path, csv, record)


def check(competition: Competition, candidate: Candidate, data: Path) -> None:
    """Pass the csv through the linter, against the sample submission that it was made with.

    Raises: SubmissionError with every reason not to upload it.
    """
    name = competition.sample_submission
    wanted = (candidate.record.get("inputs_sha256") or {}).get(name)
    folders = [data, Path(str(candidate.record.get("where") or data))]
    for folder in folders:
        path = folder / name
        if path.is_file() and sha256(content := path.read_bytes()) == wanted:
            submission.check(competition, candidate.csv, content)
            return
    raise SubmissionError(
        f"{candidate.path.name} cannot be checked: the {name} that it was made with is not in {data}",
        f"name the folder with --data, or fetch it: python -m pipelines data {competition.slug}",
        f"请用 --data 指定数据文件夹，或运行 python -m pipelines data {competition.slug}",
    )


def pack(candidate: Candidate, message: str = "") -> Parcel:
    """What is sent: the description names the csv and its cross-validated score."""
    record = candidate.record
    score = f"cv {record['cv_mean']:.5f}" if isinstance(record.get("cv_mean"), float) else ""
    text = " ".join(filter(None, (message, candidate.path.stem, score)))
    return Parcel(record["slug"], candidate.path, candidate.csv, record["csv_sha256"], text)


def _newest(competition: Competition, folder: Path) -> Path:
    """The newest by the time in its name, then by its age."""
    paths = sorted(folder.glob("*.csv"), key=lambda path: (path.name[:15], path.stat().st_mtime_ns))
    if not paths:
        raise SubmissionError(
            f"there is no csv in {folder}",
            f"make one first: python -m pipelines run {competition.slug}",
            f"请先运行 python -m pipelines run {competition.slug}",
        )
    return paths[-1]


def _refused(competition: Competition, what: str) -> SubmissionError:
    return SubmissionError(
        f"nothing was sent: {what}",
        f"make a new one: python -m pipelines run {competition.slug}; or name another with --file",
        f"请重新运行 python -m pipelines run {competition.slug}，或用 --file 指定其他文件",
    )
