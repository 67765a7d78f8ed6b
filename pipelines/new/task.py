"""What is to be predicted, how it is scored, and which rows belong together: said by a person, or taken for so.

Shapes: N training rows, C classes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from pipelines.data.strict_csv import is_gap, word_of
from pipelines.errors import DataError, UsageError
from pipelines.features.numerals import decimal_of
from pipelines.metrics import METRICS, FloatArray
from pipelines.new.columns import VALUES_TOO, is_number
from pipelines.new.roles import Roles, Said

FEW_CLASSES = 30  # different whole numbers at most, to be classes
LEAST_ROWS = 5  # of each such class
SKEWED = 1.0  # skewness from which a positive number is learned as its log

Submit = Literal["labels", "probabilities", "ranked", "values"]
Class = int | str | bool


@dataclass(frozen=True, kw_only=True)
class Task:
    """The target as classes, each with its share of the rows, or as a number; `metric` is a name of METRICS.

    `notes` says why, by what was decided: "classes", "metric", "number".
    """

    shares: dict[Class, float] = field(default_factory=dict)
    values: FloatArray | None = None
    transform: Literal["identity", "log1p"] = "identity"
    loss: Literal["squared", "absolute"] = "squared"
    metric: str
    submit: Submit
    sample_columns: tuple[str, ...] = ()
    n_unlabelled: int = 0  # training rows without a target
    notes: dict[str, str] = field(default_factory=dict)


def find_task(roles: Roles, said: Said) -> Task:
    """Tell classes from numbers, and choose the metric.

    Raises: UsageError for a metric that does not fit the target, or a submission that no task here has.
    """
    cells = roles.train.text(roles.target)
    cells = cells[~cells.isin([cell for cell in cells.unique() if is_gap(cell) and word_of(cell) not in VALUES_TOO])]
    lacking = roles.train.n_rows - len(cells)
    return replace(_task_of(roles, cells, said), n_unlabelled=lacking)


def _task_of(roles: Roles, cells: pd.Series, said: Said) -> Task:
    if len(cells) == 0 or cells.nunique() < 2:
        raise DataError(
            f"{roles.train.name}, column {roles.target!r}: there are not two different values to learn from",
            "name another target: --target COLUMN, or download the file again",
            "请用 --target 指定其他目标列，或重新下载该文件",
        )
    of = None if said.metric is None else METRICS[said.metric].of
    if of in (None, "values"):
        _refuse_other_writing(roles, cells)
    if len(roles.predicted) > 1:
        return _by_class(roles, cells, said)
    answers = roles.sample.text(roles.predicted[0]) if roles.predicted else pd.Series(dtype="str")
    if of == "values" or (of is None and _is_number(cells, answers)):
        return _number(roles, cells, said)
    return _classes(cells, answers, said)


def _refuse_other_writing(roles: Roles, cells: pd.Series) -> None:
    """A target has to be written as Python writes numbers, if it is one: it would be taken for classes.

    Raises: DataError.
    """
    if not all(map(is_number, cells.unique())) and decimal_of(cells.unique(), roles.train.separator) is not None:
        raise DataError(
            f"{roles.train.name}, column {roles.target!r}: numbers that are not written plainly, such as "
            f"{next(cell for cell in cells.unique() if not is_number(cell))!r}",
            "write them with a point before their decimals and nothing else: pandas' read_csv has decimal=',' and "
            "thousands=; or, if they are names of classes, say so by --metric accuracy",
            "请用小数点书写，不要其他符号（pandas 的 read_csv 可设 decimal=','、thousands=）；若是类别名，请加 "
            "--metric accuracy",
        )


def _is_number(cells: pd.Series, answers: pd.Series) -> bool:
    """Whether a target is a number: by its values, and by those of the sample submission."""
    counts = cells.value_counts()
    if not all(map(is_number, counts.index)):
        return False
    whole = all(float(cell) % 1 == 0 for cell in counts.index)
    if not whole or len(counts) > FEW_CLASSES or (len(counts) > 2 and counts.min() < LEAST_ROWS):
        return True
    numbers = pd.to_numeric(answers, errors="coerce")
    return len(counts) > 2 and bool((numbers % 1 != 0).any())  # 2.5 stars: no label, and no probability of one


def _number(roles: Roles, cells: pd.Series, said: Said) -> Task:
    wrong = [cell for cell in cells.unique() if not is_number(cell)]
    if wrong:
        raise UsageError(
            f"--metric {said.metric} is of numbers, and {roles.target!r} holds {wrong[0]!r}",
            f"choose a metric of classes: {_names('labels', 'probabilities')}",
            f"请选择分类指标：{_names('labels', 'probabilities')}",
        )
    values = np.asarray(cells, dtype=np.float64)
    logs = values.min() >= 0 and skewness(values) > max(SKEWED, abs(skewness(np.log1p(np.maximum(values, 0)))))
    metric, notes = said.metric or ("rmsle" if logs else "rmse"), {}
    if said.metric is None:
        shape = "0 or more, and skewed" if logs else "not skewed" if values.min() >= 0 else "below 0, too"
        notes["metric"] = f"the target is a number, {shape}"
    if metric == "rmsle" and values.min() < 0:
        raise UsageError(
            f"--metric rmsle takes logs, and {roles.target!r} goes down to {values.min():g}",
            "choose rmse, mae or r2", "请选择 rmse、mae 或 r2",
        )  # fmt: skip
    return Task(
        values=values, transform="log1p" if metric == "rmsle" else "identity", submit="values",
        loss="absolute" if metric == "mae" else "squared", metric=metric, notes=notes,
    )  # fmt: skip


def _classes(cells: pd.Series, answers: pd.Series, said: Said) -> Task:
    """Classes, of which the sample submission has one column."""
    labels, known = as_classes(cells), set(cells.unique())
    shares = {label: float((cells.map(labels) == label).mean()) for label in sorted(set(labels.values()), key=_place)}
    notes: dict[str, str] = {}
    ranked = [str(answer).split(" ") for answer in answers.unique()]
    submit: Submit = "labels"
    if ranked and len(ranked[0]) > 1 and all(set(each) <= known for each in ranked):
        submit, metric = "ranked", f"map@{len(ranked[0])}"
        notes["metric"] = f"the sample submission ranks {len(ranked[0])} classes"
    elif set(answers.unique()) <= known | {str(label) for label in shares}:  # 1 is the label 1.0
        metric, notes["metric"] = "accuracy", "the sample submission holds labels"
    elif len(shares) == 2 and pd.to_numeric(answers, errors="coerce").notna().all():
        submit, metric = "probabilities", "auc"
        notes["metric"] = "two classes, and the sample submission holds numbers that are no labels"
    else:
        metric, notes["metric"] = "accuracy", "classes, of which the sample submission has one column"
    if said.metric is not None:
        metric, submit = said.metric, _submit_of(said.metric, len(shares))
        notes = {}
    if said.metric is None and len(shares) > 2 and all(isinstance(label, int) for label in shares):
        notes["classes"] = f"{len(shares)} different whole numbers are taken for classes"
    if submit == "probabilities":
        notes["classes"] = f"the probability that is submitted is that of {list(shares)[-1]!r}"
    return Task(shares=shares, metric=metric, submit=submit, notes=notes)


def _by_class(roles: Roles, cells: pd.Series, said: Said) -> Task:
    """Classes, of which the sample submission has a column each."""
    labels, predicted = as_classes(cells), roles.predicted
    found = sorted(set(labels.values()), key=_place)
    notes = {"metric": "the sample submission has a column for each class"}
    if said.metric is not None:
        notes = {}
        if METRICS[said.metric].of == "values":
            raise _other_kind(roles, said.metric)
    order = _matched([str(label) for label in found], predicted)
    if len(found) != len(predicted) or (order is None and roles.target in predicted):
        raise UsageError(
            f"{roles.sample.name} has {len(predicted)} columns beside {roles.sample_id!r}, and {roles.target!r} "
            f"{len(found)} classes",
            "name the target whose classes these are: --target COLUMN; several targets at once are not supported",
            "请用 --target 指定对应的目标列；暂不支持多目标竞赛",
        )
    if order is None:
        notes["classes"] = f"in their order those of the sample submission's columns: {predicted[0]} is {found[0]!r}"
    ordered = [found[place] for place in order or range(len(found))]
    shares = {label: float((cells.map(labels) == label).mean()) for label in ordered}
    named = [str(label) for label in ordered] == predicted
    return Task(
        shares=shares, metric=said.metric or "log-loss", submit="probabilities",
        sample_columns=() if named else tuple(predicted), notes=notes,
    )  # fmt: skip


def _matched(labels: Sequence[str], columns: Sequence[str]) -> list[int] | None:
    """For each column the number of the label that it is named after; None where that cannot be told."""
    for plain in (str, str.casefold, lambda name: re.sub(r"[^a-z0-9]", "", name.lower())):
        names = {plain(label): place for place, label in enumerate(labels)}
        found = []
        for column in columns:
            ends = [name for name in names if name and plain(column).endswith(name)]
            found.append(names[max(ends, key=len)] if ends else -1)
        if sorted(found) == list(range(len(labels))):
            return found
    return None


def as_classes(cells: pd.Series) -> dict[str, Class]:
    """The class of each different cell: truth values, whole numbers, or texts."""
    different = list(cells.unique())
    if set(different) <= {"True", "False"}:
        return {cell: cell == "True" for cell in different}
    if all(is_number(cell) and float(cell) % 1 == 0 for cell in different):
        return {cell: int(float(cell)) for cell in different}
    return {cell: cell for cell in different}


def skewness(values: FloatArray) -> float:
    """Third standardised moment; 0 for values that are all the same."""
    off = values - values.mean()
    spread = float(np.sqrt((off**2).mean()))
    return float((off**3).mean() / spread**3) if spread else 0.0


def _submit_of(metric: str, n_classes: int) -> Submit:
    if metric.startswith("map@"):
        return "ranked"
    if metric == "f1" and n_classes > 2:
        raise UsageError(
            f"--metric f1 is of two classes, and there are {n_classes}",
            "choose f1-macro, the mean over the classes",
            "请使用 f1-macro，即各类别 F1 的平均",
        )
    if METRICS[metric].of == "labels":
        return "labels"
    if n_classes > 2:
        raise UsageError(
            f"--metric {metric} takes a probability of each of {n_classes} classes, and the sample submission has one "
            "column",
            "choose a metric of labels: " + _names("labels"),
            "请选择标签类指标：" + _names("labels"),
        )
    return "probabilities"


def _other_kind(roles: Roles, metric: str) -> UsageError:
    return UsageError(
        f"--metric {metric} is of numbers, and {roles.sample.name} has a column for each class",
        f"choose a metric of classes: {_names('labels', 'probabilities')}",
        f"请选择分类指标：{_names('labels', 'probabilities')}",
    )


def _names(*kinds: str) -> str:
    return ", ".join(name for name, metric in METRICS.items() if metric.of in kinds)


def _place(label: Class) -> tuple[bool, Class]:
    return isinstance(label, str), label
