"""frames -> arrays. Whatever is learned from rows is learned in `fit`, on the training fold only.

Shapes: N rows, D features.

These are scikit-learn transformers, so scikit-learn's own (imputers, scalers, one-hot) stand beside
them in one `ColumnTransformer`, and a competition composes its encoder from both.
"""

from inspect import signature
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pipelines.metrics import IntArray


class TabularEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers imputed and standardised, categories one-hot, and whatever else a competition adds.

    `extra` holds more `(name, transformer, columns)` triples for the `ColumnTransformer`; their output
    is standardised too. Unseen categories become a row of zeros. Output is float32 (N, D).
    """

    def __init__(
        self,
        numeric: tuple[str, ...] = (),
        categorical: tuple[str, ...] = (),
        extra: tuple[tuple[str, Any, list[str]], ...] = (),
    ) -> None:
        self.numeric = numeric
        self.categorical = categorical
        self.extra = extra

    def fit(self, X: pd.DataFrame, y: IntArray | None = None) -> Self:
        """Learn medians, means, deviations and vocabularies from the rows of `X`."""
        self.fit_transform(X, y)
        return self

    def fit_transform(
        self, X: pd.DataFrame, y: IntArray | None = None, groups: IntArray | None = None
    ) -> np.ndarray:  # fmt: skip
        """Encode the training rows; target statistics leave each row's own label out, or those of its `groups` (N,).

        These reach the steps of `extra` that ask for them, as LeaveOneOutMean does, by scikit-learn's metadata routing.
        """
        impute = SimpleImputer(strategy="median", keep_empty_features=True)
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        self.columns_ = ColumnTransformer(
            [
                ("numeric", make_pipeline(impute, StandardScaler()), list(self.numeric)),
                ("categorical", one_hot, list(self.categorical)),
                *((name, make_pipeline(step, StandardScaler()), columns) for name, step, columns in self.extra),
            ]
        )
        asks = any("groups" in signature(step.fit).parameters for _, step, _ in self.extra)
        if groups is None or not asks:
            return np.asarray(self.columns_.fit_transform(X, y), dtype=np.float32)
        with config_context(enable_metadata_routing=True):
            return np.asarray(self.columns_.fit_transform(X, y, groups=groups), dtype=np.float32)

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encode rows with what `fit` learned; float32 (N, D)."""
        return np.asarray(self.columns_.transform(X), dtype=np.float32)
