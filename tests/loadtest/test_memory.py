"""The memory of a session does not grow with its answers."""

import tracemalloc

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.session import Session


def most_bytes(count: int) -> int:
    """Return the most memory that a session of `count` answers ever held, in bytes."""
    tracemalloc.start()
    try:
        session = Session(Expectation(30, 0.05))  # too narrow a tolerance for a verdict
        for index in range(count):
            session.finish(session.start(), Answer(CANARY if index % 10 < 3 else STABLE, "70-30"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_session_holds_no_more_for_more_answers() -> None:
    """Ten times the answers take the same memory, to a kibibyte."""
    most_bytes(10_000)  # fills the lists in which the interpreter keeps freed objects for the next ones
    assert most_bytes(10_000) < most_bytes(1000) + 1024
