"""The evidence about the canary's errors against SciPy, and against what makes it valid."""

from itertools import pairwise
from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import betaln, xlog1py, xlogy
from scipy.stats import binom

from canary_loadtest.core.health.counts import Counts
from canary_loadtest.core.health.estimates import excess_interval_points
from canary_loadtest.core.health.evidence import (
    LEVELS,
    nearest,
    not_worse_log_evidence,
    rounded_share,
    worse_log_evidence,
)
from canary_loadtest.core.health.gate import next_look
from tests.loadtest import health_oracle as oracle

few = st.integers(0, 60)
many = st.integers(1, 3000)
shares = st.sampled_from([0.01, 0.05, 0.3, 0.5, 0.9, 0.99])
margins = st.sampled_from([0.005, 0.01, 1 / 30, 0.2, 0.7])
epochs = st.builds(Counts, few, many, few, many, few, shares)


def states(counts: Counts) -> oracle.States:
    """Return one state as the oracle takes it."""
    kinds = [np.array([[kind]], dtype=float) for kind in counts[:-1]]
    return oracle.States(np.array([counts.total]), *kinds, told=counts.share)


@given(counts=epochs)
def test_evidence_of_worse_is_that_of_binomial_errors(counts: Counts) -> None:
    """Of all errors those of a canary that errs r times as often are binomial, with the share that r gives it."""
    assert worse_log_evidence([counts]) == pytest.approx(float(oracle.worse(states(counts))[0, 0]), abs=1e-6)


@given(counts=epochs, margin=margins)
def test_evidence_of_not_worse_is_a_ratio_of_binomial_likelihoods(counts: Counts, margin: float) -> None:
    """With the projection of SciPy's minimiser the evidence is the same, but for the rounding of the observed share."""
    expected = float(oracle.not_worse(states(counts), margin)[0, 0])
    assert not_worse_log_evidence([counts], margin) == pytest.approx(expected, rel=0.02, abs=0.05)


