"""What the counts say besides the verdict: which shares they do not rule out, and how many more answers it takes."""

from math import inf, log
from typing import Final

from canary_loadtest.core.expectation import MOST_ANSWERS, Expectation
from canary_loadtest.core.likelihood import log_beta, log_ratio, safe_log
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import Rule, look
from canary_loadtest.core.search import boundary, least_number

# The rule for 0 and 100 % works out a threshold for each other answer: for millions that takes seconds.
MOST_OTHER: Final = 100_000


def answers_to_go(rule: Rule, expectation: Expectation, counts: tuple[int, int, int]) -> int | None:
    """Return about how many more answers a verdict takes if they go on as they have begun.

    The counts are extrapolated with the expected share added as ten answers, so that a first few do not mislead.

    Args:
        rule: the rule that decides.
        expectation: what it tests.
        counts: canary, stable and unlabelled answers so far.

    Returns:
        A number of answers, 0 when the counts decide already, or None when no verdict is in sight: not in 10
        million answers, or not before 100,000 others.
    """
    canary, stable, other = counts
    if look(rule, *counts) != Outcome.INCONCLUSIVE:
        return 0
    prior = 10.0
    share = (canary + prior * expectation.canary_percent / 100) / (canary + stable + prior)
    if expectation.one_way:
        share = expectation.canary_percent / 100
    other_ratio = other / max(canary + stable + other, 1)

    def decided_after(more: int) -> bool:
        labelled = more * (1 - other_ratio)
        more_canary = round(labelled * share)
        more_counts = canary + more_canary, stable + round(labelled) - more_canary, other + round(more * other_ratio)
        return look(rule, *more_counts) != Outcome.INCONCLUSIVE

    def is_in_sight(more: int) -> bool:
        return more <= MOST_ANSWERS and other + more * other_ratio <= MOST_OTHER

    return least_number(decided_after, is_in_sight)


def share_interval_percent(rule: Rule, expectation: Expectation, counts: tuple[int, int, int]) -> tuple[float, float]:
    """Return the canary's shares that the answers do not rule out, in percent.

    The intersection of two sets: that of a uniform mixture, the p with B(k+1, n-k+1) / (p^k (1-p)^(n-k)) < 1/alpha
    (Lindon and Malek 2022, with Beta(1, 1)), and what the rule's own tests do not rule out. So it lies within the
    tolerance where the rule confirms, and without the expected share where it refutes. Its ends take all unlabelled
    answers as stable, and as canary.

    Args:
        rule: the rule that decides.
        expectation: what it tests.
        counts: canary, stable and unlabelled answers.
    """
    canary, stable, other = counts
    n = canary + stable + other
    confirms, refutes = rule.confirms(*counts), rule.refutes(*counts)
    ends: list[float] = []
    for k, outside in ((canary, 0.0), (canary + other, 1.0)):
        uniform = log_beta(k + 1, n - k + 1) + log(expectation.alpha)
        below, above = rule.least_log_likelihoods(k, n, confirms=confirms, refutes=refutes)
        ends.append(100 * _edge(k, n, max(uniform, above if outside else below), outside))
    low, high = ends
    if confirms:
        least, most = expectation.band_percent
        return min(max(low, least), most), max(min(high, most), least)
    return low, high


def _edge(k: int, n: int, least: float, outside: float) -> float:
    """Return where the log likelihood falls to `least` between k/n and the end `outside`."""
    if n == 0 or k == n * outside:
        return outside
    return boundary(lambda p: log_ratio(k, n - k, safe_log(p), safe_log(1 - p)) > least, k / n, outside)[1]


def evidence_of_change(before: tuple[int, int, int], after: tuple[int, int, int]) -> float:
    """Return the evidence that the canary's share changed between two stretches of answers.

    The log of two uniform mixtures, one for each stretch, over the best single share for both: where the share did not
    change, it reaches -log(alpha) with probability alpha at most, at any time (Ville). Unlabelled answers are counted
    so that the shares are as near as they can be; where they may be equal, it is -inf.

    Args:
        before: canary, stable and unlabelled answers of the first stretch.
        after: the same for the second.
    """
    (low_before, high_before), (low_after, high_after) = _possible(before), _possible(after)
    n_before, n_after = sum(before), sum(after)
    if not n_before or not n_after:
        return -inf
    if high_before * n_after < low_after * n_before:
        k, j = high_before, low_after
    elif high_after * n_before < low_before * n_after:
        k, j = low_before, high_after
    else:
        return -inf
    n, pooled = n_before + n_after, (k + j) / (n_before + n_after)
    mixtures = log_beta(k + 1, n_before - k + 1) + log_beta(j + 1, n_after - j + 1)
    return mixtures - log_ratio(k + j, n - k - j, safe_log(pooled), safe_log(1 - pooled))


def _possible(counts: tuple[int, int, int]) -> tuple[int, int]:
    """Return the fewest and the most answers that may be the canary's."""
    canary, _, other = counts
    return canary, canary + other
