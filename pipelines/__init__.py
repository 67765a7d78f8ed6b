"""From a competition's name to a checked submission.

`pipeline.py` is the whole way in one function. Rooms, in the order in which a csv passes them: `data`, `features`,
`encoders`, `models`, `training`, `validation`, `submission`; around them `kaggle`, `web`, `report` and
`pages`; in `executors` groups of jobs are computed, and `budget` makes the best of so many minutes. `settings` answers
what can be answered before torch is loaded; `new` writes the folder of a competition, whose made rows `made` draws;
`audit` and `practice` ask whether a score can be believed, `ideas` whether one helps, `tune` which layers and rates do;
`notebook` is for programs; `competition`, `hardware`, `metrics` (whose errors `bootstrap` finds), `files` and `errors`
serve everybody.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.notebook.call import run as run
    from pipelines.notebook.competing import for_kaggle as for_kaggle
    from pipelines.runs.saved import load_run as load_run

OFFERED = {
    "run": "pipelines.notebook.call", "for_kaggle": "pipelines.notebook.competing", "load_run": "pipelines.runs.saved",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """`pipelines.run`, `load_run` and `for_kaggle`, imported with all that they need when they are asked for."""
    if name not in OFFERED:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(OFFERED[name]), name)
