"""What a run has finished is kept in its folder at once, and found again: by this run after a kill, or by others."""

import json
import threading
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipelines.audit import hardest
from pipelines.audit.importance import Scored, importances
from pipelines.competition import Competition
from pipelines.data.sources import Source
from pipelines.data.tables import Tables
from pipelines.errors import DataWarning
from pipelines.features.frames import Features
from pipelines.files import check_room, full_disk_told, write_whole
from pipelines.runs import inputs
from pipelines.runs.checkpoints import Unfinished, remove_unfinished
from pipelines.runs.fitted.files import arrays_of
from pipelines.runs.fitted.models import Models
from pipelines.runs.folder import IDEA, PLAN, RECORD, RunFolder, folders, new_folder
from pipelines.runs.jobs import finished as files
from pipelines.runs.jobs import found
from pipelines.runs.jobs.fingerprint import Fingerprint, Parts, key_of
from pipelines.runs.jobs.finished import Ident
from pipelines.runs.predictions import RowPredictions
from pipelines.runs.tensors import DamagedError
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import folder_of
from pipelines.settings.tuned import keep_copy
from pipelines.submission.provenance import git_commit, versions
from pipelines.submission.record import Importance, Record
from pipelines.training.fit import Group, Job
from pipelines.validation.results import CVResult, Finished, Keep, pool_of

if TYPE_CHECKING:
    from pipelines.validation.crossval import Plan
    from pipelines.validation.estimators import Fit
    from pipelines.validation.splits import Fold

Say = Callable[[str], None]

SECONDS = 1.0  # of fitting after which estimators and baselines are written, so that quick ones share a file
ASIDE = 2_000_000  # bytes for record, plan, log and picture
BYTES_OF_ENCODER = 100_000  # of a fold, about
BYTES_OF_STATE = 16  # of each weight while its network trains: best weights, moments
AT_A_TIME = 2  # groups whose states lie on the disk beside each other, most often


