"""Whether the canary errs more often than stable, from counts: two sequential tests that may be looked at any time.

Both compare the canary's and stable's answers within each epoch. The version of each request is drawn at random, with a
share that is known: so errors that both versions have in common, however they come and go, fool neither test. What
they assume: the share is constant within an epoch, and the draw does not depend on the request's fate.

Sources: that evidence ever reaches 1/alpha under the hypothesis that it speaks against has probability alpha at most is
Ville's inequality (1939); mixtures over several alternatives are from Robbins (1970); the reverse information
projection for two shares, and that its likelihood ratio is valid at any time, from Turner, Ly and Grünwald,
"Generic E-variables for exact sequential k-sample tests that allow for optional stopping" (2024).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, inf, log, log1p
from typing import Final, NamedTuple

from canary_loadtest.core.health.counts import Counts
from canary_loadtest.core.search import boundary

RATIOS: Final = (1.25, 1.6, 2.5, 5.0, 20.0)
"""How many times as often as stable a worse canary may err."""
LEVELS: Final = (0.0, 0.0005, 0.0015, 0.004, 0.01, 0.025, 0.06, 0.15, 0.35)
"""The rates of errors, as fractions of 1, that a canary as good as stable may share with it."""


def worse_log_evidence(epochs: Sequence[Counts]) -> float:
    """Return the log evidence that the canary errs more often; the null hypothesis is that it does not.

    log mean over r in `RATIOS` of the product over epochs of r^E1 / (1 + s (r - 1))^(E1 + E0 + U). Under the null an
    error is the canary's with probability s at most, so that each factor has a mean of 1 at most. Errors of no known
    version are taken as stable's. The share s is the larger of the configured and the observed one, since the evidence
    falls in it: a share that is configured wrongly makes no healthy canary worse.

    Args:
        epochs: the counts of each epoch of the release, each with a configured share between 0 and 1.

    Returns:
        The natural logarithm; the canary is WORSE at -log(alpha_stop). 0 where there is no answer.
    """
    events = [(counts, max(counts.share, _observed(counts.canary, counts.known))) for counts in epochs]
    return _log_mean_exp([sum(_log_excess(ratio, counts, share) for counts, share in events) for ratio in RATIOS])


def _log_excess(ratio: float, counts: Counts, share: float) -> float:
    """Return the log likelihood ratio, given how many err in all, of a canary that errs `ratio` times as often."""
    errors = counts.canary_errors + counts.stable_errors + counts.unknown_errors
    return counts.canary_errors * log(ratio) - errors * log1p(share * (ratio - 1))


def not_worse_log_evidence(epochs: Sequence[Counts], margin: float) -> float:
    """Return the log evidence that the canary errs less than `margin` more often than stable.

    The null hypothesis is that its rate of errors exceeds stable's by the margin m or more. For a share s it is

        log mean over q in `LEVELS` of the product over epochs of
        (q/y)^(E1+U) ((1-q)/(1-y))^G1 (q/x)^E0 ((1-q)/(1-x))^G0

    where (x, y = x + m) are the rates under the null that explain a common rate q best (`nearest`). Errors of no known
    version are taken as the canary's. The lesser of two such values is returned: with s as configured, and as observed,
    (n1 + U) / (n + U). With the first alone a wrong configuration makes a bad canary NOT WORSE; the first is what
    bursts and drifts common to both versions cannot fool.

    Args:
        epochs: the counts of each epoch since the weight changed, each with a configured share between 0 and 1.
        margin: a fraction of 1, between 0 and 1.

    Returns:
        The natural logarithm; the canary is NOT WORSE at -log(alpha).
    """
    configured = [(counts, counts.share) for counts in epochs]
    observed = [
        (counts, rounded_share(_observed(counts.canary + counts.unknown_errors, counts.total)) or counts.share)
        for counts in epochs
    ]
    return min(_log_within(configured, margin), _log_within(observed, margin))


def _log_within(epochs: Sequence[tuple[Counts, float]], margin: float) -> float:
    """Return the log of the mixture over the levels, for epochs that each have a share."""
    logs = [0.0] * len(_steps(margin, 0.5))
    for counts, share in epochs:
        for index, steps in enumerate(_steps(margin, share)):
            logs[index] += steps.log_of(counts)
    return _log_mean_exp(logs)


class _Steps(NamedTuple):
    """What one answer of each kind adds to the log evidence of a level."""

    canary_error: float
    canary_right: float
    stable_error: float
    stable_right: float

    def log_of(self, counts: Counts) -> float:
        """Return the log evidence of these counts."""
        canary_errors = counts.canary_errors + counts.unknown_errors
        log_evidence = counts.canary_right * self.canary_right + counts.stable_right * self.stable_right
        if canary_errors:
            log_evidence += canary_errors * self.canary_error
        if counts.stable_errors:
            log_evidence += counts.stable_errors * self.stable_error
        return log_evidence


@lru_cache(maxsize=4096)
def _steps(margin: float, share: float) -> tuple[_Steps, ...]:
    """Return the steps of each level, without those whose rate and margin exceed 1 together."""
    return tuple(_steps_of(level, margin, share) for level in LEVELS if level + margin < 1)


def _steps_of(level: float, margin: float, share: float) -> _Steps:
    if level == 0:  # one error rules it out
        return _Steps(-inf, -log1p(-margin), -inf, 0.0)
    stable = nearest(level, margin, share)
    canary = stable + margin
    return _Steps(
        -log1p((canary - level) / level),
        -log1p((level - canary) / (1 - level)),
        -log1p((stable - level) / level),
        -log1p((level - stable) / (1 - level)),
    )


def nearest(level: float, margin: float, share: float) -> float:
    """Return stable's rate x at which rates of x for stable and x + m for the canary explain a common rate q best.

    The x that minimises s KL(q || x + m) + (1 - s) KL(q || x), with KL the Kullback-Leibler divergence of two rates:
    the reverse information projection of the common rate on the null hypothesis. The sum is convex in x and its least
    value lies between max(q - m, 0) and q, where its slope changes its sign.

    Args:
        level: the common rate q, between 0 and 1.
        margin: the margin m, with q + m below 1.
        share: the canary's share s, between 0 and 1.
    """

    def falls(stable: float) -> bool:
        canary = stable + margin
        slope_canary = share * (canary - level) / (canary * (1 - canary))
        slope_stable = (1 - share) * (stable - level) / (stable * (1 - stable))
        return slope_canary + slope_stable <= 0

    return boundary(falls, max(level - margin, 0.0), level)[1]


def rounded_share(share: float) -> float:
    """Return a share that differs by half a per cent of itself, and of its rest, at most; 0 where there is none.

    Three significant digits of the smaller one: so few different shares are seen in a run that what depends on them is
    computed rarely. Whole per mille would be wrong below 1 %.
    """
    if share <= 0.5:
        return float(f"{share:.3g}")
    return 1 - float(f"{1 - share:.3g}")


def _observed(part: float, total: float) -> float:
    """Return a share that was seen, 0 where there is no answer, and less than 1 by half an answer where all are."""
    if not total:
        return 0.0
    return min(part, total - 0.5) / total


def _log_mean_exp(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of numbers that are given by their logarithms."""
    most = max(logs)
    return most if most == -inf else most + log(sum(exp(each - most) for each in logs) / len(logs))
