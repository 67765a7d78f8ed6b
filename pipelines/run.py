"""The whole way in one place: data -> features -> cross-validation -> checked submission and record."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.competition import Competition, Variant
from pipelines.data import tables as raw
from pipelines.data.sources import Fetch, Source, locate
from pipelines.errors import UsageError
from pipelines.files import sha256
from pipelines.submission import writer as submission
from pipelines.training.loop import pick_device
from pipelines.validation import crossval as validation
from pipelines.validation import practice
from pipelines.validation.crossval import CVResult, OnLoss, Progress
from pipelines.validation.folds import Plan


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What the command line may override; None keeps what the competition's preset says."""

    data: Path | None = None
    output: Path = Path("submissions")
    preset: str = "fast"
    variants: str | None = None  # names with commas between them
    folds: int | None = None
    seeds: int | None = None
    epochs: int | None = None
    seed: int = 0
    device: str = "auto"
    memory: int | None = None
    practice: bool = False  # hide some training rows and score on them; such a run writes nothing


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: its source, its scores, the record, and the csv's path if one was written."""

    source: Source
    result: CVResult
    record: dict[str, Any]
    path: Path | None


def make_plan(competition: Competition, knobs: Knobs) -> Plan:
    """The preset of that name with the knobs' overrides.

    Raises: UsageError for an unknown preset or variant, or a number below its least value.
    """
    preset = competition.presets.get(knobs.preset)
    if preset is None:
        known = ", ".join(competition.presets)
        raise UsageError(f"there is no preset {knobs.preset!r}", f"choose one of {known}", f"可选的 preset: {known}")
    if knobs.seed >= 2**32:
        raise UsageError(f"--seed must be below 2^32, got {knobs.seed}", "choose a smaller one", "--seed 必须小于 2^32")
    for name, least in (("folds", 2), ("seeds", 1), ("epochs", 1), ("seed", 0), ("memory", 1)):
        value = getattr(knobs, name)
        if value is not None and value < least:
            what = f"--{name} must be at least {least}, got {value}"
            raise UsageError(what, f"choose --{name} {least} or more", f"--{name} 至少为 {least}")
    variants = _variants(competition, knobs.variants, preset.variants)
    if knobs.epochs is not None:
        variants = {name: replace(v, recipe=replace(v.recipe, epochs=knobs.epochs)) for name, v in variants.items()}
    return Plan(
        folds=preset.folds if knobs.folds is None else knobs.folds,
        seeds=preset.seeds if knobs.seeds is None else knobs.seeds,
        variants=variants,
        seed=knobs.seed,
        device=str(pick_device(knobs.device)),
        memory_mb=knobs.memory,
    )


def _variants(competition: Competition, wanted: str | None, of_preset: Sequence[str]) -> dict[str, Variant]:
    names = of_preset if wanted is None else [name.strip() for name in wanted.split(",")]
    there = competition.all_variants
    unknown = next((name for name in names if name not in there), None)
    if unknown is not None:
        raise UsageError(
            f"{competition.slug} has no variant {unknown!r}; known: {', '.join(there)}",
            "choose from these, with commas between the names",
            "请从中选择，名称之间用逗号隔开",
        )
    return {name: there[name] for name in names}