class RunKeep(Keep):
    """Keeps a run in a folder of its own below `root/slug`; an unfinished one of the same plan goes on.

    To be entered before the cross-validation, and left after the record is written: the folder is locked meanwhile.
    Where `knobs.runs` is None nothing is kept.
    """

    def __init__(self, source: Source, slug: str, what: str, knobs: Knobs, say: Say, *, tuned: bool = False) -> None:
        self.files, self.of_sample, self.tuned = source.files, source.kind == "sample", tuned
        self.root, self.slug, self.what, self.say = knobs.runs, slug, what, say
        self.csvs = knobs.output.absolute() / slug  # the plan is read from other folders, too
        self.options = asdict(knobs) | {"output": self.csvs.parent}
        if knobs.runs is not None:
            self.options["runs"] = knobs.runs.absolute()  # by which a copy is known
        self.folder: RunFolder | None = None
        self._parts: dict[Ident, Parts] = {}
        self._there: dict[Ident, tuple[Path, dict[str, Any]]] = {}
        self._waiting: list[tuple[bool, Finished, dict[str, Any]]] = []
        self._wanted: set[Ident] = set()  # of all that may be fitted; empty where that is all
        self.code = ""  # folder of the competition, whose code fitted encoders may name
        self._lock = threading.RLock()

    @property
    def name(self) -> str | None:
        """The folder's, once the training has begun."""
        return None if self.folder is None else self.folder.name

    @property
    def there(self) -> Collection[Ident]:
        """The jobs that need no training: this run, before a kill, or others have finished them."""
        return self._there.keys()

    @property
    def _networks(self) -> Path:
        assert self.folder is not None
        return self.folder.path / "networks"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.folder is not None:
            try:
                self._write_waiting()
            except Exception:
                if kind is None:
                    raise
            finally:
                self.folder.remove_if_empty()
                self.folder.unlock()

    def begin(
        self, competition: Competition, features: Features, folds: "Sequence[Fold]", plan: "Plan", fits: "Sequence[Fit]"
    ) -> None:
        """Open the folder, write what is wanted, and take over what others have finished.

        Raises: NoRoomError.
        """
        if self.root is None:
            return
        self.code = folder_of(competition.slug)
        told = Fingerprint(competition, features, folds, plan)
        for fit in fits:
            ident = Ident.of(fit.jobs[0], pooled=fit.pooled)
            self._parts[ident] = told.parts(fit.variant, fit.jobs[0], pooled=fit.pooled)
        self._bytes_of_inputs = sum(map(len, self.files.values())) * (competition.add_features is not None)
        self._bytes_of_job = 8 * competition.n_outputs * (len(features.y) // len(folds) + 1 + len(features.test))
        with full_disk_told(self.root):
            folder = self._open(self.root)
            if not self.options["restart"]:
                others = [each for each in folders(self.root, self.slug) if each.path != folder.path]
                self._there = found.take_over([folder, *others], self._networks, self._parts, self.say)

    def _open(self, root: Path) -> RunFolder:
        """An unfinished folder of the same plan that nobody works in, or a new one, with what is wanted."""
        jobs = [ident._asdict() | {"key": key_of(parts)} for ident, parts in self._parts.items()]
        folder = None if self.options["restart"] else self._unfinished(root, jobs)
        if folder is None:
            folder = new_folder(root, self.slug, self.what, lambda name: (self.csvs / f"{name}.csv").exists())
        self.folder = folder  # now, so that it is given back where the disk is full
        plan = {"version": files.VERSION, "what": self.what, "options": self.options, "versions": versions()}
        plan |= {"git_commit": git_commit(), "jobs": jobs}
        write_whole(folder.path / PLAN, f"{json.dumps(plan, indent=1, default=str)}\n".encode())
        keep_copy(root / self.slug, folder.path, tuned=self.tuned, sample=self.of_sample)
        idea: Path | None = self.options["idea"]  # by which `predict` knows that the competition's code does not fit
        if idea is None:
            (folder.path / IDEA).unlink(missing_ok=True)
        else:
            write_whole(folder.path / IDEA, idea.read_bytes())
        return folder

    def _unfinished(self, root: Path, jobs: list[dict[str, Any]]) -> RunFolder | None:
        for folder in folders(root, self.slug):
            plan = {} if folder.is_finished else folder.plan()
            if (plan.get("what"), plan.get("jobs")) == (self.what, jobs) and folder.lock():
                if not folder.is_finished:
                    folder.remove_leftovers()
                    self.say(f"goes on with {folder.path}, a run that had not come to its end")
                    return folder
                folder.unlock()
        return None

    def want(self, fits: "Sequence[Fit]") -> None:
        """Reckon from now on with these, and with those before them."""
        self._wanted |= {Ident.of(fit.jobs[0], pooled=fit.pooled) for fit in fits}

    def expect(self, groups: Sequence[Group]) -> None:
        """Compare what is going to be written with the room that there is.

        Raises: NoRoomError.
        """
        if self.folder is None:
            return
        missing = [[job for job in group.jobs if Ident.of(job) not in self._there] for group in groups]
        weights = [group.n_weights * len(jobs) for group, jobs in zip(groups, missing, strict=True)]
        encoders = len({(job.variant, job.fold) for jobs in missing for job in jobs})
        wanted = self._wanted or self._parts.keys()
        rows = len(wanted - self._there.keys()) + len(wanted)
        needed = ASIDE + self._bytes_of_inputs + BYTES_OF_ENCODER * encoders + self._bytes_of_job * rows
        needed += 4 * sum(weights) + BYTES_OF_STATE * sum(sorted(weights)[-AT_A_TIME:])
        check_room(self.folder.path, needed)

    def checkpoint(self, jobs: Sequence[Job]) -> Unfinished | None:
        """Where networks that train together are kept before they are finished."""
        if self.folder is None:
            return None
        first, of_many = jobs[0], f"{len(jobs)} networks at once"
        which = of_many if len(jobs) > 1 else f"fold {first.fold + 1} seed {first.seed + 1}"
        return Unfinished(self.folder.path, self._keys(jobs), f"{first.variant}, {which}", self.say)

    def _keys(self, jobs: Iterable[Job]) -> list[str]:
        return [key_of(self._parts[Ident.of(job)]) for job in jobs]

    def find(self, jobs: Sequence[Job], *, pooled: bool = True) -> dict[Job, Finished]:
        """Those of the jobs that are in the folder."""
        done = {}
        for job in jobs:
            ident = Ident.of(job, pooled=pooled)
            if ident in self._there:
                path, about = self._there[ident]
                try:
                    done[job] = files.read(path, job, about)
                except Exception as error:  # it was whole when this run began
                    raise DamagedError(f"{path} has been changed while the run was reading it") from error
        return done

    def put(
        self,
        finished: Sequence[Finished],
        encoders: Mapping[int, Any],
        models: Mapping[Job, Any],
        *,
        pooled: bool = True,
    ) -> None:
        """Write networks at once; estimators when some have taken a second together.

        Raises: NoRoomError, which names the file.
        """
        if self.folder is None:
            return
        fitted = arrays_of(encoders, models, finished[0].job.variant, self.code) if pooled else {}
        with self._lock:
            networks = bool(finished[0].losses)
            self._waiting += [] if networks else [(pooled, each, fitted) for each in finished]
            if networks or sum(each.seconds for _, each, _ in self._waiting) >= SECONDS:
                self._write_waiting()
            if networks:
                self._write(finished, models, fitted, pooled=pooled)
                remove_unfinished(self.folder.path, self._keys(each.job for each in finished))

    def _write_waiting(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            kinds = dict.fromkeys((pooled, each.job.variant) for pooled, each, _ in waiting)
            for pooled, variant in kinds:
                own = [(each, of) for other, each, of in waiting if (other, each.job.variant) == (pooled, variant)]
                fitted = {name: array for _, of in own for name, array in of.items()}
                self._write([each for each, _ in own], {}, fitted, pooled=pooled)

    def _write(
        self, finished: Sequence[Finished], models: Mapping[Job, Any], fitted: Mapping[str, Any], *, pooled: bool
    ) -> None:
        parts = {each.job: self._parts[Ident.of(each.job, pooled=pooled)] for each in finished}
        with full_disk_told(self._networks):
            files.save(self._networks, finished, models, parts, pooled=pooled, fitted=fitted)

    def importance(self, competition: Competition, features: Features, result: CVResult) -> list[Importance] | None:
        """Which columns matter, asked of the models that are kept; in the folder too, as `importance.json`."""
        if self.folder is None:
            return None
        with full_disk_told(self.folder.path):
            self._write_waiting()
            pool = pool_of(competition, result.weights, features.y, result.fold)
            models = Models(self.folder, competition, [each.name for each in result.variants])
            found = importances(Scored(competition, features, result.fold, pool), models.said, self.options["seed"])
            text = json.dumps([asdict(each) for each in found], indent=1)
            write_whole(self.folder.path / "importance.json", f"{text}\n".encode())
        return found

    def finish(
        self, record: Record, competition: Competition, tables: Tables, features: Features, result: CVResult
    ) -> None:
        """Write what the run said of each row and, last, its record."""
        if self.folder is None:
            return
        with full_disk_told(self.folder.path):
            self._write_waiting()
            ids = [[str(each) for each in frame[competition.key]] for frame in (tables.train, tables.test)]
            RowPredictions(
                ids=ids[0], y=features.y, fold=result.fold, oof=result.oof, test_ids=ids[1], test=result.test,
                units=features.dependent, variants=result.alone, weights=result.weights,
                columns=[str(name) for name in tables.test if name != competition.key],
            ).save(self.folder.path)  # fmt: skip
            remove_unfinished(self.folder.path)
            if record.budget is not None:
                self._forget_others(record.budget.seeds, [each.name for each in record.baselines])
            if competition.add_features is not None:  # which sees all rows together: new ones need these
                inputs.save(self.folder.path, competition, self.files)
            record.save(self.folder.path / RECORD)
        try:
            rows = hardest.to_json(hardest.hardest(competition, tables, features, result))
            write_whole(self.folder.path / hardest.FILE, f"{rows}\n".encode())
        except Exception as error:  # of columns of whatever kind, or a full disk: the run is whole without it
            said = f"no list of the rows that are predicted worst: {type(error).__name__}: {error}"
            warnings.warn(said, DataWarning, stacklevel=2)

    def _forget_others(self, seeds: Mapping[str, int], baselines: Collection[str]) -> None:
        """Leave in the plan what has been pooled, and the baselines: no more was there time for."""
        assert self.folder is not None
        plan = self.folder.plan()
        plan["jobs"] = [
            job
            for job in plan.get("jobs", [])
            if (job["seed"] < seeds.get(job["variant"], 0) if job["pooled"] else job["variant"] in baselines)
        ]
        write_whole(self.folder.path / PLAN, f"{json.dumps(plan, indent=1)}\n".encode())


def keeping(slug: str, knobs: Knobs, source: Source, say: Say, *, write: bool, tuned: bool = False) -> RunKeep:
    """What keeps a run: in `knobs.runs`, if that is not None; with what `tune` has found, if it is `tuned`."""
    kind = "-practice" * knobs.practice or "-cv" * (not write)
    what = f"{knobs.what}{'-sample' * (source.kind == 'sample')}{kind}"
    return RunKeep(source, slug, what, knobs, say, tuned=tuned)
