"""Faults for teaching: whether a call is answered late, refused, or both, so that a canary has something to show.

`routes` draws one for each call when a fault is configured and carries it out; nothing here waits, answers or
reads a clock, so every share and bound is tested as arithmetic.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .settings import Settings


class Fault(NamedTuple):
    """What one call suffers.

    Attributes:
        delay_seconds: How long its answer is held back; 0 for not at all.
        is_error: Whether it is answered as a failure of the service.
    """

    delay_seconds: float
    is_error: bool

    @property
    def label(self) -> str:
        """Name what was injected, as the answer and the log say it: "delay", "error", "delay, error" or ""."""
        kinds = (("delay", self.delay_seconds > 0), ("error", self.is_error))
        return ", ".join(kind for kind, is_injected in kinds if is_injected)


def are_configured(settings: "Settings") -> bool:
    """Tell whether any call can suffer a fault: when none can, none need be drawn."""
    return settings.error_ratio > 0 or settings.delay_seconds > 0 or settings.delay_jitter_seconds > 0


def draw_fault(settings: "Settings", uniform: Callable[[], float]) -> Fault:
    """Decide what one call suffers; delay and error are independent of each other.

    Args:
        settings: The share of errors (0 to 1), the constant delay and the most that jitter adds, both in seconds.
        uniform: Gives independent numbers, uniform from 0 to below 1, such as `random.random`; called twice.

    Returns:
        The fault: an error with the probability of the share, exactly never at 0 and always at 1, and a delay
        uniform from the constant to the constant plus the jitter.
    """
    return Fault(
        delay_seconds=settings.delay_seconds + settings.delay_jitter_seconds * uniform(),
        is_error=uniform() < settings.error_ratio,
    )
