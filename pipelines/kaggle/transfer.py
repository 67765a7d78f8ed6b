"""One archive from the storage to the disk: resumed after any break, and checked when whole."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from pipelines.files import write_whole
from pipelines.kaggle.client import Kaggle
from pipelines.kaggle.errors import NetworkError, is_page, not_json, site_trouble
from pipelines.kaggle.patience import repeat
from pipelines.kaggle.sessions import chunks

Progress = Callable[[int, int | None], None]  # (bytes so far, bytes in all or None)
LARGEST_CRC32C = 64 * 2**20  # bytes; it is computed in Python, 10 MB/s. The members' checksums guard the rest
EXPIRED = (400, 401, 403, 404, 410)  # what the storage answers when a signed address is too old


@dataclass(frozen=True)
class Remote:
    """What the storage says about the archive: ETag or date, size in bytes, hashes (base64)."""

    validator: str | None = None
    size: int | None = None
    md5: str | None = None
    crc32c: str | None = None


class Transfer:
    """The download of a competition's archive into `folder`, where a broken one is resumed.

    `folder` holds `archive.part` and `archive.json` (a Remote) until the files are extracted.
    """

    def __init__(self, kaggle: Kaggle, slug: str, folder: Path, progress: Progress) -> None:
        self.kaggle, self.slug, self.progress = kaggle, slug, progress
        self.part, self.state = folder / "archive.part", folder / "archive.json"
        self.url: str | None = None
        self.refused = self.restarts = 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def fetch(self) -> Path:
        """The whole, checked archive; raises NetworkError and leaves what is good for the next time."""
        patience = self.kaggle.patience
        self.ends = time.monotonic() + patience.download_deadline
        repeat(
            self._attempt, patience, self.kaggle.say,
            progress=lambda: self.size,
        )  # fmt: skip
        return self.part

    def discard(self) -> None:
        """Forget what was downloaded."""
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    def remote(self) -> Remote:
        """What is known of the archive that the part belongs to."""
        try:
            return Remote(**json.loads(self.state.read_bytes()))
        except (OSError, ValueError, TypeError):
            return Remote()

    def _attempt(self) -> None:
        remote = self.remote()
        if remote.size is None or self.size < remote.size:
            self._get(remote)
        self._check()

    def _get(self, remote: Remote) -> None:
        fresh = self.url is None
        self.url = self.url or self.kaggle.archive_url(self.slug)
        start, headers = 0, {"Accept-Encoding": "identity"}
        if remote.validator and remote.size and self.size:
            start = self.size
            headers |= {"Range": f"bytes={start}-", "If-Range": remote.validator}
        with self.kaggle.storage(self.url, headers) as answer:
            status = answer.status_code
            if status == 206 and start and _range_start(answer.headers) == start:
                self._append(answer, start, remote.size)
            elif status == 200:
                self._from_start(answer)
            elif status in EXPIRED:
                raise self._expired(status, fresh=fresh)
            elif status == 429 or status >= 500:
                raise site_trouble(status, answer.headers, f"the storage answered {status}")
            else:
                raise self._damaged(f"the storage answered {status}")

    def _from_start(self, answer: requests.Response) -> None:
        self.discard()
        remote = _describe(answer.headers)
        write_whole(self.state, json.dumps(asdict(remote)).encode())
        self._append(answer, 0, remote.size)

    def _append(self, answer: requests.Response, start: int, size: int | None) -> None:
        with self.part.open("ab" if start else "wb") as file:
            done = start
            for chunk in chunks(answer, self.ends):
                if done == 0 and is_page(chunk):
                    self.state.unlink()  # it describes the page
                    raise not_json("the archive", chunk)
                file.write(chunk)
                file.flush()
                done += len(chunk)
                self.progress(done, size)

    def _check(self) -> None:
        remote = self.remote()
        if remote.size is not None and self.size != remote.size:
            raise self._damaged(f"the archive has {self.size} bytes instead of {remote.size}")
        if remote.md5 is not None:
            good = _md5(self.part) == remote.md5
        elif remote.crc32c is not None and self.size <= LARGEST_CRC32C:
            good = _crc32c(self.part.read_bytes()) == remote.crc32c
        else:
            return
        if not good:
            raise self._damaged("the archive does not have the hash that the storage announces")

    def _expired(self, status: int, *, fresh: bool) -> NetworkError:
        """The signed address does not work: a new one is asked for, but not for ever."""
        self.url = None
        self.refused += fresh
        error = site_trouble(status, {}, f"the storage refuses the signed address ({status})")
        error.passing = self.refused < 2
        return error

    def _damaged(self, message: str) -> NetworkError:
        """Throw away what came, and start anew once."""
        self.discard()
        self.restarts += 1
        error = site_trouble(500, {}, message)
        error.passing = self.restarts < 3
        return error


def _describe(headers: Mapping[str, str]) -> Remote:
    """What the headers of a whole answer say.

    >>> _describe({"ETag": '"x"', "Content-Length": "7", "x-goog-hash": "crc32c=AAAAAA==,md5=1B2M=="})
    Remote(validator='"x"', size=7, md5='1B2M==', crc32c='AAAAAA==')
    """
    length, etag = headers.get("Content-Length", ""), headers.get("ETag", "")
    packed = headers.get("Content-Encoding", "identity") != "identity"
    hashes = dict(part.strip().split("=", 1) for part in headers.get("x-goog-hash", "").split(",") if "=" in part)
    return Remote(
        validator=None if packed else etag if etag and not etag.startswith("W/") else headers.get("Last-Modified"),
        size=int(length) if length.isdigit() and not packed else None,
        md5=None if packed else hashes.get("md5"),
        crc32c=None if packed else hashes.get("crc32c"),
    )


def _range_start(headers: Mapping[str, str]) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match.group(1)) if match else None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode()


def _crc32c(data: bytes) -> str:
    """CRC-32C in base64, most significant byte first, as the storage writes it.

    >>> base64.b64decode(_crc32c(b"123456789")).hex()
    'e3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return base64.b64encode((crc ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)  # the reversed Castagnoli polynomial
    return value


_TABLE = [_entry(value) for value in range(256)]
