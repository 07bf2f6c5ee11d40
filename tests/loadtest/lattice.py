"""Exact probabilities of a sequential rule, by walking all (answers, V3 answers) states at once.

An oracle for the rules in `loadtest.verdict`: it asks a rule only where it fires and knows nothing of its formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadtest.verdict import Rule


@dataclass(frozen=True)
class Outcomes:
    """What becomes of a run.

    Attributes:
        confirmed: the probability that CONFIRMED is the first rule to fire.
        refuted: the probability that REFUTED is.
        mean_answers: expected number of answers until a rule fires, or the horizon.
    """

    confirmed: float
    refuted: float
    mean_answers: float


class _Range:
    """The V3 counts around a middle for which a predicate holds, found from where it held one answer ago."""

    def __init__(self, holds: Callable[[int, int], bool]) -> None:
        self.holds = holds
        self.low = self.high = 0

    def at(self, n: int, middle: int) -> slice:
        """Return the range among 0 to n, as a slice; empty where not even the middle is in it."""
        if not self.holds(n, middle):
            self.low = self.high = middle
            return slice(0, 0)
        self.low, self.high = min(self.low, middle), max(self.high, middle)
        while self.low > 0 and self.holds(n, self.low - 1):
            self.low -= 1
        while not self.holds(n, self.low):
            self.low += 1
        while self.high < n and self.holds(n, self.high + 1):
            self.high += 1
        while not self.holds(n, self.high):
            self.high -= 1
        return slice(self.low, self.high + 1)


def walk(rule: Rule, expected_share: float, true_share: float, horizon: int) -> Outcomes:
    """Return the exact outcome probabilities of runs of at most `horizon` answers, looked at after each one.

    Args:
        rule: the rule under test.
        expected_share: the share of V3 that the rule expects; around it the rule confirms, far from it it refutes.
        true_share: the real probability of a V3 answer.
        horizon: answers after which a run gives up.
    """
    alive = np.array([1.0])
    confirmed = refuted = mean_answers = 0.0
    confirming = _Range(lambda n, k: rule.confirms(k, n - k, 0))
    tolerable = _Range(lambda n, k: not rule.refutes(k, n - k, 0))
    for n in range(1, horizon + 1):
        mean_answers += alive.sum()
        step = np.zeros(n + 1)
        step[1:] += alive * true_share
        step[:-1] += alive * (1 - true_share)
        middle = round(n * expected_share)
        inside = confirming.at(n, middle)
        confirmed += step[inside].sum()
        step[inside] = 0.0
        alive = np.zeros(n + 1)
        inside = tolerable.at(n, middle)
        alive[inside] = step[inside]
        refuted += step.sum() - alive.sum()
    return Outcomes(float(confirmed), float(refuted), float(mean_answers))
