"""Whether a tally confirms or refutes an expected share of the canary answers: the statistics, and nothing else.

Pure. `session` asks after every answer; looking at any time, as often as one likes, keeps the error rates.

Sources: the sequential test of a share and its mixture are from Lindon and Malek, "Anytime-Valid Inference for
Multinomial Count Data" (NeurIPS 2022); that a likelihood ratio ever reaches 1/alpha under its denominator has
probability at most alpha is Ville's inequality (1939); a test of "within a tolerance" by two tests against its edges
is the two one-sided tests procedure (Schuirmann, 1987).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import ceil, exp, inf, lgamma, log, log1p
from typing import Protocol

from canary_loadtest.core.tally import Tally
from canary_loadtest.core.thresholds import CALIBRATED_RATIOS

DEFAULT_TOLERANCE_POINTS = 5.0
DEFAULT_LEAK_POINTS = 1.0
DEFAULT_ALPHA = 0.05
LEAST_PRIOR_WEIGHT = 2.0
CONNECTION_EVIDENCE = log(1000)
RARER_CHANGES = 0.75


class Outcome(StrEnum):
    """What a look at the counts says."""

    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"


class ExpectationError(ValueError):
    """An expectation that cannot be tested; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Expectation:
    """The split that is claimed, and how closely and how surely it is to be tested.

    Attributes:
        canary_percent: the expected share of the canary answers, 0 to 100.
        tolerance_points: how far off, in percentage points, a share must be confirmed with at most probability
            `alpha`; None for 5 points, or for 1 point where everything is expected to go one way.
        alpha: the most that each kind of error may happen: a right split refuted, a wrong one confirmed.

    Raises:
        ExpectationError: a value is outside of its range.
    """

    canary_percent: float
    tolerance_points: float | None = None
    alpha: float = DEFAULT_ALPHA

    def __post_init__(self) -> None:
        """Check the ranges once, so that nothing below has to."""
        if not 0 <= self.canary_percent <= 100:
            raise ExpectationError(
                f"the expected share of the canary is {self.canary_percent}: give a percentage from 0 to 100"
            )
        if self.tolerance_points is not None and not 0 < self.tolerance_points < 100:
            raise ExpectationError(f"the tolerance is {self.tolerance_points}: give points above 0 and below 100")
        if not 1e-12 <= self.alpha <= 0.5:
            raise ExpectationError(f"alpha is {self.alpha}: give a probability above 0, at most 0.5")

    @property
    def one_way(self) -> bool:
        """Whether every answer is expected to be of one version."""
        return self.canary_percent in {0, 100}

    @property
    def points(self) -> float:
        """The tolerance in percentage points."""
        if self.tolerance_points is not None:
            return self.tolerance_points
        return DEFAULT_LEAK_POINTS if self.one_way else DEFAULT_TOLERANCE_POINTS

    @property
    def band_percent(self) -> tuple[float, float]:
        """The shares that the tolerance allows, in percent, within 0 to 100."""
        return max(0.0, self.canary_percent - self.points), min(100.0, self.canary_percent + self.points)

    @property
    def band(self) -> tuple[float, float]:
        """The shares that the tolerance allows, as fractions of 1."""
        low_percent, high_percent = self.band_percent
        return low_percent / 100, high_percent / 100

    @property
    def confirming_ratios(self) -> tuple[float, float]:
        """How many times better than the upper, and than the lower edge the share must explain the answers."""
        mirrored = self.canary_percent > 50
        key = (100 - self.canary_percent if mirrored else self.canary_percent, self.points, self.alpha)
        upper, lower = CALIBRATED_RATIOS.get(key, (1 / self.alpha, 1 / self.alpha))
        return (lower, upper) if mirrored else (upper, lower)

    def rule(self) -> "Rule":
        """Return the rule that tests this expectation."""
        return OneWayRule(self) if self.one_way else SplitRule(self)


