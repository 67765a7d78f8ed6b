"""Finished networks of other runs that a new run need not train, and why others are not used."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.runs.jobs import finished as files
from pipelines.runs.jobs.finished import Ident
from pipelines.runs.jobs.fingerprint import Parts, key_of, why_not
from pipelines.runs.folder import RunFolder
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
        plan = {job.get("key") for job in run.plan().get("jobs", []) if isinstance(job, dict)}
        left = idents.keys() - {key_of(wanted[ident]) for ident in there}
        if not left:
            break
        if not plan & left and unused:  # of those that do not fit the newest says enough
            continue
        for path in run.networks():
            try:
                jobs = files.jobs_in(path)
                fitting = {job["key"] for job in jobs} & left
                if fitting:
                    target = files.adopt(path, into, fitting)
                    new = {Ident.of(job): (target, job) for job in files.jobs_in(target) if job["key"] in fitting}
                    there |= new
                    left -= fitting
                    sources[run.name] += len(new)
                unused += [(run.name, job) for job in jobs if job["key"] not in idents and Ident.of(job) in wanted]
            except (DamagedError, OSError) as error:
                say(f"not used: {run.path.name}/{path.parent.name}: {error}; its networks are trained again")
                if path.parent == into:
                    path.unlink(missing_ok=True)
    for line in _lines(there, sources, wanted, unused):
        say(line)
    return there


def _lines(
    there: There, sources: Counter[str], wanted: Mapping[Ident, Parts], unused: list[tuple[str, dict[str, Any]]]
) -> list[str]:
    lines = []
    if there:
        lines = [f"{len(there)} of {len(wanted)} models are there already ({', '.join(sources)})"]
    why: Counter[tuple[str, str]] = Counter()
    for run, job in unused:
        ident = Ident.of(job)
        if ident not in there:
            why[run, why_not(job["parts"], wanted[ident]) or "its key is not that of its parts"] += 1
    return lines + [f"{n} models of {run} are not used: {reason}" for (run, reason), n in why.items()]
