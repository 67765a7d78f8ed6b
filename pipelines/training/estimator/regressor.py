"""Networks that predict a number, as a scikit-learn regressor.

Shapes: N rows, V rows held out.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data
from torch import Tensor, nn

from pipelines.competition import Loss, Number, Schedule
from pipelines.metrics import FloatArray, Metric, rmse
from pipelines.settings.allowed import LOSS, METRIC_OF_VALUES, allowed
from pipelines.training.estimator.base import TorchEstimator
from pipelines.training.targets import Scale


class TorchRegressor(RegressorMixin, TorchEstimator):  # type: ignore[misc]
    """A network and its training, with scikit-learn's manners, for y of numbers.

    y is standardised before it is learned, and predictions are turned back. Otherwise as `TorchClassifier`.

    Parameters
    ----------
    make_model : callable `(n_features, 1) -> nn.Module` that returns values (N, 1); None for a small MLP.
    loss : "squared", "absolute" or "huber" (squared up to one standard deviation of y, absolute beyond it).
    metric : what early stopping looks at, in the units of y; None for RMSE.
    epochs, batch_size, lr, weight_decay, schedule, patience, validation_fraction, bfloat16, device, random_state :
        as in `TorchClassifier`; rows for early stopping are split off at random.

    Attributes
    ----------
    n_features_in_, n_iter_ (epochs trained), model_, history_, scale_ (mean and deviation of y)

    Examples
    --------
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = TorchRegressor(nn.Linear, lr=0.05, weight_decay=0.0, batch_size=8, schedule="cosine", random_state=0)
    >>> model.fit(X, 1000 + 300 * X[:, 0]).predict([[0.5]]).round()
    array([1150.])

    """

    _METRIC, _USUAL_METRIC = METRIC_OF_VALUES, rmse

    def __init__(
        self,
        make_model: Callable[[int, int], nn.Module] | None = None,
        *,
        loss: Loss = "squared",
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
        super().__init__(
            make_model, epochs=epochs, batch_size=batch_size, lr=lr, weight_decay=weight_decay, schedule=schedule,
            patience=patience, validation_fraction=validation_fraction, bfloat16=bfloat16, metric=metric,
            device=device, random_state=random_state,
        )  # fmt: skip
        self.loss = loss

    def predict(self, X: ArrayLike) -> FloatArray:
        """The predicted number of each row, (N,)."""
        return self._predictions(X)[:, 0]

    def _number(self) -> Number:
        allowed("TorchRegressor", "loss", self.loss, LOSS)
        return Number(loss=self.loss)

    def _validated(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[np.float32], NDArray[Any]]:
        inputs, values = validate_data(self, X, y, dtype=np.float32, reset=reset, y_numeric=True)
        return inputs, values.astype(np.float64)

    def _target(self, y: NDArray[Any], weight: FloatArray | None) -> tuple[Tensor, Scale, int]:
        """Standardised numbers (N, 1), or (N, 2) of numbers and weights, which the loss of the row is multiplied by."""
        # NOTE[DIFF]: in a competition predictions end a little beyond the training rows; here nothing ends them.
        scale = replace(Scale.of(self._number(), y, weight), low=-np.inf, high=np.inf)
        target = scale.target(y)
        if weight is not None:
            target = torch.cat([target, torch.from_numpy(weight.astype(np.float32))[:, None]], dim=1)
        return target, scale, 1

    def _truth(self, y: NDArray[Any]) -> Tensor:
        return torch.from_numpy(y)