class Rule(Protocol):
    """A sequential test: valid however often, and whenever, it is looked at."""

    def confirms(self, canary: int, stable: int, other: int) -> bool:
        """Say whether so many canary, stable and unlabelled answers prove the share to be within the tolerance."""
        ...

    def refutes(self, canary: int, stable: int, other: int) -> bool:
        """Say whether so many canary, stable and unlabelled answers prove the share not to be the expected one."""
        ...

    def evidence(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the evidence for and against the expected share, each as a fraction of what its verdict takes.

        The rule confirms where the first is 1 or more, and refutes where the second is; both may be infinite.
        """
        ...


def look(rule: Rule, canary: int, stable: int, other: int) -> Outcome:
    """Return what so many canary, stable and unlabelled answers prove by `rule`."""
    if rule.confirms(canary, stable, other):
        return Outcome.CONFIRMED
    return Outcome.REFUTED if rule.refutes(canary, stable, other) else Outcome.INCONCLUSIVE


def safe_log(x: float) -> float:
    """Return the natural logarithm, with log 0 = -inf."""
    return log(x) if x > 0 else -inf


def log_ratio(canary: int, rest: int, per_canary: float, per_rest: float) -> float:
    """Return a binomial log likelihood ratio; an outcome that did not occur adds nothing, not 0 * inf."""
    return (canary * per_canary if canary else 0.0) + (rest * per_rest if rest else 0.0)


def log_beta(a: float, b: float) -> float:
    """Return log B(a, b)."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


class SplitRule:
    """The rule for an expected share p0 strictly between 0 and 1, with tolerance d.

    CONFIRMED when p0 explains the answers so many times better than p0 + d, and than p0 - d, that a split which is
    off by d is confirmed with probability alpha at most. 1/alpha times always suffices (Ville), but is passed by a
    jump and has to be passed twice; the ratios in `thresholds` use alpha up for the splits that are in use.
    REFUTED when a Beta(c p0, c (1 - p0)) mixture of shares explains them 1/alpha times better than p0 does, with
    c = max(p0 (1 - p0) / d^2 - 1, 2): a mixture as wide as the tolerance.
    An unlabelled answer may have been either: both rules must hold whichever way all of them are counted.
    """

    def __init__(self, expectation: Expectation) -> None:
        """Compute what does not depend on the counts."""
        p0 = expectation.canary_percent / 100
        low, high = expectation.band
        d = expectation.points / 100
        self._high_threshold, self._low_threshold = map(log, expectation.confirming_ratios)
        self._refuting_threshold = -log(expectation.alpha)
        self._log_p0, self._log_q0 = log(p0), log1p(-p0)
        self._high = self._log_p0 - safe_log(high), self._log_q0 - safe_log(1 - high)
        self._low = self._log_p0 - safe_log(low), self._log_q0 - safe_log(1 - low)
        weight = max(p0 * (1 - p0) / d**2 - 1, LEAST_PRIOR_WEIGHT)
        self._p0, self._a, self._b = p0, weight * p0, weight * (1 - p0)
        self._log_beta_prior = log_beta(self._a, self._b)

    def evidence_for(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the log likelihood ratios of p0 to p0 + d and to p0 - d, other answers counted in the worst way."""
        return log_ratio(canary + other, stable, *self._high), log_ratio(canary, stable + other, *self._low)

    def evidence_against(self, canary: int, stable: int, other: int) -> float:
        """Return the log Bayes factor of the mixture to p0, other answers counted in favour of p0.

        It is convex in the number of canary answers and least at ceil(p0 (n - 1)): there
        log((k + a) / (n - k - 1 + b)), its growth from k to k + 1 beside p0's own, changes its sign.
        """
        n = canary + stable + other
        k = min(max(ceil(self._p0 * (n - 1)), canary), canary + other)
        mixture = log_beta(k + self._a, n - k + self._b) - self._log_beta_prior
        return mixture - k * self._log_p0 - (n - k) * self._log_q0

    def confirms(self, canary: int, stable: int, other: int) -> bool:
        """Say whether so many canary, stable and unlabelled answers prove the share to be within the tolerance."""
        to_high, to_low = self.evidence_for(canary, stable, other)
        return to_high >= self._high_threshold and to_low >= self._low_threshold

    def refutes(self, canary: int, stable: int, other: int) -> bool:
        """Say whether so many canary, stable and unlabelled answers prove the share not to be the expected one."""
        return self.evidence_against(canary, stable, other) >= self._refuting_threshold

    def evidence(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the evidence for and against the expected share, each as a fraction of what its verdict takes."""
        to_high, to_low = self.evidence_for(canary, stable, other)
        against = self.evidence_against(canary, stable, other) / self._refuting_threshold
        return min(to_high / self._high_threshold, to_low / self._low_threshold), against


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
        """Say whether so many canary, stable and unlabelled answers prove that less than the tolerance leaks."""
        n = canary + stable + other
        return not self.refutes(canary, stable, other) and n >= self._needed[0] and n >= self.answers_needed(other)

    def refutes(self, canary: int, stable: int, other: int) -> bool:  # noqa: ARG002 - every rule takes the same counts
        """Say whether an answer came from the version that should get none."""
        return bool(stable if self._canary_expected else canary)

    def evidence(self, canary: int, stable: int, other: int) -> tuple[float, float]:
        """Return the answers as a fraction of those that it takes to confirm, and 0 and 1 where one refutes."""
        if self.refutes(canary, stable, other):
            return 0.0, 1.0
        return (canary + stable + other) / self.answers_needed(other), 0.0


def picked_for_each_request(tally: Tally) -> bool:
    """Tell whether answers on kept connections change so often that each must have been drawn anew."""
    return _evidence_of_pinning(tally) <= -CONNECTION_EVIDENCE


def pinned_to_connections(tally: Tally) -> bool:
    """Tell whether answers on kept connections change so rarely that a connection must be bound to a version."""
    return _evidence_of_pinning(tally) >= CONNECTION_EVIDENCE


def _evidence_of_pinning(tally: Tally) -> float:
    """Return the log likelihood ratio of changes three quarters as often as chance says to as often as it says.

    Independent answers of a share p differ from the one before with probability 2 p (1 - p); p is the observed share.
    """
    labelled = tally.canary + tally.stable
    if not labelled:
        return 0.0
    chance = 2 * tally.canary * tally.stable / labelled**2
    changes, same = tally.connections.changes, tally.connections.pairs - tally.connections.changes
    return log_ratio(changes, same, log(RARER_CHANGES), log1p(-RARER_CHANGES * chance) - log1p(-chance))
