"""What grows and what does not: a session with its answers, a merge with its workers, a verdict with its tolerance."""

import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from random import Random
from statistics import median

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.rules import rule_for
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.workers import WorkerReport, Workers
from scripts.bench.budget import Budget
from scripts.bench.page import Section, Table, number
from scripts.statistics.calibrate import horizon
from scripts.statistics.lattice import walk

SEED = 11
WORKERS = (1, 2, 4, 8, 16, 32, 64)
TOLERANCES = (10.0, 5.0, 3.0, 2.0, 1.0)
REPEATS = 21
UNDECIDED = Expectation(30, 0.01)
ROUTE = "70-30"

METHOD = """\
A session takes answers at 70/30 in the order of their requests and stays undecided, so that it looks at its rules
after each one; its memory is what Python allocated for it (tracemalloc, in a run of its own). A master merges the
reports of its workers at each look. The answers that a right 70/30 takes on average until its verdict are exact."""


def _feed(session: Session, count: int) -> None:
    draw = Random(SEED)  # noqa: S311 - a simulation
    for _ in range(count):
        session.finish(session.start(), Answer(CANARY if draw.random() < 0.3 else STABLE, ROUTE))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def session_cost(count: int) -> tuple[float, int]:
    """Return what a session of `count` answers takes: seconds, and the most bytes that it ever held."""
    seconds = _seconds(lambda: _feed(Session(UNDECIDED), count))
    tracemalloc.start()
    try:
        _feed(Session(UNDECIDED), count)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return seconds, most_bytes


def workers_of(count: int) -> Workers:
    """Return the reports of so many workers, as a master holds them."""
    workers = Workers()
    for index in range(count):
        tally = Tally(300 + index, 700, Counter({"status_503": 3, "timeout": 1}), Counter({"70-30": 1000 + index}))
        workers.take(f"worker-{index}", WorkerReport(tally, unfinished=index % 2, final=False))
    return workers


def merge_microseconds(count: int) -> float:
    """Return how long the master takes to merge so many workers: the median of several merges."""
    workers = workers_of(count)
    return 1e6 * median(_seconds(workers.merged) for _ in range(REPEATS))


def mean_answers(tolerance_points: float) -> float:
    """Return how many answers a right 70/30 takes on average until its verdict."""
    expectation = Expectation(30, tolerance_points)
    return walk(rule_for(expectation), expectation.band, 0.3, 2 * horizon(expectation)).mean_answers


def measure(budget: Budget) -> Section:
    """Measure all three."""
    session_rows = []
    for count in budget.growth_answers:
        seconds, most_bytes = session_cost(count)
        session_rows.append((number(count), f"{1e6 * seconds / count:.2f}", f"{most_bytes / 1024:.1f}"))
    worker_rows = [(number(count), f"{merge_microseconds(count):.0f}") for count in WORKERS]
    tolerances = TOLERANCES if budget.thorough else TOLERANCES[:2]
    tolerance_rows = [(f"±{points:g}", number(mean_answers(points))) for points in tolerances]
    tables = [
        Table(("answers", "µs each", "most KiB held"), session_rows),
        Table(("workers", "µs to merge"), worker_rows),
        Table(("tolerance, points", "answers on average"), tolerance_rows),
    ]
    notes = [
        (
            "Half the tolerance takes four times the answers: that is the law of large numbers, not the tool. Splits"
            " that `scripts/statistics/calibrate.py` does not list, here ±3 and ±1, take 1/alpha as thresholds and a"
            " seventh more than they would."
        )
    ]
    return Section("Growth", METHOD, tables, notes)
