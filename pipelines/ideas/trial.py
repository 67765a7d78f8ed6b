"""Both ways, the plain one and the idea's, on the same folds and seeds; what comes of it, and what is kept of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pipelines.competition import Competition
from pipelines.errors import UsageError
from pipelines.files import sha256
from pipelines.ideas import chance
from pipelines.ideas.idea import Idea, with_idea
from pipelines.ideas.ledger import Ideas, Tried
from pipelines.pipeline import Outcome
from pipelines.runs.folder import RunFolder
from pipelines.runs.history.choice import KeptRun, finished
from pipelines.runs.history.compare import Comparison, compare
from pipelines.runs.history.listing import predictions
from pipelines.runs.history.pruning import remove
from pipelines.runs.history.training import with_training
from pipelines.runs.predictions import RowPredictions
from pipelines.runs.tensors import DamagedError
from pipelines.settings.knobs import Knobs

Way = Callable[[Competition, Knobs], Outcome]  # cross-validates, and keeps the run


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of an idea: `comparison` of A, the plain way, and B, the idea's; which idea on these folds it is.

    `outcome` is `helps`, `hurts`, `not told apart`, or `changes nothing` where both say the same of every row; that is
    not counted.
    """

    what: str
    plain: str
    run: str
    comparison: Comparison
    number: int
    n_tried: int
    outcome: str
    folds_better: int

    @property
    def best_of_useless(self) -> float:
        """What the best of as many useless ideas would show, about."""
        return chance.best_of_useless(self.n_tried) * self.comparison.se

    def to_plain(self) -> Mapping[str, Any]:
        """What is printed as JSON, beside the comparison."""
        return {
            "what": self.what, "outcome": self.outcome, "plain": self.plain, "run": self.run, "number": self.number,
            "tried": self.n_tried, "best_of_useless": self.best_of_useless, "line": verdict(self),
            "errors_needed": chance.errors_needed(max(1, self.number)),
        }  # fmt: skip


def verdict(trial: Trial) -> str:
    """The answer in one line: what it is, the difference, and how many ideas were tried."""
    c, n = trial.comparison, trial.n_tried
    if trial.outcome == "changes nothing":
        return "changes nothing: both ways say the same of every row; does an encoder take the new column?"
    said = [f"{c.difference} {c.metric}, {trial.folds_better} of {len(c.folds)} folds better"]
    said += [f"{n} idea{'s' * (n > 1)} tried on these folds"]
    said += [f"the best of {n} useless ones would show about {trial.best_of_useless:+.4f}"] if n > 1 else []
    if trial.outcome == "not told apart":
        said += [f"{chance.errors_needed(trial.number):.1f} errors are needed"]
    return f"{trial.outcome}: {'; '.join(said)}"


def try_idea(competition: Competition, idea: Idea, knobs: Knobs, way: Way, ideas: Ideas) -> Trial:
    """Run the plain way and the idea's, hold the difference against chance, and write it down.

    Raises: UsageError for an idea that cannot be put into the competition; whatever `way` raises.
    """
    changed = with_idea(competition, idea)
    plain_knobs, idea_knobs = both_knobs(competition, idea, knobs)
    plain = kept(way(competition, plain_knobs))
    other = kept(way(changed, idea_knobs))
    a, b = (predictions(run.folder) for run in (plain, other))
    found = compare(competition.metric, a, b, competition.classes)
    found = with_training(found, changed, (plain, a), (other, b))
    better, rows, names = (
        sum(part.gain > 0 for part in found.folds),
        rows_hash(a),
        (plain.folder.name, other.folder.name),
    )
    number, outcome = 0, "changes nothing"
    if not np.array_equal(a.oof, b.oof, equal_nan=True):
        tried = Tried(
            what=idea.what, idea=idea_hash(other.folder, idea_knobs, a), rows=rows, metric=found.metric,
            gain=found.gain, se=found.se, plain=names[0], run=names[1],
        )  # fmt: skip
        number = ideas.number(tried)
        outcome = chance.outcome(found.gain, found.p, number)
    return Trial(
        what=idea.what, plain=names[0], run=names[1], comparison=found, number=number, n_tried=ideas.count(rows),
        outcome=outcome, folds_better=better,
    )  # fmt: skip


def both_knobs(competition: Competition, idea: Idea, knobs: Knobs) -> tuple[Knobs, Knobs]:
    """How the plain way and the idea's are run: the preset's variants, and the idea's beside them."""
    plain = tuple(competition.presets[knobs.preset].variants)
    again = [name for name in idea.variants if name in plain]
    if again:
        raise UsageError(
            f"{again[0]} is one of the variants of the preset {knobs.preset} already: {', '.join(plain)}",
            "name others of the competition's variants",
            "请指定该 preset 之外的 variant",
        )
    noted = replace(knobs, note=knobs.note or f"try: {idea.what}", variants=(*plain, *idea.variants), idea=idea.file)
    return replace(knobs, note="try: the plain way", variants=plain), noted


def kept(outcome: Outcome) -> KeptRun:
    """The run that was just made; where one of the very same networks says the same, that one, and no second."""
    new = outcome.folder
    assert new is not None, "a run that is compared is kept"
    made = KeptRun(new, outcome.record)
    for old in finished(new.path.parent.parent, new.slug):
        if old.folder.name == new.name or not new.jobs() or old.folder.jobs() != new.jobs():
            continue
        if old.record.metric == made.record.metric and _says_the_same(old.folder, new):  # the pool may be another
            list(remove([new]))
            return old
    return made


def _says_the_same(old: RunFolder, new: RunFolder) -> bool:
    try:
        said = RowPredictions.load(old.path).oof
    except DamagedError:
        return False
    return np.array_equal(said, predictions(new).oof, equal_nan=True)


def rows_hash(said: RowPredictions) -> str:
    """A hash of ids, truth and folds: of what every idea is held against."""
    ids = json.dumps(list(said.ids)).encode("utf-8", "surrogatepass")
    return sha256(ids + np.ascontiguousarray(said.y).tobytes() + np.ascontiguousarray(said.fold).tobytes())


def idea_hash(run: RunFolder, knobs: Knobs, plain: RowPredictions) -> str:
    """A hash of all that the idea's networks depend on, and of what the plain way said: all the same is one trial."""
    how = {name: str(value) for name, value in asdict(knobs).items() if name in ("variants", "seeds", "epochs", "seed")}
    said = np.round(np.nan_to_num(plain.oof), 6) + 0.0
    keys = sorted(str(job["key"]) for job in run.jobs())  # code that the idea's file imports is in them, too
    return sha256(json.dumps([keys, how], sort_keys=True).encode() + np.ascontiguousarray(said).tobytes())
