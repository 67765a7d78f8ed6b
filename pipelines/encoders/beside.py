"""Columns that an encoder does not look at, encoded beside what it gives.

Shapes: N rows, D features.
"""

from inspect import signature
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from pipelines.encoders.blocks import dense
from pipelines.encoders.default import DefaultEncoder
from pipelines.errors import DataError
from pipelines.metrics import IntArray, Target

FEW_ROWS = 500  # that tell whether an encoder looks at a column


class BesideEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What `own` gives, and beside it the `columns` that it does not look at, as DefaultEncoder has them.

    An encoder looks at a column if what it gives changes with the column's values. `pieces`: as DefaultEncoder has it.
    Attributes: `columns_`, those that are encoded here; `notes_`, what both have to say.
    """

    def __init__(self, own: Any, columns: tuple[str, ...], pieces: int = 16) -> None:
        self.own = own
        self.columns = columns
        self.pieces = pieces

    def fit(self, X: pd.DataFrame, y: Target | None = None) -> Self:
        """Learn from the training rows."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None, groups: IntArray | None = None) -> np.ndarray:
        """Learn from the training rows and encode them, (N, D)."""
        asks = groups is not None and "groups" in signature(self.own.fit_transform).parameters
        encoded = dense(self.own.fit_transform(X, y, **({"groups": groups} if asks else {})))
        self.columns_ = [column for column in self.columns if column in X and not _looks_at(self.own, X, column)]
        self.notes_ = [*getattr(self.own, "notes_", ())]
        if not self.columns_:
            return encoded
        self.beside_ = DefaultEncoder(pieces=self.pieces)
        try:
            added = self.beside_.fit_transform(X[self.columns_], y, groups)
        except DataError:  # the columns are the same in all of these rows: there is nothing to add
            added, self.columns_ = encoded[:, :0], []
        self.notes_ += self.beside_.notes_
        return np.hstack([encoded, added])

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encode rows with what was learned, (N, D)."""
        encoded = dense(self.own.transform(X))
        return np.hstack([encoded, self.beside_.transform(X[self.columns_])]) if self.columns_ else encoded


def _looks_at(encoder: Any, X: pd.DataFrame, column: str) -> bool:
    """Whether what the fitted encoder gives of a few rows changes when their values of a column change places."""
    rows = X.iloc[:: max(1, len(X) // FEW_ROWS)]
    turned = rows.copy(deep=False)
    turned[column] = rows[column].array[::-1]
    return not np.array_equal(dense(encoder.transform(rows)), dense(encoder.transform(turned)), equal_nan=True)
