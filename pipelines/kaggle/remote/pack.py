"""What goes up: the project's code, one competition's, and pure-Python packages that Kaggle's image may lack.

No data, no runs, no credentials, nothing hidden. The API takes one text per kernel; the pack is part of it, since a
private dataset would be one more thing to be made, waited for and left behind at Kaggle.
"""

import io
import re
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePath

from pipelines.errors import ROOT, UsageError
from pipelines.files import sha256
from pipelines.settings import lookup

CODE = (".py", ".jinja", ".css")
BESIDE = (".py", ".json", ".toml")  # in a competition's folder
EPOCH = (1980, 1, 1, 0, 0, 0)  # of all files, so that the same files make the same bytes
NOT_THERE = (
    "google-crc32c",
    "kaggle",
    "kagglehub",
    "kagglesdk",
    "pooch",
    "prettytable",
    "six",
)  # what a run does not import
CARRIED = (  # and their dependencies, which are pure Python as well; all else that a run imports is in the image
    "annotated-doc", "mypy_extensions", "pandera", "rtdl_num_embeddings", "shellingham", "skops", "tabm", "tenacity",
    "typeguard", "typer", "typing_inspect",
)  # fmt: skip
NEVER_IMPORTED = re.compile(  # other frames than pandas', command lines, cards of models
    r"polars|pyspark|ibis|xarray|narwhals|pandera/(?:_cli|io|mypy)|skops/(?:card|cli|hub)|/tests/"
)
LICENCE = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
TOKEN = re.compile(rb"KGAT_[A-Za-z0-9]{16,}")
NAMED = re.compile(r"kaggle\.json|credentials\.json|access_token.*", re.IGNORECASE)  # what credentials lie in
LIKE_A_KEY = re.compile(  # key="…", "key": "…", KAGGLE_KEY=…, and those of an OAuth file
    rb"""(?<![a-z0-9])key[\\"')\]\s]*[:=,][\\"'(\s]*[0-9a-f]{32}(?![0-9a-z])"""
    rb"""|(?:access|refresh)_token[\\]?["']\s*:\s*[\\]?["'][^"'\s]{16}""",
    re.IGNORECASE,
)
LARGEST_COMPANION = 200_000  # bytes of a table beside a competition's code


@dataclass(frozen=True)
class Pack:
    """A zip, and by name of package what the program there has to know: lowest versions, and what is carried."""

    content: bytes
    image: Mapping[str, str]
    carried: Mapping[str, tuple[str, str]]  # version, lowest version
    sizes: Mapping[str, int]  # bytes, by file

    @property
    def sha256(self) -> str:
        """By which the same code is known."""
        return sha256(self.content)


def make(name: str, secrets: Iterable[str] = (), beside: Mapping[str, bytes] | None = None) -> Pack:
    """The pack for the competition in the folder `name`; files `beside` are put where the run looks for its own.

    Raises: UsageError where a file holds one of `secrets`, or what looks like a credential of Kaggle's.
    """
    files, carried = dict(code(name)), list[str]()
    files |= {f"beside/{path}": data for path, data in (beside or {}).items()}
    for package in CARRIED:
        found = dict(of_package(package))
        if found:
            files |= found
            carried.append(package)
    refuse_secrets(files, secrets)
    lowest = requirements()
    for package in carried:
        of_this = lowest_of(metadata.requires(package) or [])
        lowest |= {each: max(least, lowest.get(each, "0"), key=_numbers) for each, least in of_this.items()}
    image = {package: least for package, least in lowest.items() if package not in (*NOT_THERE, *carried)}
    versions = {package: (metadata.version(package), lowest.get(package, "0")) for package in carried}
    return Pack(zipped(files), image, versions, {path: len(data) for path, data in files.items()})


