"""Rows encoded a block at a time: what is made on the way to a row is then there for a block, not for the fold.

Shapes: N rows, D features.

For encoders that make each row of itself and of what `fit` learned: none that tells a training row's own label apart.
"""

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

ROWS_AT_A_TIME = 2**16  # all of most competitions' rows, which are then encoded in one go


def in_blocks(rows: Any) -> Iterator[Any]:
    """The rows of a frame or an array, so many at a time; at least one block.

    >>> [len(block) for block in in_blocks(pd.DataFrame({"a": range(150_000)}))]
    [65536, 65536, 18928]
    """
    for start in range(0, max(1, len(rows)), ROWS_AT_A_TIME):
        yield (rows.iloc if hasattr(rows, "iloc") else rows)[start : start + ROWS_AT_A_TIME]


def encoded_in_blocks(encode: Callable[[Any], np.ndarray], rows: Any) -> np.ndarray:
    """What `encode` makes of the rows, block by block; float32 (N, D)."""
    encoded, start = np.empty((0, 0), dtype=np.float32), 0
    for block in in_blocks(rows):
        of_block = encode(block)
        if not start:
            encoded = np.empty((len(rows), of_block.shape[1]), dtype=np.float32)
        encoded[start : start + len(block)] = of_block
        start += len(block)
    return encoded


class InBlocks(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An encoder that is fitted on all rows, and encodes them block by block; float32 (N, D), dense.

    `blockwise` says so to whoever reckons with memory.

    >>> InBlocks(StandardScaler()).fit_transform(pd.DataFrame({"a": [1, 3]})).tolist()
    [[-1.0], [1.0]]
    """

    blockwise = True

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Fit the encoder."""
        self.encoder.fit(X, y)
        self.n_features_in_ = X.shape[1]
        return self

    def fit_transform(self, X: pd.DataFrame, y: object = None) -> np.ndarray:
        """Fit on rows and encode them; those of one block once, others again when the encoder is fitted."""
        if len(X) > ROWS_AT_A_TIME:
            return self.fit(X, y).transform(X)
        self.n_features_in_ = X.shape[1]
        return np.asarray(self._fit_block(X, y), dtype=np.float32)

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encode rows; float32 (N, D)."""
        return encoded_in_blocks(self._of_block, X)

    def _fit_block(self, rows: pd.DataFrame, y: object) -> np.ndarray:
        return dense(self.encoder.fit_transform(rows, y))

    def _of_block(self, rows: pd.DataFrame) -> np.ndarray:
        return dense(self.encoder.transform(rows))


class StandardisedInBlocks(InBlocks):
    """An encoder, and its columns standardised: means and deviations too are learned block by block."""

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Fit the encoder, then the scales of what it makes of the same rows."""
        super().fit(X, y)
        self.scaler_ = StandardScaler()
        for block in in_blocks(X):
            self.scaler_.partial_fit(super()._of_block(block))
        return self

    def _fit_block(self, rows: pd.DataFrame, y: object) -> np.ndarray:
        self.scaler_ = StandardScaler()
        return np.asarray(self.scaler_.fit_transform(super()._fit_block(rows, y)))

    def _of_block(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.scaler_.transform(super()._of_block(rows)))


def dense(X: Any) -> np.ndarray:
    """What an encoder gives as an array, where it is sparse too."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)
