"""Measurements in, `docs/benchmarks.md` out."""

import platform
import statistics
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
    yield "| variant | log loss alone | weight in the pool of all | seconds per network, one core |"
    yield "| --- | --- | --- | --- |"
    for name, row in sorted(rows.items(), key=lambda item: item[1]["score"]):
        yield f"| {name} | {row['score']:.4f} | {row['weight']:.2f} | {row['seconds']:.0f} |"


def rows_table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Time and memory against the number of rows."""
    yield "| training rows | seconds | peak memory, MB |"
    yield "| --- | --- | --- |"
    for n, row in rows.items():
        yield f"| {int(n):,} | {row['seconds']:.1f} | {row['memory']:.0f} |"


def machine() -> str:
    """Processor, cores, instructions, versions."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(": ")[1] for line in text.splitlines() if line.startswith("model name")), None)
    found = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in text]
    packages = [f"{name} {version(name)}" for name in PACKAGES if _there(name)]
    cores = text.count("processor\t") or "?"
    return (
        f"{model or platform.processor()}, {cores} cores, {' '.join(found)}; Python {platform.python_version()}, "
        + (", ".join(packages))
    )


def _there(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def document(machines: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page: a part for each machine, the last measured first, with the tables that were measured."""
    lines = ["# Benchmarks", "", "`make bench`, a part for each machine that it ran on."]
    lines += ["Median over three to five rounds, range in brackets; peers take turns, each in a process of its own."]
    lines += ["Threads of the peers spin while they wait (OMP_WAIT_POLICY=active), ours sleep, as in a run.", ""]
    for name in sorted(machines, key=lambda name: machines[name]["date"], reverse=True):
        lines += [f"## {name}, {machines[name]['date']}", "", *_part(machines[name])]
        if name == pictured(machines):
            lines += ["![log loss against seconds](benchmarks-otto.png)", ""]
    return "\n".join(lines).rstrip()


def pictured(machines: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The machine whose scores are drawn: the last that has any."""
    with_scores = [name for name, done in machines.items() if "scores" in done]
    return max(with_scores, key=lambda name: machines[name]["date"], default=None)


def _part(done: Mapping[str, Any]) -> Iterator[str]:
    for network in ("plain", "dropout and batch norm"):
        if f"members, {network}" in done:
            yield from (f"### 25-64-32-1, batch 32, AdamW: {network}", "")
            yield from (
                "Peers with torch's own number of threads; ours as a stack for each core, as a run trains them.",
                "",
            )
            yield from (*members_table(network, done[f"members, {network}"], n_steps=26), "")
    if "epoch" in done:
        yield from ("### Otto's network, 95-512-512-512-9, batch 512, 39,601 rows", "")
        yield from ("All threads; the five folds run side by side, one core each.", "")
        yield from (*epoch_table(done["epoch"]), "")
    if "matmul" in done and "epoch" in done:
        yield from ("### Against the machine's matrix product", "")
        yield from (*matmul_table(done["matmul"], done["epoch"], FLOP_PER_EPOCH), "")
    if "scores" in done:
        yield from ("### Score against wall time, Otto rehearsal (49,502 rows)", "")
        yield from (done["note"], "") if "note" in done else ()
        yield from (*scores_table(done["scores"]), "")
    if "variants" in done:
        yield from ("### Otto's networks, one per fold", "")
        yield from ("Each alone with a temperature that other folds chose; encoding, training and predicting.", "")
        yield from (*variants_table(done["variants"]), "")
    if "rows" in done:
        yield from ("### Rows", "", "`cv otto --folds 2 --epochs 2`, made rows.", "", *rows_table(done["rows"]), "")


WEIGHTS = 95 * 512 + 2 * 512 * 512 + 512 * 9
FLOP_PER_EPOCH = 39_601 * 2 * (3 * WEIGHTS - 95 * 512)  # forward, gradients of weights, of all inputs but the first
