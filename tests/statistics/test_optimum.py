"""The exact limit by optimal stopping, checked against other computations."""

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.rules import rule_for
from scripts.statistics.calibrate import horizon
from scripts.statistics.lattice import walk
from scripts.statistics.optimum import limit

ALPHA = 0.05


@pytest.mark.parametrize(("canary_percent", "points", "expected"), [(30, 10, 181), (10, 5, 319)])
def test_the_limit_is_known(canary_percent: float, points: float, expected: int) -> None:
    """Another implementation found the same mean numbers of answers."""
    expectation = Expectation(canary_percent, points)
    found = limit(canary_percent / 100, expectation.band, ALPHA, horizon(expectation))
    assert round(found.mean_answers) == expected
    assert found.confirmed > 0.9999


def test_both_edges_have_the_probability_alpha() -> None:
    """At either edge a false confirmation has the probability alpha, within a hundredth of it."""
    found = limit(0.3, (0.2, 0.4), ALPHA, 1600)
    assert found.false_confirmed == pytest.approx((ALPHA, ALPHA), rel=0.01)


def test_exchanging_the_versions_changes_nothing() -> None:
    """A share of 70 % needs as many answers as one of 30 %."""
    assert limit(0.7, (0.6, 0.8), ALPHA, 1600).mean_answers == pytest.approx(
        limit(0.3, (0.2, 0.4), ALPHA, 1600).mean_answers, rel=0.005
    )


def test_no_rule_is_better_than_the_limit() -> None:
    """The load test's own rule takes at most 2 % more answers than the limit, and not fewer."""
    expectation = Expectation(30, 10)
    rule = walk(rule_for(expectation), expectation.band, 0.3, 4 * horizon(expectation), refute=False)
    least = limit(0.3, expectation.band, ALPHA, horizon(expectation)).mean_answers
    assert 0.995 * least <= rule.mean_answers <= 1.02 * least


def test_a_lower_edge_of_nothing_is_never_confirmed() -> None:
    """With a lower edge of 0 %, a run without canary answers is never confirmed."""
    upper, lower = limit(0.01, (0.0, 0.02), ALPHA, 7500).false_confirmed
    assert upper == pytest.approx(ALPHA, rel=0.01)
    assert lower == 0


def test_an_alpha_out_of_reach_is_an_error() -> None:
    """When the horizon is too short for any test, there is no limit to return."""
    with pytest.raises(ArithmeticError, match="no prices"):
        limit(0.3, (0.2, 0.4), 1e-9, 30)
