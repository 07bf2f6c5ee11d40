"""The statistics of `canary_loadtest.core.verdict` against SciPy and against brute force."""

from math import log
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import betabinom, binom

from canary_loadtest.core.estimates import MOST_OTHER, answers_to_go, share_interval_percent
from canary_loadtest.core.expectation import Expectation, ExpectationError
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import OneWayRule, SplitRule, look, rule_for

SPLITS = [(30.0, 5.0), (30.0, 10.0), (10.0, 5.0), (50.0, 5.0), (1.0, 1.0), (0.2, 5.0), (10.0, 30.0), (99.0, 1.0)]
counts = st.integers(0, 5000)
few = st.integers(0, 40)


def split_rule(canary_percent: float, points: float) -> SplitRule:
    """Return the rule for a share that is neither 0 nor 100 %."""
    return cast("SplitRule", rule_for(Expectation(canary_percent, points)))


def one_way_rule(canary_percent: float, points: float | None = None, alpha: float = 0.05) -> OneWayRule:
    """Return the rule for 0 or 100 %."""
    return cast("OneWayRule", rule_for(Expectation(canary_percent, points, alpha)))


@pytest.mark.parametrize(("canary_percent", "points"), SPLITS)
@given(canary=counts, stable=counts)
def test_evidence_for_is_two_binomial_likelihood_ratios(
    canary_percent: float, points: float, canary: int, stable: int
) -> None:
    """The evidence for a share is that of SciPy's binomial probabilities against each edge of the band."""
    n, p0 = canary + stable, canary_percent / 100
    edges = [edge / 100 for edge in reversed(Expectation(canary_percent, points).band_percent)]
    expected = tuple(float(binom.logpmf(canary, n, p0) - binom.logpmf(canary, n, edge)) for edge in edges)
    assert split_rule(canary_percent, points).evidence_for(canary, stable, 0) == pytest.approx(
        expected, rel=1e-8, abs=1e-6
    )


@pytest.mark.parametrize(("canary_percent", "points"), SPLITS)
@given(canary=counts, stable=counts)
def test_evidence_against_is_the_beta_binomial_bayes_factor(
    canary_percent: float, points: float, canary: int, stable: int
) -> None:
    """The evidence against a share is SciPy's beta-binomial probability over its binomial one."""
    n, p0 = canary + stable, canary_percent / 100
    weight = max(p0 * (1 - p0) / (points / 100) ** 2 - 1, 2)
    expected = betabinom.logpmf(canary, n, weight * p0, weight * (1 - p0)) - binom.logpmf(canary, n, p0)
    assert split_rule(canary_percent, points).evidence_against(canary, stable, 0) == pytest.approx(
        expected, rel=1e-7, abs=1e-6
    )


@pytest.mark.parametrize(("canary_percent", "points"), SPLITS)
@given(canary=st.integers(0, 400), stable=st.integers(0, 400), other=few)
def test_unlabelled_answers_are_counted_in_the_worst_way(
    canary_percent: float, points: float, canary: int, stable: int, other: int
) -> None:
    """Evidence with unlabelled answers is the least over every way to give them to the versions."""
    rule = split_rule(canary_percent, points)
    ways = [(canary + more, stable + other - more) for more in range(other + 1)]
    evidence_for = tuple(map(min, zip(*(rule.evidence_for(a, b, 0) for a, b in ways), strict=True)))
    evidence_against = min(rule.evidence_against(a, b, 0) for a, b in ways)
    assert rule.evidence_for(canary, stable, other) == pytest.approx(evidence_for, abs=1e-9)
    assert rule.evidence_against(canary, stable, other) == pytest.approx(evidence_against, abs=1e-9)


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        ((0, 0, 0), Outcome.INCONCLUSIVE),
        ((3, 7, 0), Outcome.INCONCLUSIVE),
        ((300, 700, 0), Outcome.CONFIRMED),
        ((500, 500, 0), Outcome.REFUTED),
        ((0, 1000, 0), Outcome.REFUTED),
        ((3000, 7000, 500), Outcome.INCONCLUSIVE),
        ((0, 0, 10_000), Outcome.INCONCLUSIVE),
        ((2400, 7000, 600), Outcome.INCONCLUSIVE),  # 30 % routed to canary of which a fifth is shed, or 24 % to canary
        ((2800, 7000, 200), Outcome.CONFIRMED),  # fewer shed: within half of the tolerance for either version
    ],
)
def test_a_look_at_70_30(counts: tuple[int, int, int], outcome: Outcome) -> None:
    """Known counts lead to the known outcome at 30 +- 5 %."""
    assert look(rule_for(Expectation(30)), *counts) is outcome


