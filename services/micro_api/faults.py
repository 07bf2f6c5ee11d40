"""Faults for teaching: which calls are answered late, with an error, or both.

Nothing here waits, answers or reads a clock, so that shares and limits can be tested as arithmetic.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .settings import Settings


class Fault(NamedTuple):
    """The fault of one call.

    Attributes:
        delay_seconds: how long its answer is delayed; 0 for no delay.
        is_error: whether it is answered as a failure of the service.
    """

    delay_seconds: float
    is_error: bool

    @property
    def label(self) -> str:
        """The name of the fault in the answer and the log: "delay", "error", "delay, error" or ""."""
        kinds = (("delay", self.delay_seconds > 0), ("error", self.is_error))
        return ", ".join(kind for kind, is_injected in kinds if is_injected)


def are_configured(settings: "Settings") -> bool:
    """Return whether any call can have a fault."""
    return settings.error_ratio > 0 or settings.delay_seconds > 0 or settings.delay_jitter_seconds > 0


def draw_fault(settings: "Settings", uniform: Callable[[], float]) -> Fault:
    """Return a random fault; delay and error are independent of each other.

    Args:
        settings: the share of errors (0 to 1), the constant delay and the largest jitter, both in seconds.
        uniform: returns independent numbers, uniform from 0 to below 1, like `random.random`; called twice.

    Returns:
        The fault: an error with the probability of the share (never at 0, always at 1), and a delay, uniform from the
        constant to the constant plus the jitter.
    """
    return Fault(
        delay_seconds=settings.delay_seconds + settings.delay_jitter_seconds * uniform(),
        is_error=uniform() < settings.error_ratio,
    )
