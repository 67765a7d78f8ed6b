"""Measurements in, `docs/benchmarks.md` out."""

import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

PACKAGES = ("torch", "scikit-learn", "skorch", "xgboost-cpu", "lightgbm", "numpy")
Seconds = Mapping[str, list[float]]  # peer: one number per round


def ratio(of: list[float], to: list[float]) -> str:
    """How many times faster `to` is, round by round: median and range.

    >>> ratio([10.0, 12.0, 9.0], [1.0, 1.0, 1.0])
    '10.0 (9.0 to 12.0)'
    """
    ratios = [a / b for a, b in zip(of, to, strict=True)]
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"


def spread(seconds: list[float], unit: float = 1.0) -> str:
    """Median and range in units.

    >>> spread([0.001, 0.002, 0.004], 1e-3)
    '2 (1 to 4)'
    """
    scaled = [one / unit for one in seconds]
    return f"{statistics.median(scaled):.3g} ({min(scaled):.3g} to {max(scaled):.3g})"


def members_table(network: str, seconds: Seconds, n_steps: int) -> Iterator[str]:
    """Microseconds per member and step, and how many times faster than the peers."""
    yield f"| {network} | µs per member and step | lectures' loop takes times | skorch takes times |"
    yield "| --- | --- | --- | --- |"
    for peer, own in seconds.items():
        per_step = spread([one / n_steps for one in own], 1e-6)
        yield f"| {peer} | {per_step} | {ratio(seconds[LECTURES], own)} | {ratio(seconds['skorch'], own)} |"


LECTURES = "lectures' loop"


def epoch_table(seconds: Seconds) -> Iterator[str]:
    """Seconds per epoch beside the lectures' loop and the bare loop of the same precision."""
    yield "| one epoch | s per network | lectures' loop takes times | own time / bare loop |"
    yield "| --- | --- | --- | --- |"
    for peer, own in seconds.items():
        bare = seconds["bare loop, bfloat16" if "bfloat16" in peer else "bare loop, float32"]
        share = statistics.median(a / b for a, b in zip(own, bare, strict=True))
        yield f"| {peer} | {spread(own)} | {ratio(seconds[LECTURES + ', float32'], own)} | {share:.2f} |"


def matmul_table(seconds: Seconds, epoch: Seconds, flop_per_epoch: float) -> Iterator[str]:
    """GFLOP/s of plain products, and of the training."""
    yield "| | GFLOP/s |"
    yield "| --- | --- |"
    for name, own in seconds.items():
        m, k, n = (int(part) for part in name.split(", ")[0].split(" x "))
        yield f"| product {name} | {2e-9 * m * k * n / statistics.median(own):.0f} |"
    for name, own in epoch.items():
        yield f"| training, {name} | {1e-9 * flop_per_epoch / statistics.median(own):.0f} |"


def scores_table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Score against wall time."""
    yield "| model | cross-validated log loss | seconds for five folds |"
    yield "| --- | --- | --- |"
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["score"]):
        yield f"| {name} | {row['score']:.4f} ± {row['se']:.4f} | {row['seconds']:.0f} |"


def variants_table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """What each network reaches alone, what the others leave for it to do, and what it costs."""
    yield "| variant | log loss alone | weight in the pool of all | seconds per network (on a CPU: one core) |"
    yield "| --- | --- | --- | --- |"
    for name, row in sorted(rows.items(), key=lambda item: item[1]["score"]):
        yield f"| {name} | {row['score']:.4f} | {row['weight']:.2f} | {row['seconds']:.0f} |"


def rows_table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Time and memory against the number of rows, and how they grow with it."""
    yield "| training rows | seconds | of all cores together | peak memory, MB |"
    yield "| --- | --- | --- | --- |"
    for n, row in rows.items():
        cpu = f"{row['cpu']:.1f}" if "cpu" in row else ""
        yield f"| {int(n):,} | {row['seconds']:.1f} | {cpu} | {row['memory']:.0f} |"
    if len(rows) >= 4 and all("cpu" in row for row in rows.values()):
        sizes = [int(n) for n in rows]
        powers = {what: exponent(sizes, [row[name] for row in rows.values()]) for what, name in GROWING.items()}
        said = " and ".join(f"{what} with the power {power:.2f} of the rows" for what, power in powers.items())
        yield ""
        yield f"Above a fixed part, {said} (by least squares over all sizes)."


GROWING = {"the cores' seconds grow": "cpu", "memory": "memory"}
POWERS = np.linspace(0.3, 2.5, 221)


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The k of a + b n^k that is closest to the values at sizes n, by least squares; a fixed part is never negative.

    >>> exponent([1, 2, 4, 8], [13.0, 16.0, 22.0, 34.0]), exponent([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0])
    (1.0, 2.0)
    """
    scaled = np.asarray(sizes) / max(sizes)
    off = [nnls(np.column_stack([np.ones(len(scaled)), scaled**k]), np.asarray(values))[1] for k in POWERS]
    return round(float(POWERS[int(np.argmin(off))]), 2)


def machine(device: str = "cpu") -> str:
    """Processor, cores, instructions, versions; in front of them the GPU if it is the device."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(": ")[1] for line in text.splitlines() if line.startswith("model name")), None)
    found = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in text]
    packages = [f"{name} {version(name)}" for name in PACKAGES if _there(name)]
    gpu = ""
    if device != "cpu":
        from pipelines.kaggle.doctor import cuda_line

        gpu = f"{cuda_line()}, beside "
    cores = text.count("processor\t") or "?"
    return (
        f"{gpu}{model or platform.processor()}, {cores} cores, {' '.join(found)}; Python {platform.python_version()}, "
        + (", ".join(packages))
    )