@given(share=shares, margin=margins, level=st.sampled_from(LEVELS[1:]))
def test_the_projection_is_where_scipy_finds_it(share: float, margin: float, level: float) -> None:
    """The nearest pair of rates that are a margin apart minimises the divergence."""
    if level + margin < 1:
        found = nearest(level, margin, share)
        assert max(level - margin, 0) <= found <= level
        assert found == pytest.approx(oracle.projection(level, margin, share), rel=1e-3, abs=1e-8)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("margin", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("stable", [0.0, 0.001, 0.01, 0.2, 0.55])
@pytest.mark.parametrize("beyond", [0.0, 0.02])
def test_one_answer_adds_no_evidence_of_not_worse_in_the_mean(
    share: float, margin: float, stable: float, beyond: float
) -> None:
    """The mean of one answer's factor is at most 1 for each pair of rates in the null hypothesis, for each level.

    From this Ville's inequality follows. One level at a time: before an error, each level's factor is the mixture's.
    """
    canary = stable + margin + beyond
    if canary > 1:
        return
    chances = share * canary, share * (1 - canary), (1 - share) * stable, (1 - share) * (1 - stable)
    for level in LEVELS[1:]:
        if level + margin < 1:
            x = nearest(level, margin, share)
            y = x + margin
            factors = level / y, (1 - level) / (1 - y), level / x, (1 - level) / (1 - x)
            assert sum(chance * factor for chance, factor in zip(chances, factors, strict=True)) <= 1 + 1e-9


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_canary_that_errs_as_often_adds_no_evidence_of_worse_in_the_mean(share: float) -> None:
    """Of n errors, each of the canary's with its share, the mean of the evidence itself is 1, and never more."""
    for n in (1, 5, 40):
        mean = sum(
            binom.pmf(k, n, share) * exp(worse_log_evidence([Counts(k, 0, n - k, 100_000, 0, share)]))
            for k in range(n + 1)
        )
        assert mean <= 1 + 1e-9
        assert mean > 0.99


@given(parts=st.lists(epochs, min_size=2, max_size=4))
def test_evidence_of_worse_adds_up_over_epochs(parts: list[Counts]) -> None:
    """Each ratio's logarithms are added with each epoch's share, and the ratios are mixed once, at the end."""
    logs = []
    for ratio in oracle.RATIOS:
        log_of_ratio = 0.0
        for part in parts:
            share = max(part.share, part.canary / part.known)
            errors = part.canary_errors + part.stable_errors + part.unknown_errors
            log_of_ratio += part.canary_errors * log(ratio) - errors * log(1 - share + share * ratio)
        logs.append(log_of_ratio)
    assert worse_log_evidence(parts) == pytest.approx(float(oracle.log_mean(logs)), abs=1e-6)


@given(counts=epochs, margin=margins)
def test_an_empty_epoch_changes_nothing(counts: Counts, margin: float) -> None:
    """A change of weight that brings no answer yet is no evidence."""
    empty = Counts(0, 0, 0, 0, 0, 0.5)
    assert worse_log_evidence([counts, empty]) == pytest.approx(worse_log_evidence([counts]))
    both = not_worse_log_evidence([counts, empty], margin)
    assert both == pytest.approx(not_worse_log_evidence([counts], margin))


def test_without_an_answer_there_is_no_evidence() -> None:
    """The logarithm of nothing seen is 0."""
    nothing = [Counts(0, 0, 0, 0, 0, 0.3)]
    assert worse_log_evidence(nothing) == not_worse_log_evidence(nothing, 0.01) == pytest.approx(0)


def test_where_no_level_is_left_but_none_an_error_is_not_worse_no_more() -> None:
    """At a margin of nearly all answers only the level without errors is below 1, and one error rules it out."""
    assert not_worse_log_evidence([Counts(1, 50, 0, 50, 0, 0.5)], 0.9999) == -inf


@given(counts=st.builds(Counts, few, many, few, many, few, shares), alpha=st.sampled_from([0.05, 0.2]))
def test_each_end_of_the_interval_is_where_scipy_rules_it_out(counts: Counts, alpha: float) -> None:
    """At an end SciPy's mixture explains the answers 2/alpha times better than the best rates that are so far apart."""
    low, high = excess_interval_points([counts], alpha)
    unknown = counts.unknown_errors
    for end, worst in (
        (low, counts._replace(stable_errors=counts.stable_errors + unknown)),
        (high, counts._replace(canary_errors=counts.canary_errors + unknown)),
    ):
        if abs(end) < 99.9:
            of_canary = betaln(worst.canary_errors + 0.5, worst.canary_right + 0.5)
            of_stable = betaln(worst.stable_errors + 0.5, worst.stable_right + 0.5)
            mixture = of_canary + of_stable - 2 * betaln(0.5, 0.5)
            assert mixture - best_log_likelihood(worst, end / 100) == pytest.approx(log(2 / alpha), rel=0.02)


def best_log_likelihood(counts: Counts, excess: float) -> float:
    """Return the greatest log likelihood of two rates that are an excess apart, by SciPy's minimiser."""

    def lost(stable: float) -> float:
        canary = min(max(stable + excess, 0), 1)
        of_canary = xlogy(counts.canary_errors, canary) + xlog1py(counts.canary_right, -canary)
        return -float(of_canary + xlogy(counts.stable_errors, stable) + xlog1py(counts.stable_right, -stable))

    bounds = max(0.0, -excess), min(1.0, 1 - excess)
    return -float(minimize_scalar(lost, bounds=bounds, options={"xatol": 1e-12}).fun)


@given(share=st.floats(1e-6, 1 - 1e-6))
def test_an_observed_share_is_rounded_by_its_smaller_part(share: float) -> None:
    """Half a per cent of the share and of its rest at most: at 0.1 % as at 99.9 %."""
    assert rounded_share(share) == pytest.approx(share, rel=0.006)
    assert 1 - rounded_share(share) == pytest.approx(1 - share, rel=0.006)


def test_looks_are_each_answer_at_first_and_then_each_per_cent() -> None:
    """A run of a million answers is looked at some thousand times, never late by more than 1 % and one answer."""
    looks = list(oracle.looks_until(1_000_000))
    assert looks[:100] == list(range(1, 101))
    assert all(later <= earlier * 1.01 + 1 for earlier, later in pairwise(looks))
    assert len(looks) < 1100
    assert next_look(1000) == 1010
