"""Numbers with gaps -> finite columns.

Shapes: N rows, K numbers, D columns that come out of them.
"""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

from pipelines.encoders.blocks import encoded_in_blocks
from pipelines.metrics import FloatArray

SKEWED = 1.0  # third standardised moment, from which a tail is heavy
FURTHEST = 4.0  # standard deviations: what lies further is taken for that
ROWS_OF_VALUE = 10  # on average, for a column of its own
LARGEST = 1e30  # float32 holds it, and so does its square in float64


class NumberEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers (N, K), NaN where missing -> finite numbers (N, D), at most `room` columns or two of each number.

    Gaps are filled by the median, and a column says where they are, if training rows have any. A number with a heavy
    tail becomes its signed logarithm, sign(x) log(1 + |x| / m), m the median of what is not zero: a few huge values
    would else stretch the scale on which all others lie. Then numbers are standardised, and cut off at `FURTHEST`.

    Beside it stand a column for each value of whole numbers that take `few` values at most, which may mean anything,
    and up to `pieces` piecewise-linear ones of all others: bins between quantiles, each filled from 0 to 1.
    Source: Gorishniy et al. 2022, "On embeddings for numerical features in tabular deep learning".

    `for_trees`: filled, with its gaps told, else as it is: a tree sees nothing but the order. (Gaps left to
    HistGradientBoosting score the same: 0.8115 and 0.8108 on Spaceship Titanic, 0.1254 and 0.1250 on House Prices.)
    """

    def __init__(self, *, pieces: int = 16, few: int = 10, room: int = 1000, for_trees: bool = False) -> None:
        self.pieces = pieces
        self.few = few
        self.room = room
        self.for_trees = for_trees

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 scikit-learn passes y
        """Learn medians, scales, values and bins."""
        numbers = X.to_numpy(dtype=np.float64)
        self.n_features_in_ = numbers.shape[1]
        self.medians_ = np.array([np.median(column[~np.isnan(column)]) for column in numbers.T])
        gaps = np.isnan(numbers)
        _, first = np.unique(gaps, axis=1, return_index=True)  # parts of one date have the same gaps
        self.gaps_ = np.array([k for k in np.sort(first) if gaps[:, k].any()], dtype=np.int64)
        filled = self._filled(numbers)
        self.plain_ = self.for_trees or not self.n_features_in_
        if not self.plain_:
            self._learn_scales(filled)
            self._learn_columns(filled, [np.unique(column[~np.isnan(column)]) for column in numbers.T])
        self.names_ = self._names(X.columns.tolist())
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Columns (N, D): the numbers, where gaps are, whole numbers' values, pieces."""
        return encoded_in_blocks(self._of_block, X)

    def _of_block(self, X: pd.DataFrame) -> np.ndarray:
        numbers = X.to_numpy(dtype=np.float64)
        filled, gaps = self._filled(numbers), np.isnan(numbers[:, self.gaps_])
        if self.plain_:
            return np.hstack([filled, gaps], dtype=np.float32)
        scaled = self._scaled(filled)
        values = [filled[:, [k]] == self.values_[k] for k in self.values_]
        pieces = [in_pieces(scaled[:, k], edges) for k, edges in self.edges_.items()]
        return np.hstack([scaled, gaps, *values, *pieces], dtype=np.float32)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002 scikit-learn passes it
        """A name for each of the D columns."""
        return np.asarray(self.names_, dtype=object)

    def _filled(self, numbers: FloatArray) -> FloatArray:
        return np.where(np.isnan(numbers), self.medians_, np.clip(numbers, -LARGEST, LARGEST))

    def _learn_scales(self, filled: FloatArray) -> None:
        moments = StandardScaler().fit_transform(filled) ** 3
        self.skewed_ = np.flatnonzero(np.abs(moments.mean(axis=0)) > SKEWED)
        sizes = np.abs(filled[:, self.skewed_])
        self.units_ = np.array([np.median(column[column > 0]) for column in sizes.T])
        self.scaler_ = StandardScaler().fit(self._tamed(filled))

    def _tamed(self, filled: FloatArray) -> FloatArray:
        tamed, skewed = filled.copy(), filled[:, self.skewed_]
        tamed[:, self.skewed_] = np.sign(skewed) * np.log1p(np.abs(skewed) / self.units_)
        return tamed

    def _scaled(self, filled: FloatArray) -> FloatArray:
        return np.asarray(np.clip(self.scaler_.transform(self._tamed(filled)), -FURTHEST, FURTHEST))

    def _learn_columns(self, filled: FloatArray, different: list[FloatArray]) -> None:
        """Which numbers get a column for each of their `different` values, which get pieces, and where these end."""
        most = min(self.few, len(filled) // ROWS_OF_VALUE)
        few = [k for k, values in enumerate(different) if 2 < len(values) <= most and (values % 1 == 0).all()]
        room = self.room - len(different) - len(self.gaps_)
        self.values_ = {k: different[k] for k in few} if sum(len(different[k]) for k in few) <= room else {}
        room -= sum(map(len, self.values_.values()))
        others = [k for k, values in enumerate(different) if len(values) > 2 and k not in self.values_]
        n_pieces = max(0, min(self.pieces, room // max(1, len(others))))
        scaled, places = self._scaled(filled), np.linspace(0, 1, n_pieces + 1)
        edges = {k: np.unique(np.quantile(scaled[:, k], places)) for k in others if n_pieces > 1}
        self.edges_ = {k: of_number for k, of_number in edges.items() if len(of_number) > 2}

    def _names(self, names: list[str]) -> list[str]:
        """Names of the D columns."""
        plain = [*names, *(f"{names[k]} missing" for k in self.gaps_)]
        if self.plain_:
            return plain
        values = [f"{names[k]} = {value:g}" for k, of_number in self.values_.items() for value in of_number]
        n_pieces = {k: len(edges) - 1 for k, edges in self.edges_.items()}
        return plain + values + [f"{names[k]} piece {i}/{n}" for k, n in n_pieces.items() for i in range(1, n + 1)]


def in_pieces(numbers: FloatArray, edges: FloatArray) -> np.ndarray:
    """How full each bin between two `edges` (P + 1,) is: 0 below it, 1 above it; (N, P).

    >>> in_pieces(np.array([0.0, 1.5, 9.0]), np.array([0.0, 1.0, 3.0])).tolist()
    [[0.0, 0.0], [1.0, 0.25], [1.0, 1.0]]
    """
    return np.clip((numbers[:, None] - edges[:-1]) / np.diff(edges), 0.0, 1.0).astype(np.float32)