def run(
    competition: Competition,
    knobs: Knobs,
    *,
    write: bool = True,
    fetch: Fetch | None = None,
    say: Callable[[str], None] = lambda _line: None,
    progress: Progress = lambda _done, _all: None,
    on_loss: OnLoss = lambda _network, _loss, _epoch: None,
    on_result: Callable[[Source, CVResult], None] = lambda _source, _result: None,
) -> Outcome:
    """Cross-validate `competition` and, with `write`, leave a checked submission and its record.

    `fetch` downloads the data if no folder has them (see `sources.locate`); `on_loss` gets the training loss of
    each network after each epoch, `on_result` the scores before the submission is made.

    Raises: HomeworkError for anything wrong with options, data or predictions; then nothing is written.
    """
    started = time.perf_counter()
    plan = make_plan(competition, knobs)
    folder = knobs.output / competition.slug
    write = write and not knobs.practice
    if write:
        _refuse_unwritable(folder)
    source = locate(competition, knobs.data, fetch=fetch)
    say(source.line)
    say(_plan_line(competition, plan))
    data = raw.read(competition, source)
    hidden = practice.hide(data, knobs.seed) if knobs.practice else None
    if hidden is not None:
        competition, data = practice.without_published(competition), hidden.data
    features = validation.make_features(competition, data)
    result = validation.cross_validate(competition, features, plan, progress, partial(_say_time, say), on_loss)
    on_result(source, result)
    record = make_record(competition, knobs.preset, plan, source, result)
    path = None
    if hidden is not None:
        record["practice"] = hidden.score(competition.metric, result.test)
    if write:
        csv = submission.to_csv(competition, data.sample_submission, data.test[competition.id_column], result.test)
        submission.check(competition, csv, source.files[competition.sample_submission])
        record |= {"csv_sha256": sha256(csv), "seconds": round(time.perf_counter() - started, 2)}
        name = f"{knobs.preset}-sample" if source.kind == "sample" else knobs.preset
        path = submission.save(folder, name, csv, record)
    record["seconds"] = record["seconds"] or round(time.perf_counter() - started, 2)
    return Outcome(source, result, record, path)


def _refuse_unwritable(folder: Path) -> None:
    """Say before the training, not after it, that the output cannot be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "is not a folder" if not there.is_dir() else "cannot be written to"
        raise UsageError(f"--output: {there} {what}", "choose another folder", "请选择其他输出文件夹")


def _plan_line(competition: Competition, plan: Plan) -> str:
    several = f"{len(plan.variants)} variants x " * (len(plan.variants) > 1)
    n_networks = len(plan.variants) * plan.folds * plan.seeds
    networks = f"{several}{plan.folds} folds x {plan.seeds} seed{'s' * (plan.seeds > 1)} = {n_networks} networks"
    epochs = {variant.recipe.epochs for variant in plan.variants.values()}
    each = f"{min(epochs)} epochs" if len(epochs) == 1 else f"{min(epochs)} to {max(epochs)} epochs"
    return f"{competition.slug}: {networks}, {each} each, on {plan.device}"


def _say_time(say: Callable[[str], None], seconds: float) -> None:
    if seconds >= 60:
        say(f"training takes about {seconds / 60:.0f} min on this machine")


def make_record(competition: Competition, preset: str, plan: Plan, source: Source, result: CVResult) -> dict[str, Any]:
    """Everything needed to know where a submission came from and to make it again; plain JSON values.

    `csv_sha256` and `seconds` are filled in when they are known.
    """
    return {
        "slug": competition.slug,
        "data": source.kind,
        "where": source.where,
        "inputs_sha256": source.hashes(),
        "csv_sha256": None,
        "metric": competition.metric.name,
        "cv_mean": result.score,
        "cv_se": result.se,
        "fold_scores": result.fold_scores,
        "fold_se": result.fold_se,
        "variants": [asdict(score) | {"recipe": asdict(plan.variants[score.name].recipe)} for score in result.variants],
        "baselines": [asdict(baseline) for baseline in result.baselines],
        "forecast": asdict(result.forecast),
        "folds": plan.folds,
        "seeds": plan.seeds,
        "seed": plan.seed,
        "preset": preset,
        "device": plan.device,
        "versions": versions(),
        "git_commit": git_commit(),
        "seconds": None,
        "peak_memory_mb": peak_memory_mb(),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that the numbers depend on."""
    packages = ("torch", "numpy", "pandas", "scikit-learn", "scipy", "rtdl_num_embeddings", "tabm")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def git_commit() -> str | None:
    """The commit of this source tree, with `-dirty` after it if files differ; None outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603 a fixed command
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def peak_memory_mb() -> float | None:
    """The largest resident memory of this process so far, in 10^6 bytes; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
