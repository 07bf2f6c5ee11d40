"""Fixed-size tests and quantiles."""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from canary_loadtest.core.expectation import Expectation
from scripts.bench.verdicts import chi_squared_answers, least_answers, quantile, tost_answers
from scripts.statistics.lattice import Outcomes

ALPHA, POWER = 0.05, 0.9


def deviation(share: float, answers: int) -> float:
    """Return the standard deviation of a share among this number of answers."""
    return sqrt(share * (1 - share) / answers)


def tost_power(share: float, true_share: float, answers: int) -> float:
    """Return the probability that a correct split is confirmed, by the normal approximation."""
    margin = abs(true_share - share) / deviation(share, answers)
    return float(2 * stats.norm.cdf(margin - stats.norm.ppf(1 - ALPHA)) - 1)


def chi_squared_power(share: float, true_share: float, answers: int) -> float:
    """Return the probability that a wrong split is refuted, by the normal approximation."""
    edge = share + stats.norm.ppf(1 - ALPHA / 2) * deviation(share, answers)
    return float(stats.norm.sf(edge, true_share, deviation(true_share, answers)))


@pytest.mark.parametrize(("share", "true_share"), [(0.3, 0.35), (0.1, 0.15), (0.01, 0.02)])
@pytest.mark.parametrize("power_of", [tost_power, chi_squared_power])
def test_a_fixed_size_test_has_its_power(
    power_of: Callable[[float, float, int], float], share: float, true_share: float
) -> None:
    """The number of answers is the least with which the power is reached."""
    if power_of is tost_power:
        answers = tost_answers(share, true_share - share, ALPHA, POWER)
    else:
        answers = chi_squared_answers(share, true_share, ALPHA, POWER)
    assert power_of(share, true_share, answers) >= POWER > power_of(share, true_share, answers - 1)


def test_one_way_the_limit_is_a_count() -> None:
    """When all answers should come from the canary, 299 of them exclude a leak of 1 % with probability 0.95."""
    assert least_answers(Expectation(100)) == 299
    assert stats.binom.cdf(0, 299, 0.01) <= ALPHA < stats.binom.cdf(0, 298, 0.01)


@pytest.mark.parametrize(("probability", "expected"), [(0.1, 1), (0.5, 2), (0.51, 3)])
def test_a_quantile_is_where_the_rule_has_fired_so_often(probability: float, expected: int) -> None:
    """With 0.2, 0.3 and 0.5 at one, two and three answers, half of the runs have ended after two."""
    outcomes = Outcomes(confirmed=1.0, refuted=0.0, mean_answers=2.3, answers=np.array([0.2, 0.3, 0.5]))
    assert quantile(outcomes, probability) == expected
