"""The scikit-learn face of a model and the training loop.

Shapes: N rows, D features, C classes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data
from torch import Tensor, nn

from pipelines.competition import Schedule
from pipelines.loaders import TensorRows, training_batches
from pipelines.metrics import Metric, log_loss
from pipelines.models import MLP
from pipelines.training import pick_device, predict_proba, train

if TYPE_CHECKING:
    from pipelines.metrics import FloatArray


def default_model(n_features: int, n_classes: int) -> nn.Module:
    """Two hidden layers of 64 and 32 units."""
    return MLP([n_features, 64, 32, n_classes])


class TorchClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network and its training, with scikit-learn's manners.

    Works in `cross_val_score`, `GridSearchCV`, `Pipeline` and `clone`. Two fits with the same
    `random_state` on the CPU give the same bytes, and the global random state of torch is left alone.

    Parameters
    ----------
    make_model : callable `(n_features, n_classes) -> nn.Module` that returns logits; None for a small MLP.
    epochs, batch_size, lr, weight_decay : the usual; the optimizer is AdamW.
    schedule : "constant", "cosine" or "one-cycle", over all steps.
    patience : None to train all epochs on all rows; else stop after so many epochs without a better
        `metric` on rows that training does not see, and keep the best epoch's weights. These rows are
        `X_val`, `y_val` where `fit` gets them, else `validation_fraction` of the rows, stratified.
    device : "auto", "cpu", "cuda" or "mps".

    Attributes
    ----------
    classes_ (C,), n_features_in_, n_iter_ (epochs trained), model_, history_

    Examples
    --------
    >>> X, y = np.eye(4).repeat(8, axis=0), np.repeat(["a", "b", "a", "b"], 8)
    >>> TorchClassifier(epochs=20, lr=0.01, random_state=0).fit(X, y).score(X, y)
    1.0

    """

    def __init__(
        self,
        make_model: Callable[[int, int], nn.Module] | None = None,
        *,
        epochs: int = 60,
        batch_size: int = 64,
        lr: float = 2e-3,
        weight_decay: float = 1e-2,
        schedule: Schedule = "constant",
        patience: int | None = None,
        validation_fraction: float = 0.1,
        metric: Metric = log_loss,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.make_model = make_model
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.metric = metric
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train on X (N, D) and labels y (N,); rows weigh 1 without `sample_weight` (N,).

        Raises: ValueError for input that scikit-learn's validation refuses, or fewer than two classes.
        """
        inputs, labels, weight = self._checked(X, y, sample_weight)
        seed = int(check_random_state(self.random_state).randint(2**31))
        validation = None
        if X_val is not None:
            validation = validate_data(self, X_val, y_val, dtype=np.float32, reset=False)
            unknown = np.setdiff1d(validation[1], self.classes_)
            if len(unknown):
                raise ValueError(f"y_val holds {unknown[0]}, which y does not; y holds {self.classes_.tolist()}")
        elif self.patience is not None:
            kept, held = train_test_split(
                np.arange(len(labels)), test_size=self.validation_fraction, stratify=labels, random_state=seed
            )
            validation = inputs[held], labels[held]
            inputs, labels, weight = inputs[kept], labels[kept], None if weight is None else weight[kept]
        device = pick_device(self.device)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.model_ = (self.make_model or default_model)(inputs.shape[1], len(self.classes_)).to(device)
            self._train(TensorRows(*self._tensors(inputs, labels, weight, device)), validation, seed)
        self.n_iter_ = len(self.history_.losses)
        return self

    def predict_proba(self, X: ArrayLike) -> "FloatArray":
        """Probabilities (N, C) of the classes in the order of `classes_`."""
        check_is_fitted(self)
        inputs = validate_data(self, X, dtype=np.float32, reset=False)
        device = next(self.model_.parameters()).device
        proba: FloatArray = predict_proba(self.model_, torch.from_numpy(inputs).to(device)).numpy()
        return proba

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, (N,)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[most_probable]
        return labels

    def _checked(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[Any], "FloatArray | None"]:
        """Arrays that can be trained on. A row of weight zero is no row: neither a class nor a step."""
        inputs, labels = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(labels)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, inputs, dtype=np.float64, ensure_non_negative=True)
            inputs, labels, weight = inputs[weight > 0], labels[weight > 0], weight[weight > 0]
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError(f"TorchClassifier needs at least two classes; y holds one class: {self.classes_.tolist()}")
        return inputs, labels, weight

    def _tensors(
        self, X: NDArray[np.float32], y: NDArray[Any], weight: "FloatArray | None", device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Inputs (N, D) and targets: codes (N,), or with weights (N, C) rows of weight x one-hot.

        Cross entropy of such a row is the weight times the row's loss, so weights need no loop of
        their own. They are scaled to mean one, which keeps the learning rate's meaning.
        """
        codes = torch.from_numpy(np.searchsorted(self.classes_, y))
        inputs = torch.from_numpy(X).to(device)
        if weight is None:
            return inputs, codes.to(device)
        scaled = torch.from_numpy((weight / weight.mean()).astype(np.float32))
        return inputs, (nn.functional.one_hot(codes, len(self.classes_)) * scaled[:, None]).to(device)

    def _train(self, rows: TensorRows, validation: Any, seed: int) -> None:
        optimizer = torch.optim.AdamW(self.model_.parameters(), lr=self.lr, weight_decay=self.weight_decay, fused=True)
        self.history_ = train(
            self.model_,
            training_batches(rows, self.batch_size, torch.Generator().manual_seed(seed)),
            nn.CrossEntropyLoss(),
            optimizer,
            self.epochs,
            schedule=self.schedule,
            monitor=None if validation is None else self._monitor(*validation),
            patience=self.epochs if self.patience is None else self.patience,
        )

    def _monitor(self, X: NDArray[np.float32], y: NDArray[Any]) -> Callable[[nn.Module], float]:
        """Score of a model on rows that it does not train on, greater is better."""
        device = next(self.model_.parameters()).device
        inputs, codes = torch.from_numpy(X).to(device), np.searchsorted(self.classes_, y)

        def score(model: nn.Module) -> float:
            return self.metric.gain(self.metric(codes, predict_proba(model, inputs).numpy()), 0.0)

        return score
