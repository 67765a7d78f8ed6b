"""The scikit-learn face of a model and the training loop.

Shapes: N rows, V rows held out, D features, C classes.
"""

import operator
import pickle
from collections.abc import Callable
from dataclasses import fields
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from joblib import wrap_non_picklable_objects
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data
from torch import Tensor, nn

from pipelines.competition import Recipe, Schedule
from pipelines.errors import UsageError
from pipelines.hardware import pick_device, threads_for
from pipelines.metrics import Metric, log_loss
from pipelines.models import MLP
from pipelines.settings.allowed import ALLOWED, MAKE_MODEL, METRIC, RANDOM_STATE, allowed, none_or
from pipelines.training.early_stopping import first_equal
from pipelines.training.fit import Encoded, Group, Job, Rows, fit, hold_out
from pipelines.training.loop import predict_proba
from pipelines.training.together import STACKED_PARAMETERS, n_weights

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
        It has to make a new network each time. One that plain pickle does not take, a lambda say, is pickled by value.
    epochs, batch_size, lr, weight_decay : the usual; the optimizer is AdamW.
    schedule : "constant", "cosine" or "one-cycle", over all steps.
    patience : None to train all epochs on all rows; else stop after so many epochs without a better
        `metric` on rows that training does not see, and keep the best epoch's weights. These rows are
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
        bfloat16: bool = False,
        metric: Metric = log_loss,
        device: str | torch.device = "cpu",
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
        self.bfloat16 = bfloat16
        self.metric = metric
        self.device = device
        self.random_state = random_state

    @torch.inference_mode(False)
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

        Raises: ValueError for input that scikit-learn's validation refuses, or fewer than two classes; UsageError for
        parameters that are not allowed; ModelError for a network that cannot be trained as it is.
        """
        recipe, make_model = self._checked_parameters()
        inputs, labels, weight = self._checked(X, y, sample_weight)
        job = Job("network", 0, 0, int(check_random_state(self.random_state).randint(2**31)))
        if X_val is None and y_val is None:
            twins = None if recipe.patience is None else first_equal(inputs, labels)
            kept, held = hold_out(np.arange(len(labels)), labels, recipe, job.random_state, twins)
            held_out = None if held is None else (inputs[held], labels[held])
            inputs, labels, weight = inputs[kept], labels[kept], None if weight is None else weight[kept]
        else:
            held_out = self._checked_held_out(X_val, y_val)
        rows = Rows(
            inputs=_tensor(inputs),
            target=self._target(labels, weight),
            held_out=held_out and (_tensor(held_out[0]), self._codes(held_out[1])),
        )
        n_classes = len(self.classes_)
        group = Group(
            jobs=(job,), encode=lambda _fold: Encoded(rows), make_model=make_model, n_classes=n_classes,
            recipe=recipe, metric=self.metric, device=pick_device(str(self.device)),
        )  # fmt: skip
        with threads_for(n_weights(make_model, rows.inputs[:2], n_classes) <= STACKED_PARAMETERS):
            trained = fit(group).networks[job]
        self.model_, self.history_, self.n_iter_ = trained.model, trained.history, len(trained.history.losses)
        return self

    def predict_proba(self, X: ArrayLike) -> "FloatArray":
        """Probabilities (N, C) of the classes in the order of `classes_`."""
        check_is_fitted(self)
        inputs = validate_data(self, X, dtype=np.float32, reset=False)
        device = next(self.model_.parameters()).device
        proba: FloatArray = predict_proba(self.model_, _tensor(inputs).to(device)).numpy()
        return proba

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, (N,)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[most_probable]
        return labels

    def __getstate__(self) -> dict[str, Any]:
        return {name: value if _picklable(value) else ByValue(value) for name, value in super().__getstate__().items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: getattr(value, "by_value", value) for name, value in state.items()})

    def _checked_parameters(self) -> tuple[Recipe, Callable[[int, int], nn.Module]]:
        """Scikit-learn's convention: parameters are looked at in `fit`."""
        values = {field.name: getattr(self, field.name) for field in fields(Recipe)}
        for name, rule in ALLOWED["Recipe"].items():
            values[name] = allowed("TorchClassifier", name, values[name], rule)
        allowed("TorchClassifier", "metric", self.metric, METRIC)
        allowed("TorchClassifier", "random_state", self.random_state, RANDOM_STATE)
        allowed("TorchClassifier", "make_model", self.make_model, none_or(MAKE_MODEL))
        return Recipe(**values), self.make_model or default_model

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

    def _checked_held_out(
        self, X_val: ArrayLike | None, y_val: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        if X_val is None or y_val is None:
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise UsageError(
                f"fit got {given} without {missing}",
                "give both: rows for early stopping and their labels; or neither",
                "请同时给出 X_val 和 y_val，或都不给",
            )
        held_out: tuple[NDArray[np.float32], NDArray[Any]]
        held_out = validate_data(self, X_val, y_val, dtype=np.float32, reset=False)
        unknown = np.setdiff1d(held_out[1], self.classes_)
        if len(unknown):
            raise ValueError(f"y_val holds {unknown[0]}, which y does not; y holds {self.classes_.tolist()}")
        return held_out

    def _codes(self, labels: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.searchsorted(self.classes_, labels))

    def _target(self, labels: NDArray[Any], weight: "FloatArray | None") -> Tensor:
        """Class codes (N,), or with weights (N, C) rows of weight x one-hot.

        Cross entropy of such a row is the weight times the row's loss, so weights need no loop of
        their own. They are scaled to mean one, which keeps the learning rate's meaning.
        """
        codes = self._codes(labels)
        if weight is None:
            return codes
        shares = weight / weight.max()  # first, for the mean of huge weights is infinite
        scaled = torch.from_numpy((shares / shares.mean()).astype(np.float32))
        return nn.functional.one_hot(codes, len(self.classes_)) * scaled[:, None]


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor: without a copy where torch can use its memory, neither read-only nor running backwards."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


class ByValue:
    """What plain pickle does not take, for it looks functions and classes up by name: pickled with its code."""

    def __init__(self, value: object) -> None:
        self.by_value = value

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        return operator.itemgetter(0), (wrap_non_picklable_objects([self.by_value], keep_wrapper=False),)

    def __deepcopy__(self, memo: object) -> object:
        return self.by_value


class _WithoutTensors(pickle.Pickler):
    """Passes over the numbers of tensors, which can always be pickled and may be many."""

    def persistent_id(self, value: object) -> str | None:
        """Whatever is not None stands for the value."""
        return "" if isinstance(value, Tensor) else None


def _picklable(value: object) -> bool:
    try:
        _WithoutTensors(BytesIO()).dump(value)
    except Exception:  # what a value of somebody's own may raise
        return False
    return True
