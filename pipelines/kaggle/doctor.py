"""What stands between this computer and Kaggle: each thing that is wrong, with the next step."""

import os
import platform
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines.errors import HomeworkError
from pipelines.kaggle.client import Answer, Kaggle
from pipelines.kaggle.credentials import Found, as_meant, expanded, find, no_credentials
from pipelines.kaggle.errors import CredentialsError, not_json
from pipelines.kaggle.refusals import SITE
from pipelines.language.catalogue import translated
from pipelines.language.choice import shown as shown_language
from pipelines.language.templates import in_column
from pipelines.web.addresses import BUNDLES, PROXIES, bundle_fault, host_of, proxy_fault, proxy_for, shown
from pipelines.web.addresses import without_secrets as plain
from pipelines.web.failures import NetworkError, is_html
from pipelines.web.patience import Patience, repeat, silent
from pipelines.web.transport import chunks

PACKAGES = ("kagglehub", "kagglesdk", "requests", "torch", "numpy", "pandas", "scikit-learn")
HOSTS = re.compile(r"[\w.*/\s-]*(?::[0-9]{1,5})?\s*|[0-9A-Fa-f:.\[\]/\s]*")  # what stands in no_proxy
STORAGE = "https://storage.googleapis.com/kaggle-competitions-data/"  # answers a stranger with 403 and XML


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
        return f"{mark}  {in_column(translated(self.name), 13)}{self.text}{step}"


def step_of(error: HomeworkError) -> str:
    """An error's next step, in the language that is shown."""
    return error.hint_zh if shown_language.language == "zh" else error.hint


def examine(slug: str, patience: Patience | None = None) -> Iterator[Finding]:
    """All findings, from the computer outward. No secret is in any of them."""
    patience = replace(patience or Patience(), tries=2)
    yield from _computer()
    yield from _network_settings()
    found = find()
    yield from _credentials(found)
    yield from _site(found, slug, patience)


def _computer() -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()} ({platform.system()})")
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
        fault = proxy_fault(os.environ[name])
        text = f"{name}={shown(os.environ[name])}"
        yield Finding("proxy", f"{text}: {fault.what}", fault.step) if fault else Finding("proxy", text)
    for name in ("no_proxy", "NO_PROXY"):
        if os.environ.get(name):
            hosts = os.environ[name].split(",")
            clean = (host if HOSTS.fullmatch(host) else shown(host) for host in hosts)
            yield Finding("proxy", f"{name}={','.join(clean)}")
    if not proxies:
        yield Finding("proxy", "none set (https_proxy)")
    for name in BUNDLES:
        if bundle := os.environ.get(name):
            fault, text = bundle_fault(bundle), f"{name}={plain(bundle)}"
            yield Finding("certificate", f"{text}, {fault.what}", fault.step) if fault else Finding("certificate", text)
    environment = os.environ.get("KAGGLE_API_ENVIRONMENT")
    if environment not in (None, "PROD"):
        text = f"KAGGLE_API_ENVIRONMENT={shown(environment)}: not the real site"
        yield Finding("site", text, "unset KAGGLE_API_ENVIRONMENT")


def _credentials(found: Found) -> Iterator[Finding]:
    for credential in found.credentials:
        user = credential.username
        yield Finding("credentials", f"{credential.kind} from {credential.source}{f', user {user}' if user else ''}")
    for path in _credential_files():
        yield Finding("file mode", f"{path} {stat.filemode(path.stat().st_mode)}")
    for note in found.notes:
        what, _, step = note.rpartition(": ")
        yield Finding("credentials", what or note, step)
    if not found.credentials:
        yield Finding("credentials", "none found", step_of(no_credentials(found)))


def _credential_files() -> list[Path]:
    home = expanded("~/.kaggle")
    names = ("access_token", "access_token.txt", "kaggle.json", "credentials.json")
    chosen = as_meant(os.environ.get("KAGGLE_CONFIG_DIR", ""))
    folders = [home, expanded(chosen)] if chosen else [home]
    paths = [folder / name for folder in folders for name in names]
    return [path for path in dict.fromkeys(paths) if os.access(path, os.F_OK)]


def _site(found: Found, slug: str, patience: Patience) -> Iterator[Finding]:
    """Try every credential by itself, ask for a file with the first good one, and see whether the storage gives it."""
    rules, address = None, STORAGE
    for credential in found.credentials:
        with Kaggle(Found((credential,), ()), patience) as kaggle:
            try:
                files = kaggle.files(slug)
            except CredentialsError as error:
                step = "make a new one" if credential == found.credentials[-1] else "remove it: it hides the next one"
                yield Finding("sign in", error.message, f"{step} ({step_of(error)})")
                continue
            except HomeworkError as error:
                yield Finding("site", error.message, step_of(error))
                if isinstance(error, NetworkError):
                    return
                break
            yield Finding("sign in", f"Kaggle answers and accepts the {credential}")
            if rules is None:
                rules, address = _rules(kaggle, slug, files)
    if rules:
        yield rules
    with Kaggle(Found((), ()), patience) as kaggle:
        yield _storage(kaggle, address)


def _rules(kaggle: Kaggle, slug: str, files: list[Answer]) -> tuple[Finding, str]:
    """Whether the files may be downloaded, and an address at the storage."""
    if not files:
        step = f"see {SITE}/competitions/{slug}/data in a browser: if it shows files, something in between hides them"
        return Finding("rules", f"{slug} shows no files: unknown whether its rules are accepted", step), STORAGE
    try:
        address = kaggle.file_url(slug, str(files[0].get("name") or files[0].get("ref")))
    except HomeworkError as error:
        return Finding("rules", error.message, step_of(error)), STORAGE
    return Finding("rules", f"accepted: the files of {slug} may be downloaded"), address


def _storage(kaggle: Kaggle, address: str) -> Finding:
    """Whether the host that keeps the files answers; one byte is asked for."""
    headers, host, proxy = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}, host_of(address), proxy_for(address)

    def ask() -> tuple[int, bytes]:
        """Status and first bytes."""
        with kaggle.storage(address, headers) as answer:
            return answer.status_code, next(chunks(answer, time.monotonic() + kaggle.patience.deadline), b"")

    try:
        status, start = repeat(ask, kaggle.patience, silent)
    except HomeworkError as error:
        return Finding("storage", error.message, step_of(error))
    if is_html(start):
        page = not_json(f"{host} ({status})", start)
        return Finding("storage", page.message, step_of(page))
    if status >= 500 or (address != STORAGE and status not in (200, 206)):
        step = "check this computer's clock; if it is right, another network, or later"
        return Finding("storage", f"{host} gives no file for a signed address ({status})", step)
    return Finding("storage", f"{host} answers, {f'through {shown(proxy[1])}' if proxy else 'without a proxy'}")
