"""Kaggle's metrics, to the digit.

Shapes: N rows, C classes, P predictions of a row: the classes' probabilities, or one value; K samples of the rows.

A metric is a function of all rows. Where it is a mean over rows its standard error, and that of the paired difference
of two models, come from the rows' values; else from a bootstrap. Rows of one group are drawn, and counted, together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines import bootstrap
from pipelines.bootstrap import one_by_one, spread, standard_error
from pipelines.errors import UsageError, code_named
from pipelines.settings.allowed import Checked

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Target = NDArray[np.int64] | NDArray[np.float64]  # class codes, or values


@dataclass(frozen=True)
class Metric(Checked):
    """A score of predictions against the truth.

    One function: `per_row(y, p)`, whose mean is the score, or `score(y, p)` of all rows. It takes the truth (N,), class
    codes or values, and what the metric is `of`: "labels", predicted class codes (N,); "probabilities" (N, C); or
    "values" (N,), of which none is below `least`. `resampled(y, p)` makes the bootstrap of a `score` quick: it returns
    what scores samples, see `bootstrap`. `influence(y, p)` (N,) is how far each row moves the score: errors come from
    it where rows are too many to draw samples of them.

    Raises: UsageError for anything but one of the two.
    """

    name: str
    per_row: Callable[[Target, FloatArray], FloatArray] | None = None
    greater_is_better: bool = True
    score: Callable[[Target, FloatArray], float] | None = None
    of: Literal["labels", "probabilities", "values"] = "probabilities"
    resampled: Callable[[Target, FloatArray], Callable[[FloatArray], FloatArray]] | None = None
    least: float | None = None
    influence: Callable[[Target, FloatArray], FloatArray] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.per_row is None) == (self.score is None):
            raise UsageError(
                f"Metric: {self.name} has {'neither' if self.score is None else 'both'} per_row and score",
                "give one function: per_row=f where the score is the mean of what f gives for the rows, else score=f",
                "请只给出一个函数：得分为各行取值的平均时用 per_row=f，否则用 score=f",
            )

    def __call__(self, y: Target, predictions: FloatArray) -> float:
        """The score of predictions (N, P) against the truth (N,)."""
        with code_named(f"the metric {self.name}"):
            if self.score is not None:
                return float(self.score(y, self.given(predictions)))
        return float(self.of_rows(y, predictions).mean())

    def given(self, predictions: FloatArray) -> FloatArray:
        """What the metric's function gets of predictions (N, P)."""
        if self.of == "labels":
            return np.asarray(predictions.argmax(axis=1))
        if self.of == "probabilities":
            return predictions
        return predictions.reshape(-1) if self.least is None else np.maximum(predictions.reshape(-1), self.least)

    def of_rows(self, y: Target, predictions: FloatArray) -> FloatArray:
        """The values (N,) whose mean is the score."""
        assert self.per_row is not None
        with code_named(f"the metric {self.name}"):
            return np.asarray(self.per_row(y, self.given(predictions)), dtype=np.float64)

    def se(self, y: Target, predictions: FloatArray, groups: IntArray | None = None, *, rough: bool = False) -> float:
        """Standard error of the score; rows of the same number in `groups` (N,) are not independent.

        `rough` for one of many that matter little: fewer samples, where each takes long.
        """
        if (of_row := self._row_by_row(y, predictions)) is not None:
            return standard_error(of_row, groups)
        return spread(self.of_samples(y, [predictions], groups, rough=rough)[0])

    def difference(
        self, y: Target, ours: FloatArray, other: FloatArray, groups: IntArray | None = None
    ) -> tuple[float, float]:
        """How much better `ours` (N, P) is than `other`, and the standard error of that, both on the same rows."""
        of_ours, of_other = self._row_by_row(y, ours), self._row_by_row(y, other)
        if of_ours is not None and of_other is not None and self.per_row is not None:
            per_row = of_ours - of_other
            return self.gain(float(per_row.mean()), 0.0), standard_error(per_row, groups)
        gain = self.gain(self(y, ours), self(y, other))
        if of_ours is not None and of_other is not None:
            return gain, standard_error(of_ours - of_other, groups)
        scores = self.of_samples(y, [ours, other], groups)
        return gain, spread(scores[0] - scores[1])

    def _row_by_row(self, y: Target, predictions: FloatArray) -> FloatArray | None:
        """Values (N,) whose mean has the score's error; None where only samples of the rows can tell it."""
        if self.per_row is not None:
            return self.of_rows(y, predictions)
        given = self.given(predictions)
        return self.influence(y, given) if self.influence is not None and given.size > bootstrap.MANY else None

    def of_samples(
        self, y: Target, predictions: Sequence[FloatArray], groups: IntArray | None = None, *, rough: bool = False
    ) -> FloatArray:
        """What the bootstrap's samples score, a row for each of the predictions (N, P); NaN for "cannot be scored"."""
        assert self.score is not None
        quick, given, times = self.resampled is not None, [self.given(each) for each in predictions], None
        if len(y if groups is None else np.unique(groups)) < 2:
            return np.full((len(given), 1), np.nan)
        if quick and self.of == "labels" and groups is None:  # few kinds of rows, which need not be drawn one by one
            (y, *given), times = np.unique([y, *given], axis=1, return_counts=True)
        n_values = max(each[:, 1:].size if self.of == "probabilities" else len(y) for each in given)
        drawn = bootstrap.Drawing(bootstrap.n_draws(n_values, quick=quick, rough=rough), groups, times)
        score, make = self.resampled or self.score, self.resampled or one_by_one(self.score)
        return np.stack([bootstrap.scores_of(score, make, y, each, drawn) for each in given])

    def gain(self, score: float, other: float) -> float:
        """How much better `score` is than `other`: positive is better, whatever the metric."""
        return score - other if self.greater_is_better else other - score


