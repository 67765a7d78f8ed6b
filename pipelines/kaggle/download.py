"""A competition's files into `data/<slug>/`: whole or not at all, in one rename; a broken download is resumed.

kagglehub gives the files of a Kaggle notebook, where they lie already. Its download waits without end for a
storage that is silent, cannot tell a web page from an archive, and extracts unchecked: docs/faults.md says
which rows need the transfer below.
"""

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import requests

from pipelines.competition import Competition
from pipelines.data.archives import DamagedArchiveError, extract
from pipelines.data.folders import Target, install, link, locked, verify
from pipelines.data.manifest import Manifest
from pipelines.errors import DataError, HomeworkError
from pipelines.files import check_room, full_disk_told, write_whole
from pipelines.kaggle.client import Kaggle
from pipelines.kaggle.credentials import find, in_kaggle_notebook, no_credentials
from pipelines.kaggle.errors import not_json, site_trouble
from pipelines.submission.plain import from_plain
from pipelines.web.failures import NetworkError, is_html, is_page
from pipelines.web.patience import Say, repeat, silent
from pipelines.web.transport import chunks

Progress = Callable[[str, int, int | None], None]  # (what, bytes so far, bytes in all or None)
EXPIRED = (400, 401, 403, 404, 410)  # what the storage answers when a signed address is too old


def download(
    kaggle: Kaggle, target: Target, progress: Progress = lambda *_: None, *, force: bool = False
) -> tuple[Manifest, bool]:
    """Fetch the files unless they are there and good; returns the manifest and whether they were fetched.

    A broken download is resumed. An archive that turns out damaged without a hash to tell is fetched
    once more. Raises: DataError, or what `Kaggle` raises; then the data folder is as before.
    """
    mounted = attached(target.slug, kaggle.say) if force or target.is_empty else None
    if not (mounted or kaggle.found.credentials or target.folder.is_dir() or target.work.is_dir() or target.kept):
        raise no_credentials(kaggle.found)  # before there is a lock or a folder
    with locked(target) as restored:
        if restored:
            kaggle.say(f"{target.folder}{restored}")
        there = None if force else verify(target)
        if there:
            shutil.rmtree(target.work, ignore_errors=True)
            return there, False
        if mounted:
            return install(partial(link, mounted), target, "kaggle"), True
        found = _fetch(Transfer(kaggle, target.slug, target.work, progress), target)
        shutil.rmtree(target.work, ignore_errors=True)
        return found, True


def _fetch(transfer: "Transfer", target: Target) -> Manifest:
    again = True
    while True:
        try:
            return install(partial(extract, transfer.fetch()), target, "kaggle")
        except DataError as error:  # damaged, hostile, or another competition's: there is nothing to resume
            transfer.discard()
            if not (again and isinstance(error, DamagedArchiveError)):
                raise
            transfer.kaggle.say(f"{error.message}; fetching it once more")
            again = False


def fetch(competition: Competition, folder: Path, say: Say = silent) -> bool:
    """For `sources.locate`: fetch into `folder`; False without credentials, unless a Kaggle notebook has the files.

    Raises: what `download` raises, and how a run goes on without it.
    """
    found, slug = find(), competition.slug
    if not found.credentials and attached(slug, say) is None:
        for note in found.notes:
            say(f"note: no data from Kaggle: {note}")
        return False
    target = Target(slug, folder.parent, competition.files)
    say(f"data: downloading {slug} from Kaggle into {target.folder}")
    try:
        with Kaggle(found, say=say) as kaggle:
            download(kaggle, target)
    except HomeworkError as error:
        error.hint += (
            f". The download alone, with its --timeout: python -m pipelines data {slug}. "
            "Without Kaggle: --data FOLDER (or zip) with the files, or --data sample for made rows"
        )
        error.hint_zh += (
            f"。单独下载：python -m pipelines data {slug}；"
            "也可用 --data 指定数据文件夹或 zip，或用 --data sample（示例数据）"
        )
        raise
    return True


def attached(slug: str, say: Say) -> Path | None:
    """The folder of a Kaggle notebook that holds the competition's files, attached if need be; elsewhere None."""
    if not in_kaggle_notebook(os.environ):
        return None
    import kagglehub
    from kagglehub.config import is_kaggle_cache_disabled

    logging.getLogger("kagglehub").setLevel(logging.ERROR)  # it writes to where results are printed
    if is_kaggle_cache_disabled():
        return None
    try:
        return Path(kagglehub.competition_download(slug))
    except Exception as error:  # its errors have no class in common
        say(f"this notebook does not attach {slug} ({type(error).__name__}); downloading it")
        return None


@dataclass(frozen=True)
class Remote:
    """What the storage says about the archive: ETag or date, size in bytes, and a hash (base64)."""

    validator: str | None = None
    size: int | None = None
    hash_name: str = ""
    hash_value: str = ""


