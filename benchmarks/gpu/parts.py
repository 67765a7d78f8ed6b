"""What a machine with a GPU should show, part by part: `python -m benchmarks.gpu.parts PART OPTIONS-AS-JSON`.

A part says what it knows as soon as it knows it, a line of JSON each time, so
that whoever ends it keeps what was said. Everything computes on the device of BENCHMARK_DEVICE; what is `small` shows
that the program runs, and measures nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import report
from benchmarks.gpu.command import MARK
from benchmarks.gpu.networks import Tell, cnn, members, peak_mb, programs
from benchmarks.training import DEVICE

ROOT = Path(__file__).resolve().parents[2]
WITH_TESTS = ("tests/test_on_cuda.py", "tests/training/test_fit.py", "tests/training/test_loop.py")
SAID_EVERY = 5.0  # seconds between two lines on how far a run is


def tell(name: str, value: Any) -> None:
    """Print a line for whoever writes the page."""
    print(MARK + json.dumps({"name": name, "value": value}), flush=True)  # noqa: T201


def machine(say: Tell, _options: Mapping[str, Any]) -> None:
    """What this is measured on."""
    say("machine", report.machine(str(DEVICE)))


def tests(say: Tell, _options: Mapping[str, Any]) -> None:
    """The tests that are marked `cuda`; other versions than ours may warn."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", "-W", "default"]
    environment = os.environ | {"HOMEWORK_DEVICE": str(DEVICE)}
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [*command, *WITH_TESTS], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout, done.stderr, file=sys.stderr)  # noqa: T201
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()[-1:] or ["pytest said nothing"]
    odd = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    said = {"ended": lines[-1], "odd": odd, "code": done.returncode, "seconds": time.perf_counter() - started}
    say("tests", said)


def otto(preset: str, seeds: int | None, say: Tell, options: Mapping[str, Any]) -> None:
    """A preset of Otto's on the rehearsal's rows, or on made ones where no folder is given.

    Where the `seeds` are given, it is the preset's networks alone: estimators are fitted before them, by the CPU.
    """
    from pipelines.pipeline import run
    from pipelines.settings.knobs import Knobs
    from pipelines.settings.lookup import load

    competition, started, done, last = load("otto"), time.perf_counter(), dict[str, int](), 0.0
    names = competition.presets[preset].variants
    if seeds is not None:
        competition = replace(competition, baselines={})
        names = tuple(name for name in names if competition.variants[name].make_model)

    def hear(job: Any, _epoch: int, _loss: float) -> None:
        nonlocal last
        done[job.variant] = done.get(job.variant, 0) + 1
        if time.perf_counter() - last > SAID_EVERY:
            last = time.perf_counter()
            say(f"otto, {preset}", {"epochs": done, "seconds": last - started, "memory": None})

    with tempfile.TemporaryDirectory() as folder:
        few = {"folds": 2, "seeds": 1, "epochs": 1} if options["small"] else {"seeds": seeds}
        data = Path(options["data"]) if options["data"] else few_products(Path(folder) / "data", options["small"])
        knobs = Knobs(
            data=data,
            preset=preset,
            variants=names,
            device=str(DEVICE),
            output=Path(folder),
            runs=Path(folder) / "runs",
            **few,
        )
        outcome = run(competition, knobs, write=False, say=partial(print, file=sys.stderr), on_epoch=hear)
    record = outcome.record
    networks = {each.name: {"score": each.score, "weight": each.weight} for each in record.variants}
    found = {"score": record.cv_mean, "se": record.cv_se, "seconds": record.seconds, "variants": networks}
    say(f"otto, {preset}", found | {"memory": peak_mb(), "made rows": not options["data"]})


def few_products(folder: Path, small: bool) -> Path:
    """A folder with made files of Otto's form."""
    from competitions.otto.sample import make_products

    folder.mkdir(parents=True)
    for name, frame in make_products(*((300, 60) if small else (49_502, 12_376))).items():
        frame.to_csv(folder / name, index=False)
    return folder


PARTS: dict[str, Callable[[Tell, Mapping[str, Any]], None]] = {
    "machine": machine, "tests": tests, "members": members, "otto gpu": partial(otto, "gpu", 1),
    "otto fast": partial(otto, "fast", None), "otto best": partial(otto, "best", None),
    "otto gpu whole": partial(otto, "gpu", None), "cnn": cnn, "programs": programs,
}  # fmt: skip


def main(part: str, options: str) -> None:
    """Show one part."""
    torch.manual_seed(0)
    PARTS[part](tell, json.loads(options))


if __name__ == "__main__":
    main(*sys.argv[1:])
