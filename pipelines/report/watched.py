"""A run that is watched while it goes on: its bar, its curves."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.competition import Competition
from pipelines.kaggle.download import fetch
from pipelines.pipeline import Outcome, make_plan, run
from pipelines.report.console import progress_bar, say_aside
from pipelines.report.curves import Watcher, make_curves
from pipelines.settings.knobs import Knobs


def watched(
    competition: Competition, knobs: Knobs, say: Callable[[str], None], *, silent: bool,
    tensorboard: Path | None = None, visdom: bool = False, **options: Any,
) -> Outcome:  # fmt: skip
    """As `run`, which takes the further `options`; a bar unless `silent`, and curves where they are asked for."""
    with contextlib.closing(make_curves(tensorboard, visdom)) as curves, progress_bar(silent=silent) as bar:
        watcher = Watcher(curves, bar, make_plan(competition, knobs).n_epochs)
        fetch_aside = partial(fetch, say=say_aside)
        heard: dict[str, Any] = {"on_epoch": watcher, "on_task": watcher.on_task}
        return run(competition, knobs, fetch=fetch_aside, say=say, **heard, **options)