def correct(y: Target, labels: FloatArray) -> FloatArray:
    """1.0 where the predicted class is the true one, else 0.0; shape (N,)."""
    return np.asarray(labels == y, dtype=np.float64)


def negative_log_likelihood(y: Target, proba: FloatArray) -> FloatArray:
    """Minus the log-probability of the true class, as Kaggle computes it; shape (N,).

    Rows are rescaled to sum to one, then probabilities are clipped to [1e-15, 1 - 1e-15].
    Source: the evaluation page of the Otto Group Product Classification Challenge.
    """
    p = proba / proba.sum(axis=1, keepdims=True)
    p_true = p[np.arange(len(y)), y]
    return np.asarray(-np.log(np.clip(p_true, 1e-15, 1 - 1e-15)), dtype=np.float64)


def absolute_error(y: Target, values: FloatArray) -> FloatArray:
    """How far each value is from the true one; shape (N,)."""
    return np.abs(y - values)


def precision_at(y: Target, proba: FloatArray, *, k: int) -> FloatArray:
    """One divided by the true class's rank among the k most probable ones, 0 where it is not there; shape (N,).

    Classes of equal probability rank in the competition's order, as they are written into the submission.
    """
    ranked = np.argsort(-proba, axis=1, kind="stable")[:, :k]
    return np.asarray((ranked == y[:, None]) @ (1 / np.arange(1, ranked.shape[1] + 1)))


def mean_recall(y: Target, labels: FloatArray) -> float:
    """Mean of the classes' recalls: balanced accuracy, which scikit-learn warns of where a class is not there."""
    from sklearn.metrics import recall_score  # here and below: `--help` does not wait for it

    return float(recall_score(y, labels, labels=np.unique(y), average="macro"))


def area_under_roc(y: Target, proba: FloatArray) -> float:
    """ROC AUC of the last of two classes; of more, the mean over those that are there, each against the rest."""
    from sklearn.metrics import roc_auc_score

    there = np.unique(y)
    if len(there) < 2:
        return float("nan")
    classes = [1] if proba.shape[1] == 2 else there
    return float(np.mean([roc_auc_score(y == each, proba[:, each]) for each in classes]))


def f1_of_last(y: Target, labels: FloatArray) -> float:
    """F1 of the last of two classes, 0 where no row is, or was said to be, of it."""
    from sklearn.metrics import f1_score

    if (n_classes := int(max(y.max(), labels.max())) + 1) > 2:
        raise UsageError(
            f"the metric F1 is of two classes, and there are {n_classes}",
            "choose f1_macro, the mean over the classes",
            "请使用 f1_macro，即各类别 F1 的平均",
        )
    return float(f1_score(y, labels, zero_division=0.0))


