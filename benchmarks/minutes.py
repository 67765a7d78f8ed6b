"""What so many minutes come to on the Otto rehearsal, beside boosted trees and AutoGluon: `--only minutes`.

All are scored on the same five folds (split seed 0), and their seconds are those of a process, from its start to its
end. AutoGluon is asked for its preset `medium`, with so much time for each fold that five folds take the minutes; it
may be installed for another interpreter, which the environment variable BENCHMARK_AUTOGLUON_PYTHON names:
`python -m venv ag && ag/bin/pip install "autogluon.tabular[lightgbm,xgboost,catboost]"`. Without torch there, as by
this line, it has trees and no networks.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.report.pictures import picture

MINUTES = (2, 5, 15)
TREES = ("XGBoost", "LightGBM")
PRESET, HEAD = "medium_quality", 8.0  # seconds for each run of AutoGluon's that are not training
Row = dict[str, Any]


def measure(
    folder: Path, device: str, child: Callable[..., Any], minutes: tuple[float, ...] = MINUTES
) -> dict[str, Row]:
    """Score, its error and seconds by name; `child` gives what a process of this project prints."""
    found = {f"ours, {each:g} min": _ours(folder, device, each, child) for each in minutes}
    found |= {name: _timed(lambda name=name: child("benchmarks.scores", name, str(folder))) for name in TREES}
    python = os.environ.get("BENCHMARK_AUTOGLUON_PYTHON") or (sys.executable if find_spec("autogluon") else None)
    if python is None:
        print("minutes: without AutoGluon, which no interpreter has; see benchmarks/minutes.py")  # noqa: T201
    for each in minutes if python else ():
        found[f"AutoGluon, {each:g} min"] = _timed(lambda each=each: _autogluon(folder, python, each))
    return found


def _timed(run: Callable[[], Row]) -> Row:
    started = time.perf_counter()
    return run() | {"seconds": time.perf_counter() - started}


def _ours(folder: Path, device: str, minutes: float, child: Callable[..., Any]) -> Row:
    """A run that writes a submission, in folders of its own: it has learned nothing from earlier runs."""
    with tempfile.TemporaryDirectory() as own:
        options = ["--data", str(folder), "--minutes", f"{minutes:g}", "--device", device, "--json"]
        places = ["--output", f"{own}/submissions", "--runs", f"{own}/runs"]
        row = _timed(lambda: child("pipelines", "run", "otto", *options, *places))
    return {"score": row["cv_mean"], "se": row["cv_se"], "seconds": row["seconds"], "budget": row["budget"]}


def _autogluon(folder: Path, python: str, minutes: float) -> Row:
    """AutoGluon's out-of-fold score on the same folds: its own process knows nothing of this project."""
    import numpy as np
    import pandas as pd

    from pipelines.metrics import log_loss
    from pipelines.validation.splits import split

    target = pd.read_csv(folder / "train.csv", usecols=["target"])["target"]
    y = target.str.removeprefix("Class_").astype(int).to_numpy() - 1
    with tempfile.TemporaryDirectory() as own:
        fold_of = np.zeros(len(y), dtype=np.int64)
        for number, fold in enumerate(split(y, 5, 0)):
            fold_of[fold.scored] = number
        np.save(f"{own}/folds.npy", fold_of)
        limit = max(10.0, 60 * minutes / 5 - HEAD)
        command = [
            python,
            str(Path(__file__).with_name("autogluon_folds.py")),
            str(folder / "train.csv"),
            own,
            str(limit),
        ]
        hidden = {"PYTHONPATH": "", "AG_PRESET": PRESET}
        subprocess.run(command, check=True, env=os.environ | hidden, stdout=subprocess.DEVNULL)  # noqa: S603
        oof = np.load(f"{own}/oof.npy")
    return {"score": log_loss(y, oof), "se": log_loss.se(y, oof)}


def front(rows: Mapping[str, Row]) -> list[str]:
    """Those that nobody beats in score and seconds alike, the quickest first.

    >>> front({"a": {"score": 0.5, "seconds": 1}, "b": {"score": 0.6, "seconds": 2}, "c": {"score": 0.4, "seconds": 3}})
    ['a', 'c']
    """
    found: list[str] = []
    for name in sorted(rows, key=lambda name: (rows[name]["seconds"], rows[name]["score"])):
        if not found or rows[name]["score"] < rows[found[-1]]["score"]:
            found.append(name)
    return found


def table(rows: Mapping[str, Row]) -> list[str]:
    """Lines of Markdown: the quickest first, those on the front marked; what our minutes were spent on."""
    on_front = set(front(rows))
    lines = ["| | log loss, out of fold | seconds in all | on the front |", "| --- | --- | --- | --- |"]
    for name, row in sorted(rows.items(), key=lambda item: float(item[1]["seconds"])):
        mark = "yes" if name in on_front else ""
        lines.append(f"| {name} | {row['score']:.4f} ± {row['se']:.4f} | {row['seconds']:.0f} | {mark} |")
    for name, row in rows.items():
        if "budget" in row:
            spent = ", ".join(f"{variant} x {n}" for variant, n in row["budget"]["seeds"].items())
            lines += ["", f"{name}: {spent}."]
    return lines


def draw(rows: Mapping[str, Row], path: Path) -> None:
    """Score against seconds, and the front as a line."""
    with picture(path, (8, 5), dpi=110) as figure:
        axes = figure.add_subplot()
        for name, row in rows.items():
            sign, color = ("s", "C0") if name.startswith("ours") else ("o", "C7")
            axes.errorbar(row["seconds"], row["score"], yerr=row["se"], fmt=sign, color=color, capsize=3)
            axes.annotate(name, (row["seconds"], row["score"]), xytext=(6, 6), textcoords="offset points")
        along = [(rows[name]["seconds"], rows[name]["score"]) for name in front(rows)]
        axes.plot(*zip(*along, strict=True), "--", color="C0", alpha=0.5, zorder=0)
        axes.set(xscale="log", xlabel="seconds in all", ylabel="cross-validated log loss (less is better)")
        axes.set_title("Otto rehearsal: so many minutes")
        axes.margins(x=0.25)


def write(rows: Mapping[str, Row], machine: str, folder: Path) -> None:
    """`benchmarks-minutes.md`, its numbers and its picture."""
    from pipelines.files import write_whole

    measured = f"{machine}. Measured {datetime.date.today().isoformat()}."
    page = ["# So many minutes", "", (__doc__ or "").strip().partition("\n\n")[2], "", measured, "", *table(rows), "",
            "![Score against time](benchmarks-minutes.png)", ""]  # fmt: skip
    write_whole(folder / "benchmarks-minutes.md", "\n".join(page).encode())
    write_whole(folder / "benchmarks-minutes.json", f"{json.dumps(rows, indent=1)}\n".encode())
    draw(rows, folder / "benchmarks-minutes.png")