@given(canary=counts, stable=counts, other=counts)
def test_more_unlabelled_answers_than_the_tolerance_never_confirm(canary: int, stable: int, other: int) -> None:
    """No split is confirmed when the unlabelled answers alone could move the share by more than the tolerance."""
    if other > 0.05 * (canary + stable + other):
        assert not rule_for(Expectation(30)).confirms(canary, stable, other)


@given(canary=counts, stable=counts, other=few, canary_percent=st.sampled_from([0.0, 1.0, 10.0, 30.0, 50.0, 100.0]))
def test_the_rules_are_symmetric(canary: int, stable: int, other: int, canary_percent: float) -> None:
    """Exchanging the two answers and the expected share gives the same outcome."""
    mirrored = look(rule_for(Expectation(100 - canary_percent)), stable, canary, other)
    assert look(rule_for(Expectation(canary_percent)), canary, stable, other) is mirrored


@pytest.mark.parametrize(("points", "answers"), [(None, 299), (1.0, 299), (0.1, 2995), (5.0, 59)])
def test_answers_that_exclude_a_leak(points: float | None, answers: int) -> None:
    """Without errors 0 % is confirmed by exactly as many stable answers as exclude a leak of the tolerance."""
    rule = one_way_rule(0, points)
    assert not rule.confirms(0, answers - 1, 0)
    assert rule.confirms(0, answers, 0)


@pytest.mark.parametrize("canary_percent", [0, 100])
def test_one_wrong_answer_refutes_a_one_way_split(canary_percent: float) -> None:
    """At 0 and 100 % a single answer of the wrong version refutes, however many right ones there are."""
    right, wrong = 100_000, 1
    canary, stable = (right, wrong) if canary_percent else (wrong, right)
    assert look(rule_for(Expectation(canary_percent)), canary, stable, 0) is Outcome.REFUTED


def leak_confirmed_probability(rule: OneWayRule, leak: float, horizon: int) -> float:
    """Return the exact probability that a leak is confirmed away when every leaked answer ends as an error."""
    by_errors = [1.0]
    confirmed = 0.0
    for n in range(1, horizon + 1):
        by_errors.append(0.0)
        for errors in range(len(by_errors) - 1, 0, -1):
            by_errors[errors] = by_errors[errors] * (1 - leak) + by_errors[errors - 1] * leak
        by_errors[0] *= 1 - leak
        for errors, probability in enumerate(by_errors):
            if probability and rule.confirms(0, n - errors, errors):
                confirmed += probability
                by_errors[errors] = 0.0
        while len(by_errors) > 1 and by_errors[-1] < 1e-15:
            by_errors.pop()
    return confirmed


@pytest.mark.parametrize(("points", "alpha"), [(1.0, 0.05), (5.0, 0.05), (2.0, 0.01), (50.0, 0.25)])
def test_a_leak_behind_errors_is_confirmed_at_most_with_probability_alpha(points: float, alpha: float) -> None:
    """Even when errors hide every leaked answer, a leak of the tolerance is confirmed at most so often."""
    rule = one_way_rule(0, points, alpha)
    horizon = rule.answers_needed(4)
    probability = leak_confirmed_probability(rule, points / 100, horizon)
    assert 0.5 * alpha <= probability <= alpha


