"""What `pipelines.run` is given, as the knobs of a run; what is of a wrong kind is told before torch is loaded."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from pipelines.errors import UsageError
from pipelines.report.options import names
from pipelines.settings.allowed import FLAG, Allowed, allowed, none_or
from pipelines.settings.knobs import Knobs


class Options(TypedDict, total=False):
    """The options of `run` on the command line, by the same names."""

    output: str | Path
    variants: str | Sequence[str] | None
    folds: int | None
    seeds: int | None
    epochs: int | None
    minutes: float | None
    seed: int
    device: str
    memory: int | None
    jobs: int | None
    cluster: str | None
    shares: int | None
    practice: bool
    runs: str | Path | None
    restart: bool
    importance: bool
    note: str | None


PLACE = Allowed("a folder's path", "文件夹路径", lambda value: isinstance(value, str | Path))
TEXT = Allowed("a text", "文本", lambda value: isinstance(value, str))
WHOLE = Allowed("a whole number", "整数", lambda value: isinstance(value, int) and not isinstance(value, bool))
NUMBER = Allowed(
    "a number", "数字", lambda value: isinstance(value, int | float) and not isinstance(value, bool)
)  # fmt: skip
NAMES = Allowed(
    "a list of names, or names with commas between them", "名称列表，或用逗号隔开的名称",
    lambda value: isinstance(value, str)
    or (isinstance(value, Sequence) and all(isinstance(each, str) for each in value)),
)  # fmt: skip
KINDS: Mapping[str, Allowed] = {
    "data": none_or(PLACE), "output": PLACE, "preset": TEXT, "variants": none_or(NAMES), "folds": none_or(WHOLE),
    "seeds": none_or(WHOLE), "epochs": none_or(WHOLE), "minutes": none_or(NUMBER), "seed": WHOLE, "device": TEXT,
    "memory": none_or(WHOLE),
    "jobs": none_or(WHOLE), "cluster": none_or(TEXT), "shares": none_or(WHOLE),
    "practice": FLAG, "runs": none_or(PLACE), "restart": FLAG, "importance": FLAG, "note": none_or(TEXT),
}  # fmt: skip


def knobs_of(given: Mapping[str, Any]) -> Knobs:
    """The knobs that are given, by the names of the options; paths and names may be texts.

    Raises: UsageError for a name that no option has, or a value of another kind.
    """
    for name in given:
        if name not in KINDS:
            near = difflib.get_close_matches(name, KINDS, n=1)
            meant = near[0] if near else ", ".join(KINDS)
            raise UsageError(
                f"run has no option {name!r}",
                f"is it {meant}?" if near else f"choose of {meant}",
                f"是否为 {meant}？" if near else f"可选：{meant}",
            )
    checked = {name: allowed("run", name, value, KINDS[name]) for name, value in given.items()}
    for name in ("data", "output", "runs"):
        if checked.get(name) is not None:
            checked[name] = Path(checked[name]) if str(checked[name]) else None  # "" keeps nothing
    if "variants" in checked:
        several = checked["variants"]
        checked["variants"] = names(several) if several is None or isinstance(several, str) else tuple(several)
    return Knobs(**checked)
