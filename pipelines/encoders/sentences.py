"""Free text -> a few numbers: how telling its words are, and what goes together.

Shapes: N rows, K columns of text, D numbers.
"""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.metrics import FloatArray

WORD = r"(?u)\w+"
MOST_WORDS = 20_000  # of a column, the frequent ones


class SentenceEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns of text, None where missing -> tf-idf of the words, of each column its first components, standardised.

    Words and components are those of the rows seen in `fit`; a gap is a text without words.
    """

    def __init__(self, *, n_components: int = 16) -> None:
        self.n_components = n_components

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 scikit-learn passes y
        """Learn the words of each column and what goes together."""
        self.steps_ = {name: self._step(X[name].fillna("")) for name in X}
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """Numbers (N, D), at most `n_components` of each column."""
        columns = [np.asarray(step.transform(X[name].fillna(""))) for name, step in self.steps_.items() if step]
        return np.hstack([np.empty((len(X), 0)), *columns])

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002 scikit-learn passes it
        """A name for each of the D columns."""
        sizes = {name: step[-1].n_features_in_ for name, step in self.steps_.items() if step}
        return np.asarray([f"{name} {i + 1}" for name, size in sizes.items() for i in range(size)], dtype=object)

    def _step(self, texts: pd.Series) -> Pipeline | None:
        words = TfidfVectorizer(token_pattern=WORD, sublinear_tf=True, max_features=MOST_WORDS)
        if not texts.str.contains(WORD).any():
            return None
        n_words = words.fit_transform(texts).shape[1]
        components = TruncatedSVD(min(self.n_components, n_words), random_state=0)
        return make_pipeline(words, components, StandardScaler()).fit(texts)
