"""Exact probabilities of a sequential rule, from all (answers, canary answers) states of a run.

An oracle for the rules of the load test: it asks a rule in which states it fires, and does not use its formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import numpy as np
import numpy.typing as npt

from canary_loadtest.core.rules import Rule

NEGLIGIBLE: Final = 1e-13
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of a run.

    Attributes:
        confirmed: the probability that CONFIRMED is the first rule to fire.
        refuted: the probability that REFUTED is the first.
        mean_answers: the expected number of answers until a rule fires, or the horizon.
        answers: the probabilities that a rule fires at 1, 2, ... answers.
    """

    confirmed: float
    refuted: float
    mean_answers: float
    answers: Probabilities


class _Range:
    """The range of canary counts for which a predicate holds, found from the range one answer before."""

    def __init__(self, holds: Callable[[int, int], bool], low_share: float, high_share: float) -> None:
        """Keep a predicate of (answers, canary answers); if it holds anywhere, it holds between the two shares."""
        self._holds = holds
        self._shares = low_share, high_share
        self._low = self._high = 0

    def at(self, n: int) -> tuple[int, int]:
        """Return the range among 0 to n as (first, one past the last)."""
        inside = self._anywhere(n)
        if inside is None:
            return 0, 0
        low, high = min(self._low, inside), max(self._high, inside)
        while low < inside and not self._holds(n, low):
            low += 1
        while low > 0 and self._holds(n, low - 1):
            low -= 1
        while high > inside and not self._holds(n, high):
            high -= 1
        while high < n and self._holds(n, high + 1):
            high += 1
        self._low, self._high = low, high
        return low, high + 1

    def _anywhere(self, n: int) -> int | None:
        """Return a count in the range: near its last middle, or else the first one found; None without a range."""
        middle = (self._low + self._high + 1) // 2
        for k in (middle, middle + 1):
            if k <= n and self._holds(n, k):
                return k
        low, high = floor(n * self._shares[0]), ceil(n * self._shares[1])
        return next((k for k in range(max(low, 0), min(high, n) + 1) if self._holds(n, k)), None)


class _Alive:
    """The runs that no rule has ended: the probability of each canary count, without negligible ones."""

    def __init__(self) -> None:
        self.first = 0
        self.probability: Probabilities = np.array([1.0])

    def step(self, share: float) -> None:
        """Add one answer to every run."""
        grown = np.zeros(len(self.probability) + 1)
        grown[1:] += self.probability * share
        grown[:-1] += self.probability * (1 - share)
        kept = np.flatnonzero(grown > NEGLIGIBLE)
        if len(kept):
            grown = grown[kept[0] : kept[-1] + 1]
            self.first += int(kept[0])
        self.probability = grown

    def take(self, low: int, high: int) -> float:
        """Remove the runs with `low` <= canary count < `high`, and return their probability."""
        inside = slice(max(low - self.first, 0), max(high - self.first, 0))
        taken = float(self.probability[inside].sum())
        self.probability[inside] = 0.0
        return taken


def walk(rule: Rule, band: tuple[float, float], true_share: float, horizon: int, *, refute: bool = True) -> Outcomes:
    """Return the exact outcome probabilities of runs of at most `horizon` answers, with a decision after each one.

    Args:
        rule: the rule under test.
        band: canary shares, as fractions; the rule confirms between them and refutes outside.
        true_share: the probability that an answer is from the canary.
        horizon: number of answers after which a run gives up.
        refute: whether a refuted run ends; False for CONFIRMED alone.
    """
    alive = _Alive()
    confirmed = refuted = mean_answers = 0.0
    fired: list[float] = []
    confirming = _Range(lambda n, k: rule.confirms(k, n - k, 0), *band)
    tolerable = _Range(lambda n, k: not rule.refutes(k, n - k, 0), *band)
    for n in range(1, horizon + 1):
        continuing = float(alive.probability.sum())
        if continuing < NEGLIGIBLE:
            break
        mean_answers += continuing
        alive.step(true_share)
        confirmed_now = alive.take(*confirming.at(n))
        confirmed += confirmed_now
        refuted_now = 0.0
        if refute:
            low, high = tolerable.at(n)
            refuted_now = alive.take(0, low) + alive.take(high, n + 1)
        refuted += refuted_now
        fired.append(confirmed_now + refuted_now)
    return Outcomes(confirmed, refuted, mean_answers, np.array(fired))
