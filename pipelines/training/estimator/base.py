"""What both estimators have in common: parameters, rows for early stopping, one job for `fit`.

Shapes: N rows, V rows held out, D features, P outputs of a row.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data
from torch import Tensor, nn

from pipelines.competition import Number, Recipe, Schedule
from pipelines.errors import UsageError
from pipelines.hardware import pick_device, threads_for
from pipelines.metrics import FloatArray, Metric
from pipelines.models import MLP
from pipelines.settings.allowed import ALLOWED, MAKE_MODEL, RANDOM_STATE, Allowed, allowed, none_or
from pipelines.training.early_stopping import first_equal
from pipelines.training.estimator.by_value import ByValue, picklable
from pipelines.training.fit import Encoded, Group, Job, Rows, fit, hold_out
from pipelines.training.loop import predict
from pipelines.training.noise import new_network
from pipelines.training.targets import Scale
from pipelines.training.together import STACKED_PARAMETERS, n_weights


def default_model(n_features: int, n_outputs: int) -> nn.Module:
    """Two hidden layers of 64 and 32 units."""
    return MLP([n_features, 64, 32, n_outputs])


class TorchEstimator(BaseEstimator):  # type: ignore[misc]
    """A network and its training with scikit-learn's manners; `TorchClassifier` and `TorchRegressor` derive from it."""

    _METRIC: Allowed  # what the metric may be
    _USUAL_METRIC: Metric

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
        metric: Metric | None = None,
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
        """Train on X (N, D) and y (N,), labels or numbers; rows weigh 1 without `sample_weight` (N,).

        Raises: ValueError for input that scikit-learn's validation refuses, or fewer than two classes; UsageError for
        parameters that are not allowed; ModelError for a network that cannot be trained as it is.
        """
        recipe, make_model, number = self._checked_parameters()
        inputs, target, weight = self._checked(X, y, sample_weight)
        job = Job("network", 0, 0, int(check_random_state(self.random_state).randint(2**31)))
        if X_val is None and y_val is None:
            twins = None if recipe.patience is None else first_equal(inputs, target)
            kept, held = hold_out(np.arange(len(target)), target, recipe, job.random_state, twins)
            held_out = None if held is None else (inputs[held], target[held])
            inputs, target, weight = inputs[kept], target[kept], None if weight is None else weight[kept]
        else:
            held_out = self._checked_held_out(X_val, y_val)
        of_rows, scale, n_outputs = self._target(target, None if weight is None else of_mean_one(weight))
        rows = Rows(
            inputs=_tensor(inputs), target=of_rows, scale=scale,
            held_out=held_out and (_tensor(held_out[0]), self._truth(held_out[1])),
        )  # fmt: skip
        group = Group(
            jobs=(job,), encode=lambda _fold: Encoded(rows), make_model=make_model, n_outputs=n_outputs,
            recipe=recipe, metric=self.metric or self._USUAL_METRIC, device=pick_device(str(self.device)),
            number=number,
        )  # fmt: skip
        with threads_for(n_weights(new_network(make_model, rows.inputs[:2], n_outputs, 0)) <= STACKED_PARAMETERS):
            trained = fit(group).networks[job]
        self.model_, self.history_, self.n_iter_ = trained.model, trained.history, len(trained.history.losses)
        self.scale_ = trained.scale
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value if picklable(value) else ByValue(value) for name, value in super().__getstate__().items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: getattr(value, "by_value", value) for name, value in state.items()})

    def _predictions(self, X: ArrayLike) -> FloatArray:
        """Probabilities (N, C) of the classes, or numbers (N, 1)."""
        check_is_fitted(self)
        inputs = validate_data(self, X, dtype=np.float32, reset=False)
        device = next(self.model_.parameters()).device
        return predict(self.model_, _tensor(inputs).to(device), self.scale_)

    def _checked_parameters(self) -> tuple[Recipe, Callable[[int, int], nn.Module], Number | None]:
        """Scikit-learn's convention: parameters are looked at in `fit`."""
        values, name_of_class = {field.name: getattr(self, field.name) for field in fields(Recipe)}, type(self).__name__
        for name, rule in ALLOWED["Recipe"].items():
            values[name] = allowed(name_of_class, name, values[name], rule)
        allowed(name_of_class, "metric", self.metric, none_or(self._METRIC))
        allowed(name_of_class, "random_state", self.random_state, RANDOM_STATE)
        allowed(name_of_class, "make_model", self.make_model, none_or(MAKE_MODEL))
        return Recipe(**values), self.make_model or default_model, self._number()

    def _checked(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[Any], FloatArray | None]:
        """Arrays that can be trained on. A row of weight zero is no row: neither a class nor a step."""
        inputs, target = self._validated(X, y, reset=True)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, inputs, dtype=np.float64, ensure_non_negative=True)
            inputs, target, weight = inputs[weight > 0], target[weight > 0], weight[weight > 0]
        return inputs, target, weight

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
        return self._validated(X_val, y_val, reset=False)

    @abstractmethod
    def _number(self) -> Number | None:
        """The target where it is a number; None for classes."""

    @abstractmethod
    def _validated(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Inputs (N, D) and y (N,) as scikit-learn's validation lets them pass."""

    @abstractmethod
    def _target(self, y: NDArray[Any], weight: FloatArray | None) -> tuple[Tensor, Scale | None, int]:
        """What networks learn of y (N,) and weights (N,) of mean one, on which scale, and P."""

    @abstractmethod
    def _truth(self, y: NDArray[Any]) -> Tensor:
        """What the metric compares predictions with, for y (V,)."""


def of_mean_one(weight: FloatArray) -> FloatArray:
    """Weights (N,) scaled to mean one, which keeps the learning rate's meaning."""
    shares = weight / weight.max()  # first, for the mean of huge weights is infinite
    scaled: FloatArray = shares / shares.mean()
    return scaled


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor: without a copy where torch can use its memory, neither read-only nor running backwards."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
