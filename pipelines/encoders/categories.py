"""Categories with gaps -> columns: one-hot where they are few, the target's mean where they are many.

Shapes: N rows, K columns of categories, T numbers that stand for the target, D columns that come out.
"""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GroupKFold, KFold
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from pipelines.metrics import FloatArray, IntArray, Target

FOLDS = 5
MISSING = ""  # no file holds it: an empty field is a gap
NAMES = {MISSING: "missing", "infrequent_sklearn": "rare"}


class TargetMeans(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Mean target of a row's category, drawn towards the mean of all rows, by scikit-learn's `TargetEncoder`.

    `fit_transform` takes a training row's value from rows of other folds; rows of the same number in `groups` share a
    fold. Two classes or a number make one column of each, more classes one for each class: (N, T * K).
    """

    # NOTE[DIFF]: TargetEncoder's own fit_transform takes groups only with metadata routing, and from 1.9 on.

    def fit(self, X: pd.DataFrame, y: Target) -> Self:
        """Learn the means of all rows of `X`, for rows that come later; `y` are class codes or numbers (N,)."""
        self._learn(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Target, groups: IntArray | None = None) -> FloatArray:
        """Values of the training rows, each without the labels of its fold."""
        codes, targets = self._learn(X, y)
        means = np.tile(np.repeat([target.mean() for target in targets], X.shape[1]), (len(X), 1))
        n_units = len(X) if groups is None else len(np.unique(groups))
        if n_units < 2:
            return means
        n_folds = min(FOLDS, n_units)
        folds = KFold(n_folds, shuffle=True, random_state=0) if groups is None else GroupKFold(n_folds)
        for rows, others in folds.split(codes, groups=groups):
            of_rows = [_encoder().fit(codes[rows], target[rows]) for target in targets]
            means[others] = np.hstack([encoder.transform(codes[others]) for encoder in of_rows])
        return means

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """Values of rows that `fit` has not seen."""
        codes = self.codes_.transform(X)
        return np.hstack([encoder.transform(codes) for encoder in self.encoders_])

    def _learn(self, X: pd.DataFrame, y: Target) -> tuple[FloatArray, list[FloatArray]]:
        self.codes_ = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(X)
        codes, targets = self.codes_.transform(X), as_numbers_of(y)
        self.encoders_ = [_encoder().fit(codes, target) for target in targets]
        self.n_features_in_ = X.shape[1]
        return codes, targets


def _encoder() -> TargetEncoder:
    return TargetEncoder(target_type="continuous")


def as_numbers_of(y: Target) -> list[FloatArray]:
    """What means are taken of: a number itself; 0 and 1 for two classes; else 0 and 1 for each class; T x (N,)."""
    if y.dtype.kind == "f":
        return [y.astype(np.float64)]
    classes = np.unique(y)
    return [(y == label).astype(np.float64) for label in (classes[1:] if len(classes) == 2 else classes)]


class CategoryEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns of strings, None where missing -> finite numbers (N, D), at most `room` columns or two of each.

    A gap is a category. Up to `max_one_hot` of them become a column each, more of them their `TargetMeans`, if there is
    a target. Categories of fewer than `min_frequency` rows share a column, which unseen ones get too; without it these
    are zeros.
    """

    def __init__(self, *, max_one_hot: int = 20, min_frequency: int = 10, room: int = 1000) -> None:
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.room = room

    def fit(self, X: pd.DataFrame, y: Target | None = None) -> Self:
        """Learn the categories, and the target's means."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Target | None = None, groups: IntArray | None = None) -> FloatArray:
        """The training rows' columns (N, D)."""
        filled = X.fillna(MISSING)
        n_targets = 0 if y is None else len(as_numbers_of(y))
        n_categories = {name: int(filled[name].nunique()) for name in filled}
        widths = [n if n <= self.max_one_hot else n_targets or self.max_one_hot for n in n_categories.values()]
        most = fitting(widths, self.room)
        self.many_ = [name for name, n in n_categories.items() if n > self.max_one_hot and 0 < n_targets <= most]
        self.few_ = [name for name in filled if name not in self.many_]
        most = min(most, self.max_one_hot)
        pooled = any(n_categories[name] > most for name in self.few_)
        self.one_hot_ = OneHotEncoder(
            min_frequency=self.min_frequency, max_categories=most if pooled else None, sparse_output=False,
            handle_unknown="infrequent_if_exist", feature_name_combiner=named, dtype=np.float32,
        )  # fmt: skip
        self.means_, self.scaler_ = TargetMeans(), StandardScaler()
        self.n_features_in_ = X.shape[1]
        columns = [np.empty((len(X), 0))]
        if self.few_:
            columns.append(self.one_hot_.fit_transform(filled[self.few_]))
        if self.many_ and y is not None:
            means = self.means_.fit_transform(filled[self.many_], y, groups)
            columns.append(self.scaler_.fit_transform(means))
        return np.hstack(columns)

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """The columns of rows that `fit` has not seen."""
        filled = X.fillna(MISSING)
        columns = [np.empty((len(X), 0))]
        if self.few_:
            columns.append(self.one_hot_.transform(filled[self.few_]))
        if self.many_:
            columns.append(self.scaler_.transform(self.means_.transform(filled[self.many_])))
        return np.hstack(columns)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002 scikit-learn passes it
        """A name for each of the D columns."""
        of_few = self.one_hot_.get_feature_names_out().tolist() if self.few_ else []
        n_means = len(self.means_.encoders_) if self.many_ else 0
        of_many = [f"mean of {name}" + f" ({i + 1})" * (n_means > 1) for i in range(n_means) for name in self.many_]
        return np.asarray(of_few + of_many, dtype=object)


def fitting(widths: list[int], room: int) -> int:
    """How wide a column may be, 2 at least, so that columns of `widths`, cut to it, fit into `room`.

    >>> fitting([2, 3, 50], 100), fitting([2, 3, 50], 15), fitting([9] * 50, 60)
    (50, 10, 2)
    """
    limits = range(max(widths, default=2), 2, -1)
    return next((limit for limit in limits if sum(min(width, limit) for width in widths) <= room), 2)


def named(column: object, category: object) -> str:
    """The name of a category's column."""
    return f"{column} is {NAMES.get(str(category), category)}"
