"""The statistics of `canary_loadtest.core` against SciPy and against brute force."""

from math import ceil, inf, isinf, log
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from canary_loadtest.core.estimates import MOST_OTHER, answers_to_go, evidence_of_change, share_interval_percent
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.rules import OneWayRule, SplitRule, confirming_ratios, look, rule_for

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
    edges = reversed(Expectation(canary_percent, points).tested_edges_percent)
    expected = tuple(
        inf if edge is None else float(binom.logpmf(canary, n, p0) - binom.logpmf(canary, n, edge / 100))
        for edge in edges
    )
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


@pytest.mark.parametrize("expected", [(30.0, None), (10.0, None), (1.0, None), (50.0, 10.0), (99.0, None)])
@given(canary=st.integers(0, 3000), stable=st.integers(0, 3000), other=few)
def test_the_interval_is_what_neither_test_rules_out(
    expected: tuple[float, float | None], canary: int, stable: int, other: int
) -> None:
    """Shares inside pass the uniform mixture and the rule's own tests, as SciPy computes them; those outside fail."""
    expectation = Expectation(*expected)
    rule, n = rule_for(expectation), canary + stable + other
    outcome = look(rule, canary, stable, other)
    low, high = share_interval_percent(rule, expectation, (canary, stable, other))
    for end, k, step in ((low, canary, -1e-4), (high, canary + other, 1e-4)):
        outside = end + step
        if 0 < outside < 100:
            assert ruled_out(expectation, k, n, outside, outcome)
        within = end - step
        if 0 < within < 100 and low < within < high:
            assert not ruled_out(expectation, k, n, within, outcome)


def ruled_out(expectation: Expectation, k: int, n: int, percent: float, outcome: Outcome) -> bool:
    """Return whether a share is ruled out by k of n answers, by the uniform mixture or as the rule's test does."""
    p, p0 = percent / 100, expectation.canary_percent / 100
    found = binom.logpmf(k, n, p)
    if betabinom.logpmf(k, n, 1, 1) - found >= -log(expectation.alpha):
        return True
    weight = max(p0 * (1 - p0) / (expectation.points / 100) ** 2 - 1, 2)
    mixture = betabinom.logpmf(k, n, weight * p0, weight * (1 - p0)) - found >= -log(expectation.alpha_stop)
    if outcome is Outcome.REFUTED:
        return bool(mixture)
    upper, lower = confirming_ratios(expectation) if outcome is Outcome.CONFIRMED else [1 / expectation.alpha] * 2
    own = binom.logpmf(k, n, p0) - found >= log(upper if p > p0 else lower)
    both = rule_for(expectation).refutes(k, n - k, 0)
    outside = outcome is Outcome.CONFIRMED and not expectation.band[0] <= p <= expectation.band[1]
    return bool(own or outside or (outcome is Outcome.CONFIRMED and both and mixture))


@pytest.mark.parametrize("canary_percent", [0.1, 1.0, 5.0, 10.0, 30.0, 50.0, 97.0, 0.0, 100.0])
@given(canary=counts, stable=counts, other=few)
def test_the_interval_contradicts_no_verdict(canary_percent: float, canary: int, stable: int, other: int) -> None:
    """It lies in the tolerance where CONFIRMED, and has not the expected share where REFUTED; it is never empty."""
    expectation = Expectation(canary_percent)
    rule = rule_for(expectation)
    low, high = share_interval_percent(rule, expectation, (canary, stable, other))
    assert 0 <= low <= high <= 100
    outcome = look(rule, canary, stable, other)
    if outcome is Outcome.CONFIRMED:
        assert expectation.band_percent[0] <= low
        assert high <= expectation.band_percent[1]
    if outcome is Outcome.REFUTED and not expectation.one_way:
        assert not low <= canary_percent <= high


