"""From a competition's name to a checked submission.

`pipeline.py` is the whole way in one function. Rooms, in the order in which a csv passes them: `data`, `features`,
`encoders`, `models`, `training`, `validation`, `submission`; around them `kaggle`, `web` and `report`. `settings`
answers what can be answered before torch is loaded; `new` writes the folder of a competition, whose made rows `made`
draws; `audit` asks whether a score can be believed; `competition`, `hardware`, `metrics` (whose errors `bootstrap`
finds), `files`, `locks` and `errors` serve everybody.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.runs.saved import load_run as load_run


def __getattr__(name: str) -> Any:
    """`pipelines.load_run`, imported with all that it needs when it is asked for."""
    if name != "load_run":
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    from importlib import import_module

    return import_module("pipelines.runs.saved").load_run
