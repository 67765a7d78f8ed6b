"""How often the forecast's intervals held, how far outcomes were from it, and what that says.

Without a time, rounds of one data set are dealt independently, so the binomial errors are right for these rows; how a
forecast does on other rows of the same kind they do not tell, since all rounds share theirs. Where rows have a time,
the hidden rows of rounds overlap, outcomes go together, and the errors are too small.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.stats import binomtest, chi2

from pipelines.practice.rounds import Round

LEVELS = (0.5, 0.8, 0.95)
FEWEST = 10  # rounds, fewer of which say nothing
MATTERS = 0.2  # standard errors, by which the forecast may be off on the average


@dataclass(frozen=True)
class Held:
    """An interval of `level`: in how many of the rounds it held, and Wilson's 95 % interval of that share."""

    level: float
    held: int
    rounds: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """In which share of the rounds it held."""
        return self.held / self.rounds


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the rounds say of the forecast.

    `shift` is the mean of outcome - forecast, `shift_se` its standard error over rounds; `z` are outcomes in standard
    errors from their forecast: `z_mean` (± `z_mean_se`) should be 0, `z_sd` (95 % interval `z_sd_low` to `z_sd_high`)
    should be 1. `verdict` is one of VERDICTS.
    """

    rounds: int
    held: list[Held]
    shift: float
    shift_se: float
    z_mean: float
    z_mean_se: float
    z_sd: float
    z_sd_low: float
    z_sd_high: float
    verdict: str


VERDICTS = {
    "few": "too few rounds to tell",
    "holds": "the forecast holds: no interval differs from what it promises by more than chance",
    "high": "the forecast is too high: outcomes lie below it by more than chance",
    "low": "the forecast is too low: outcomes lie above it by more than chance",
    "narrow": "the intervals are too narrow: outcomes lie outside more often than they promise",
    "wide": "the intervals are too wide: outcomes lie inside more often than they promise",
}


def cover(rounds: Sequence[Round]) -> Coverage:
    """What the rounds say of the forecast; those whose hidden rows could not be scored are left out."""
    known = [each for each in rounds if math.isfinite(each.z)]
    z = np.array([each.z for each in known])
    off = np.array([each.outcome - each.mean for each in known])
    n, held = len(known), [_held(z, level, 0.95) for level in LEVELS]
    z_sd, freedom = _sd(z), max(1, n - 1)
    low, high = (z_sd * math.sqrt(freedom / chi2.ppf(tail, freedom)) for tail in (0.975, 0.025))
    return Coverage(
        rounds=n, held=held, shift=_mean(off), shift_se=_sd(off) / math.sqrt(max(1, n)), z_mean=_mean(z),
        z_mean_se=z_sd / math.sqrt(max(1, n)), z_sd=z_sd, z_sd_low=low, z_sd_high=high, verdict=_verdict(z),
    )  # fmt: skip


def half_width(level: float) -> float:
    """Half of an interval of that level, in standard errors."""
    return NormalDist().inv_cdf((1 + level) / 2)


def _held(z: np.ndarray, level: float, confidence: float) -> Held:
    held, n = int((np.abs(z) <= half_width(level)).sum()), len(z)
    if n == 0:
        return Held(level, 0, 0, 0.0, 1.0)
    found = binomtest(held, n).proportion_ci(confidence, method="wilson")
    return Held(level, held, n, float(found.low), float(found.high))


def _verdict(z: np.ndarray) -> str:
    """The first that applies; each of the levels may err once in 60, so that all together do once in 20."""
    if len(z) < FEWEST:
        return "few"
    mean, error = _mean(z), _sd(z) / math.sqrt(len(z))
    if abs(mean) > max(MATTERS, 2 * error):
        return "high" if mean < 0 else "low"
    found = [_held(z, level, 1 - 0.05 / len(LEVELS)) for level in LEVELS]
    if any(each.high < each.level for each in found):
        return "narrow"
    return "wide" if any(each.low > each.level for each in found) else "holds"


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _sd(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan
