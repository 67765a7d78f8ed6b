"""A metric is tried on a few made rows before anything is trained.

Shapes: N made rows, C classes, P predictions of a row.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import HomeworkError, UsageError, defined_at, place_of

if TYPE_CHECKING:
    from pipelines.metrics import FloatArray, Metric, Target

ROWS = 100  # made ones; two for each class at least
SURE = 0.98  # of a prediction: a metric need not bear certainty
GIVEN = {
    "labels": ("the predicted class codes (N,)", "预测的类别编号 (N,)"),
    "probabilities": ("probabilities (N, C)", "概率 (N, C)"),
    "values": ("predicted values (N,)", "预测值 (N,)"),
}


def try_metric(metric: "Metric", y: "Target", n_outputs: int) -> list[float]:
    """The scores of a perfect prediction, a middling and a wrong one of made rows; `y` is the training target.

    Raises: UsageError, with file and line of the metric's function, where it fails, gives no finite number (`per_row`:
    one for each row), changes what it is given, or has it that the wrong prediction is better than the perfect one.
    """
    truth, predictions = made_numbers(y) if metric.of == "values" else made_classes(n_outputs)
    scores = [tried(metric, truth, each) for each in predictions]
    perfect, _, wrong = scores
    if metric.gain(perfect, wrong) < 0:
        more, flag = "greater" if metric.greater_is_better else "less", not metric.greater_is_better
        place, place_zh = defined_at(metric.per_row or metric.score)
        raise UsageError(
            f"the metric {metric.name} has it that {more} is better, and scores a perfect prediction {perfect:.4g}, "
            f"a wrong one {wrong:.4g}{place}",
            f"write greater_is_better={flag} in its Metric(...), or correct its function",
            f"请在 Metric(...) 中写 greater_is_better={flag}，或更正其函数{place_zh}",
        )
    return scores


def made_classes(n_classes: int) -> tuple["Target", list["FloatArray"]]:
    """Class codes (N,), and probabilities (N, C): sure of the truth, at random, sure of another class."""
    truth = np.arange(max(ROWS, 2 * n_classes)) % n_classes
    sure = SURE * np.eye(n_classes) + (1 - SURE) / n_classes
    middling = np.random.default_rng(0).dirichlet(np.ones(n_classes), len(truth))
    return truth, [sure[truth], middling, sure[(truth + 1) % n_classes]]


def made_numbers(y: "Target") -> tuple["Target", list["FloatArray"]]:
    """Values (N,) spread as the target's are, and predictions (N, 1): the truth, half of it, its order reversed."""
    truth = np.sort(y)[np.linspace(0, len(y) - 1, ROWS).round().astype(np.int64)].astype(np.float64)
    middling = (truth + np.random.default_rng(0).permutation(truth)) / 2
    return truth, [each.reshape(-1, 1).copy() for each in (truth, middling, truth[::-1])]


def tried(metric: "Metric", y: "Target", predictions: "FloatArray") -> float:
    """The score of made predictions (N, P).

    Raises: UsageError for a function that cannot be used.
    """
    function, given = metric.per_row or metric.score, metric.given(predictions)
    assert function is not None
    before = y.copy(), given.copy()
    try:
        value = function(y, given)
    except HomeworkError:
        raise
    except Exception as error:
        (of, of_zh), said = GIVEN[metric.of], (str(error).splitlines() or [""])[0]
        place, place_zh = place_of(error)
        raise UsageError(
            f"the metric {metric.name} fails on {len(y)} made rows: {type(error).__name__}: {said}{place}",
            f"correct its function: it gets the truth (N,), {'values' if metric.of == 'values' else 'class codes'}, "
            f"and {of}; of= in Metric(...) says which",
            f"请更正其函数{place_zh}；它的参数是真值 (N,) 和{of_zh}，由 Metric(...) 的 of= 指定",
        ) from error
    if not all(map(np.array_equal, before, (y, given))):
        wrong, hint, hint_zh = "changes the arrays that it is given", "change copies of them", "只修改其副本"
    else:
        wrong, hint, hint_zh = what_is_wrong(value, None if metric.per_row is None else len(y))
    if wrong:
        place, place_zh = defined_at(function)
        raise UsageError(
            f"the metric {metric.name}, on {len(y)} made rows, {wrong}{place}",
            f"correct its function: let it {hint}",
            f"请更正其函数{place_zh}：应{hint_zh}",
        )
    return float(np.mean(value))


def what_is_wrong(value: Any, n_rows: int | None) -> tuple[str, str, str]:
    """Why a metric's value is no finite number, or not `n_rows` of them, and what it is to do; empty where it is."""
    wanted = "return one finite number", "返回一个有限数"
    if n_rows is not None:
        wanted = "return a finite number for each row, an array (N,)", "返回形状为 (N,) 的有限数组"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # of lists in lists, or of what lies on a GPU
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        return f"gives {type(value).__name__}", *wanted
    if array.shape != (() if n_rows is None else (n_rows,)):
        return f"gives {f'an array {array.shape}' if array.shape else 'one number'}", *wanted
    odd = array[~np.isfinite(array)]
    return f"gives {odd[0]}" if len(odd) else "", *wanted
