"""How often intervals held, and what is said of it."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from pipelines.practice.coverage import LEVELS, cover
from pipelines.practice.rounds import Round


def rounds_of(z, error=0.02):
    return [
        Round(seed=i, rows=100, score=0.8, mean=0.8, error=error, averaging=0.0, outcome=0.8 + error * each,
              outcome_se=0.02, seconds=1.0)
        for i, each in enumerate(z)
    ]  # fmt: skip


EVEN = norm.ppf((np.arange(200) + 0.5) / 200)  # as even as 200 normal numbers can be


def test_shares_are_counted_and_have_wilsons_error():
    found = cover(rounds_of(EVEN))
    assert [each.level for each in found.held] == list(LEVELS)
    assert [each.held for each in found.held] == [100, 160, 190]
    half = found.held[0]
    t = 1.96**2 / 200  # Wilson 1927
    width = math.sqrt(1.96**2 * 0.25 / 200 + t**2 / 4) / (1 + t)
    assert (half.low, half.high) == (pytest.approx(0.5 - width, abs=1e-4), pytest.approx(0.5 + width, abs=1e-4))
    assert (found.shift, found.z_mean) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-10))
    assert found.z_sd == pytest.approx(EVEN.std(ddof=1))
    assert found.z_mean_se == pytest.approx(EVEN.std(ddof=1) / math.sqrt(200))
    assert found.shift_se == pytest.approx(0.02 * EVEN.std(ddof=1) / math.sqrt(200))


VERDICTS = {
    "holds": EVEN, "high": EVEN - 0.5, "low": EVEN + 0.5, "narrow": 1.6 * EVEN, "wide": 0.5 * EVEN, "few": EVEN[:9],
}  # fmt: skip


@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdicts(verdict):
    assert cover(rounds_of(VERDICTS[verdict])).verdict == verdict


def test_a_forecast_that_is_right_is_seldom_found_wrong():
    rng = np.random.default_rng(0)
    found = [cover(rounds_of(rng.normal(size=40))).verdict for _ in range(200)]
    assert found.count("holds") > 0.88 * 200


def test_rounds_that_cannot_be_scored_are_left_out():
    found = cover([*rounds_of(EVEN[::20]), *rounds_of([math.nan])])
    assert found.rounds == found.held[0].rounds == 10
    assert cover([]).verdict == "few"


def test_one_round_is_counted_and_has_no_spread():
    found = cover(rounds_of([0.5]))
    assert ([each.held for each in found.held], found.verdict) == ([1, 1, 1], "few")
    assert math.isnan(found.z_sd)