def test_one_error_does_not_block_a_one_way_split_for_good() -> None:
    """With errors 0 % is still confirmed, by more answers for each of them."""
    rule = one_way_rule(0)
    needed = [rule.answers_needed(errors) for errors in range(6)]
    assert needed == sorted(set(needed))
    assert needed[1] < 4 * needed[0]
    assert rule.confirms(0, needed[1] - 1, 1)
    assert not rule.confirms(0, needed[1] - 2, 1)


@given(canary=st.integers(0, 3000), stable=st.integers(0, 3000), other=few, alpha=st.sampled_from([0.05, 0.01]))
def test_the_interval_ends_where_the_uniform_mixture_says(canary: int, stable: int, other: int, alpha: float) -> None:
    """Both ends are the roots that SciPy finds for the beta-binomial ratio of a uniform mixture."""
    n = canary + stable + other
    low, high = share_interval_percent(alpha, canary, stable, other)

    def end(k: int, outside: float) -> float:
        if n == 0 or k == n * outside:
            return outside
        uniform = betabinom.logpmf(k, n, 1, 1)
        return float(brentq(lambda p: uniform - binom.logpmf(k, n, p) + log(alpha), *sorted((k / n, outside))))

    assert low == pytest.approx(100 * end(canary, 0.0), abs=1e-6)
    assert high == pytest.approx(100 * end(canary + other, 1.0), abs=1e-6)


@pytest.mark.parametrize(
    ("expectation", "field"),
    [
        (lambda: Expectation(-1), "share"),
        (lambda: Expectation(100.1), "share"),
        (lambda: Expectation(float("nan")), "share"),
        (lambda: Expectation(30, 0), "tolerance"),
        (lambda: Expectation(30, 100), "tolerance"),
        (lambda: Expectation(30, 5, 0), "alpha"),
        (lambda: Expectation(30, 5, 0.6), "alpha"),
    ],
)
def test_an_impossible_expectation_is_refused(expectation: object, field: str) -> None:
    """A value outside of its range is refused by name."""
    with pytest.raises(ExpectationError, match=field):
        expectation()  # type: ignore[operator]


@pytest.mark.parametrize("canary_percent", [0.0, 0.2, 1.0, 30.0, 50.0, 99.0, 100.0])
def test_answers_to_go_are_enough_and_not_too_many(canary_percent: float) -> None:
    """Answers in the expected ratio decide after about as many as were foretold, and not after half of them."""
    expectation = Expectation(canary_percent)
    rule = rule_for(expectation)
    foretold = answers_to_go(rule, expectation, (0, 0, 0))
    assert foretold is not None
    assert look(rule, *in_ratio(canary_percent, foretold)) is Outcome.CONFIRMED
    assert look(rule, *in_ratio(canary_percent, foretold // 2)) is Outcome.INCONCLUSIVE


def in_ratio(canary_percent: float, n: int) -> tuple[int, int, int]:
    """Return n answers in the expected ratio."""
    canary = round(n * canary_percent / 100)
    return canary, n - canary, 0


@pytest.mark.parametrize(
    ("so_far", "to_go"), [((300, 700, 0), 0), ((0, 0, 100), None), ((300, 700, 200), None), ((500, 500, 0), 0)]
)
def test_answers_to_go_at_the_ends(so_far: tuple[int, int, int], to_go: int | None) -> None:
    """Nothing is to go once decided, and no promise is made where errors will never let a rule fire."""
    expectation = Expectation(30)
    assert answers_to_go(rule_for(expectation), expectation, so_far) == to_go


@pytest.mark.parametrize("canary_percent", [0, 100])
def test_answers_to_go_are_cheap_where_all_answers_are_errors(canary_percent: float) -> None:
    """No promise is made, and the rule works out no more thresholds than a bounded number of errors takes."""
    asked: list[int] = []

    class Counting(OneWayRule):
        def answers_needed(self, other: int) -> int:
            asked.append(other)
            return super().answers_needed(other)

    expectation = Expectation(canary_percent)
    assert answers_to_go(Counting(expectation), expectation, (0, 0, 500)) is None
    assert max(asked) <= MOST_OTHER
