"""What must hold before a release goes on to its next weight: how much worse the canary may be, and how surely."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from canary_loadtest.core.expectation import DEFAULT_ALPHA, DEFAULT_ALPHA_STOP, LEAST_POINTS, ExpectationError

DEFAULT_NEXT_WEIGHT_PERCENT: Final = 100.0
POINTS_OF_ALL: Final = 1.0
"""How many more of all requests may err after the next step, in percentage points."""
MOST_POINTS: Final = 50.0
FEWEST_RIGHT: Final = 0.5
"""The least part of all answers that must be right: two versions that both fail are no worse than each other."""
ANSWERS_LOOKED_AT_EACH: Final = 100
LEAST_ALPHA: Final = 1e-13  # a part of what an expectation may have


@dataclass(frozen=True)
class Gate:
    """What must hold before a release goes on to its next weight.

    Attributes:
        next_weight_percent: the canary's weight that the go-ahead is for.
        margin_told: by how many percentage points the canary may err more often than stable, where it is told; None for
            what follows from the next weight.
        alpha: the most probability of a go-ahead for a canary that is worse by the margin.
        alpha_stop: the most probability of calling a canary worse that is not.

    Raises:
        ExpectationError: a value is outside of its range.
    """

    next_weight_percent: float = DEFAULT_NEXT_WEIGHT_PERCENT
    margin_told: float | None = None
    alpha: float = DEFAULT_ALPHA
    alpha_stop: float = DEFAULT_ALPHA_STOP

    def __post_init__(self) -> None:
        """Check the ranges once, so that nothing below has to."""
        if not 0 < self.next_weight_percent <= 100:
            raise ExpectationError(
                f"the next weight is {self.next_weight_percent:g}: give a percentage above 0, up to 100"
            )
        if self.margin_told is not None and not LEAST_POINTS <= self.margin_told < 100:
            raise ExpectationError(
                f"the margin is {self.margin_told:g}: give {LEAST_POINTS:g} points or more, below 100"
            )
        for name, alpha in {"alpha": self.alpha, "alpha_stop": self.alpha_stop}.items():
            if not LEAST_ALPHA <= alpha <= 0.5:
                raise ExpectationError(f"{name} is {alpha}: give a probability from {LEAST_ALPHA:g} to 0.5")

    @property
    def margin_points(self) -> float:
        """By how many percentage points the canary may err more often than stable.

        Where it is not told, it puts one point of all requests at stake at the next weight, if the excess stays: 1
        point before 100 %, 2 before 50 %, 10 before 10 %; never more than 50.
        """
        if self.margin_told is not None:
            return self.margin_told
        return min(100 * POINTS_OF_ALL / self.next_weight_percent, MOST_POINTS)

    @property
    def margin(self) -> float:
        """The margin as a fraction of 1."""
        return self.margin_points / 100


def next_look(answers: int) -> int:
    """Return after how many answers to look again: after each of the first hundred, then when there are 1 % more.

    Any choice of looks keeps the error rates that does not depend on answers; this one makes looks cheap and late by
    1 % at most.

    Args:
        answers: how many there were at this look.
    """
    if answers < ANSWERS_LOOKED_AT_EACH:
        return answers + 1
    return ceil(answers * 1.01)
