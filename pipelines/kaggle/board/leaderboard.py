"""The public leaderboard, whole; asked for once a day, and kept beside what was submitted.

Kaggle gives it in two ways. As a csv in a zip it is one request and some hundred kB, however many teams there are. By
pages it is a request for each 200 teams, 75 for Titanic's 15,000, any of which may be refused. So the zip is asked for
first, and the pages are followed to their end where it does not come. Half a board is none: it would make every
percentile wrong.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.data.archives import DAMAGE
from pipelines.errors import HomeworkError
from pipelines.files import sha256, write_whole
from pipelines.kaggle.client import MOST_PAGES, Kaggle
from pipelines.kaggle.errors import CredentialsError
from pipelines.kaggle.refusals import SITE
from pipelines.submission.ledger import number, words
from pipelines.web.failures import NetworkError

NAME = "leaderboard.cache"  # beside the csv files; what is called .json there is a record
KEPT = timedelta(days=1)
LARGEST = 2**26  # bytes of the csv


@dataclass(frozen=True)
class Leaderboard:
    """What it said when it was asked for: a score for each team that has one, the best first.

    `places` are those of the teams by name, from 1. They are known when it was just asked for, and are not kept: other
    people's names are no business of a folder of ours.
    """

    fetched: datetime
    scores: tuple[float, ...]
    places: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)


def score_of(text: object) -> float | None:
    """A score, which Kaggle gives as a text; None for whatever is none.

    >>> score_of("0.77511"), score_of(""), score_of("nan")
    (0.77511, None, None)
    """
    try:
        return number(float(str(text)))
    except ValueError:
        return None


def fetch(kaggle: Kaggle, slug: str, path: Path) -> Leaderboard:
    """The leaderboard as it is now; it takes the place of what is kept at `path`, if that can be written.

    Raises: CredentialsError, AccessError, RefusedError or NetworkError.
    """
    try:
        found = _of_zip(kaggle.leaderboard_zip(slug), kaggle.patience.now())
    except CredentialsError:
        raise
    except (HomeworkError, ValueError, RuntimeError, csv.Error, *DAMAGE):  # RuntimeError: a zip with a password
        found = _of_pages(kaggle, slug)
    try:
        keep(found, slug, path)
    except OSError as error:
        kaggle.say(f"warning: {path} cannot be written ({error.strerror or error}); the leaderboard is not kept")
    return found


def refresh(kaggle: Kaggle, slug: str, path: Path) -> str:
    """Ask for it unless what is kept is of today; returns why that could not be done, or nothing."""
    there, now = kept(slug, path), kaggle.patience.now()
    if there is not None and timedelta(0) <= now - there.fetched < KEPT:
        return ""
    try:
        fetch(kaggle, slug, path)
    except HomeworkError as error:  # nothing depends on it
        return error.message
    return ""


def kept(slug: str, path: Path) -> Leaderboard | None:
    """What was kept, however old; None where there is nothing, or it is damaged."""
    try:
        said = json.loads(path.read_bytes())
        scores, fetched = said["scores"], datetime.fromisoformat(said["fetched"])
        whole = said["slug"] == slug and said["sha256"] == sha256(json.dumps(scores).encode())
        if not (whole and fetched.tzinfo and scores and None not in map(number, scores)):
            return None
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None
    return Leaderboard(fetched, tuple(scores))


def keep(board: Leaderboard, slug: str, path: Path) -> None:
    """Write it to `path` for a day, without the teams' names, whole or not at all."""
    scores = list(board.scores)
    said = {"slug": slug, "fetched": board.fetched.isoformat(), "sha256": sha256(json.dumps(scores).encode())}
    write_whole(path, f"{json.dumps(said | {'scores': scores})}\n".encode())


def _of_zip(body: bytes, now: datetime) -> Leaderboard:
    """The csv in Kaggle's zip: Rank, TeamId, TeamName, LastSubmissionDate, Score, ...

    Raises: ValueError, or what is raised for a damaged zip.
    """
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        [member] = [each for each in archive.infolist() if each.filename.lower().endswith(".csv")]
        if "private" in member.filename.lower() or member.file_size > LARGEST:
            raise ValueError(f"{member.filename} is no public leaderboard")
        with archive.open(member) as file:
            text = file.read(LARGEST).decode("utf-8-sig")
    return _board(csv.DictReader(io.StringIO(text)), ("TeamName", "Score"), now)


def _of_pages(kaggle: Kaggle, slug: str) -> Leaderboard:
    rows, tokens, patience = list[dict[str, Any]](), [""], kaggle.patience
    ends = patience.clock() + patience.deadline
    while True:
        page, token = kaggle.leaderboard_page(slug, tokens[-1])
        rows += page
        if not token:
            break
        if token in tokens or len(tokens) == MOST_PAGES or patience.clock() > ends:
            raise _endless(slug)
        if len(tokens) == 1:
            kaggle.say(f"the leaderboard comes page by page; that takes {patience.deadline:.0f} s at most")
        tokens.append(token)
    try:
        return _board(rows, ("teamName", "score"), patience.now())
    except ValueError:
        raise _endless(slug, "has no scores") from None


def _board(rows: Iterable[Mapping[str, Any]], columns: tuple[str, str], now: datetime) -> Leaderboard:
    """Of rows in the board's order. Raises: ValueError where no row has a score."""
    scores, places = list[float](), dict[str, int]()
    for place, row in enumerate(rows, 1):
        if (score := score_of(row.get(columns[1]))) is not None:
            scores.append(score)
        if (team := words(row.get(columns[0]))) is not None:
            places.setdefault(team, place)
    if not scores and not places:
        raise ValueError("no row has a team or a score")
    return Leaderboard(now.astimezone(UTC), tuple(scores), places)


def _endless(slug: str, what: str = "does not come to an end") -> NetworkError:
    return NetworkError(
        f"the leaderboard of {slug} {what}",
        f"look at {SITE}/competitions/{slug}/leaderboard",
        f"请查看 {SITE}/competitions/{slug}/leaderboard",
        passing=False,
    )
