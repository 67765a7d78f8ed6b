"""The scikit-learn face of a model and the training loop.

Read `base` (parameters, and `fit` by way of the same `fit` that cross-validation calls), then `classifier` and
`regressor` (what they do with y, and what they predict). `by_value` pickles what plain pickle does not take.
"""

from pipelines.training.estimator.classifier import TorchClassifier
from pipelines.training.estimator.regressor import TorchRegressor

__all__ = ["TorchClassifier", "TorchRegressor"]
