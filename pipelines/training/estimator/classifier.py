"""Networks that tell classes apart, as a scikit-learn classifier.

Shapes: N rows, V rows held out, C classes.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data
from torch import Tensor, nn

from pipelines.metrics import FloatArray, log_loss
from pipelines.settings.allowed import METRIC_OF_CLASSES
from pipelines.training.estimator.base import TorchEstimator


class TorchClassifier(ClassifierMixin, TorchEstimator):  # type: ignore[misc]
    """A network and its training, with scikit-learn's manners.

    Works in `cross_val_score`, `GridSearchCV`, `Pipeline` and `clone`. Two fits with the same
    `random_state` on the CPU give the same bytes, and the global random state of torch is left alone.

    Parameters
    ----------
    make_model : callable `(n_features, n_outputs) -> nn.Module` that returns logits; None for a small MLP.
        It has to make a new network each time. One that plain pickle does not take, a lambda say, is pickled by value.
    epochs, batch_size, lr, weight_decay : the usual; the optimizer is AdamW.
    schedule : "constant", "cosine" or "one-cycle", over all steps.
    patience : None to train all epochs on all rows; else stop after so many epochs without a better
        `metric` (None: log loss) on rows that training does not see, and keep the best epoch's weights. These rows are
        `X_val`, `y_val` where `fit` gets them, else `validation_fraction` of the rows, stratified; rows that
        are equal, label and all, are not parted.
    bfloat16 : multiply matrices in bfloat16 on processors and GPUs that have it.
    device : "auto", "cpu", "cuda" or "mps", or a `torch.device`.

    Attributes
    ----------
    classes_ (C,), n_features_in_, n_iter_ (epochs trained), model_, history_

    Examples
    --------
    >>> X, y = np.eye(4).repeat(8, axis=0), np.repeat(["a", "b", "a", "b"], 8)
    >>> TorchClassifier(epochs=20, lr=0.01, random_state=0).fit(X, y).score(X, y)
    1.0

    """

    _METRIC, _USUAL_METRIC = METRIC_OF_CLASSES, log_loss

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Probabilities (N, C) of the classes in the order of `classes_`."""
        return self._predictions(X)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, (N,)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[most_probable]
        return labels

    def _number(self) -> None:
        return None

    def _validated(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[np.float32], NDArray[Any]]:
        inputs, labels = validate_data(self, X, y, dtype=np.float32, reset=reset)
        if reset:
            check_classification_targets(labels)
        return inputs, labels

    def _checked(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[Any], FloatArray | None]:
        inputs, labels, weight = super()._checked(X, y, sample_weight)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError(f"TorchClassifier needs at least two classes; y holds one class: {self.classes_.tolist()}")
        return inputs, labels, weight

    def _checked_held_out(
        self, X_val: ArrayLike | None, y_val: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        inputs, labels = super()._checked_held_out(X_val, y_val)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y_val holds {unknown[0]}, which y does not; y holds {self.classes_.tolist()}")
        return inputs, labels

    def _target(self, y: NDArray[Any], weight: FloatArray | None) -> tuple[Tensor, None, int]:
        """Class codes (N,), or with weights (N, C) rows of weight x one-hot.

        Cross entropy of such a row is the weight times the row's loss, so weights need no loop of
        their own.
        """
        codes, n_classes = self._truth(y), len(self.classes_)
        if weight is None:
            return codes, None, n_classes
        scaled = torch.from_numpy(weight.astype(np.float32))
        return nn.functional.one_hot(codes, n_classes) * scaled[:, None], None, n_classes

    def _truth(self, y: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.searchsorted(self.classes_, y))
