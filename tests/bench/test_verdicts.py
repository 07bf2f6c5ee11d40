"""Fixed-size tests and quantiles."""

import re
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.rules import rule_for
from scripts.bench.page import number
from scripts.bench.verdicts import MOST_RATIO, chi_squared_answers, least_answers, quantile, tost_answers
from scripts.statistics.calibrate import horizon
from scripts.statistics.lattice import Outcomes, walk
from tests.support.repository import text_of

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


def rows_of_defaults() -> list[list[str]]:
    """Return the cells of the document's table of each default tolerance."""
    lines = text_of("docs/benchmarks.md").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \d+ % ±", line)]


def test_every_default_is_near_its_limit() -> None:
    """The document has each whole percent up to 50, and no mean is more than 1.02 times the least that is possible."""
    rows = rows_of_defaults()
    assert [row[0] for row in rows] == [f"{p} % ±{Expectation(p).points:g}" for p in range(1, 51)]
    assert all(float(ratio) <= MOST_RATIO for row in rows for ratio in (row[3], row[6]))


@pytest.mark.parametrize("percent", [1, 4, 5, 10, 30, 50])
@pytest.mark.parametrize(("alpha", "column"), [(0.05, 1), (0.01, 4)])
def test_the_means_of_the_document_are_those_of_the_rule(percent: int, alpha: float, column: int) -> None:
    """The table was made with the thresholds that are in use."""
    expectation = Expectation(percent, alpha=alpha)
    mean = walk(
        rule_for(expectation), expectation.band, percent / 100, 4 * horizon(expectation), refute=False
    ).mean_answers
    assert rows_of_defaults()[percent - 1][column] == number(mean)
