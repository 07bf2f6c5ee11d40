"""What must hold before a release goes on to its next weight: how much worse the canary may be, and how surely."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from canary_loadtest.core.expectation import (
    DEFAULT_ALPHA,
    DEFAULT_ALPHA_STOP,
    DEFAULT_NEXT_WEIGHT_PERCENT,
    Expectation,
)

POINTS_OF_ALL: Final = 1.0
"""How many more of all requests may err after the next step, in percentage points."""
MOST_POINTS: Final = 50.0
FEWEST_RIGHT: Final = 0.5
"""The least part of all answers that must be right: two versions that both fail are no worse than each other."""
ANSWERS_LOOKED_AT_EACH: Final = 100


@dataclass(frozen=True)
class Gate:
    """What must hold before a release goes on to its next weight.

    Attributes:
        next_weight_percent: the canary's weight that the go-ahead is for.
        margin_told: by how many percentage points the canary may err more often than stable, where it is told; None for
            what follows from the next weight.
        alpha: the most probability of a go-ahead for a canary that is worse by the margin.
        alpha_stop: the most probability of calling a canary worse that is not: the part of an expectation's that this
            test has.
    """

    next_weight_percent: float = DEFAULT_NEXT_WEIGHT_PERCENT
    margin_told: float | None = None
    alpha: float = DEFAULT_ALPHA
    alpha_stop: float = DEFAULT_ALPHA_STOP

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


def gate_of(expectation: Expectation) -> Gate | None:
    """Return what the canary must pass, None where it is not compared with the stable version."""
    if not expectation.compares or expectation.next_weight_percent is None:
        return None
    return Gate(
        expectation.next_weight_percent,
        expectation.margin_told,
        expectation.alpha,
        expectation.alpha_stop / expectation.stop_tests,
    )


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
