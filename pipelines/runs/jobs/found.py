"""Finished networks of other runs that a new run need not train, and why others are not used."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.runs.folder import RunFolder
from pipelines.runs.jobs import finished as files
from pipelines.runs.jobs.fingerprint import Parts, key_of, why_not
from pipelines.runs.jobs.finished import Ident
from pipelines.runs.tensors import DamagedError

There = dict[Ident, tuple[Path, dict[str, Any]]]  # where a job is, and what its file says of it


def take_over(
    runs: Sequence[RunFolder], into: Path, wanted: Mapping[Ident, Parts], say: Callable[[str], None]
) -> There:
    """Those of the `wanted` jobs that the runs have, the first that has one; their files are linked `into` a folder.

    What is found, and why something is not used, is said.
    """
    idents = {key_of(parts): ident for ident, parts in wanted.items()}
    there: There = {}
    sources: Counter[str] = Counter()
    unused: list[tuple[str, dict[str, Any]]] = []
    for run in runs:
        left = idents.keys() - {key_of(wanted[ident]) for ident in there}
        if not left:
            break
        planned = run.jobs()
        if not planned and run.networks():
            say(f"not used: {run.name}, whose plan.json cannot be read")
        fits = any(job["key"] in left for job in planned)
        if not fits and (unused or not any(Ident.of(job) in wanted for job in planned)):
            continue  # of those that do not fit the newest says enough
        for path in run.networks():
            try:
                new = _of_file(path, into, left)
                there |= new
                left -= {key_of(wanted[ident]) for ident in new}
                sources[run.name] += len(new)
                own = [job for job in files.jobs_in(path) if job["key"] not in idents and Ident.of(job) in wanted]
                unused += [(run.name, job) for job in own]
            except (DamagedError, OSError) as error:
                say(f"not used: {error} ({run.name}); its models are trained again")
                if path.parent == into:
                    path.unlink(missing_ok=True)
    for line in _lines(there, sources, wanted, unused):
        say(line)
    return there


def _of_file(path: Path, into: Path, left: Collection[str]) -> There:
    """The jobs of a file whose keys are `left` to be found, now in a file of our own."""
    fitting = {job["key"] for job in files.jobs_in(path)} & set(left)
    if not fitting:
        return {}
    target = files.adopt(path, into, fitting)
    return {Ident.of(job): (target, job) for job in files.jobs_in(target) if job["key"] in fitting}


def _lines(
    there: There, sources: Counter[str], wanted: Mapping[Ident, Parts], unused: list[tuple[str, dict[str, Any]]]
) -> list[str]:
    lines = []
    if there:
        what = f"{len(there)} of {len(wanted)} models are there already ({', '.join(+sources)})"
        lines = [f"{what}: they are not trained again"]
    why: Counter[tuple[str, str]] = Counter()
    for run, job in unused:
        ident = Ident.of(job)
        if ident not in there:
            why[run, why_not(job["parts"], wanted[ident]) or "the file says no more of them than that"] += 1
    return lines + [
        f"{n} model{'s' * (n > 1)} of {run} {'are' if n > 1 else 'is'} not used: {reason}"
        for (run, reason), n in why.items()
    ]
