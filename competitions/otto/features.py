"""Views of the 93 counts. Nothing is learned here but what the encoder learns in `fit`."""

from typing import Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from pipelines.metrics import FloatArray

View = Literal["raw", "log", "root", "tf-idf"]


def add_features(products: pd.DataFrame) -> pd.DataFrame:
    """The counts as they are: every view of them belongs to an encoder."""
    return products


def make_encoder(view: View = "log") -> Pipeline:
    """One view of the counts, with the row's sum and number of non-zeros beside it, standardised; float32 (N, 95).

    `raw` x; `log` log(1 + x); `root` sqrt(x + 3/8) (Anscombe's transform for counts); `tf-idf` each
    row as a document, idf learned in `fit`.
    """
    steps = {"tf-idf": TfidfTransformer(sublinear_tf=True), "log": np.log1p, "root": _root, "raw": None}
    step = steps[view]
    transform = step if isinstance(step, TfidfTransformer) else FunctionTransformer(step)
    return make_pipeline(WithTotals(transform), StandardScaler(), FunctionTransformer(_float32))


def _root(counts: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(counts + 3 / 8))


def _float32(X: FloatArray) -> np.ndarray:
    return X.astype(np.float32)


class WithTotals(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformed view of counts (N, D), then log(1 + row sum) and number of non-zeros: (N, D + 2)."""

    def __init__(self, view: TransformerMixin) -> None:
        self.view = view

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Fit the view on the rows of `X`."""
        self.view.fit(X.to_numpy(), y)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """The view of `X` and its totals."""
        counts = X.to_numpy(dtype=np.float64)
        view = self.view.transform(counts)
        dense = view.toarray() if hasattr(view, "toarray") else view
        totals = np.column_stack([np.log1p(counts.sum(axis=1)), (counts > 0).sum(axis=1)])
        return np.hstack([dense, totals])
