"""The whole way in one place: data -> features -> cross-validation -> checked submission and record."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.audit.leaks import watch
from pipelines.audit.practice import hide, without_published
from pipelines.budget.deadline import Deadline
from pipelines.budget.within import minutes_line, within
from pipelines.competition import Competition
from pipelines.data.sources import Fetch, Source, locate
from pipelines.data.tables import read
from pipelines.errors import DataWarning
from pipelines.features.belonging import split_lines
from pipelines.features.frames import make_features
from pipelines.files import sha256
from pipelines.report.curves import OnTask
from pipelines.runs.folder import RunFolder
from pipelines.runs.keeping import RunKeep, keeping
from pipelines.settings.knobs import Knobs
from pipelines.settings.plan import make_plan
from pipelines.settings.trial import try_metric
from pipelines.settings.tuned import with_tuned
from pipelines.submission import linter, writer
from pipelines.submission.folder import prepare
from pipelines.submission.provenance import make_record
from pipelines.submission.record import Record
from pipelines.training.fit import OnEpoch
from pipelines.validation.crossval import cross_validate
from pipelines.validation.groups import plan_line
from pipelines.validation.results import CVResult, Keep


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: its source, its scores, the record, the csv's path if one was written, and its folder."""

    source: Source
    result: CVResult
    record: Record
    path: Path | None
    folder: RunFolder | None = None


def run(
    competition: Competition,
    knobs: Knobs,
    *,
    write: bool = True,
    fetch: Fetch | None = None,
    say: Callable[[str], None] = lambda _line: None,
    on_epoch: OnEpoch = lambda _job, _epoch, _loss: None,
    on_task: OnTask = lambda _what, _done, _of: None,
    on_result: Callable[[Source, CVResult], None] = lambda _source, _result: None,
    listen: Callable[[RunKeep], Keep] = lambda keep: keep,
    deadline: Deadline | None = None,
) -> Outcome:
    """Cross-validate `competition` and, with `write`, leave a checked submission and its record.

    `fetch` downloads the data if no folder has them (see `sources.locate`); `on_epoch` hears of each network after
    each epoch, `on_task` of all other tasks, `on_result` gets the scores before the submission is made. `listen` may
    stand between what is finished and what keeps it. `deadline` is the clock of `knobs.minutes`, if it runs already.
    Raises: HomeworkError for anything wrong with options, data or predictions; then nothing is written.
    """
    started = time.perf_counter()
    deadline = deadline or (None if knobs.minutes is None else Deadline(knobs.minutes))
    source, names = locate(competition, knobs.data, fetch=fetch), knobs.variants or ()
    is_sample = source.kind == "sample"
    given = competition
    competition = with_tuned(given, names, knobs.runs, sample=is_sample, practice=knobs.practice)
    tuned = competition is not given
    plan = make_plan(competition, knobs)
    write, output = write and not knobs.practice, knobs.output / competition.slug
    if write:
        prepare(output, source.files[competition.sample_submission])
    say(source.line)
    say(plan_line(competition, plan, knobs.preset) if deadline is None else minutes_line(competition, plan, deadline))
    tables, hidden = read(competition, source), None
    try_metric(competition.metric, tables.y, competition.n_outputs)
    leaks = watch(competition, tables)
    for note in (*tables.notes, *leaks):
        warnings.warn(note, DataWarning, stacklevel=2)
    if knobs.practice:
        hidden = hide(competition, tables, knobs.seed)
        competition, tables = without_published(competition), hidden.tables
    features = make_features(competition, tables)
    for line in split_lines(competition, plan.folds, features):
        say(line)
    with plan.executor, keeping(competition.slug, knobs, source, say, write=write, tuned=tuned) as keep:
        train = cross_validate if deadline is None else within(deadline, knobs, source, say)
        result = train(competition, features, plan, on_epoch, on_task, listen(keep))
        on_result(source, result)
        record, path = make_record(competition, knobs, plan, source, result, leaks, keep.name), None
        if hidden is not None:
            record = replace(record, practice=hidden.score(competition.metric, result.test))
        elif write:
            csv = writer.to_csv(competition, tables.sample_submission, tables.test[competition.key], result.test)
            known = (float(tables.y.min()), float(tables.y.max())) if competition.number else None
            linter.check(competition, csv, source.files[competition.sample_submission], known)
            record = replace(record, csv_sha256=sha256(csv), seconds=round(time.perf_counter() - started, 2))
            name = f"{knobs.what}-sample" if is_sample else knobs.what
            path = writer.save(output, name, csv, record)
        record = replace(record, seconds=record.seconds or round(time.perf_counter() - started, 2))
        if knobs.importance:
            record = replace(record, importance=keep.importance(competition, features, result))
        keep.finish(record, competition, tables, features, result)
    return Outcome(source, result, record, path, keep.folder)
