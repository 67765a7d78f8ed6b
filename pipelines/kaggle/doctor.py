"""What stands between this computer and Kaggle: each thing that is wrong, with the next step."""

import os
import platform
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import HomeworkError
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.credentials import Found, find, no_credentials
from pipelines.kaggle.errors import CredentialsError
from pipelines.kaggle.patience import Patience

PACKAGES = ("kagglehub", "kagglesdk", "requests", "torch", "numpy", "pandas", "scikit-learn")
PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `next_step` is there if something is wrong."""

    name: str
    text: str
    next_step: str = ""

    @property
    def line(self) -> str:
        """The finding for people; what is wrong is marked."""
        mark = "!!" if self.next_step else "ok"
        step = f"\n     next step: {self.next_step}" if self.next_step else ""
        return f"{mark}  {self.name:<12} {self.text}{step}"


def examine(slug: str, patience: Patience | None = None) -> Iterator[Finding]:
    """All findings, from the computer outward. No credential's value is in any of them."""
    patience = replace(patience or Patience(), tries=2)
    yield from _computer()
    yield from _network_settings()
    found = find()
    yield from _credentials(found)
    yield from _site(found, slug, patience)


def _computer() -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()} on {platform.system()}")
    yield from package_findings()
    from pipelines.hardware import pick_device

    yield Finding("CUDA", cuda_line())
    yield Finding("device", str(pick_device("auto")))


def cuda_line() -> str:
    """Whether torch finds a GPU; which one, what torch is built for, and the driver's version."""
    import torch

    # NOTE[DIFF]: the notes write torch.cuda.is_availabel(), an AttributeError. And AMD is not excluded:
    # builds of torch for ROCm answer here as CUDA does. All come by pip: PyTorch has left conda.
    built = torch.version.cuda or (f"ROCm {torch.version.hip}" if torch.version.hip else None)
    if not torch.cuda.is_available():
        return f"not available ({'no GPU or driver found' if built else 'this build of torch is for the CPU'})"
    return f"{torch.cuda.get_device_name(0)}, built for {built}, driver {_driver_version() or 'of unknown version'}"


def _driver_version() -> str | None:
    """What NVIDIA's driver says of itself; None where there is none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 fixed
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.partition("\n")[0].strip() or None


def package_findings() -> Iterator[Finding]:
    """The version of each package that the project needs; asks nobody."""
    for package in PACKAGES:
        try:
            yield Finding("version", f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Finding("version", f"{package} is not installed", "pip install -c constraints.txt -e .")


def _network_settings() -> Iterator[Finding]:
    proxies = [name for name in PROXIES if os.environ.get(name)]
    for name in proxies:
        yield Finding("proxy", f"{name}={_without_password(os.environ[name])}")
    if not proxies:
        yield Finding("proxy", "none set (https_proxy)")
    for name in BUNDLES:
        bundle = os.environ.get(name)
        if bundle:
            wrong = "" if Path(bundle).exists() else f"point {name} to the proxy's certificate, or unset it"
            yield Finding("certificate", f"{name}={bundle}" + (", which is not there" if wrong else ""), wrong)
    environment = os.environ.get("KAGGLE_API_ENVIRONMENT")
    if environment not in (None, "PROD"):
        yield Finding(
            "site", f"KAGGLE_API_ENVIRONMENT={environment}: not the real site", "unset KAGGLE_API_ENVIRONMENT"
        )


def _credentials(found: Found) -> Iterator[Finding]:
    for credential in found.credentials:
        user = f", user {credential.username}" if credential.username else ""
        yield Finding("credentials", f"{credential}{user}")
    for path in _credential_files():
        yield Finding("file mode", f"{path} {stat.filemode(path.stat().st_mode)}")
    for note in found.notes:
        what, _, step = note.rpartition(": ")
        yield Finding("credentials", what or note, step)
    if not found.credentials:
        yield Finding("credentials", "none found", no_credentials(found).hint)


def _credential_files() -> list[Path]:
    home = Path("~/.kaggle").expanduser()
    names = ("access_token", "access_token.txt", "kaggle.json", "credentials.json")
    folders = [home, *(Path(os.environ[n]) for n in ("KAGGLE_CONFIG_DIR",) if os.environ.get(n))]
    paths = [folder / name for folder in folders for name in names]
    return [path for path in dict.fromkeys(paths) if os.access(path, os.F_OK)]


def _site(found: Found, slug: str, patience: Patience) -> Iterator[Finding]:
    """Try every credential by itself, then ask for a file with the first good one; nothing is fetched."""
    rules = None
    for credential in found.credentials:
        with Kaggle(Found((credential,), ()), patience) as kaggle:
            try:
                files = kaggle.files(slug)
            except CredentialsError as error:
                step = "make a new one" if credential == found.credentials[-1] else "remove it: it hides the next one"
                yield Finding("sign in", error.message, f"{step} ({error.hint})")
                continue
            except HomeworkError as error:
                yield Finding("site", error.message, error.hint)
                return
            yield Finding("sign in", f"Kaggle answers and accepts the {credential}")
            rules = rules or _rules(kaggle, slug, files)
    if rules:
        yield rules


def _rules(kaggle: Kaggle, slug: str, files: list[Answer]) -> Finding:
    if not files:
        return Finding("rules", f"{slug} shows no files: unknown whether its rules are accepted")
    try:
        kaggle.file_url(slug, str(files[0].get("name") or files[0].get("ref")))
    except HomeworkError as error:
        return Finding("rules", error.message, error.hint)
    return Finding("rules", f"accepted: the files of {slug} may be downloaded")


def _without_password(url: str) -> str:
    """A proxy's address without what stands before the host.

    >>> _without_password("http://anna:secret@proxy:8080")
    'http://***@proxy:8080'
    """
    netloc = urlsplit(url).netloc
    return url.replace(netloc, f"***@{netloc.rpartition('@')[2]}") if "@" in netloc else url
