"""What a GPU has shown as tables, each with its date and how it ended."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report import LECTURES, N_STEPS, ratio, spread

Values = Mapping[str, Any]  # what a part has said, by name
TITLES = {
    "tests": "Tests that need CUDA",
    "members": "Small networks, 25-64-32-1, batch 32, AdamW, 802 rows",
    "otto gpu": "Otto, the networks of preset `gpu`, one seed",
    "otto gpu whole": "Otto, preset `gpu`",
    "otto best": "Otto, preset `best`",
    "otto fast": "Otto, preset `fast`",
    "cnn": "Lecture 10's network, an epoch of 60,000 made images",
    "programs": "A step as it is, compiled, and as a CUDA graph",
}


def gpu_tables(done: Mapping[str, Any]) -> Iterator[str]:
    """All parts that have been begun."""
    for part, title in TITLES.items():
        if part in done:
            entry = done[part]
            yield from (f"**{title}.** {entry['date']}, {entry['ended']}.", "")
            yield from _table(part, entry["values"])
            yield ""


def _table(part: str, values: Values) -> Iterator[str]:
    if not values:
        yield "Nothing was measured."
    elif part == "tests":
        yield from _tests(values["tests"])
    elif part == "members":
        yield from _members(values)
    elif part == "cnn":
        yield from _cnn(values["cnn"])
    elif part == "programs":
        yield from _programs(values["programs"])
    else:
        for found in values.values():
            yield from _otto(found) if "score" in found else _so_far(found)


def _tests(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"`{found['ended'].strip('= ')}`"
    if found["odd"]:
        yield from ("", *(f"- `{line}`" for line in found["odd"]))


def _members(values: Values) -> Iterator[str]:
    yield "| network | peer | µs per network and step | lectures' loop takes times | peak GPU memory, MB |"
    yield "| --- | --- | --- | --- | --- |"
    loop: Sequence[float] = ()
    for name, found in values.items():
        if name.startswith("members, pytabkit"):
            continue
        loop = found["seconds"][LECTURES]
        for peer, own in found["seconds"].items():
            per_step = spread([one / N_STEPS for one in own], 1e-6)
            network = name.removeprefix("members, ")
            yield f"| {network} | {peer} | {per_step} | {ratio(loop, own)} | {_mb(found['memory'][peer])} |"
    for name, found in values.items():
        if name.startswith("members, pytabkit") and "seconds" in found:
            n, own, memory = name.removeprefix("members, pytabkit "), found["seconds"], _mb(found["memory"])
            times = f"{statistics.median(loop) / own:.1f}" if loop and own > 0 else ""
            yield f"| RealMLP's own | pytabkit, {n} as one | {1e6 * own / N_STEPS:.3g} | {times} | {memory} |"
    skipped = values.get("members, pytabkit", {}).get("skipped")
    if skipped:
        yield from ("", f"{skipped[0].upper()}{skipped[1:]}.")


def _otto(found: Mapping[str, Any]) -> Iterator[str]:
    made = " (made rows: no folder with Otto's was given)" if found["made rows"] else ""
    yield f"{found['score']:.4f} ± {found['se']:.4f} in {found['seconds']:.0f} s{_peak(found['memory'])}{made}."
    yield ""
    yield "| variant | log loss alone | weight |"
    yield "| --- | --- | --- |"
    for name, each in found["variants"].items():
        score, weight = (each[key] for key in ("score", "weight"))
        yield f"| {name} | {_four(score)} | {'' if weight is None else f'{weight:.2f}'} |"


def _so_far(found: Mapping[str, Any]) -> Iterator[str]:
    epochs = ", ".join(f"{name} {n}" for name, n in found["epochs"].items())
    yield f"Not at its end; after {found['seconds']:.0f} s it had trained so many epochs: {epochs}."


def _cnn(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| loop | seconds | the lecture's takes times | peak GPU memory, MB |"
    yield "| --- | --- | --- | --- |"
    for peer, row in found.items():
        times = ratio(found[LECTURES]["seconds"], row["seconds"])
        yield f"| {peer} | {spread(row['seconds'])} | {times} | {_mb(row['memory'])} |"


def _programs(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| what | how | µs per step | as it is takes times | peak GPU memory, MB |"
    yield "| --- | --- | --- | --- | --- |"
    for what, ways in found.items():
        for way, row in ways.items():
            if "why" in row:
                yield f"| {what} | {way} | not measured: {row['why'].replace('|', '/')} | | |"
                continue
            plain = ways.get("as it is", {}).get("seconds")
            times = ratio(plain, row["seconds"]) if plain else ""
            yield f"| {what} | {way} | {spread(row['seconds'], 1e-6)} | {times} | {_mb(row['memory'])} |"


def _four(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _mb(memory: float | None) -> str:
    return "" if memory is None else f"{memory:,.0f}"


def _peak(memory: float | None) -> str:
    return "" if memory is None else f", {memory:,.0f} MB of GPU memory at its peak"
