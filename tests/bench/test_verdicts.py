"""Fixed-size tests, quantiles and simulated runs."""

import numpy as np
import pytest
from scipy import stats

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import Outcome
from scripts.bench.verdicts import chi_squared_answers, least_answers, quantile, simulate, tost_answers
from scripts.statistics.lattice import Outcomes

ALPHA, POWER = 0.05, 0.9


@pytest.mark.parametrize(("share", "tolerance"), [(0.3, 0.05), (0.3, 0.1), (0.1, 0.05), (0.01, 0.01)])
def test_a_fixed_size_tost_has_its_power(share: float, tolerance: float) -> None:
    """By the normal approximation the interval at the end fits between the edges with probability 0.9, or just so."""
    answers = tost_answers(share, tolerance, ALPHA, POWER)

    def power(count: int) -> float:
        deviation = (share * (1 - share) / count) ** 0.5
        return float(2 * stats.norm.cdf((tolerance / deviation) - stats.norm.ppf(1 - ALPHA)) - 1)

    assert power(answers) >= POWER > power(answers - 1)


@pytest.mark.parametrize(("share", "true_share"), [(0.3, 0.35), (0.3, 0.4), (0.1, 0.15), (0.01, 0.02)])
def test_a_fixed_size_chi_squared_test_has_its_power(share: float, true_share: float) -> None:
    """By the normal approximation the real share is told apart with probability 0.9, or just so."""
    answers = chi_squared_answers(share, true_share, ALPHA, POWER)

    def power(count: int) -> float:
        edge = share + stats.norm.ppf(1 - ALPHA / 2) * (share * (1 - share) / count) ** 0.5
        return float(stats.norm.sf(edge, true_share, (true_share * (1 - true_share) / count) ** 0.5))

    assert power(answers) >= POWER > power(answers - 1)


def test_one_way_the_limit_is_a_count() -> None:
    """Where all answers are expected to be canary, 299 of them exclude a leak of 1 % with probability 0.95."""
    assert least_answers(Expectation(100)) == 299
    assert stats.binom.cdf(0, 299, 0.01) <= ALPHA < stats.binom.cdf(0, 298, 0.01)


@pytest.mark.parametrize(("probability", "expected"), [(0.1, 1), (0.5, 2), (0.51, 3), (0.9, 3)])
def test_a_quantile_is_where_the_rule_has_fired_so_often(probability: float, expected: int) -> None:
    """With 0.2, 0.3 and 0.5 at one, two and three answers, half of the runs have ended after two."""
    outcomes = Outcomes(confirmed=1.0, refuted=0.0, mean_answers=2.3, answers=np.array([0.2, 0.3, 0.5]))
    assert quantile(outcomes, probability) == expected


def test_a_simulated_run_is_repeatable_and_bounded() -> None:
    """The same seed gives the same run, another one another; and a run that decides nothing ends at its bound."""
    expectation = Expectation(30, 10)
    runs = [simulate(expectation, 0.3, seed, 10_000) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert simulate(expectation, 0.3, 1, 10) == simulate(expectation, 0.3, 2, 10)
    assert simulate(expectation, 0.3, 1, 10).outcome is Outcome.INCONCLUSIVE
