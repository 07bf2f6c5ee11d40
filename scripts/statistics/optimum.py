"""The least mean number of answers with which any test can confirm a correct split, by optimal stopping.

An oracle for the load test's rule, which shares no code with it. A test may stop and confirm at any (answers, canary
answers). Among all tests that confirm a share at either edge of the tolerance with probability alpha at most, the one
with the fewest answers under the correct share also minimises `answers + a * P(confirmed at the upper edge) + b *
P(confirmed at the lower edge)` for two prices a and b. Backward induction finds the best test for given prices; the
prices are adjusted until both probabilities are alpha.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, log, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Stops = Sequence[npt.NDArray[np.bool_]]
"""By number of answers, then by canary answers: whether the test stops and confirms."""

BAND_DEVIATIONS: Final = 8.0
FIRST_PRICE: Final = 4000.0
PROHIBITIVE_PRICE: Final = 1e9
CLOSE_ENOUGH: Final = 0.01
NEAR_ENOUGH: Final = 0.1
MOST_ROUNDS: Final = 20
LEAST_SHARE: Final = 1e-12
MOST_LOG_RATIO: Final = 500.0  # only states with more canary answers than answers exceed it, and no run reaches them


@dataclass(frozen=True)
class Limit:
    """The best that any test can achieve.

    Attributes:
        mean_answers: the expected number of answers under the correct share that no test can go below.
        false_confirmed: the probabilities that a share at the upper and at the lower edge is confirmed.
        confirmed: the probability that the correct share is confirmed within the horizon.
    """

    mean_answers: float
    false_confirmed: tuple[float, float]
    confirmed: float


class _Problem:
    """The states of a run: for each number of answers, the canary counts from 0 to far above the upper edge."""

    def __init__(self, share: float, band: tuple[float, float], horizon: int) -> None:
        low, self.high = band
        self.share, self.low, self.horizon = share, max(low, LEAST_SHARE), horizon
        spread = sqrt(horizon * self.high * (1 - self.high))
        self.counts = np.arange(min(horizon, ceil(horizon * self.high + BAND_DEVIATIONS * spread)) + 1)

    def likelihood_ratio(self, edge: float, answers: int) -> Values:
        """Return how many times more likely each canary count is under an edge than under the correct share."""
        per_canary, per_stable = log(edge / self.share), log((1 - edge) / (1 - self.share))
        log_ratio = self.counts * (per_canary - per_stable) + answers * per_stable
        ratio: Values = np.exp(np.minimum(log_ratio, MOST_LOG_RATIO))
        return ratio

    def best_stops(self, upper_price: float, lower_price: float) -> Stops:
        """Return where it is cheapest to stop, by backward induction from the horizon."""
        give_up = self.horizon / 2  # too expensive to be chosen, and hardly any run gets there
        value = np.full(len(self.counts), give_up)
        stops = [np.zeros(len(self.counts), dtype=np.bool_)]
        for answers in range(self.horizon - 1, 0, -1):
            stop_price = upper_price * self.likelihood_ratio(self.high, answers)
            stop_price += lower_price * self.likelihood_ratio(self.low, answers)
            continue_price = 1 + self.share * np.append(value[1:], give_up) + (1 - self.share) * value
            stops.append(stop_price <= continue_price)
            value = np.minimum(stop_price, continue_price)
        return [np.zeros(len(self.counts), dtype=np.bool_), *reversed(stops)]

    def stopped_at(self, stops: Stops, true_share: float) -> Values:
        """Return the probability that a run with a true share stops at 0, 1, 2, ... answers."""
        alive = np.zeros(len(self.counts))
        alive[0] = 1.0
        stopped = np.zeros(self.horizon + 1)
        for answers in range(1, self.horizon + 1):
            grown = alive * (1 - true_share)
            grown[1:] += alive[:-1] * true_share
            stopped[answers] = grown[stops[answers]].sum()
            alive = np.where(stops[answers], 0.0, grown)
        return stopped


def limit(share: float, band: tuple[float, float], alpha: float, horizon: int) -> Limit:
    """Return the least that any test needs on average, with a decision after each answer.

    Args:
        share: the correct share of the canary, as a fraction, strictly between 0 and 1.
        band: the shares at the edges of the tolerance, as fractions.
        alpha: the largest probability that a share at an edge is confirmed.
        horizon: number of answers after which a run gives up; several times the mean.

    Raises:
        ArithmeticError: no prices give both edges the probability alpha.
    """
    problem = _Problem(share, band, horizon)
    # At a lower edge of 0 every run is without canary answers: a test that confirms such a run always confirms there.
    one_edge = band[0] == 0
    upper_price, lower_price = FIRST_PRICE, PROHIBITIVE_PRICE if one_edge else FIRST_PRICE
    best, best_miss = Limit(0.0, (0.0, 0.0), 0.0), inf
    for _ in range(MOST_ROUNDS):
        stops = problem.best_stops(upper_price, lower_price)
        upper, lower = (float(problem.stopped_at(stops, edge).sum()) for edge in (band[1], band[0]))
        miss = max(abs(upper - alpha), 0.0 if one_edge else abs(lower - alpha)) / alpha
        if miss < best_miss:
            stopped = problem.stopped_at(stops, share)
            confirmed = float(stopped.sum())
            mean = float(stopped @ np.arange(horizon + 1)) + (1 - confirmed) * horizon
            # What any test with both probabilities alpha takes, by duality; at the right prices the mean itself.
            excess = upper_price * (upper - alpha) + (0.0 if one_edge else lower_price * (lower - alpha))
            best, best_miss = Limit(mean + excess, (upper, lower), confirmed), miss
        if best_miss <= CLOSE_ENOUGH:
            return best
        upper_price *= (upper / alpha) ** 0.9
        if not one_edge:
            lower_price *= (lower / alpha) ** 0.9
    # The probabilities jump with the prices, so that they may come no nearer.
    if best_miss <= NEAR_ENOUGH:
        return best
    raise ArithmeticError(f"no prices found in {MOST_ROUNDS} rounds for {band} and alpha {alpha}")
