"""How far the chance of training moves a score, told by networks that differ in their seed alone.

Shapes: n scored rows of a fold, P predictions of a row, S seeds.

Rows tell whether two trained models differ; not whether one way to train is better than the other: each of them,
trained anew, would score otherwise. With 6,000 rows and one seed that is more than the rows tell (LOG.md, 2026-11-26).
"""

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from scipy.special import stdtr

from pipelines.competition import Competition
from pipelines.metrics import FloatArray
from pipelines.runs.history.choice import KeptRun
from pipelines.runs.history.compare import Comparison

if TYPE_CHECKING:
    from pipelines.runs.predictions import RowPredictions


@dataclass(frozen=True)
class Share:
    """A part of a squared error, and the degrees of freedom by which it is known."""

    variance: float
    df: float


def with_training(found: Comparison, competition: Competition, *runs: "tuple[KeptRun, RowPredictions]") -> Comparison:
    """The comparison with the chance of training in its error and its p.

    It is told by the seeds of both runs, fold by fold; where a network has a single seed, see `by_folds`. Estimators of
    which one stands for all seeds have none. The parts of the error are known by few numbers each, so p is that of a t
    distribution (degrees of freedom: Welch 1947, Satterthwaite 1946).
    """
    of_runs = [shares_of(competition, run, said) for run, said in runs]
    shares = [share for of_run in of_runs for share in of_run or ()]
    if None in of_runs:
        return by_folds(found)
    return _added(found, [share for share in shares if share.variance > 0])


def by_folds(found: Comparison) -> Comparison:
    """The comparison by the paired t-test over folds, where that is more careful than the rows are.

    How the gain differs from fold to fold holds the chance of the rows already, beside that of training: to add it to
    the error of the rows would count them twice.
    """
    gains = np.array([part.gain for part in found.folds])
    if len(gains) < 2 or not np.isfinite(gains).all() or gains.var() == 0 or not np.isfinite(found.se):
        return found
    of_folds = float(np.sqrt(gains.var(ddof=1) / len(gains)))
    p = float(2 * stdtr(len(gains) - 1, -abs(found.gain) / of_folds))
    return replace(found, se=max(found.se, of_folds), p=max(p, found.p), rows_se=found.se, rows_p=found.p)


def shares_of(competition: Competition, run: KeptRun, said: "RowPredictions") -> list[Share] | None:
    """What each fold of each variant adds to the squared error of a run's score; None where one has a single seed."""
    weights, shares = {each.name: each.weight for each in run.record.variants}, []
    networks = {each.name for each in run.record.variants if any(each.losses)}
    n_scored, there = int((said.fold >= 0).sum()), _of_seeds(run.folder.path)
    if networks - {variant for variant, _ in there}:
        return None
    for (variant, fold), of_seeds in there.items():
        rows = np.flatnonzero(said.fold == fold)
        if len(of_seeds) < 2 and variant not in networks and (run.record.seeds or 1) > 1:
            continue  # one fit stands for all seeds: no chance is drawn
        if len(of_seeds) < 2 or any(len(each) != len(rows) for each in of_seeds):
            return None
        number = competition.number
        values = [each if number is None else number.inverse(each) for each in of_seeds]
        scores = np.array([competition.metric(said.y[rows], each) for each in values])
        share = weights.get(variant, 0.0) * len(rows) / n_scored
        if np.isfinite(scores).all():
            shares.append(Share(share**2 * float(scores.var(ddof=1)) / len(scores), len(scores) - 1))
    return shares


def _of_seeds(folder: Path) -> dict[tuple[str, int], list[FloatArray]]:
    """What the models of each variant and fold say of its scored rows, (n, P) each; not what baselines say."""
    found: dict[tuple[str, int], list[FloatArray]] = defaultdict(list)
    for path in sorted(folder.glob("networks/*.safetensors")):
        try:
            with safe_open(path, framework="np") as file:
                for job in json.loads(file.metadata()["about"])["jobs"]:
                    if job["pooled"]:
                        said = file.get_tensor(f"{job['fold']}-{job['seed']}/scored")
                        found[job["variant"], job["fold"]].append(said)
        except (SafetensorError, OSError, LookupError, TypeError, ValueError):
            continue  # what cannot be read tells nothing
    return found


def _added(found: Comparison, shares: list[Share]) -> Comparison:
    """The comparison with more parts in its squared error."""
    if not shares or not np.isfinite(found.se):
        return found
    parts = [Share(found.se**2, max(1, found.rows - 1)), *shares]
    variance = sum(part.variance for part in parts)
    df = variance**2 / sum(part.variance**2 / part.df for part in parts)
    se = float(np.sqrt(variance))
    p = float(2 * stdtr(df, -abs(found.gain) / se))
    return replace(found, se=se, p=max(p, found.p), rows_se=found.se, rows_p=found.p)
