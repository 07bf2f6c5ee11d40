"""The split that is claimed, how closely and how surely it is tested, and how much worse the canary may be."""

from dataclasses import dataclass
from math import ceil, inf, log, log1p
from typing import Final

from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.slowness import Slowness

DEFAULT_TOLERANCE_POINTS: Final = 5.0
DEFAULT_LEAK_POINTS: Final = 1.0
DEFAULT_NEXT_WEIGHT_PERCENT: Final = 100.0
DEFAULT_ALPHA: Final = 0.05
DEFAULT_ALPHA_STOP: Final = 0.001
DEFAULT_MAX_ERRORS_PERCENT: Final = 5.0
DEFAULT_MAX_ERRORS_ONE_WAY_PERCENT: Final = 1.0
# Below it the logarithms of the rules are not exact enough.
LEAST_POINTS: Final = 0.001
MOST_ANSWERS: Final = 10_000_000
MOST_STEPS: Final = 99


@dataclass(frozen=True)
class Expectation:
    """The split that is claimed, how closely and how surely it is tested, and how much worse the canary may be.

    Attributes:
        canary_percent: the expected share of the canary's answers, 0 to 100.
        tolerance_points: a share that is off by this many percentage points is confirmed with probability `alpha` at
            most; None for the lesser of 5 points and half of the smaller share, and for 1 point where 0 or 100 %
            is expected.
        alpha: the maximum probability of confirming a split that is off by the tolerance, and of finding a canary
            no worse that is worse by the margin.
        alpha_stop: the maximum probability of refuting a correct split with a canary that is no worse.
        max_errors_percent: the most errors with which a split is confirmed, in percent of what the canary should have
            answered, or of all answers where 0 or 100 % is expected; None for 1 at 0 or 100 %, for 5 where the split
            alone is tested, and for any number where the versions are compared.
        next_weight_percent: the canary's weight that a go-ahead is for; None for a verdict on the split alone. At 0 and
            100 % there is nothing to compare the canary with.
        margin_told: by how many percentage points the canary may err more often than stable; None for what follows from
            the next weight.
        slowness: how much slower than stable the canary may be; None where its latency is not compared.
        release_steps: how many weights between 0 and 100 % the release has, of which this is one.

    Raises:
        ExpectationError: a value is outside of its range, or no number of answers in reach could confirm the share.
    """

    canary_percent: float
    tolerance_points: float | None = None
    alpha: float = DEFAULT_ALPHA
    alpha_stop: float = DEFAULT_ALPHA_STOP
    max_errors_percent: float | None = None
    next_weight_percent: float | None = None
    margin_told: float | None = None
    slowness: Slowness | None = None
    release_steps: int = 1

    def __post_init__(self) -> None:
        """Check the ranges once, so that nothing below has to."""
        if not 0 <= self.canary_percent <= 100:
            raise ExpectationError(f"the expected share is {self.canary_percent}: give a percentage from 0 to 100")
        if not (self.one_way or LEAST_POINTS <= self.canary_percent <= 100 - LEAST_POINTS):
            raise ExpectationError(
                f"the expected share is {self.canary_percent}:"
                f" give 0, 100 or a percentage from {LEAST_POINTS:g} to {100 - LEAST_POINTS:g}"
            )
        if self.tolerance_points is not None and not LEAST_POINTS <= self.tolerance_points < 100:
            raise ExpectationError(
                f"the tolerance is {self.tolerance_points}: give {LEAST_POINTS:g} points or more, below 100"
            )
        for name, alpha in {"alpha": self.alpha, "alpha_stop": self.alpha_stop}.items():
            if not 1e-12 <= alpha <= 0.5:
                raise ExpectationError(f"{name} is {alpha}: give a probability from 1e-12 to 0.5")
        if self.max_errors_percent is not None and not 0 <= self.max_errors_percent <= 100:
            raise ExpectationError(f"the most errors are {self.max_errors_percent}: give a percentage from 0 to 100")
        self._check_margin()
        if not 1 <= self.release_steps <= MOST_STEPS:
            raise ExpectationError(f"the release has {self.release_steps:g} steps: give 1 to {MOST_STEPS}")
        if self.slowness is not None and self.next_weight_percent is None:
            raise ExpectationError("the canary's latency is to be compared, and the split alone: ask for one of them")
        self._check_reach()

    def _check_margin(self) -> None:
        """Check what the canary is compared by."""
        weight, margin = self.next_weight_percent, self.margin_told
        if weight is not None and not 0 < weight <= 100:
            raise ExpectationError(f"the next weight is {weight:g}: give a percentage above 0, up to 100")
        if weight is not None and self.compares and weight <= self.canary_percent:
            raise ExpectationError(
                f"the next weight is {weight:g}, not above the expected share of {self.canary_percent:g}: a canary"
                " that gets no more needs no go-ahead"
            )
        if margin is not None and not LEAST_POINTS <= margin < 100:
            raise ExpectationError(f"the margin is {margin:g}: give {LEAST_POINTS:g} points or more, below 100")

    def _check_reach(self) -> None:
        """Refuse what every share fulfils, and what no number of answers in reach confirms."""
        if self.tested_edges_percent == (None, None):
            raise ExpectationError(
                f"a tolerance of {self.points:g} points around {self.canary_percent:g} % allows every share:"
                " give a smaller one"
            )
        if self.least_answers > MOST_ANSWERS:
            raise ExpectationError(
                f"a tolerance of {self.points:g} points around {self.canary_percent:g} % takes some"
                f" {self.least_answers:.2g} answers, more than {MOST_ANSWERS:,}: give a larger one"
            )

    @property
    def one_way(self) -> bool:
        """Whether every answer is expected to be of one version."""
        return self.canary_percent in {0, 100}

    @property
    def compares(self) -> bool:
        """Whether the canary is compared with the stable version, too."""
        return self.next_weight_percent is not None and not self.one_way

    @property
    def stop_tests(self) -> int:
        """Among how many tests that may stop a release alpha_stop is divided.

        They are the split of each step between 0 and 100 %, the canary's errors, and its latency.
        """
        if not self.compares:
            return self.release_steps
        return self.release_steps + (1 if self.slowness is None else 2)

    @property
    def points(self) -> float:
        """The tolerance in percentage points."""
        if self.tolerance_points is not None:
            return self.tolerance_points
        if self.one_way:
            return DEFAULT_LEAK_POINTS
        return min(DEFAULT_TOLERANCE_POINTS, self.canary_percent / 2, (100 - self.canary_percent) / 2)

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
    def tested_edges_percent(self) -> tuple[float | None, float | None]:
        """The lower and the upper share that must be excluded, in percent; None where the tolerance leaves 0 to 100."""
        low, high = self.canary_percent - self.points, self.canary_percent + self.points
        return low if low >= 0 else None, high if high <= 100 else None

    @property
    def least_answers(self) -> float:
        """About the fewest answers that could confirm the share.

        -log(alpha) over the Kullback-Leibler divergence to the nearer tested edge (Wald, 1945: what a sequential test
        takes on average).
        """
        p0 = self.canary_percent / 100
        edges = [edge / 100 for edge in self.tested_edges_percent if edge is not None]
        return -log(self.alpha) / min(_divergence(p0, edge) for edge in edges)

    @property
    def most_errors_percent(self) -> float:
        """The most errors with which a split is confirmed, in the unit of `errors_percent`; infinite for any."""
        if self.max_errors_percent is not None:
            return self.max_errors_percent
        if self.one_way:
            return DEFAULT_MAX_ERRORS_ONE_WAY_PERCENT
        return inf if self.compares else DEFAULT_MAX_ERRORS_PERCENT

    def errors_percent(self, errors: int, total: int) -> float:
        """Return errors in percent of what the canary should have answered, or of all where 0 or 100 % is expected.

        Args:
            errors: answers that are neither the canary's nor the stable version's.
            total: all answers.
        """
        return 100 * errors / (total * self._share_of_errors) if errors else 0.0

    def allows_errors(self, errors: int, total: int) -> bool:
        """Return whether so few of all answers are errors that a split may be confirmed."""
        return self.errors_percent(errors, total) <= self.most_errors_percent

    def answers_for_errors(self, errors: int) -> int | None:
        """Return the least number of answers among which this number of errors is allowed, None where there is none."""
        if not errors or self.most_errors_percent == inf:
            return 0
        if not self.most_errors_percent:
            return None
        total = ceil(100 * errors / (self.most_errors_percent * self._share_of_errors))
        return total if self.allows_errors(errors, total) else total + 1

    @property
    def _share_of_errors(self) -> float:
        """The part of all answers that errors are compared with: all errors are counted against the canary."""
        return 1.0 if self.one_way else self.canary_percent / 100


def _divergence(p: float, q: float) -> float:
    """Return the Kullback-Leibler divergence of a share q from a share p, inf where q excludes what p allows."""
    if (q == 0 and p > 0) or (q == 1 and p < 1):
        return inf
    hit = p * log(p / q) if p > 0 else 0.0
    rest = (1 - p) * (log1p(-p) - log1p(-q)) if p < 1 else 0.0
    return hit + rest