@given(first=st.integers(0, 400), second=st.integers(0, 400), other=few)
def test_a_change_is_two_mixtures_against_the_best_single_share(first: int, second: int, other: int) -> None:
    """The evidence is SciPy's, with errors counted so that they bring the shares together; else there is none."""
    found = evidence_of_change((first, 400 - first, other), (second, 400 - second, 0))
    ways = []
    for extra in range(other + 1):
        k, n = first + extra, 400 + other
        pooled = (k + second) / (n + 400)
        single = binom.logpmf(k, n, pooled) + binom.logpmf(second, 400, pooled)
        ways.append(betabinom.logpmf(k, n, 1, 1) + betabinom.logpmf(second, 400, 1, 1) - single)
    if isinf(found):
        assert first * 400 <= second * (400 + other) <= (first + other) * 400
    else:
        assert found == pytest.approx(min(ways), rel=1e-7, abs=1e-6)


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
        (lambda: Expectation(30, 5, 0.05, 0), "alpha_stop"),
        (lambda: Expectation(30, 5, 0.05, 0.6), "alpha_stop"),
        (lambda: Expectation(30, max_errors_percent=101), "errors"),
        (lambda: Expectation(99.9999999999), "from 0.001 to 99.999"),
        (lambda: Expectation(1e-9), "from 0.001 to 99.999"),
        (lambda: Expectation(30, 0.001), "more than 10,000,000"),
        (lambda: Expectation(0.001, alpha=1e-12), "more than 10,000,000"),
        (lambda: Expectation(30, 80), "allows every share"),
    ],
)
def test_an_impossible_expectation_is_refused(expectation: object, field: str) -> None:
    """A value outside of its range is refused by name."""
    with pytest.raises(ExpectationError, match=field):
        expectation()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("canary_percent", "points"), [(1, 0.5), (3, 1.5), (10, 5), (30, 5), (98, 1), (0, 1), (100, 1), (0.001, 0.0005)]
)
def test_the_default_tolerance_lets_neither_half_nor_twice_a_small_share_pass(
    canary_percent: float, points: float
) -> None:
    """It is 5 points or half of the smaller share, if that is less, and a point where one version gets all."""
    assert Expectation(canary_percent).points == pytest.approx(points)


@pytest.mark.parametrize(("canary", "stable"), [(99_900, 100), (999_000, 1000)])
def test_an_edge_beyond_all_shares_is_not_tested(canary: int, stable: int) -> None:
    """99.9 % within 5 points is confirmed: only 94.9 % must be excluded, for there is no 104.9 %."""
    expectation = Expectation(99.9, 5)
    low, high = expectation.tested_edges_percent
    assert (low, high) == (100 - 5.1, None)
    assert look(rule_for(expectation), canary, stable, 0) is Outcome.CONFIRMED


@pytest.mark.parametrize("canary_percent", [0.001, 0.1, 1.0, 30.0, 99.9, 99.999])
def test_a_share_that_is_taken_can_be_confirmed(canary_percent: float) -> None:
    """Each share that is not refused is confirmed by answers in its ratio, in a number that a run can reach."""
    expectation = Expectation(canary_percent)
    n = ceil(3 * expectation.least_answers)
    assert look(rule_for(expectation), *in_ratio(canary_percent, n)) is Outcome.CONFIRMED


@given(errors=st.integers(0, 10_000), percent=st.sampled_from([0.0, 0.1, 1.0, 30.0, 70.0, 100.0]))
def test_answers_for_errors_are_the_least_that_allow_them(errors: int, percent: float) -> None:
    """This number of answers allows the errors, and one fewer does not."""
    expectation = Expectation(percent)
    total = expectation.answers_for_errors(errors)
    assert total is not None
    assert expectation.allows_errors(errors, total)
    assert not errors or not expectation.allows_errors(errors, total - 1)


def test_no_number_of_answers_allows_an_error_where_none_is_allowed() -> None:
    """With --max-errors 0 a single error is too many for good."""
    assert Expectation(30, max_errors_percent=0).answers_for_errors(1) is None


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
