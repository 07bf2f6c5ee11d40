"""The tests of the canary's latency once more, for many runs at once, and runs by chance to try them on.

Written apart from the load test's own: thresholds of whole runs by NumPy's quantiles, evidence by `health_oracle`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tests.loadtest.health_oracle import States, looks_until

Times = Callable[[np.random.Generator, int], Any]
"""The times of a number of answers in a row, by chance."""
ANSWERS = 12_000
STRETCH = 200


@dataclass(frozen=True)
class LogNormal:
    """Times whose logarithm has a deviation of `sigma`, and of which half are below `seconds`."""

    sigma: float
    seconds: float = 0.02

    def __call__(self, random: np.random.Generator, answers: int) -> Any:  # noqa: ANN401 - arrays of NumPy
        """Return the times of a number of answers."""
        return random.lognormal(np.log(self.seconds), self.sigma, answers)


@dataclass(frozen=True)
class QuickOrSlow:
    """Times that are quick as a rule, and slow in a part of all cases, each log-normal."""

    quick: LogNormal
    slow: LogNormal
    part: float

    def __call__(self, random: np.random.Generator, answers: int) -> Any:  # noqa: ANN401 - arrays of NumPy
        """Return the times of a number of answers."""
        slow = random.random(answers) < self.part
        return np.where(slow, self.slow(random, answers), self.quick(random, answers))


class Run(NamedTuple):
    """The answers of one run in order: whether each is the canary's, its time, whether it is an error, and named."""

    canary: Any
    seconds: Any
    error: Any
    named: Any


@dataclass(frozen=True)
class Release:
    """A canary and a stable version behind a proxy.

    Attributes:
        canary: the canary's times.
        stable: the stable version's.
        share: of the requests that the proxy sends to the canary.
        told: the configured share, None for the true one.
        common: by what the times of both are multiplied in the course of a run, as a function of the answer's number.
        errors: the canary's and stable's rates of errors.
        named: the parts of the canary's and of stable's errors that name their version.
    """

    canary: Times
    stable: Times
    share: float = 0.3
    told: float | None = None
    common: Callable[[Any], Any] = field(default=np.ones_like)
    errors: tuple[float, float] = (0.0, 0.0)
    named: tuple[float, float] = (1.0, 1.0)

    def runs(self, runs: int, seed: int, answers: int = ANSWERS) -> Iterator[Run]:
        """Yield runs of a number of answers."""
        random = np.random.default_rng(seed)
        for _ in range(runs):
            canary = random.random(answers) < self.share
            seconds = np.where(canary, self.canary(random, answers), self.stable(random, answers))
            seconds *= self.common(np.arange(answers, dtype=float))
            error = random.random(answers) < np.where(canary, *self.errors)
            named = random.random(answers) < np.where(canary, *self.named)
            yield Run(canary, seconds, error, named)


@dataclass(frozen=True)
class Question:
    """What counts as slow: as `Slowness`, and whether the threshold is learnt again."""

    ratio: float = 1.2
    percentile: float = 95
    seconds: float | None = None
    again: bool = True

    def thresholds(self, run: Run) -> Any:  # noqa: ANN401 - arrays of NumPy
        """Return the threshold that each answer is compared with, not a number where it is not known."""
        numbers = np.arange(len(run.seconds))
        if self.seconds is not None:
            return np.full(len(numbers), self.seconds)
        right_stable = np.flatnonzero(~run.canary & ~run.error)
        stretches = right_stable[: len(right_stable) // STRETCH * STRETCH].reshape(-1, STRETCH)
        learnt = np.quantile(run.seconds[stretches], self.percentile / 100, axis=1, method="inverted_cdf")
        complete = np.searchsorted(stretches[:, -1], numbers)  # stretches that ended before each answer
        if not self.again:
            complete = np.minimum(complete, 1)
        thresholds = np.concatenate([[np.nan], learnt])[complete]
        return self._given_up(thresholds, run, right_stable) if self.again else thresholds

    def _given_up(self, thresholds: Any, run: Run, right_stable: Any) -> Any:  # noqa: ANN401 - arrays of NumPy
        """Return the thresholds without those that stable exceeds too often, from there to the end of the stretch."""
        part = 1 - self.percentile / 100
        most = 4 + min(2 * part, (1 + part) / 2) * np.arange(1, STRETCH + 1) + 1e-9
        exceeding = run.seconds[right_stable] > thresholds[right_stable]
        rest = -len(right_stable) % STRETCH
        too_many = np.pad(exceeding, (0, rest)).reshape(-1, STRETCH).cumsum(axis=1) > most
        ends = np.append(right_stable[STRETCH - 1 :: STRETCH] + 1, len(thresholds))
        for number in np.flatnonzero(too_many.any(axis=1)):
            last = right_stable[number * STRETCH + too_many[number].argmax()]
            thresholds[last + 1 : ends[number]] = np.nan
        return thresholds

    def states(self, release: Release, runs: Iterable[Run]) -> tuple[States, States]:
        """Return the counts of runs of one length at each look: as WORSE takes them, and as NOT WORSE does.

        Slow answers are in the place of errors, and for NOT WORSE stable is in the canary's.
        """
        all_runs = list(runs)
        looks = looks_of(len(all_runs[0].seconds))
        counts = np.stack([self.counts(run) for run in all_runs], axis=1)
        above, beyond, canary, stable_above, stable, unknown = counts
        worse = above, canary - above, stable_above, stable - stable_above, unknown
        not_worse = stable_above, stable - stable_above, beyond, canary - beyond, unknown
        told = release.told or release.share
        return States(looks, *worse, told=told), States(looks, *not_worse, told=1 - told)

    def counts(self, run: Run) -> Any:  # noqa: ANN401 - arrays of NumPy
        """Return A1, B1, n1, A0, n0 and U of one run, each at its looks."""
        thresholds = self.thresholds(run)
        known = ~np.isnan(thresholds)
        seconds = np.where(run.error, np.inf, run.seconds)
        above, beyond = seconds > thresholds, seconds > self.ratio * thresholds
        identified = known & (run.named | ~run.error)
        canary, stable = identified & run.canary, identified & ~run.canary
        kinds = canary & above, canary & beyond, canary, stable & above, stable, known & ~identified
        last = looks_of(len(run.seconds)) - 1
        return np.stack([np.cumsum(kind)[last] for kind in kinds])


@lru_cache
def looks_of(answers: int) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return after how many answers a run is looked at."""
    return np.array(list(looks_until(answers)))
