"""The split that is claimed, and how closely and how surely it is tested."""

from dataclasses import dataclass
from typing import Final

DEFAULT_TOLERANCE_POINTS: Final = 5.0
DEFAULT_LEAK_POINTS: Final = 1.0
DEFAULT_ALPHA: Final = 0.05
# Below it the logarithms of the rules are not exact enough, and a verdict would take billions of answers.
LEAST_TOLERANCE_POINTS: Final = 0.001


class ExpectationError(ValueError):
    """An expectation that cannot be tested; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Expectation:
    """The split that is claimed, and how closely and how surely it is tested.

    Attributes:
        canary_percent: the expected share of the canary's answers, 0 to 100.
        tolerance_points: a share that is off by this many percentage points is confirmed with probability `alpha` at
            most; None for 5 points, or for 1 point where 0 or 100 % is expected.
        alpha: the maximum probability of either error: refuting a correct split, or confirming a wrong one.

    Raises:
        ExpectationError: a value is outside of its range.
    """

    canary_percent: float
    tolerance_points: float | None = None
    alpha: float = DEFAULT_ALPHA

    def __post_init__(self) -> None:
        """Check the ranges once, so that nothing below has to."""
        if not 0 <= self.canary_percent <= 100:
            raise ExpectationError(f"the expected share is {self.canary_percent}: give a percentage from 0 to 100")
        if self.tolerance_points is not None and not LEAST_TOLERANCE_POINTS <= self.tolerance_points < 100:
            raise ExpectationError(
                f"the tolerance is {self.tolerance_points}: give {LEAST_TOLERANCE_POINTS} points or more, below 100"
            )
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
