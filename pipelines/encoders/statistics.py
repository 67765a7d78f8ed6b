"""Statistics of groups of rows: medians for gaps, and what became of the others of a row's group.

Shapes: N rows.
"""

from typing import ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from pipelines.metrics import FloatArray, IntArray


class GroupMedianImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill a number by the median of the row's group; unseen and empty groups by the overall median.

    Input is a frame of the value column, then the columns that name the group; output is (N, 1).
    """

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 scikit-learn passes y
        """Learn the medians from the rows of `X`."""
        value, *by = X.columns
        self.median_ = float(X[value].median())
        self.group_medians_ = X.groupby(by, dropna=False)[value].median().dropna()
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """Fill the gaps in the first column; (N, 1)."""
        value, *by = X.columns
        keys = pd.MultiIndex.from_frame(X[by]) if len(by) > 1 else pd.Index(X[by[0]])
        group_median = self.group_medians_.reindex(keys).fillna(self.median_).to_numpy()
        filled = np.where(X[value].isna(), group_median, X[value])
        return np.asarray(filled, dtype=np.float64)[:, None]


class LeaveOneOutMean(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Mean target of the other rows of the row's group, for a target of class codes 0 and 1.

    `fit_transform` leaves each training row's own label out of its own value; `transform` (rows that
    were not in `fit`) uses all of the group. A missing group, or one without another row, gets
    `unknown`. Input is a frame of one or more columns of group names; output is (N, columns).

    Where rows are split by groups, `groups` (N,) of `fit_transform` numbers each row's: a training row's value then
    leaves out the labels of all of these, as no label of a scored row's group is known either.

    For groups of a few rows, such as families. In a large group the value of a training row differs
    with its own label (the mean without a 1 is lower than without a 0), which a model can read
    backwards; use scikit-learn's `TargetEncoder` there, which fits on inner folds.

    `prior_weight` rows of value `unknown` are mixed into each group.
    """

    def __init__(self, unknown: float = 0.5, prior_weight: float = 0.0) -> None:
        self.unknown = unknown
        self.prior_weight = prior_weight

    __metadata_request__fit: ClassVar = {"groups": True}  # scikit-learn hands them on, where it is told to

    def fit(self, X: pd.DataFrame, y: IntArray, groups: IntArray | None = None) -> Self:  # noqa: ARG002
        """Learn each group's number of rows and sum of targets."""
        codes = np.unique(y).tolist()
        if set(codes) - {0, 1}:
            raise ValueError(f"LeaveOneOutMean needs class codes 0 and 1, got {codes[:5]}")
        target = pd.Series(np.asarray(y, dtype=np.float64), index=X.index)
        self.groups_ = {column: target.groupby(X[column]).agg(["sum", "count"]) for column in X.columns}
        self.n_features_in_ = X.shape[1]
        return self

    def fit_transform(self, X: pd.DataFrame, y: IntArray, groups: IntArray | None = None) -> FloatArray:
        """Values of the training rows, each without its own label, or those of all rows of its number in `groups`."""
        self.fit(X, y)
        own = np.arange(len(X)) if groups is None else np.asarray(groups)
        return self._means(X, own=pd.DataFrame({"own": own, "y": np.asarray(y, dtype=np.float64)}, index=X.index))

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """Values of rows that `fit` has not seen."""
        return self._means(X, own=None)

    def _means(self, X: pd.DataFrame, own: pd.DataFrame | None) -> FloatArray:
        out = np.empty(X.shape)
        for i, column in enumerate(X.columns):
            found = self.groups_[column].reindex(X[column]).fillna(0.0)
            total, count = found["sum"].to_numpy(), found["count"].to_numpy()
            if own is not None:
                left_out = own["y"].groupby([X[column], own["own"]]).transform
                total = total - left_out("sum").fillna(0.0).to_numpy()
                count = count - left_out("count").fillna(0.0).to_numpy()
            weight = count + self.prior_weight
            mean = (total + self.prior_weight * self.unknown) / np.where(weight > 0, weight, 1.0)
            out[:, i] = np.where(count > 0, mean, self.unknown)
        return out
