"""Any frame -> arrays, without a word from whoever has it.

Shapes: N rows, D features.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from pipelines.encoders.categories import CategoryEncoder
from pipelines.encoders.kinds import Column, Kind, look_at
from pipelines.encoders.numbers import NumberEncoder
from pipelines.encoders.sentences import SentenceEncoder
from pipelines.errors import DataError
from pipelines.metrics import IntArray, Target
from pipelines.settings.allowed import FLAG, allowed, one_of, whole

PARAMETERS = {
    "pieces": whole(0), "max_one_hot": whole(2), "min_frequency": whole(1), "text": one_of("leave", "tfidf"),
    "for_trees": FLAG, "max_width": whole(2),
}  # fmt: skip
FEW = 10  # values of whole numbers that get a column each
COMPONENTS = 16  # of a column of text
LEAST_SHARE = 100  # of the rows: no category of more than a hundredth of them is rare


class DefaultEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers, truth values, categories, dates and text, with gaps -> finite numbers, float32 (N, D).

    What a column holds, and whatever else is learned from rows, is learned in `fit`. Numbers: `NumberEncoder`.
    Categories: `CategoryEncoder`. Dates become numbers: year, month, day, weekday, hour, days, places on a circle.
    Values that fall into parts at a sign (B/0/P) become these. Columns that hold one value, or values that nearly all
    differ, are left out.

    Parameters
    ----------
    pieces : bins of a number, each a column filled from 0 to 1; 0 for none.
    max_one_hot : categories of a column that become a column each; more of them their mean target.
    min_frequency : rows; categories of fewer share a column. In fewer than a hundred times as many rows it is less.
    text : "leave" free text out, or "tfidf": 16 components of each column.
    for_trees : numbers as they are, and no pieces, for models that split columns.
    max_width : columns D at most; two for each number and category, if that is more.

    Attributes
    ----------
    left_out_ : column -> why it is left out.
    notes_ : a sentence for each column that is left out, split, or read as a date.
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> frame = pd.DataFrame({"cabin": ["B/1", "C/22", "B/3"], "deck": "A", "age": [20, None, 40]})
    >>> encoder = DefaultEncoder(pieces=0, max_one_hot=2).fit(frame)
    >>> encoder.notes_
    ["cabin is split at '/' into 2 parts", 'deck is left out: every training row holds the same value']
    >>> encoder.get_feature_names_out().tolist()
    ['cabin[1]', 'age', 'age missing', 'cabin[0] is B', 'cabin[0] is C']

    """

    def __init__(
        self,
        *,
        pieces: int = 16,
        max_one_hot: int = 20,
        min_frequency: int = 10,
        text: Literal["leave", "tfidf"] = "leave",
        for_trees: bool = False,
        max_width: int = 1000,
    ) -> None:
        self.pieces = pieces
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.text = text
        self.for_trees = for_trees
        self.max_width = max_width

    def fit(self, X: pd.DataFrame, y: Target | None = None, groups: IntArray | None = None) -> Self:
        """Learn what each column holds, and how it is encoded."""
        self.fit_transform(X, y, groups)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Target | None = None, groups: IntArray | None = None) -> np.ndarray:
        """Learn from the training rows and encode them: float32 (N, D).

        `y` (N,) are class codes, or floats where the target is a number; without it no means are taken. Rows of the
        same number in `groups` (N,) tell each other nothing of their labels.
        Raises: UsageError for parameters that are not allowed; DataError where no column can be used.
        """
        for name, rule in PARAMETERS.items():
            allowed(type(self).__name__, name, getattr(self, name), rule)
        frame = self._frame(X, reset=True)
        labels: Any = None if y is None else np.asarray(y)
        check_consistent_length(frame, labels, groups)
        self.columns_ = [self._look_at(frame.iloc[:, i], str(name)) for i, name in enumerate(frame)]
        self.left_out_ = {c.name: c.detail for c in split_up(self.columns_) if c.kind == "left out"}
        self.notes_ = [column.note for column in self.columns_ if column.note]
        encoded = self._fit_encoders(self._leaves(frame), labels, groups)
        self.varied_ = np.flatnonzero(encoded.min(axis=0) < encoded.max(axis=0))
        if not len(self.varied_):
            raise nothing_left(self.notes_, len(frame))
        return self._varied(encoded)

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encode rows with what `fit` learned: float32 (N, D)."""
        check_is_fitted(self)
        leaves = self._leaves(self._frame(X, reset=False))
        encoded = [encoder.transform(leaves[kind]) for kind, encoder in self.encoders_.items()]
        return self._varied(side_by_side(encoded))

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002 scikit-learn passes it
        """A name for each of the D columns."""
        check_is_fitted(self)
        names = [name for encoder in self.encoders_.values() for name in encoder.get_feature_names_out()]
        return np.asarray(names, dtype=object)[self.varied_]

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []  # float32, whatever comes in
        return tags

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """The rows as a frame, of the columns that `fit` has seen."""
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, skip_check_array=True, reset=reset)
            return X
        return pd.DataFrame(validate_data(self, X, dtype=None, ensure_all_finite=False, reset=reset))

    def _varied(self, encoded: np.ndarray) -> np.ndarray:
        return encoded if len(self.varied_) == encoded.shape[1] else encoded[:, self.varied_]

    def _look_at(self, values: pd.Series, name: str) -> Column:
        column = look_at(values, name, self.max_one_hot)
        leave = column.kind == "text" and self.text == "leave"
        return Column(name, "left out", "free text (text='tfidf' encodes it)") if leave else column

    def _leaves(self, frame: pd.DataFrame) -> dict[Kind, pd.DataFrame]:
        """Numbers, categories and texts, each a frame of N rows whose columns have names of their own."""
        found: dict[Kind, dict[str, pd.Series]] = {"number": {}, "category": {}, "text": {}}
        for i, column in enumerate(self.columns_):
            for leaf, values in column.leaves(frame.iloc[:, i]):
                taken = any(leaf.name in of_kind for of_kind in found.values())
                found[leaf.kind][f"{leaf.name} ({i})" if taken else leaf.name] = values
        return {kind: pd.DataFrame(leaves, index=frame.index) for kind, leaves in found.items()}

    def _fit_encoders(self, leaves: dict[Kind, pd.DataFrame], y: Target | None, groups: IntArray | None) -> np.ndarray:
        """Fit an encoder for each kind; numbers get the room that the others leave. Float32 (N, width)."""
        numbers, categories, texts = leaves["number"], leaves["category"], leaves["text"]
        room = max(0, self.max_width - 2 * numbers.shape[1])
        rare = min(self.min_frequency, max(1, len(numbers) // LEAST_SHARE))
        for_categories = CategoryEncoder(max_one_hot=self.max_one_hot, min_frequency=rare, room=room)
        encoded = for_categories.fit_transform(categories, y, groups)
        room = max(0, room - encoded.shape[1])
        for_texts = SentenceEncoder(n_components=max(1, min(COMPONENTS, room // max(1, texts.shape[1]))))
        encoded = np.hstack([encoded, for_texts.fit_transform(texts)])
        room = self.max_width - encoded.shape[1]
        for_numbers = NumberEncoder(pieces=self.pieces, few=FEW, room=room, for_trees=self.for_trees)
        self.encoders_: dict[Kind, Any] = {"number": for_numbers, "category": for_categories, "text": for_texts}
        return side_by_side([for_numbers.fit_transform(numbers), encoded])


def side_by_side(encoded: Sequence[np.ndarray]) -> np.ndarray:
    """Columns (N, D) in float32, not copied where all are of one kind."""
    some = [columns for columns in encoded if columns.shape[1]]
    return some[0].astype(np.float32, copy=False) if len(some) == 1 else np.hstack(encoded, dtype=np.float32)


def nothing_left(notes: list[str], n_samples: int) -> DataError:
    """No column can be used; `notes` say why."""
    return DataError(
        f"no column can be used of {n_samples} sample{'s' * (n_samples > 1)}: {'; '.join(notes) or 'all are rare'}",
        "use all training rows and columns; add_features can make columns that differ from row to row",
        "请使用全部训练行和列；可用 add_features 添加各行取值不同的列",
    )


def split_up(columns: Iterable[Column]) -> list[Column]:
    """Columns, and their parts beside them."""
    return [each for column in columns for each in (column, *column.parts)]
