"""What has to hold before variants are cross-validated: whole features, rows enough, encoders made new each time.

Shapes: N rows, C classes.
"""

import warnings
from collections.abc import Sequence
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.preprocessing import FunctionTransformer

from pipelines.competition import Variant
from pipelines.errors import DataError, TrainingWarning, UsageError, code_named
from pipelines.metrics import IntArray, Target


class Form(NamedTuple):
    """How many features a row has, and the type of each."""

    n_features: int
    dtype: torch.dtype = torch.float32

    @property
    def n_bytes(self) -> int:
        """Bytes of a row."""
        return self.n_features * self.dtype.itemsize


def form_of(variant: Variant, rows: pd.DataFrame, y: Target) -> Form:
    """What the variant's encoder makes of a few rows; an estimator without one gets them as they are.

    Raises: UsageError for encoders that share what fitting changes, or cannot be fitted.
    """
    make = variant.make_encoder
    if make is None:
        return Form(rows.shape[1])
    with code_named("make_encoder"):
        encoder, other = make(), make()
    if isinstance(encoder, type) or not (hasattr(encoder, "fit_transform") and hasattr(encoder, "transform")):
        came = encoder.__name__ if isinstance(encoder, type) else type(encoder).__name__
        raise UsageError(
            f"make_encoder gives {'the class ' * isinstance(encoder, type)}{came}, where an encoder is needed, with "
            "fit_transform and transform",
            "let make_encoder return one: lambda: StandardScaler(); a def without return gives None",
            "请让 make_encoder 返回编码器，例如 lambda: StandardScaler()；没有 return 的函数返回 None",
        )
    before = parts_of(other)
    with code_named("make_encoder's encoder"):
        encoded = encoder.fit_transform(rows, y)
        form = Form(int(encoded.shape[1])) if variant.make_estimator else _form(as_inputs(encoded))
    changed = [type(part).__name__ for part, state in before if not _same(state, vars(part))]
    if encoder is other or changed:
        what = f"the same {changed[0]}" if changed else f"one {type(encoder).__name__}"
        raise UsageError(
            f"encoders that make_encoder gives share {what}: each fold would overwrite what other folds have fitted",
            "make the encoder and each of its steps inside make_encoder, none that was made before "
            "(sklearn.base.clone makes a new one of a step)",
            "请在 make_encoder 内部新建编码器及其每个步骤，不要使用事先建好的（sklearn.base.clone 可复制一个步骤）",
        )
    return form


def _form(inputs: torch.Tensor) -> Form:
    return Form(inputs.shape[1], inputs.dtype)


def encode_fitted(encoder: Any, rows: pd.DataFrame, y: Target, groups: IntArray | None) -> Any:
    """Fit an encoder and encode the rows that it has learned from; one that asks for `groups` (N,) gets them.

    It asks by a parameter `groups` of its `fit_transform`: what it says of a row may then leave all of the group out.
    """
    if groups is not None and takes_groups(encoder):
        return encoder.fit_transform(rows, y, groups=groups)
    return encoder.fit_transform(rows, y)


def takes_groups(encoder: Any) -> bool:
    """Whether `fit_transform` has a parameter `groups`."""
    return "groups" in signature(encoder.fit_transform).parameters


