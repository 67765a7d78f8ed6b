"""Where the public score should fall.

Shapes: N training rows, P predictions of a row.
"""

import math
from collections.abc import Mapping

import numpy as np

from pipelines.competition import Competition
from pipelines.metrics import FloatArray, IntArray, Target
from pipelines.submission.record import Forecast
from pipelines.validation.baselines import ordinary


def forecast(
    competition: Competition,
    y: Target,
    oof: FloatArray,
    baselines: Mapping[str, FloatArray],
    n_test: int,
    groups: IntArray | None = None,
) -> Forecast:
    """Public score to expect, with a 95 % interval that counts the chance in both row samples.

    In general: the cross-validated mean; the score's error counts once for the N scored rows and once, grown to their
    number, for the public test rows; rows of the same number in `groups` (N,) count as one. Where others'
    cross-validated and public scores on the same rows are known, their mean shift is added. What the rows themselves do
    to every model is in that shift; left are the spread of the shifts, and the sampling error of the difference to an
    ordinary model (logistic or ridge regression; where there is none, the baseline that told the rows).
    """
    metric = competition.metric
    n_public = max(1, round(competition.public_share * n_test))
    mean, variance, n_models = metric(y, oof), 0.0, 0
    published = competition.published
    known = None if published is None else baselines.get(published.baseline)
    if published is not None and known is not None and abs(metric(y, known) - published.score) < 5e-4:
        shifts = np.array([public - cv for cv, public in published.pairs])
        n_models, mean = len(shifts), mean + float(shifts.mean())
        variance = float(shifts.var(ddof=1)) * (1 + 1 / n_models)
        _, se = metric.difference(y, oof, baselines.get(ordinary(competition), known), groups)
    else:
        se = metric.se(y, oof, groups)
    error = math.sqrt(variance + se**2 * (1 + len(y) / n_public))
    return Forecast(mean, mean - 1.96 * error, mean + 1.96 * error, n_public, n_models)
