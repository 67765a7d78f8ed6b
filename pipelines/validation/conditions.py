"""What has to hold before networks are cross-validated: whole features, rows enough, encoders made new each time.

Shapes: N rows, C classes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.preprocessing import FunctionTransformer

from pipelines.competition import Competition, Variant
from pipelines.errors import DataError, UsageError, code_named
from pipelines.metrics import IntArray


def features_of(competition: Competition, rows: pd.DataFrame, more: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What the competition makes of train and test rows together, ids too, and of its further tables.

    The id is no feature: it leaves with the frame. A competition that wants it as one gives it another name.

    Raises: UsageError for code of the competition that fails, with its file and line, and for rows lost or moved.
    """
    if competition.add_features is None:
        return rows.drop(columns=competition.key)
    given = rows.index
    with code_named(f"add_features of {competition.slug}"):
        features = competition.add_features(rows, **more)
    if not isinstance(features, pd.DataFrame):
        raise UsageError(
            f"add_features of {competition.slug} returns {type(features).__name__}, where a DataFrame is needed",
            "let it return the frame with the new columns; a def without return gives None",
            "请让它返回带有新列的 DataFrame；没有 return 的函数返回 None",
        )
    if not features.index.equals(given):
        raise UsageError(
            f"add_features of {competition.slug} must keep every row in its place: "
            f"{len(given)} rows went in, {len(features)} came back or their order changed",
            "add columns only; fill gaps or count in groups (transform) in place of dropna, merge and sort_values",
            "请只添加列：用填充或 groupby(...).transform 代替 dropna、merge 和 sort_values",
        )
    return features.drop(columns=competition.key, errors="ignore")


def n_features(variant: Variant, rows: pd.DataFrame, y: IntArray) -> int:
    """How many features the variant's encoder makes of a few rows.

    Raises: UsageError for encoders that share what fitting changes, or cannot be fitted.
    """
    with code_named("make_encoder"):
        encoder, other = variant.make_encoder(), variant.make_encoder()
    if isinstance(encoder, type) or not (hasattr(encoder, "fit_transform") and hasattr(encoder, "transform")):
        came = encoder.__name__ if isinstance(encoder, type) else type(encoder).__name__
        raise UsageError(
            f"make_encoder gives {'the class ' * isinstance(encoder, type)}{came}, where an encoder is needed, with "
            "fit_transform and transform",
            "let make_encoder return one: lambda: StandardScaler(); a def without return gives None",
            "请让 make_encoder 返回编码器，例如 lambda: StandardScaler()；没有 return 的函数返回 None",
        )
    before = _states(other)
    with code_named("make_encoder's encoder"):
        width = as_inputs(encoder.fit_transform(rows, y)).shape[1]
    changed = [type(part).__name__ for part, state in before if not _same(state, vars(part))]
    if encoder is other or changed:
        what = f"the same {changed[0]}" if changed else f"one {type(encoder).__name__}"
        raise UsageError(
            f"encoders that make_encoder gives share {what}: each fold would overwrite what other folds have fitted",
            "make the encoder and each of its steps inside make_encoder, none that was made before "
            "(sklearn.base.clone makes a new one of a step)",
            "请在 make_encoder 内部新建编码器及其每个步骤，不要使用事先建好的（sklearn.base.clone 可复制一个步骤）",
        )
    return width


def as_inputs(X: Any) -> torch.Tensor:
    """What an encoder gives, as float32 (N, D).

    Raises: DataError for anything but a table of finite numbers.
    """
    array = np.ascontiguousarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float32)
    odd = np.argwhere(~np.isfinite(array)) if array.ndim == 2 else [array.shape]
    if len(odd):
        what = f"gives {array[tuple(odd[0])]} in its column {odd[0][1]}" if array.ndim == 2 else f"gives {odd[0]}"
        raise DataError(
            f"an encoder {what}, where networks need finite numbers in rows and columns",
            "fill gaps in the encoder, in every column, also where the training rows have none",
            "请在编码器中填补每一列的缺失值，训练行中没有缺失的列也要填补",
        )
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def refuse_few(counts: IntArray, folds: int, *, different: bool) -> None:
    """Each class needs a row for each fold; `counts` (C,) are those of each class, rows that are equal taken for one.

    Raises: DataError.
    """
    smallest, rows = int(counts.min()), "different rows" if different else "rows"
    if smallest < 2:
        raise DataError(
            f"there is no cross-validation of a class with {smallest} {rows[: None if smallest == 0 else -1]}: "
            "each needs 2, one to learn from and one to score",
            "use the whole training file; or leave that class out of it, and out of the competition's classes",
            "请使用完整的训练文件；或从文件和 competition 的 classes 中去掉该类别",
        )
    if not 2 <= folds <= smallest:
        choice, choice_zh = f"between 2 and {smallest}", f"2 到 {smallest} 之间"
        raise DataError(
            f"{folds} folds do not fit: the smallest class has {smallest} {rows}",
            f"choose --folds {choice if smallest > 2 else 2}",
            f"请将 --folds 设为 {choice_zh if smallest > 2 else 2}",
        )


def _states(encoder: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Whatever can be fitted in an encoder, and what each holds now."""
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
