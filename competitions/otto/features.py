"""Views of the 93 counts. Nothing is learned here but what the encoder learns in `fit`."""

from typing import Literal, Self

import numpy as np
import pandas as pd
import torch
from rtdl_num_embeddings import PiecewiseLinearEncoding
from scipy.sparse import csr_array, vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.encoders.blocks import InBlocks, StandardisedInBlocks, in_blocks
from pipelines.metrics import FloatArray

View = Literal["log", "root", "tf-idf"]
BINS = 50
ROWS_AT_A_TIME = 2048


def make_encoder(view: View = "log") -> StandardisedInBlocks:
    """One view of the counts, with the row's sum and number of non-zeros beside it, standardised; float32 (N, 95).

    `log` log(1 + x); `root` sqrt(x + 3/8) (Anscombe's transform for counts); `tf-idf` each
    row as a document, idf learned in `fit`.
    """
    steps = {"tf-idf": TfidfTransformer(sublinear_tf=True), "log": np.log1p, "root": _root}
    step = steps[view]
    transform = step if isinstance(step, TfidfTransformer) else FunctionTransformer(step)
    return StandardisedInBlocks(WithTotals(transform))


def make_pieces_encoder() -> InBlocks:
    """The log view, and beside it each count's place among the quantiles of the training fold; float32 (N, D)."""
    pieces = StandardisedInBlocks(PiecewiseLinear(BINS))
    return InBlocks(FeatureUnion([("log", make_encoder("log")), ("pieces", pieces)]))


def make_places_encoder() -> InBlocks:
    """The log view, and beside it the place of each of its numbers in the training fold; float32 (N, 190).

    For networks that make the pieces themselves: a number a column in place of fifty.
    """
    places = Pipeline([("log", WithTotals(FunctionTransformer(np.log1p))), ("places", Places(BINS))])
    return InBlocks(FeatureUnion([("log", make_encoder("log")), ("places", places)]))


def make_two_views_encoder() -> InBlocks:
    """The root view and tf-idf side by side: how many, and how telling; float32 (N, 190)."""
    return InBlocks(FeatureUnion([(view, make_encoder(view)) for view in ("root", "tf-idf")]))


def make_counts_encoder() -> FunctionTransformer:
    """The counts themselves, not even standardised; float32 (N, 93)."""
    return FunctionTransformer(_float32)


def _root(counts: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(counts + 3 / 8))


def _float32(X: FloatArray | pd.DataFrame) -> np.ndarray:
    return np.asarray(X, dtype=np.float32)


class PiecewiseLinear(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Counts (N, D) as piecewise-linear encodings of log(1 + x): a column per bin, filled from 0 to 1.

    The bins of a column lie between quantiles of the rows seen in `fit`; columns of one bin, which another
    view holds already, are left out. Source: Gorishniy et al. 2022, "On embeddings for numerical features
    in tabular deep learning".
    """

    def __init__(self, n_bins: int) -> None:
        self.n_bins = n_bins

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 scikit-learn's signature
        """Find the bins."""
        places = np.linspace(0, 1, self.n_bins + 1)
        quantiles = (np.quantile(_logs(X[[name]]), places, axis=0).astype(np.float32) for name in X)
        edges = [np.unique(of_column) for of_column in quantiles]
        self.columns_ = [i for i, of_column in enumerate(edges) if len(of_column) > 2]
        self.encoding_ = PiecewiseLinearEncoding([torch.from_numpy(edges[i]) for i in self.columns_])
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encodings, float32 (N, number of bins of all columns)."""
        logs = torch.from_numpy(_logs(X)[:, self.columns_])
        # The encoding makes room for as many bins in each column as the widest has: a block at a time.
        return np.concatenate([self.encoding_(block).numpy() for block in torch.split(logs, ROWS_AT_A_TIME)])


class Places(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers (N, D) as their places among the quantiles of the rows seen in `fit`: 0 at the least, 1 a bin, and so on.

    A piecewise-linear encoding is a function of the place alone, the same for all columns: its bin j holds as much of
    the place as lies between j and j + 1. A column with fewer quantiles that differ ends at a lower place.

    >>> Places(2).fit(np.array([[0.0], [1.0], [5.0]])).transform(np.array([[0.0], [3.0], [9.0]])).tolist()
    [[0.0], [1.5], [2.0]]
    """

    def __init__(self, n_bins: int) -> None:
        self.n_bins = n_bins

    def fit(self, X: FloatArray, y: object = None) -> Self:  # noqa: ARG002 scikit-learn's signature
        """Find the bins."""
        quantiles = np.quantile(X, np.linspace(0, 1, self.n_bins + 1), axis=0)
        self.edges_ = [np.unique(of_column) for of_column in quantiles.T]
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: FloatArray) -> np.ndarray:
        """Places, float32 (N, D)."""
        places = [np.interp(column, e, np.arange(len(e))) for column, e in zip(X.T, self.edges_, strict=True)]
        return np.column_stack(places).astype(np.float32)


def _logs(X: pd.DataFrame) -> np.ndarray:
    return np.asarray(np.log1p(X.to_numpy(dtype=np.float32)))


class WithTotals(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformed view of counts (N, D), then log(1 + row sum) and number of non-zeros: (N, D + 2)."""

    def __init__(self, view: TransformerMixin) -> None:
        self.view = view

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Fit the view on the rows of `X`, most of which is zeros."""
        self.view.fit(vstack([csr_array(block.to_numpy(dtype=np.float64)) for block in in_blocks(X)]), y)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """The view of `X` and its totals."""
        counts = X.to_numpy(dtype=np.float64)
        view = self.view.transform(counts)
        dense = view.toarray() if hasattr(view, "toarray") else view
        totals = np.column_stack([np.log1p(counts.sum(axis=1)), (counts > 0).sum(axis=1)])
        return np.hstack([dense, totals])
