"""Trees that were read point to nodes and columns that are there: scikit-learn follows them without a look."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.tree._tree import Tree

from pipelines.metrics import IntArray


def refuse_unsound(value: Any) -> None:
    """Look at each tree in an estimator, or in whatever holds some.

    Raises: ValueError for one that leads to a node, a column or a set of categories that is not there, or in a circle.
    """
    for part in _parts(value):
        if isinstance(part, Tree):
            inner = np.flatnonzero(part.children_left != -1)
            children = np.stack([part.children_left[inner], part.children_right[inner]])
            _refuse(inner, children, part.node_count, part.feature[inner], part.n_features)
        elif isinstance(predictors := getattr(part, "_predictors", None), list):  # histogram gradient boosting
            for predictor in (each for of_iteration in predictors for each in of_iteration):
                nodes, inner = predictor.nodes, np.flatnonzero(predictor.nodes["is_leaf"] == 0)
                children = np.stack([nodes["left"][inner], nodes["right"][inner]]).astype(np.int64)
                _refuse(inner, children, len(nodes), nodes["feature_idx"][inner], part.n_features_in_)
                sets = nodes["bitset_idx"][inner][nodes["is_categorical"][inner] != 0]
                n_sets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
                if (sets >= n_sets).any():
                    raise ValueError("a tree has lost its categories")


def _refuse(inner: IntArray, children: IntArray, n_nodes: int, features: IntArray, n_features: int) -> None:
    """A child comes after its parent (as scikit-learn numbers them), so that each way ends."""
    if n_nodes < 1 or (children <= inner).any() or (children >= n_nodes).any():
        raise ValueError("a tree leads to a node that is not there")
    if (features < 0).any() or (features >= n_features).any():
        raise ValueError("a tree asks for a column that is not there")


def _parts(value: Any) -> Iterator[Any]:
    """The value and whatever it holds, each once."""
    waiting, seen = [value], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, list | tuple | set | frozenset):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, np.ndarray):
            waiting.extend(part.ravel().tolist() if part.dtype.hasobject else [])
        else:
            waiting.extend(getattr(part, "__dict__", {}).values())
