"""Where something changes: searches by halving, for numbers of answers and for real numbers."""

from collections.abc import Callable
from typing import Final

HALVINGS: Final = 60


def least_number(holds: Callable[[int], bool], is_in_sight: Callable[[int], bool]) -> int | None:
    """Return the least number from 1 on for which a condition holds, None where it is not in sight.

    It is doubled until the condition holds, and then halved: exact where the condition goes on to hold.

    Args:
        holds: the condition.
        is_in_sight: whether a number may be tried.
    """
    number = 1
    while not holds(number):
        number *= 2
        if not is_in_sight(number):
            return None
    low, high = number // 2, number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def boundary(
    holds: Callable[[float], bool], inside: float, outside: float, halvings: int = HALVINGS
) -> tuple[float, float]:
    """Return the two numbers next to each other between which a condition ends to hold, by bisection.

    Args:
        holds: the condition, which holds at `inside` and on the way until it ends.
        inside: where to begin; it may be larger than `outside`.
        outside: where the condition does not hold, or where the search ends.
        halvings: how often the distance is halved.
    """
    for _ in range(halvings):
        middle = (inside + outside) / 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside, outside