def _there(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


ON_A_GPU = (
    "`python -m benchmarks gpu --data FOLDER` shows in eight minutes what a GPU should show (`--seconds` for more or",
    "less; `--device cpu --small --output FOLDER` tries whether it runs); what is measured is on this page at once,",
    "whenever it is ended. For a machine that has torch, pandas, scikit-learn and pytest, and no network: `make",
    "gpu-wheels` here, carry the project there with the folder `gpu-wheels`, and in the project's folder",
    "`python3 -m pip install --no-index --no-deps --find-links gpu-wheels --target gpu-wheels/site -r",
    "benchmarks/gpu/wheels.txt && PYTHONPATH=gpu-wheels/site python3 -m benchmarks gpu --data FOLDER`.",
)


def document(machines: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page: a part for each machine, the last measured first, with the tables that were measured."""
    lines = ["# Benchmarks", "", "`make bench`, a part for each machine that it ran on."]
    lines += [
        "Numbers with a range in brackets, and GFLOP/s, are medians over rounds in which the peers took turns, each in",
        "a process of its own; all others were measured once. Threads of the peers spin while they wait",
        "(OMP_WAIT_POLICY=active); ours and the bare loop's sleep, and freed memory stays, as in a run. The bare loop",
        "is the limit: the same arithmetic on permuted tensors and nothing else.",
        "",
    ]
    lines += [*ON_A_GPU, ""]
    if not any("gpu" in done and not name.startswith("A rehearsal") for name, done in machines.items()):
        lines += ["On a GPU: not measured yet, no GPU could be had.", ""]
    for name in sorted(machines, key=lambda name: max(machines[name]["dates"].values()), reverse=True):
        lines += [f"## {name}", "", *_part(machines[name])]
        if name == pictured(machines):
            lines += ["![log loss against seconds](benchmarks-otto.png)", ""]
    return "\n".join(lines).rstrip()


def pictured(machines: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The machine whose scores are drawn: the last that has any."""
    with_scores = [name for name, done in machines.items() if "scores" in done]
    return max(with_scores, key=lambda name: machines[name]["dates"]["scores"], default=None)


def _part(done: Mapping[str, Any]) -> Iterator[str]:
    if "gpu" in done:
        from benchmarks.gpu.tables import gpu_tables  # here, since they use these

        yield from ("### What a GPU should show", "", *gpu_tables(done["gpu"]))
    for name, (title, words, table) in SECTIONS.items():
        if name in done and (name != "matmul" or "epoch" in done):
            said = [*words, *done.get("notes", {}).get(name, []), f"Measured {done['dates'][name]}."]
            yield from (f"### {title}", "", " ".join(said), "", *table(done), "")


def submission_table(rounds: list[Mapping[str, float]]) -> Iterator[str]:
    """Seconds to write and to lint."""
    yield f"| {int(rounds[0]['rows']):,} rows | seconds |"
    yield "| --- | --- |"
    for what in ("write", "lint"):
        yield f"| {what} | {spread([one[what] for one in rounds])} |"


WEIGHTS = 95 * 512 + 2 * 512 * 512 + 512 * 9
FLOP_PER_EPOCH = 39_601 * 2 * (3 * WEIGHTS - 95 * 512)  # forward, gradients of weights, of all inputs but the first
N_STEPS = 26  # of 802 rows in batches of 32
EACH_CORE = ("On a CPU peers have torch's own number of threads, ours are a stack for each core, as in a run.",)
# By the name of what is measured: title, what is said of it, and its table.
SECTIONS: dict[str, tuple[str, tuple[str, ...], Callable[[Mapping[str, Any]], Iterator[str]]]] = {
    "members, plain": (
        "25-64-32-1, batch 32, AdamW: plain",
        EACH_CORE,
        lambda done: members_table("plain", done["members, plain"], N_STEPS),
    ),
    "members, dropout and batch norm": (
        "25-64-32-1, batch 32, AdamW: dropout and batch norm",
        EACH_CORE,
        lambda done: members_table("dropout and batch norm", done["members, dropout and batch norm"], N_STEPS),
    ),
    "epoch": (
        "Otto's network, 95-512-512-512-9, batch 512, 39,601 rows",
        ("On a CPU: all threads; the five folds run side by side, one core each.",),
        lambda done: epoch_table(done["epoch"]),
    ),
    "matmul": (
        "Against the machine's matrix product",
        (),
        lambda done: matmul_table(done["matmul"], done["epoch"], FLOP_PER_EPOCH),
    ),
    "scores": (
        "Score against wall time, Otto rehearsal (49,502 rows)",
        (),
        lambda done: scores_table(done["scores"]),
    ),
    "variants": (
        "Otto's networks, one per fold",
        ("Each alone with a temperature that other folds chose; encoding, training and predicting.",),
        lambda done: variants_table(done["variants"]),
    ),
    "rows": ("Rows", ("`cv otto --folds 2 --epochs 2`, made rows.",), lambda done: rows_table(done["rows"])),
    "submission": ("A submission", ("Otto's form.",), lambda done: submission_table(done["submission"])),
}
