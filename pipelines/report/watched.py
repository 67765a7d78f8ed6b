"""A run that is watched while it goes on: one line of how far it is, its log, its page, its curves."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.budget.deadline import Deadline
from pipelines.competition import Competition
from pipelines.kaggle.download import fetch
from pipelines.pages.live import LivePage
from pipelines.pages.words import Words
from pipelines.pipeline import Outcome, run
from pipelines.report.console import say_aside
from pipelines.report.curves import make_curves
from pipelines.report.live.log import Log
from pipelines.report.live.progress import line_of, progress
from pipelines.report.live.so_far import SoFar
from pipelines.settings.knobs import Knobs

if TYPE_CHECKING:
    from pipelines.training.fit import Job


def watched(
    competition: Competition, knobs: Knobs, say: Callable[[str], None], *, silent: bool,
    tensorboard: Path | None = None, visdom: bool = False, log: Log | None = None, words: Words = Words(),  # noqa: B008
    began: float | None = None, **options: Any,
) -> Outcome:  # fmt: skip
    """As `run`, which takes the further `options`.

    A line of how far it is unless `silent`, and curves where they are asked for. What the caller says goes to `log`, if
    there is one, by the caller's own hand; here it learns where the run is kept, and how far it has come. The minutes
    of a run that has some count from when it `began`, by time.monotonic.
    """
    log = log or Log()
    deadline = None if knobs.minutes is None else Deadline(knobs.minutes, began=began)
    with contextlib.closing(make_curves(tensorboard, visdom)) as curves, progress(words, silent=silent) as show:
        so_far = SoFar([log.hear, LivePage(words, line_of), show], deadline=deadline)

        def on_epoch(job: "Job", epoch: int, loss: float) -> None:
            curves.on_epoch(job, epoch, loss)
            so_far.on_epoch(job, epoch, loss)

        heard: dict[str, Any] = {"on_epoch": on_epoch, "on_task": so_far.on_task, "listen": so_far.around}
        heard["deadline"] = deadline
        try:
            outcome = run(competition, knobs, fetch=partial(fetch, say=say_aside), say=say, **heard, **options)
        except BaseException as error:
            so_far.finish("interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__)
            log(f"ended early: {so_far.failed}")
            raise
        so_far.finish()
        return outcome
