"""The text of a kernel: a line that says what it is, the program of `aboard`, the pack, and the call."""

import base64
import json
import lzma
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pipelines.errors import UsageError
from pipelines.kaggle.remote.pack import Pack
from pipelines.submission.plain import from_plain

LARGEST = 1_000_000  # bytes of a kernel's text; Kaggle's own figure is not in the API (docs/remote.md)
WIDTH, PRESET = 120, 6  # characters of a line; of lzma, whose better ones gain nothing here
CALL = "if code := main(JOB, PACK):\n    raise SystemExit(code)\n"
MARK = "# homework-job: "
LINE = re.compile(rf"^{re.escape(MARK)}(.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a kernel is to do; `id` is unique to each push, by which it is known again."""

    id: str
    slug: str
    name: str  # the competition's folder
    options: list[str] = field(default_factory=list)
    accelerator: str = ""  # as Kaggle's API names it; empty: none
    pack: str = ""  # SHA-256 of the zip
    commit: str = ""

    @property
    def command(self) -> str:
        """What follows it, and brings it back."""
        words = ["python -m pipelines run", self.name, "--on kaggle", *map(quoted, self.options)]
        return " ".join([*words, f"--accelerator {self.accelerator or 'none'}"])

    def asks_the_same(self, other: "Job") -> bool:
        """Whether two jobs are of the same command."""
        return (self.slug, self.options, self.accelerator) == (other.slug, other.options, other.accelerator)


def new_job(slug: str, name: str, options: Sequence[str], accelerator: str, commit: str | None) -> Job:
    """A job without its pack."""
    return Job(
        id=secrets.token_hex(8), slug=slug, name=name, options=list(options), accelerator=accelerator,
        commit=commit or "",
    )  # fmt: skip


def text(job: Job, pack: Pack) -> str:
    """The script.

    Raises: UsageError where it is larger than Kaggle takes.
    """
    program = files(__package__).joinpath("aboard.py").read_text(encoding="utf-8")
    packed = _packed(pack.content)
    lines = "\n".join(packed[start : start + WIDTH] for start in range(0, len(packed), WIDTH))
    whole = asdict(job) | {"image": dict(pack.image), "carried": {n: list(v) for n, v in pack.carried.items()}}
    said = json.dumps(asdict(job), sort_keys=True)
    found = f'{MARK}{said}\n{program}\n\nJOB = {whole!r}\nPACK = """\n{lines}\n"""\n{CALL}'
    if len(found.encode()) > LARGEST:
        large = sorted(pack.sizes, key=lambda path: -pack.sizes[path])
        own = [f"{path} ({pack.sizes[path] / 1e3:.0f} kB)" for path in large if path.startswith("competitions/")][:3]
        raise UsageError(
            f"the script for Kaggle has {len(found.encode()) / 1e3:.0f} kB, {LARGEST / 1e3:.0f} kB are allowed",
            f"make the competition's folder smaller; its largest files: {', '.join(own)}",
            f"请减小比赛文件夹中的文件；最大的是：{'，'.join(own)}",
        )
    return found


@lru_cache(maxsize=1)
def _packed(content: bytes) -> str:
    """The bytes as text, without quotes or backslashes in it; seconds of work."""
    return base64.b85encode(lzma.compress(content, preset=PRESET)).decode()


def job_of(source: object) -> Job | None:
    """The job of a kernel's text; None where it is not of this program."""
    match = LINE.search(source) if isinstance(source, str) else None
    try:
        return None if match is None else job_from(json.loads(match[1]))
    except (ValueError, RecursionError):
        return None


def job_from(value: Any) -> Job:
    """The job that a line of JSON says.

    Raises: ValueError.
    """
    job: Job = from_plain(Job, value, "job")
    if not re.fullmatch(r"[0-9a-f]{1,64}", job.id) or not re.fullmatch(r"[\w-]+", job.slug):
        raise ValueError("the job has no id or competition")  # folders are named by them
    return job


def quoted(word: str) -> str:
    r"""A word as it is typed in a shell.

    >>> print(quoted("a,b"), quoted('costs $5, "cheap"'))
    a,b "costs \$5, \"cheap\""
    """
    return word if re.fullmatch(r"[\w.,:/=+-]+", word) else '"' + re.sub(r'(["$`\\])', r"\\\1", word) + '"'
