"""A competition's files into `data/<slug>/`: whole or not at all, in one rename."""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.competition import Competition
from pipelines.data import manifest
from pipelines.data.manifest import Manifest
from pipelines.errors import DataError, UsageError
from pipelines.kaggle import archives
from pipelines.kaggle.archives import DamagedArchiveError
from pipelines.kaggle.client import Kaggle, no_credentials
from pipelines.kaggle.credentials import find
from pipelines.kaggle.patience import Say, silent
from pipelines.kaggle.transfer import Progress, Transfer


@dataclass(frozen=True)
class Target:
    """Where a competition's files go, and which of them must be there."""

    slug: str
    root: Path = Path("data")
    expected: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The data folder; it is there when it is whole."""
        return self.root / self.slug

    @property
    def work(self) -> Path:
        """Where what is not whole yet lies."""
        return self.root / f".{self.slug}.download"


def slug_of(name: str) -> str:
    """The slug in a name or URL.

    >>> slug_of("https://www.kaggle.com/c/titanic/data?select=train.csv")
    'titanic'

    Raises: UsageError for what cannot be a slug, a path for example.
    """
    match = re.search(r"kaggle\.com/(?:competitions|c)/([^/?#]+)", name)
    slug = match.group(1) if match else name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", slug):
        raise UsageError(
            f"{name!r} is no competition's name or URL",
            "give what follows kaggle.com/competitions/ in the browser, for example titanic",
            "请给出浏览器地址中 kaggle.com/competitions/ 之后的名称，例如 titanic",
        )
    return slug


def verify(target: Target) -> Manifest | None:
    """The manifest of a good data folder; None if there is no folder, or an empty one.

    Raises: DataError that names every changed, damaged or missing file.
    """
    folder = target.folder
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    found = manifest.read(folder)
    if found is None:
        raise DataError(
            f"{folder} holds files that this command did not put there; nothing was changed",
            "use them as they are, or download anew with --force (they are kept beside it)",
            "可直接使用现有文件，或加 --force 重新下载（原文件会保留在旁边）",
        )
    problems = found.problems(folder)
    if problems:
        raise DataError(
            f"{folder} is not as it was downloaded: {'; '.join(problems)}",
            "download anew with --force",
            "请加 --force 重新下载",
        )
    return found


def download(kaggle: Kaggle, target: Target, progress: Progress, *, force: bool = False) -> tuple[Manifest, bool]:
    """Fetch the files unless they are there and good; returns the manifest and whether they were fetched.

    A broken download is resumed. An archive that turns out damaged without a hash to tell is fetched
    once more. Raises: DataError, or what `Kaggle` raises; then the data folder is as before.
    """
    if not kaggle.found.credentials and not target.folder.is_dir() and not target.work.is_dir():
        raise no_credentials(kaggle.found)  # before there is a lock or a folder
    with _locked(target):
        there = None if force else verify(target)
        try:
            found = there or _fetch(Transfer(kaggle, target.slug, target.work, progress), target)
        finally:
            _remove_if_empty(target.work)  # else it holds a broken download to go on with
        shutil.rmtree(target.work, ignore_errors=True)
        return found, there is None


def _fetch(transfer: Transfer, target: Target) -> Manifest:
    again = True
    while True:
        try:
            return _install(transfer.fetch(), target, "kaggle")
        except DamagedArchiveError as damage:
            transfer.discard()
            if not again:
                raise
            transfer.kaggle.say(f"{damage.message}; fetching it once more")
            again = False
        except DataError:  # hostile, or another competition's: there is nothing to resume
            transfer.discard()
            raise


def import_zip(path: Path, target: Target, *, force: bool = False) -> Manifest:
    """Put the files of a zip that was downloaded by hand into the data folder.

    Raises: DataError if it is no zip, is hostile, or lacks files.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}", "name the downloaded zip", "请指定下载的 zip 文件")
    with _locked(target):
        if not force and target.folder.is_dir() and any(target.folder.iterdir()):
            raise DataError(
                f"{target.folder} is there already; nothing was changed",
                "replace it with --force, or use it as it is",
                "请加 --force 替换，或直接使用",
            )
        target.work.mkdir(parents=True, exist_ok=True)
        try:
            return _install(path, target, "import")
        finally:
            _remove_if_empty(target.work)


def fetch(competition: Competition, folder: Path, say: Say = silent) -> bool:
    """For `sources.locate`: download into `folder` where credentials are found; False without them."""
    found = find()
    if not found.credentials:
        return False
    target = Target(competition.slug, folder.parent, competition.files)
    say(f"data: downloading {competition.slug} from Kaggle into {target.folder}")
    with Kaggle(found, say=say) as kaggle:
        download(kaggle, target, lambda _done, _size: None)
    return True


def _install(archive: Path, target: Target, source: str) -> Manifest:
    """Extract, check, record, and put in place with one rename."""
    staging = target.work / f"files-{secrets.token_hex(4)}"
    try:
        archives.extract(archive, staging)
        lacking = [name for name in target.expected if not (staging / name).is_file()]
        if lacking:
            raise DataError(
                f"the archive has no {', '.join(lacking)}",
                f"is it the one of {target.slug}? compare with kaggle.com/competitions/{target.slug}/data",
                f"请确认这是 {target.slug} 的压缩包",
            )
        found = manifest.write(staging, target.slug, source)
        _replace(staging, target.folder)
        return found
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _replace(staging: Path, folder: Path) -> None:
    """Rename `staging` to `folder`; what was there before is kept beside it, unless it was empty."""
    if folder.is_dir():
        if any(folder.iterdir()):
            number = 1
            while (kept := folder.with_name(f"{folder.name}.old-{number}")).exists():
                number += 1
            folder.rename(kept)
        else:
            folder.rmdir()
    staging.rename(folder)


@contextmanager
def _locked(target: Target) -> Iterator[None]:
    """One process at a time for one competition; the system frees the lock of a killed one."""
    target.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.root / f".{target.slug}.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(
            f"another process is fetching {target.slug}",
            "wait until it is done",
            "另一个进程正在下载，请等它完成",
        ) from None
    try:
        yield
    finally:
        lock.release()
