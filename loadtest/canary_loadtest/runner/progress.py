"""Records the course of a running test and prints a line about it every two seconds."""

import sys
from collections.abc import Callable
from itertools import count
from typing import Final

import gevent

from canary_loadtest.core.session import Session
from canary_loadtest.output.language import told
from canary_loadtest.output.report import progress_line

LOOK_SECONDS: Final = 0.25
LOOKS_PER_LINE: Final = 8


def follow(record: Callable[[], Session], run_time_seconds: float | None) -> None:
    """Record and print until the greenlet that does it is killed.

    Args:
        record: adds what is known now to the history, and returns the measurement.
        run_time_seconds: how long it lasts, None for a test without an end.
    """
    counted = 0
    for look in count(1):
        gevent.sleep(LOOK_SECONDS)
        session = record()
        if look % LOOKS_PER_LINE:
            continue
        total = session.tally.total
        rate, counted = (total - counted) / (LOOK_SECONDS * LOOKS_PER_LINE), total
        left = run_time_seconds - look * LOOK_SECONDS if run_time_seconds else None
        print(told(progress_line(session, rate, left)), file=sys.stderr, flush=True)
