"""Which project, Python and packages a process has: networks of other versions are others, and so may be their form."""

from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines.submission.provenance import versions

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "kaggle-homework"
CUT = 12  # hexadecimal digits of the hash that are shown


@cache
def identity(folder: str) -> dict[str, str]:
    """Versions by name, the project's with a hash of its code and of the competition's `folder`, if there is one."""
    try:
        number = version(PROJECT)
    except PackageNotFoundError:  # run from its folder, not installed
        number = "not installed"
    places = [ROOT / "pipelines", *([ROOT / "competitions" / folder] if folder else [])]
    return {PROJECT: f"{number} (code {code_hash(*places)})", **versions()}


def code_hash(*folders: Path) -> str:
    """A hash of all Python files in folders; how a system ends lines is left out."""
    found = sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found.update(f"\n{folder.name}/{path.relative_to(folder).as_posix()}\n".encode())
            found.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()[:CUT]