class Transfer:
    """The download of a competition's archive into `folder`, where a broken one is resumed.

    `folder` holds `archive.part` and `archive.json` (a Remote) until the files are extracted.
    """

    def __init__(self, kaggle: Kaggle, slug: str, folder: Path, progress: Progress) -> None:
        self.kaggle, self.slug, self.progress = kaggle, slug, progress
        self.part, self.state = folder / "archive.part", folder / "archive.json"
        self.url: str | None = None
        self.strikes = 0
        self.ends = time.monotonic() + kaggle.patience.download_deadline
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def fetch(self) -> Path:
        """The whole, checked archive; raises NetworkError and leaves what is good for the next time."""
        repeat(self._attempt, self.kaggle.patience, self.kaggle.say, lambda: self.size)
        return self.part

    def discard(self) -> None:
        """Forget what was downloaded."""
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    def _remote(self) -> Remote:
        try:
            remote: Remote = from_plain(Remote, json.loads(self.state.read_bytes()), "")
        except (OSError, ValueError, RecursionError):
            return Remote()
        sendable = re.fullmatch(r"[\x21-\x7e][\x20-\x7e]*", remote.validator or "-")
        return remote if sendable and (remote.size or 0) >= 0 else Remote()

    def _attempt(self) -> None:
        remote = self._remote()
        if remote.size is None or self.size < remote.size:
            self._get(remote)
        remote = self._remote()
        if remote.size is not None and self.size != remote.size:
            raise self._damaged(f"the archive has {self.size} bytes instead of {remote.size}")
        if remote.hash_name and _hash(self.part, remote.hash_name) != remote.hash_value:
            raise self._damaged("the archive does not have the hash that the storage announces")

    def _get(self, remote: Remote) -> None:
        fresh = self.url is None
        self.url = self.url or self.kaggle.archive_url(self.slug)
        start, headers = 0, {"Accept-Encoding": "identity"}
        if remote.validator and remote.size and self.size:
            start = self.size
            headers |= {"Range": f"bytes={start}-", "If-Range": remote.validator}
        with self.kaggle.storage(self.url, headers) as answer:
            status = answer.status_code
            given = re.match(r"bytes ([0-9]+)-[0-9]*/([0-9]+|\*)", answer.headers.get("Content-Range", ""))
            if status == 206 and start and given and given[1] == str(start) and given[2] in (str(remote.size), "*"):
                self._append(answer, start, remote.size)
            elif status == 200:
                self.discard()
                remote = describe(answer.headers)
                write_whole(self.state, json.dumps(asdict(remote)).encode())
                self._append(answer, 0, remote.size)
            elif status in EXPIRED:
                start_of_body = next(chunks(answer, self.ends), b"")
                if is_html(start_of_body):
                    raise not_json(f"the archive ({status})", start_of_body)
                self.url = None
                raise self._strike(f"the storage refuses the signed address ({status})", counts=fresh)
            elif status == 429 or status >= 500:
                raise site_trouble(status, answer.headers, f"the storage answered {status}")
            else:
                raise self._damaged(f"the storage answered {status}")

    def _append(self, answer: requests.Response, done: int, size: int | None) -> None:
        lacking = (size or done) - done
        check_room(self.part.parent, lacking)
        with full_disk_told(self.part.parent, lacking), self.part.open("ab" if done else "wb") as file:
            for chunk in chunks(answer, self.ends):
                if done == 0 and is_page(chunk):
                    self.state.unlink()  # it describes the page
                    raise not_json("the archive", chunk)
                file.write(chunk)
                file.flush()
                done += len(chunk)
                self.progress(self.slug, done, size)

    def _strike(self, message: str, *, counts: bool = True) -> NetworkError:
        """What a new start may mend, twice at most."""
        self.strikes += counts
        return site_trouble(500, {}, message, passing=self.strikes < 3)

    def _damaged(self, message: str) -> NetworkError:
        self.discard()
        return self._strike(message)


def describe(headers: Mapping[str, str]) -> Remote:
    """What the headers of a whole answer say; of two hashes the stronger.

    >>> describe({"ETag": '"x"', "Content-Length": "7", "x-goog-hash": "crc32c=AAAAAA==,md5=1B2M=="})
    Remote(validator='"x"', size=7, hash_name='md5', hash_value='1B2M==')
    """
    if headers.get("Content-Encoding", "identity") != "identity":
        return Remote()
    length, etag = headers.get("Content-Length", ""), headers.get("ETag", "")
    hashes = dict(re.findall(r"(md5|crc32c)=([^,\s]+)", headers.get("x-goog-hash", "")))
    name = max(hashes, default="")  # md5 comes after crc32c
    return Remote(
        validator=etag if etag and not etag.startswith("W/") else headers.get("Last-Modified"),
        size=int(length) if length.isdigit() else None,
        hash_name=name,
        hash_value=hashes.get(name, ""),
    )


def _hash(path: Path, name: str) -> str:
    """The file's MD5 or CRC-32C in base64, as the storage writes it."""
    from google_crc32c import Checksum

    digest = hashlib.md5(usedforsecurity=False) if name == "md5" else Checksum()  # type: ignore[no-untyped-call]
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()
