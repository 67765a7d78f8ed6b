"""`python -m benchmarks gpu`: what a GPU should show, part by part, until the time is up.

The parts stand in order of worth. Each is a process of its own, says what it knows as soon as it knows it, and is
ended when its seconds are over; what it has said is on the page by then. A part that fails is named, and the next
begins.
"""

import argparse
import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from pipelines.files import write_whole

MARK = "measured: "  # begins a line of a part that is meant for the page
SECONDS = {
    "tests": 70, "members": 80, "otto gpu": 240, "otto fast": 90, "cnn": 45, "programs": 90, "otto best": 240,
    "otto gpu whole": 480,
}  # fmt: skip
SLOWER = 5  # times slower than a GPU, a machine for rehearsals
TO_BEGIN = 120.0  # seconds that the machine's name may take: torch is loaded for the first time
LEAST = 30.0  # seconds that are worth beginning a part for: torch alone takes some to load
REHEARSAL = "A rehearsal, which measures nothing: "
Hear = Callable[[str, Any], None]


def main(arguments: Sequence[str]) -> None:
    """Show the parts asked for; numbers of parts that have no time now, and of other machines, stay."""
    options = _options(arguments)
    until = time.monotonic() + options.seconds
    kept = Kept(options.output, rehearsal=options.small)
    said: dict[str, Any] = {}
    ended = part_of("machine", options, TO_BEGIN * (SLOWER if options.small else 1), said.__setitem__)
    if "machine" not in said:
        raise SystemExit(f"torch does not say what it computes on: {ended}")
    kept.of(said["machine"])
    for part in options.only:
        left = until - time.monotonic()
        if left < LEAST:
            print(f"{part}: not begun, the time is up", flush=True)  # noqa: T201
            continue
        most = min(left, SECONDS[part] * (SLOWER if options.small else 1))
        print(f"{part}: {most:.0f} seconds at most, {left:.0f} are left", flush=True)  # noqa: T201
        kept.begin(part)
        ended = part_of(part, options, most, kept.hear)
        print(f"{part}: {ended}", flush=True)  # noqa: T201
        kept.end(ended)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu for a rehearsal")
    parser.add_argument("--seconds", type=float, default=480.0, help="for all of it")
    parser.add_argument("--data", type=Path, help="folder with Otto's files; else made rows")
    parser.add_argument("--only", default=",".join(SECONDS), help="parts, with commas between them")
    parser.add_argument("--small", action="store_true", help="a rehearsal: does it run? sizes at which nothing is told")
    parser.add_argument("--output", type=Path, help="folder of the page, docs if nothing else is said")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",")
    unknown = set(options.only) - set(SECONDS)
    if unknown:
        parser.error(f"--only: there is no part {min(unknown)!r}; there are {', '.join(SECONDS)}")
    if options.data is not None and not options.data.is_dir():
        parser.error(f"--data: there is no folder {options.data}")
    if options.output is None and (options.small or options.device == "cpu"):
        parser.error("--output: name a folder for what a rehearsal says, it is not for docs")
    options.output = options.output or Path("docs")
    return options


class Kept:
    """The file of all measurements, and the page that is made of it; both are written after each thing said."""

    def __init__(self, folder: Path, *, rehearsal: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file, self._page = folder / "benchmarks.json", folder / "benchmarks.md"
        self._machines = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        self._rehearsal, self._parts, self._entry, self._part = rehearsal, dict[str, Any](), dict[str, Any](), ""

    def of(self, machine: str) -> None:
        """Whatever comes is of this machine."""
        done = self._machines.setdefault(REHEARSAL * self._rehearsal + machine, {"dates": {}})
        done["dates"]["gpu"] = datetime.date.today().isoformat()
        self._parts = done.setdefault("gpu", {})

    def begin(self, part: str) -> None:
        """Whatever comes is of this part; what an earlier run said of it stays until this one says something."""
        self._part = part
        self._entry = {"date": datetime.date.today().isoformat(), "ended": "cut off", "values": {}}

    def hear(self, name: str, value: Any) -> None:
        """Keep what the part says."""
        self._entry["values"][name] = value
        self._write()

    def end(self, ended: str) -> None:
        """Keep how the part ended; of one that said nothing, only where no earlier run did either."""
        self._entry["ended"] = ended
        if self._entry["values"] or not self._parts.get(self._part, {}).get("values"):
            self._write()

    def _write(self) -> None:
        self._parts[self._part] = self._entry
        write_whole(self._file, (json.dumps(self._machines, indent=1) + "\n").encode())
        write_whole(self._page, (report.document(self._machines) + "\n").encode())


def part_of(part: str, options: argparse.Namespace, seconds: float, hear: Hear) -> str:
    """Let a part speak in a process of its own for so many seconds; returns how it ended."""
    asked = json.dumps({"small": options.small, "data": None if options.data is None else str(options.data)})
    environment = os.environ | {
        "BENCHMARK_DEVICE": options.device,
        "OMP_WAIT_POLICY": "passive",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.gpu.parts", part, asked],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
        start_new_session=True,
    )  # fmt: skip
    late = threading.Event()
    timer = threading.Timer(seconds, lambda: (late.set(), _kill(process)))
    timer.start()
    last, began = "it said nothing", time.monotonic()
    with process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(MARK):
                    told = json.loads(line.removeprefix(MARK))
                    hear(told["name"], told["value"])
                else:
                    print(line, end="", flush=True)  # noqa: T201
                    last = line.strip() or last
            code = process.wait()
        finally:
            timer.cancel()
            _kill(process)
    if late.is_set():
        return f"cut off after {seconds:.0f} s"
    took = time.monotonic() - began
    return f"done in {took:.0f} s" if code == 0 else f"failed after {took:.0f} s (exit code {code}): {last[:200]}"


def _kill(process: "subprocess.Popen[str]") -> None:
    """End a part, and whatever it has begun."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
