"""Whether counts confirm or refute an expected share: the sequential tests.

Looking at any time, as often as one likes, keeps the error rates.

Sources: the sequential test of a share and its mixture are from Lindon and Malek, "Anytime-Valid Inference for
Multinomial Count Data" (NeurIPS 2022); that a likelihood ratio ever reaches 1/alpha under its denominator has
probability at most alpha is Ville's inequality (1939); a test of "within a tolerance" by two tests against its edges
is the two one-sided tests procedure (Schuirmann, 1987).
"""

from functools import cached_property
from math import ceil, exp, inf, lgamma, log, log1p
from typing import Final, Protocol

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.likelihood import log_beta, log_ratio, safe_log
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.thresholds import CALIBRATED_RATIOS

LEAST_PRIOR_WEIGHT: Final = 2.0


class Rule(Protocol):
    """A sequential test: valid however often, and whenever, it is looked at.

    Its counts are the canary's answers, the stable version's, and the others, of which each may be of either version.
    """

    def confirms(self, canary: int, stable: int, other: int) -> bool:
        """Return whether these counts prove the share to be within the tolerance."""
        ...

    def refutes(self, canary: int, stable: int, other: int) -> bool:
        """Return whether these counts prove the share not to be the expected one."""
        ...

    def evidence(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the evidence for and against the expected share, each as a fraction of what its verdict takes.

        The rule confirms where the first is 1 or more, and refutes where the second is; both may be infinite.
        """
        ...

    def least_log_likelihoods(self, k: int, n: int, *, confirms: bool, refutes: bool) -> tuple[float, float]:
        """Return the log likelihoods that shares below and above the expected one must exceed, or be ruled out.

        Args:
            k: answers that are taken as the canary's.
            n: all answers.
            confirms: whether the rule confirms the counts.
            refutes: whether it refutes them.
        """
        ...


def look(rule: Rule, canary: int, stable: int, other: int) -> Outcome:
    """Return what these counts prove by a rule: the tolerance is the question, so that CONFIRMED comes first."""
    if rule.confirms(canary, stable, other):
        return Outcome.CONFIRMED
    return Outcome.REFUTED if rule.refutes(canary, stable, other) else Outcome.INCONCLUSIVE


def rule_for(expectation: Expectation, stop_tests: int = 1) -> Rule:
    """Return the rule that tests an expectation, as one of `stop_tests` that share its alpha_stop."""
    return OneWayRule(expectation) if expectation.one_way else SplitRule(expectation, stop_tests=stop_tests)


def confirming_ratios(expectation: Expectation) -> tuple[float, float]:
    """Return how many times better than the upper, and than the lower edge the share must explain the answers."""
    mirrored = expectation.canary_percent > 50
    share = 100 - expectation.canary_percent if mirrored else expectation.canary_percent
    always_valid = 1 / expectation.alpha
    key = (share, expectation.points, expectation.alpha)
    upper, lower = CALIBRATED_RATIOS.get(key, (always_valid, always_valid))
    return (lower, upper) if mirrored else (upper, lower)


class SplitRule:
    """The rule for an expected share p0 strictly between 0 and 1, with tolerance d.

    CONFIRMED when p0 explains the answers better than p0 + d, and than p0 - d, by such ratios that a split which is
    off by d is confirmed with probability alpha at most. 1/alpha times always suffices (Ville), but is passed by a
    jump and has to be passed twice; the ratios in `thresholds` use alpha up for the splits that are in use. An edge
    outside of 0 to 1 is no share that could be confirmed falsely: it is not tested.
    REFUTED when a Beta(c p0, c (1 - p0)) mixture of shares explains them 1/alpha_stop times better than p0 does, with
    c = max(p0 (1 - p0) / d^2 - 1, 2): a mixture as wide as the tolerance. Where it is one of several tests that may
    stop a run, it has its part of alpha_stop.
    Any other answer may have been of either version: both rules must hold both ways of counting all of them.
    """

    def __init__(
        self, expectation: Expectation, ratios: tuple[float, float] | None = None, *, stop_tests: int = 1
    ) -> None:
        """Compute what does not depend on the counts.

        Args:
            expectation: what is tested.
            ratios: how many times better than the upper, and than the lower edge the share must explain the answers;
                None for those of `confirming_ratios`.
            stop_tests: among how many tests alpha_stop is divided.
        """
        p0 = expectation.canary_percent / 100
        d = expectation.points / 100
        low_percent, high_percent = expectation.tested_edges_percent
        self._high_threshold, self._low_threshold = map(log, ratios or confirming_ratios(expectation))
        self._any_time_threshold = -log(expectation.alpha)
        self._refuting_threshold = -log(expectation.alpha_stop / stop_tests)
        self._log_p0, self._log_q0 = log(p0), log1p(-p0)
        self._high, self._low = self._log_ratios_to(high_percent), self._log_ratios_to(low_percent)
        weight = max(p0 * (1 - p0) / d**2 - 1, LEAST_PRIOR_WEIGHT)
        self._p0, self._a, self._b = p0, weight * p0, weight * (1 - p0)
        self._log_beta_prior = log_beta(self._a, self._b)

    def _log_ratios_to(self, edge_percent: float | None) -> tuple[float, float] | None:
        """Return the log likelihood ratios of p0 to an edge for a canary and for a stable answer."""
        if edge_percent is None:
            return None
        edge = edge_percent / 100
        return self._log_p0 - safe_log(edge), self._log_q0 - safe_log(1 - edge)

    def evidence_for(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the log likelihood ratios of p0 to p0 + d and to p0 - d, other answers counted in the worst way.

        It is infinite for an edge that is not tested.
        """
        return (
            log_ratio(canary + other, stable, *self._high) if self._high else inf,
            log_ratio(canary, stable + other, *self._low) if self._low else inf,
        )

    def evidence_against(self, canary: int, stable: int, other: int) -> float:
        """Return the log Bayes factor of the mixture to p0, other answers counted in favour of p0.

        It is convex in the number of canary answers and least at ceil(p0 (n - 1)): there
        log((k + a) / (n - k - 1 + b)), its growth from k to k + 1 against p0's own, changes its sign.
        """
        n = canary + stable + other
        k = min(max(ceil(self._p0 * (n - 1)), canary), canary + other)
        return self._log_mixture(k, n) - self._log_likelihood(k, n)

    def _log_mixture(self, k: int, n: int) -> float:
        return log_beta(k + self._a, n - k + self._b) - self._log_beta_prior

    def _log_likelihood(self, k: int, n: int) -> float:
        return k * self._log_p0 + (n - k) * self._log_q0

    def confirms(self, canary: int, stable: int, other: int) -> bool:
        """Return whether these counts prove the share to be within the tolerance."""
        to_high, to_low = self.evidence_for(canary, stable, other)
        return to_high >= self._high_threshold and to_low >= self._low_threshold

    def refutes(self, canary: int, stable: int, other: int) -> bool:
        """Return whether these counts prove the share not to be the expected one."""
        return self.evidence_against(canary, stable, other) >= self._refuting_threshold

    def evidence(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the evidence for and against the expected share, each as a fraction of what its verdict takes."""
        to_high, to_low = self.evidence_for(canary, stable, other)
        against = self.evidence_against(canary, stable, other) / self._refuting_threshold
        return min(to_high / self._high_threshold, to_low / self._low_threshold), against

    def least_log_likelihoods(self, k: int, n: int, *, confirms: bool, refutes: bool) -> tuple[float, float]:
        """Return the log likelihoods that shares below and above the expected one must exceed, or be ruled out.

        A share is ruled out when p0 explains the answers better by the ratio that confirms (while nothing is confirmed,
        by 1/alpha); where the counts refute p0, it is when the mixture that refuted it does by 1/alpha_stop.
        """
        mixture = self._log_mixture(k, n) - self._refuting_threshold if refutes else -inf
        if refutes and not confirms:
            return mixture, mixture
        of_p0 = self._log_likelihood(k, n)
        below, above = (self._low_threshold, self._high_threshold) if confirms else [self._any_time_threshold] * 2
        return max(mixture, of_p0 - below), max(mixture, of_p0 - above)


class OneWayRule:
    """The rule where all answers are expected to be canary, or none: a single answer of the wrong kind refutes.

    CONFIRMED when a leak of the tolerance L or more would have shown itself with probability 1 - alpha. Without
    unlabelled answers that takes the least n with (1 - L)^n <= alpha. With e of them, each possibly a leak, it takes
    n_e answers, where the probability of being confirmed at exactly e leaks is at most
    C(n_{e-1}, e) L^e (1 - L)^(n_e - e): all e leaks must lie within the first n_{e-1} answers, or fewer would have
    confirmed before. What alpha leaves after n_0 is shared out as 1/2, 1/4, 1/8, ... to e = 1, 2, 3, ...
    """

    def __init__(self, expectation: Expectation) -> None:
        """Compute what does not depend on the counts."""
        self._canary_expected = expectation.canary_percent == 100
        self._log_leak = log(expectation.points / 100)
        self._log_no_leak = log1p(-expectation.points / 100)
        self._alpha = expectation.alpha
        self._needed = [ceil(log(self._alpha) / self._log_no_leak)]
        if self._left_over < 1e-6 * self._alpha:
            self._needed[0] += 1

    @property
    def _left_over(self) -> float:
        """Return the part of alpha that a confirmation without any unlabelled answer does not use."""
        return self._alpha - exp(self._needed[0] * self._log_no_leak)

    def answers_needed(self, other: int) -> int:
        """Return how many answers it takes to confirm when `other` of them are unlabelled."""
        while len(self._needed) <= other:
            e, previous = len(self._needed), self._needed[-1]
            budget = self._log_left_over - e * log(2)
            ways = lgamma(previous + 1) - lgamma(e + 1) - lgamma(previous - e + 1)
            n = e + ceil((budget - ways - e * self._log_leak) / self._log_no_leak)
            self._needed.append(max(n, previous + 1))
        return self._needed[other]

    @cached_property
    def _log_left_over(self) -> float:
        return log(self._left_over)

    def confirms(self, canary: int, stable: int, other: int) -> bool:
        """Return whether these counts prove that less than the tolerance leaks."""
        n = canary + stable + other
        return not self.refutes(canary, stable, other) and n >= self._needed[0] and n >= self.answers_needed(other)

    def refutes(self, canary: int, stable: int, other: int) -> bool:  # noqa: ARG002 - every rule takes the same counts
        """Return whether an answer came from the version that should get none."""
        return bool(stable if self._canary_expected else canary)

    def evidence(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the answers as a fraction of those that it takes to confirm, and 0 and 1 where one refutes."""
        if self.refutes(canary, stable, other):
            return 0.0, 1.0
        return (canary + stable + other) / self.answers_needed(other), 0.0

    def least_log_likelihoods(self, k: int, n: int, *, confirms: bool, refutes: bool) -> tuple[float, float]:  # noqa: ARG002 - every rule takes the same
        """Rule nothing out: the shares that the test excludes are those outside of the tolerance."""
        return -inf, -inf
