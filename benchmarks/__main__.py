"""`python -m benchmarks`: measure, keep what is measured, write docs/benchmarks.md; `gpu`: see `benchmarks.gpu`."""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import report
from benchmarks.scores import MODELS
from competitions.otto.sample import N_TEST, make_products
from pipelines.files import write_whole
from pipelines.report.pictures import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEMBERS = ("lectures' loop", "skorch", "ours, 1", "ours, 50", "ours, 100")
EPOCH = (
    "lectures' loop, float32", "skorch, float32", "bare loop, float32", "ours, float32", "bare loop, bfloat16",
    "ours, bfloat16", "ours, 5 folds, float32", "ours, 5 folds, bfloat16",
)  # fmt: skip
MATRICES = tuple(
    f"{size}, {kind}" for size in ("512 x 512 x 512", "2048 x 1000 x 800") for kind in ("float32", "bfloat16")
)
TABLES = ("members", "epoch", "matmul", "scores", "variants", "rows", "submission")
OTTO_ROWS = 144_368  # of Kaggle's test file
ROWS, TIMES = 6_000, (1, 2, 4, 8, 16)  # of the curve of time and memory


def child(*arguments: str) -> Any:
    """What a process of its own prints, as JSON."""
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def in_turns(peers: tuple[str, ...], rounds: int, measure: Callable[[str], float]) -> dict[str, list[float]]:
    """Each peer's seconds in each round; the peers take turns, so that the machine's moods hit all alike."""
    seconds: dict[str, list[float]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            seconds[peer].append(measure(peer))
    return seconds


def measured(table: str, options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """The numbers of one table by name."""
    if table == "members":
        for network in ("plain", "dropout and batch norm"):
            measure = lambda peer, network=network: child("benchmarks.training", "members", network, peer)  # noqa: E731
            yield f"members, {network}", in_turns(MEMBERS, options.rounds, measure)
    elif table == "epoch":
        measure = lambda peer: child("benchmarks.training", "epoch", peer)  # noqa: E731
        yield "epoch", in_turns(_computed_here(EPOCH, options.device), options.rounds, measure)
    elif table == "matmul":
        measure = lambda name: child("benchmarks.training", "matmul", *name.split(", "))  # noqa: E731
        yield "matmul", in_turns(_computed_here(MATRICES, options.device), options.rounds, measure)
    elif table == "rows":
        yield "rows", {str(ROWS * times): _rows(ROWS * times, options.device) for times in TIMES}
    elif table == "submission":
        yield "submission", [_submission(OTTO_ROWS) for _ in range(options.rounds)]
    elif options.data is None:
        print(f"{table}: skipped, --data names no folder with Otto's files")  # noqa: T201
    elif table == "scores":
        yield "scores", _scores(options)
    else:
        yield "variants", _variants(options)


def _computed_here(peers: tuple[str, ...], device: str) -> tuple[str, ...]:
    """The peers that the device has instructions for: where bfloat16 is emulated, runs do not use it."""
    import torch

    from pipelines.hardware import has_bfloat16

    there = has_bfloat16(torch.device(device))
    return tuple(peer for peer in peers if there or "bfloat16" not in peer)


def _scores(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    found = {name: child("benchmarks.scores", name, str(options.data)) for name in MODELS}
    for preset in ("fast", "best") if options.with_best else ("fast",):
        found[f"ours, {preset}"] = _ours("--data", str(options.data), "--preset", preset, "--device", options.device)
    return found


def _variants(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Each of Otto's variants alone, a network per fold."""
    from competitions.otto.competition import COMPETITION

    of_presets = {gpu: {v for p in COMPETITION.presets.values() if p.gpu == gpu for v in p.variants} for gpu in (0, 1)}
    too_slow = of_presets[1] - of_presets[0] if options.device == "cpu" else set()
    names = [name for name in COMPETITION.variants if name not in too_slow]
    where = ("--data", str(options.data), "--device", options.device)
    record = _record(*where, "--variants", ",".join(names), "--seeds", "1")
    return {
        variant["name"]: {
            "score": variant["score"],
            "weight": variant["weight"],
            "seconds": variant["seconds"] / record["folds"],
        }
        for variant in record["variants"]
    }


def _record(*options: str) -> dict[str, Any]:
    record: dict[str, Any] = child("pipelines", "cv", "otto", *options, "--json")
    return record


def _ours(*options: str) -> dict[str, float]:
    record = _record(*options)
    return {
        "score": record["cv_mean"],
        "se": record["cv_se"],
        "seconds": record["seconds"],
        "memory": record["peak_memory_mb"],
    }


def _rows(n_rows: int, device: str) -> dict[str, float]:
    """What so many made training rows take: seconds, also those of all cores together (`cpu`), and memory."""
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in make_products(n_rows, N_TEST).items():
            frame.to_csv(Path(folder) / name, index=False)
        before = os.times()
        found = _ours("--data", folder, "--folds", "2", "--epochs", "2", "--device", device)
        after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return found | {"cpu": cpu}


def _submission(n_rows: int) -> dict[str, float]:
    """Seconds to write a submission of Otto's form, and to look through it."""
    import numpy as np
    import pandas as pd

    from competitions.otto.competition import COMPETITION
    from pipelines.submission import linter, writer

    ids = pd.Series(range(1, n_rows + 1), name="id")
    example = pd.DataFrame(0, index=ids.index, columns=list(COMPETITION.classes)).assign(Class_1=1)
    example.insert(0, "id", ids)
    proba = np.random.default_rng(0).dirichlet(np.ones(len(COMPETITION.classes)), n_rows)
    sample = example.to_csv(index=False).encode()
    started = time.perf_counter()
    csv = writer.to_csv(COMPETITION, example, ids, proba)
    written = time.perf_counter()
    linter.check(COMPETITION, csv, sample)
    return {"rows": n_rows, "write": written - started, "lint": time.perf_counter() - written}


def draw(scores: dict[str, dict[str, float]], path: Path) -> None:
    """Score against seconds."""
    with picture(path, (8, 5), dpi=110) as figure:
        _draw(scores, figure.add_subplot())


def _draw(scores: dict[str, dict[str, float]], axes: "Axes") -> None:
    for name, row in scores.items():
        sign, color = ("s", "C0") if name.startswith("ours") else ("o", "C7")
        axes.errorbar(row["seconds"], row["score"], yerr=row["se"], fmt=sign, color=color, capsize=3)
        axes.annotate(name, (row["seconds"], row["score"]), xytext=(6, 6), textcoords="offset points")
    axes.set(xscale="log", xticks=[30, 60, 120, 300, 600, 1200], xticklabels=["30", "60", "120", "300", "600", "1200"])
    axes.minorticks_off()
    axes.set(xlabel="seconds for five folds", ylabel="cross-validated log loss (less is better)")
    axes.set_title("Otto rehearsal: score against wall time")
    axes.margins(x=0.25)


def main() -> None:
    """Measure the tables asked for; the numbers of earlier runs stay, and those of other machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--only", default=",".join(TABLES), help="tables, with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder with Otto's files")
    parser.add_argument(
        "--with-best", action="store_true", help="the preset best as well (up to 40 minutes on two cores)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda: where all compute that can")
    parser.add_argument("--output", type=Path, default=Path("docs"))
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(TABLES)
    if unknown:
        parser.error(f"--only: there is no table {unknown.pop()!r}; there are {', '.join(TABLES)}")
    kept = options.output / "benchmarks.json"
    machines = json.loads(kept.read_text()) if kept.exists() else {}
    os.environ["BENCHMARK_DEVICE"] = options.device  # for the processes that compute
    done = machines.setdefault(report.machine(options.device), {"dates": {}})
    for table in options.only.split(","):
        print(table, flush=True)  # noqa: T201
        for name, numbers in measured(table, options):
            done[name] = numbers
            done.get("notes", {}).pop(name, None)  # they were about older numbers
            done["dates"][name] = datetime.date.today().isoformat()
            write_whole(kept, (json.dumps(machines, indent=1) + "\n").encode())
            write_whole(options.output / "benchmarks.md", (report.document(machines) + "\n").encode())
    pictured = report.pictured(machines)
    if pictured is not None:
        draw(machines[pictured]["scores"], options.output / "benchmarks-otto.png")


if __name__ == "__main__":
    if sys.argv[1:2] == ["gpu"]:
        from benchmarks.gpu.command import main as show_a_gpu

        show_a_gpu(sys.argv[2:])
    else:
        main()
