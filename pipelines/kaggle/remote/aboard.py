"""The program that runs on Kaggle: unpacks the project, names what the image lacks, runs it, lists what it left.

Its text is the beginning of the script that goes up, so that it imports Python's own library alone (3.11 to 3.13).
"""

import base64
import hashlib
import io
import json
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

EVERY = 60.0  # seconds between two words of how far the run is
MANIFEST = "homework.json"  # written last: output without it is not whole


def main(job: dict[str, Any], packed: str) -> int:
    """Run `job` with the project in `packed`; returns the exit code of the run."""
    started = time.monotonic()
    inputs = Path(os.environ.get("HOMEWORK_INPUT", "/kaggle/input"))
    working = Path(os.environ.get("HOMEWORK_WORKING", "/kaggle/working"))
    with tempfile.TemporaryDirectory(prefix="homework-") as place:
        unpack(packed, job["pack"], Path(place))
        if (Path(place) / "beside").is_dir():
            shutil.copytree(Path(place) / "beside", working, dirs_exist_ok=True)
        gpu = accelerator()
        say(f"Python {platform.python_version()}, accelerator: {gpu or 'none'}")
        found, lacking = equip(job["image"], job["carried"], Path(place))
        data = data_folder(inputs, job["slug"])
        code = 2 if lacking or data is None else run(job, data, working, [Path(place), *found])
    seconds = round(time.monotonic() - started, 1)
    left(working, {"id": job["id"], "pack": job["pack"], "exit": code, "seconds": seconds, "gpu": gpu})
    say(f"done in {seconds:.0f} s, exit code {code}")
    return code


def say(line: str) -> None:
    """Print a line of this program's own, at once."""
    sys.stdout.write(f"homework: {line}\n")
    sys.stdout.flush()


def unpack(packed: str, sha256: str, place: Path) -> None:
    """Write the files of a pack into `place`; a pack with other bytes than were sent is refused."""
    content = lzma.decompress(base64.b85decode("".join(packed.split())))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SystemExit("homework: the pack is damaged: its SHA-256 is another one")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(place)


def accelerator() -> str:
    """The names of the GPUs; empty where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    asked = [program, "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 a fixed command
    return ", ".join(done.stdout.split("\n")[:-1]) if done.returncode == 0 else ""


def equip(image: dict[str, str], carried: dict[str, list[str]], place: Path) -> tuple[list[Path], list[str]]:
    """The folders of carried packages that are needed here, and the names of packages that are nowhere.

    `image` has the lowest version by name of what is not carried; `carried` version and lowest version by name.
    """
    folders, lacking = list[Path](), list[str]()
    for name, (version, lowest) in sorted(carried.items()):
        there = version_of(name)
        if there is None or parts(there) < parts(lowest):
            say(f"{name} {version} is carried along: the image has {there or 'none'}, {lowest} is needed")
            folders.append(place / "carried" / name)
    for name, lowest in sorted(image.items()):
        there = version_of(name)
        if there is None:
            say(f"MISSING: {name} is not in the image, and not carried along")
            lacking.append(name)
        elif parts(there) < parts(lowest):
            say(f"older than what this project is tested with: {name} {there} (tested from {lowest}); it is tried")
    return folders, lacking


def version_of(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def parts(version: str) -> list[int]:
    """The numbers of a version, to be compared."""
    return [int(part) for part in re.findall(r"[0-9]+", version.partition("+")[0])[:3]]


def data_folder(inputs: Path, slug: str) -> Path | None:
    """Where the competition's files lie; None, and what is there instead is said, where they do not."""
    for folder in (inputs / slug, inputs / "competitions" / slug):
        if folder.is_dir():
            return folder
    there = ", ".join(sorted(path.name for path in inputs.glob("*"))) or "nothing"
    say(f"MISSING: the files of {slug} are not in {inputs}, which holds {there}; are its rules accepted?")
    return None


def run(job: dict[str, Any], data: Path, working: Path, path: list[Path]) -> int:
    """Run the command line in a process of its own, which hears nothing of Kaggle's tokens."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
    around |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    places = ["--data", data, "--output", working / "submissions", "--runs", working / "runs", "--lang", "en"]
    command = [sys.executable, "-m", "pipelines", "run", job["name"], *map(str, places), *job["options"]]
    said = ""
    with subprocess.Popen(command, env=around, cwd=path[0]) as process:  # noqa: S603 what its own options say
        while True:
            try:
                return process.wait(EVERY)
            except subprocess.TimeoutExpired:
                said = progress(working, said)


def progress(working: Path, before: str) -> str:
    """Say the last line of the run's own log, if it is a new one."""
    logs = sorted(working.glob("runs/*/*/log.txt"), key=lambda path: path.stat().st_mtime)
    lines = logs[-1].read_text(encoding="utf-8", errors="replace").splitlines() if logs else []
    if lines and lines[-1] != before:
        say(lines[-1])
        return lines[-1]
    return before


def left(working: Path, about: dict[str, Any]) -> None:
    """List the files that the run has left, with their sizes and hashes, in one more file."""
    files = {}
    for path in sorted(path for folder in ("runs", "submissions") for path in (working / folder).rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[path.relative_to(working).as_posix()] = {"size": path.stat().st_size, "sha256": digest}
    working.mkdir(parents=True, exist_ok=True)
    (working / MANIFEST).write_text(json.dumps(about | {"files": files}, indent=1), encoding="utf-8")
