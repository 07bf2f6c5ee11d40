"""The limit of `--max-rate`: the requests of all users of a process take turns, evenly spaced."""

import argparse
import math
import time
from collections.abc import Callable
from typing import Final

import gevent
from gevent.lock import BoundedSemaphore

# The number of workers, among which the rate is shared; it travels with the options.
WORKERS: Final = "canary_workers"


class Pacer:
    """Lets one user after another send a request, the next one not before an interval of the rate has passed.

    A user that comes late does not make the others hurry: within any time there are never more requests than the rate
    allows, and one.
    """

    def __init__(
        self,
        rate_per_second: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        """Begin with a request that need not wait.

        Args:
            rate_per_second: returns the rate; asked before each request, because it may change.
            clock: returns the time in seconds.
            sleep: waits for some seconds, or a little less.
        """
        self._rate_per_second = rate_per_second
        self._clock = clock
        self._sleep = sleep
        self._last = -math.inf
        self._queue = BoundedSemaphore()

    def wait(self) -> float:
        """Wait for the turn of the request that is sent next; return how many seconds after its turn it comes."""
        with self._queue:
            while (seconds := self._last + 1 / self._rate_per_second() - self._clock()) > 0:
                self._sleep(seconds)
            before, self._last = self._last, self._clock()
            return max(0.0, self._last - before - 1 / self._rate_per_second()) if before > -math.inf else 0.0


def pacer_of(options: argparse.Namespace) -> Pacer:
    """Return the pacer of a process: its share of `--max-rate`, as the options state it at each moment."""
    return Pacer(lambda: options.max_rate / getattr(options, WORKERS, 1))
