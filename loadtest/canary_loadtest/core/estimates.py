"""What the counts say besides the verdict: which shares they do not rule out, and how many more answers it takes."""

from math import log
from typing import Final

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.likelihood import log_beta, log_ratio, safe_log
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import Rule, look

MOST_ANSWERS: Final = 10_000_000
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

    more = 1
    while not decided_after(more):
        more *= 2
        if not is_in_sight(more):
            return None
    low, high = more // 2, more
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided_after(middle) else (middle, high)
    return high


def share_interval_percent(alpha: float, canary: int, stable: int, other: int) -> tuple[float, float]:
    """Return the canary's shares that the answers do not rule out, in percent, at any time one looks.

    The confidence sequence of a uniform mixture: the p with B(k+1, n-k+1) / (p^k (1-p)^(n-k)) < 1/alpha (Lindon and
    Malek 2022, with Beta(1, 1)); its ends take all unlabelled answers as stable, and as canary.

    Args:
        alpha: one minus the coverage.
        canary: canary answers.
        stable: stable answers.
        other: unlabelled answers.
    """
    n = canary + stable + other
    return 100 * _edge(canary, n, alpha, 0.0), 100 * _edge(canary + other, n, alpha, 1.0)


def _edge(k: int, n: int, alpha: float, outside: float) -> float:
    """Find by bisection where the uniform mixture's ratio reaches 1/alpha between k/n and the end `outside`."""
    if n == 0 or k == n * outside:
        return outside
    bound = log_beta(k + 1, n - k + 1) + log(alpha)
    inside = k / n
    for _ in range(60):
        p = (inside + outside) / 2
        if log_ratio(k, n - k, safe_log(p), safe_log(1 - p)) > bound:
            inside = p
        else:
            outside = p
    return outside