def code(name: str) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of the project's files and of those in the folder of a competition."""
    own, folder = ROOT / "pipelines", lookup.FOLDER / name
    yield "competitions/__init__.py", b""
    for path in _visible(own, CODE):
        yield f"pipelines/{path.relative_to(own).as_posix()}", path.read_bytes()
    for path in _visible(folder, BESIDE):
        if path.suffix == ".py" or path.stat().st_size <= LARGEST_COMPANION:
            yield f"competitions/{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _visible(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix in endings and path.is_file())
    return sorted(path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts))


def of_package(name: str) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of an installed package's code with its licence; nothing where it has none, or is not pure."""
    try:
        listed = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        return
    if any(path.suffix in (".so", ".pyd") for path in listed) or not any(map(_is_licence, listed)):
        return
    for path in listed:
        inside = ".." not in path.parts and not path.is_absolute() and not NEVER_IMPORTED.search(str(path))
        if inside and (path.suffix in (".py", ".typed") or _is_licence(path) or _is_metadata(path)):
            yield f"carried/{name}/{path.as_posix()}", Path(str(path.locate())).read_bytes()


def _is_licence(path: PurePath) -> bool:
    return path.suffix != ".py" and LICENCE.search(path.name) is not None


def _is_metadata(path: PurePath) -> bool:
    return path.name == "METADATA" and path.parent.suffix == ".dist-info"


def requirements() -> dict[str, str]:
    """The lowest version that the project declares, by name of package."""
    if (ROOT / "pyproject.toml").is_file():
        listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        listed = metadata.requires("kaggle-homework") or []
    return lowest_of(listed)


def lowest_of(requirements: Iterable[str]) -> dict[str, str]:
    """The lowest version by name of package, of requirements that hold here.

    >>> lowest_of(["typing-extensions (>=3.7.4)", "torch>=1.12,<3", "typing ; python_version < '3.5'", "six"])
    {'typing_extensions': '3.7.4', 'torch': '1.12', 'six': '0'}
    """
    from packaging.requirements import Requirement

    found = {}
    for each in map(Requirement, requirements):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            least = [part.version for part in each.specifier if part.operator in (">=", "==", "~=")]
            found[_known(each.name)] = least[0] if least else "0"
    return found


def _known(name: str) -> str:
    """A package's name as it is written here, whatever dashes it has elsewhere."""
    written = (*CARRIED, "typing_extensions")
    return {each.replace("_", "-").lower(): each for each in written}.get(name.replace("_", "-").lower(), name)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"[0-9]+", version)]


def refuse_secrets(files: Mapping[str, bytes], secrets: Iterable[str]) -> None:
    """Raise UsageError with the name of a file that holds a credential, of `secrets` or by its look."""
    wanted = [secret.encode() for secret in secrets if secret]
    for path, data in files.items():
        plain = data.replace(b"\0", b"")  # UTF-16, as PowerShell writes it, is the same with noughts in between
        if NAMED.fullmatch(PurePath(path).name):
            raise UsageError(
                f"{path} has the name of a file of credentials, and would go up with the rest; nothing was sent",
                "move it out of the competition's folder (README says where credentials belong)",
                "请将该文件移出比赛文件夹（凭据的存放位置见 README.zh-CN.md）",
            )
        if TOKEN.search(plain) or any(secret in plain for secret in wanted):
            raise UsageError(
                f"{path} holds a credential of Kaggle's, and would go up with the rest; nothing was sent",
                "take it out of the file (README says where credentials belong), and make a new one at Kaggle",
                "请从该文件中删除凭据（存放位置见 README.zh-CN.md），并在 Kaggle 重新生成",
            )
        if LIKE_A_KEY.search(plain):
            raise UsageError(
                f"{path} holds what looks like a key or token of Kaggle's, and would go up with the rest; "
                "nothing was sent",
                "take it out of the file (README says where credentials belong); if it is none, give it another name "
                "than key or token there",
                "请从该文件中删除凭据（存放位置见 README.zh-CN.md）；若它不是凭据，请在该处改用 key、token 以外的名称",
            )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip that is not compressed, which the whole is later; the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path, EPOCH), files[path])
    return buffer.getvalue()