def mean_f1(y: Target, labels: FloatArray) -> float:
    """Mean of the F1 of all classes that are there, or were said to be."""
    from sklearn.metrics import f1_score

    return float(f1_score(y, labels, average="macro", zero_division=0.0))


def kappa_of_ratings(y: Target, labels: FloatArray) -> float:
    """Cohen's kappa of the class codes, weighted by the square of how far they are apart; NaN if all are the same."""
    from sklearn.metrics import cohen_kappa_score

    if len(np.union1d(y, labels)) < 2:
        return float("nan")
    codes = np.arange(max(y.max(), labels.max()) + 1)
    return float(cohen_kappa_score(y, labels, weights="quadratic", labels=codes))


def matthews_correlation(y: Target, labels: FloatArray) -> float:
    """Correlation of the true classes and those that were said; 0 where one of both is always the same."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(y, labels)) if len(np.union1d(y, labels)) > 1 else 0.0


def root_mean_square(y: Target, values: FloatArray) -> float:
    """Root of the mean squared error, in the target's units."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(y, values))


def root_mean_square_of_logs(y: Target, values: FloatArray) -> float:
    """Root of the mean squared error of log(1 + value)."""
    from sklearn.metrics import root_mean_squared_log_error

    return float(root_mean_squared_log_error(y, values))


def explained_share(y: Target, values: FloatArray) -> float:
    """Share of the target's variance that the values explain; below 0 for worse than the mean."""
    from sklearn.metrics import r2_score

    return float(r2_score(y, values)) if len(y) > 1 else float("nan")


def map_at(k: int) -> Metric:
    """Mean average precision of the k most probable classes, of which one is true."""
    return Metric(f"MAP@{k}", partial(precision_at, k=k))


accuracy = Metric("accuracy", correct, of="labels")
balanced_accuracy = Metric("balanced accuracy", score=mean_recall, of="labels", resampled=bootstrap.balanced_accuracies)
log_loss = Metric("log loss", negative_log_likelihood, greater_is_better=False)
roc_auc = Metric("ROC AUC", score=area_under_roc, resampled=bootstrap.areas, influence=bootstrap.influence_on_areas)
f1 = Metric("F1", score=f1_of_last, of="labels", resampled=bootstrap.f1_of_last)
f1_macro = Metric("macro F1", score=mean_f1, of="labels", resampled=bootstrap.mean_f1)
quadratic_kappa = Metric("quadratic kappa", score=kappa_of_ratings, of="labels", resampled=bootstrap.kappas)
matthews = Metric("Matthews", score=matthews_correlation, of="labels", resampled=bootstrap.matthews)
rmse = Metric(
    "RMSE", score=root_mean_square, greater_is_better=False, of="values", resampled=bootstrap.root_mean_squares
)
rmsle = Metric(
    "RMSLE", score=root_mean_square_of_logs, greater_is_better=False, of="values", least=0.0,
    resampled=bootstrap.root_mean_squares_of_logs,
)  # fmt: skip
mae = Metric("MAE", absolute_error, greater_is_better=False, of="values")
r2 = Metric("R²", score=explained_share, of="values", resampled=bootstrap.r_squares)

METRICS: dict[str, Metric] = {
    "accuracy": accuracy, "balanced-accuracy": balanced_accuracy, "log-loss": log_loss, "auc": roc_auc, "f1": f1,
    "f1-macro": f1_macro, "kappa": quadratic_kappa, "mcc": matthews, "rmse": rmse, "rmsle": rmsle, "mae": mae, "r2": r2,
} | {f"map@{k}": map_at(k) for k in (3, 5, 7, 10)}  # fmt: skip


def in_python(short: str) -> tuple[str, str]:
    """How a metric of `METRICS` is imported from here, and written.

    >>> in_python("auc"), in_python("map@3")
    (('roc_auc', 'roc_auc'), ('map_at', 'map_at(3)'))
    """
    if short.startswith("map@"):
        return "map_at", f"map_at({short.removeprefix('map@')})"
    name = next(name for name, value in globals().items() if value is METRICS[short])
    return name, name
