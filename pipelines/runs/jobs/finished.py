"""The files of what a run has finished: `networks/<variant>-<i>.safetensors`, one for each group of jobs.

Shapes: n scored rows, M test rows, P predictions of a row.

`about` is {"version", "jobs": [...]}; a job says what it is (`variant`, `fold`, `seed`, `random_state`, `pooled`), what
it depended on (`key`, `parts`), and how it went. Its tensors are `<fold>-<seed>/scored` (n, P), `<fold>-<seed>/test`
(M, P) and, of a network, `<fold>-<seed>/weights/<name>`, as its state dict has them. Fitted encoders and estimators are
bytes: `<fold>/encoder` of networks, `<fold>-<seed>/encoder` and `<fold>-<seed>/estimator` of estimators.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from pipelines.files import link
from pipelines.runs import tensors
from pipelines.runs.jobs.fingerprint import Parts, key_of
from pipelines.runs.tensors import DamagedError
from pipelines.training.fit import Job, Trained
from pipelines.validation.results import Finished

VERSION = 1  # of the form
ENDING = ".safetensors"


class Ident(NamedTuple):
    """Which job of a run: a baseline is not `pooled`, and may be called as a variant is."""

    variant: str
    fold: int
    seed: int
    pooled: bool = True

    @classmethod
    def of(cls, job: Job | Mapping[str, Any], *, pooled: bool = True) -> "Ident":
        """That of a job, or of one as a file has it."""
        if isinstance(job, Job):
            return cls(job.variant, job.fold, job.seed, pooled)
        return cls(job["variant"], job["fold"], job["seed"], job["pooled"])

    @property
    def prefix(self) -> str:
        """How the names of its tensors begin."""
        return f"{self.fold}-{self.seed}/"


def save(
    folder: Path,
    finished: Sequence[Finished],
    models: Mapping[Job, Any],
    parts: Mapping[Job, Parts],
    *,
    pooled: bool = True,
    fitted: Mapping[str, Any] | None = None,
) -> Path:
    """Write jobs of one variant, whole or not at all; `models` are networks (`Trained`), `fitted` all else, by name."""
    found: dict[str, Any] = dict(fitted or {})
    about = []
    for each in finished:
        ident, model = Ident.of(each.job, pooled=pooled), models.get(each.job)
        found |= {f"{ident.prefix}scored": each.scored, f"{ident.prefix}test": each.test}
        more: dict[str, Any] = {"scores": [], "best_epoch": 0, "scale": None}
        if isinstance(model, Trained):
            found |= _weights(f"{ident.prefix}weights/", model.model)
            more = {"scores": model.history.scores, "best_epoch": model.history.best_epoch}
            more["n_features"] = model.n_features
            more["scale"] = None if model.scale is None else asdict(model.scale)
        of_job: dict[str, Any] = {"key": key_of(parts[each.job]), "parts": parts[each.job], "losses": list(each.losses)}
        of_job |= {
            "held_out": list(each.held_out),
            "seconds": each.seconds,
            "model": each.model,
            "notes": list(each.notes),
        }
        about.append(ident._asdict() | {"random_state": each.job.random_state} | of_job | more)
    path = _free(folder, finished[0].job.variant)
    tensors.save(path, found, {"version": VERSION, "jobs": about})
    return path


def jobs_in(path: Path) -> list[dict[str, Any]]:
    """What a file says of its jobs, without a look at its tensors.

    Raises: DamagedError.
    """
    try:
        with safe_open(path, framework="pt") as file:
            jobs = json.loads(file.metadata()["about"])["jobs"]
        for job in jobs:
            Ident.of(job), str(job["key"]), dict(job["parts"])
    except FileNotFoundError:
        raise DamagedError(f"there is no {path.name}") from None
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise DamagedError(f"{path.name} is damaged: {(str(error).splitlines() or ['?'])[0]}") from None
    return list(jobs)


def adopt(path: Path, folder: Path, wanted: Collection[str]) -> Path:
    """Take a file over into `folder`, in the same bytes where all of its jobs' keys are `wanted`; else those only.

    Raises: DamagedError for a file that is not as it was written.
    """
    found, about = tensors.load(path)
    jobs = [job for job in about["jobs"] if job["key"] in wanted]
    if path.parent == folder and len(jobs) == len(about["jobs"]):
        return path
    target = _free(folder, jobs[0]["variant"])
    if len(jobs) == len(about["jobs"]):
        link(path, target)
    else:
        prefixes = tuple(prefix for job in jobs for prefix in (Ident.of(job).prefix, f"{job['fold']}/"))
        kept = {name: tensor for name, tensor in found.items() if name.startswith(prefixes)}
        tensors.save(target, kept, about | {"jobs": jobs})
    return target


def read(path: Path, job: Job, about: Mapping[str, Any]) -> Finished:
    """What a job's model says, from a file that has been looked at as a whole before."""
    prefix = Ident.of(job).prefix
    with safe_open(path, framework="pt") as file:
        scored, test = (file.get_tensor(f"{prefix}{name}").numpy() for name in ("scored", "test"))
    return Finished(
        job=job, scored=scored, test=test, losses=about["losses"], model=about["model"], seconds=about["seconds"],
        notes=about["notes"], held_out=about.get("held_out", []),
    )  # fmt: skip


def _weights(prefix: str, model: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}{name}": each for name, each in model.state_dict().items() if isinstance(each, Tensor)}


def _free(folder: Path, variant: str) -> Path:
    """A file name that is not there yet; variants may have any name."""
    stem = re.sub(r"[^\w.-]+", "-", variant)[:80]
    number = 1
    while (path := folder / f"{stem}-{number}{ENDING}").exists():
        number += 1
    return path