def as_inputs(X: Any) -> torch.Tensor:
    """What an encoder gives, as float32 (N, D); bytes (uint8) stay bytes until the network makes floats of them.

    Raises: DataError for anything but a table of finite numbers.
    """
    given = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    array = np.ascontiguousarray(given, dtype=np.uint8 if given.dtype == np.uint8 else np.float32)
    odd: Any = [array.shape]
    if array.ndim == 2:
        finite = not array.size or np.isfinite([array.min(), array.max()]).all()  # without a truth value of each number
        odd = [] if finite else np.argwhere(~np.isfinite(array))
    if len(odd):
        what = f"gives {array[tuple(odd[0])]} in its column {odd[0][1]}" if array.ndim == 2 else f"gives {odd[0]}"
        raise DataError(
            f"an encoder {what}, where networks need finite numbers in rows and columns",
            "fill gaps in the encoder, in every column, also where the training rows have none",
            "请在编码器中填补每一列的缺失值，训练行中没有缺失的列也要填补",
        )
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def refuse_few(counts: IntArray, folds: int, what: str = "rows", *, of_class: bool = True) -> None:
    """Each fold needs a row, or a group, of each class; `counts` (C,) are those of each class: of `what`.

    Rows that are equal count for one. Where the target is a number there is one count, that of all.

    Raises: DataError.
    """
    smallest = int(counts.min())
    held = f"{smallest} {'different ' if what == 'different rows' else ''}row{'s' * (smallest != 1)}"
    held = f"rows in {smallest} group{'s' * (smallest != 1)}" if what == "groups" else held
    if smallest < 2:
        raise DataError(
            f"there is no cross-validation of {'a class with' if of_class else 'a file with'} {held}: "
            "each needs 2, one to learn from and one to score",
            "use the whole training file; or leave that class out of it, and out of the competition's classes",
            "请使用完整的训练文件；或从文件和 competition 的 classes 中去掉该类别",
        )
    if not 2 <= folds <= smallest:
        raise DataError(
            f"{folds} folds do not fit: {'the smallest class has' if of_class else 'the training file has'} {held}",
            *_choose_folds(smallest),
        )


def warn_if_constant(y: Target, fold: int) -> None:
    """Say of training rows `y` (N,) that all are the same number: there is nothing to learn."""
    if y.min() == y.max():
        warnings.warn(
            TrainingWarning(
                f"the target is {y[0]:g} in all {len(y)} training rows of fold {fold + 1}, and so is what is predicted",
                "look at the target's column; choose fewer folds where the file has few rows",
                "请检查目标列；行数较少时请减小 --folds",
            ),
            stacklevel=3,
        )


def refuse_few_times(n_times: int, folds: int) -> None:
    """Each fold needs a time of its own, and a time before it.

    Raises: DataError.
    """
    if n_times < 3:
        raise DataError(
            f"there is no cross-validation by time of rows that hold {n_times} time{'s' * (n_times != 1)}: 3 are "
            "needed, one to learn from and two to score",
            "use the whole training file, or name another column as time in competition.py",
            "请使用完整的训练文件，或在 competition.py 中将 time 设为其他列",
        )
    if not 2 <= folds < n_times:
        raise DataError(
            f"{folds} folds by time do not fit: the rows hold {n_times} times, and the first is never scored",
            *_choose_folds(n_times - 1),
        )


def refuse_unseen_classes(y: Target, trains: Sequence[IntArray]) -> None:
    """Each fold has to learn from rows of each class: groups and times may put all of a class in others.

    Raises: DataError.
    """
    for fold, train in enumerate(trains):
        unseen = np.setdiff1d(y, y[train]) if y.dtype.kind != "f" else y[:0]
        if len(unseen):
            raise DataError(
                f"fold {fold + 1} of {len(trains)} would learn from no row of class number {unseen[0]}: its groups, or "
                "the times of its rows, lie in what is not learned from",
                "choose another number of --folds: fewer by time, more by groups; or leave that class out",
                "请更改 --folds（按时间划分时减少，按组划分时增加），或去掉该类别",
            )


def _choose_folds(most: int) -> tuple[str, str]:
    if most == 2:
        return "choose --folds 2", "请将 --folds 设为 2"
    return f"choose --folds between 2 and {most}", f"请将 --folds 设为 2 到 {most} 之间"


def parts_of(encoder: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Whatever can be fitted in an encoder or estimator, itself too, and what each holds now."""
    found, waiting, seen = [], [encoder], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, type | FunctionTransformer):  # which learns nothing
            continue
        seen.add(id(part))
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
        elif hasattr(part, "fit") and hasattr(part, "__dict__"):
            found.append((part, dict(vars(part))))
            waiting += vars(part).values()
    return found


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)
