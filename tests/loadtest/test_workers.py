"""Counts of many workers put together: `canary_loadtest.core.workers` and the session that looks at them."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.core.workers import WorkerReport, Workers

Spread = Sequence[tuple[str, int]]
labels = st.sampled_from([CANARY, CANARY, STABLE, STABLE, STABLE, STABLE, "status_503"])
spread_answers = st.lists(st.tuples(labels, st.integers(0, 7)), max_size=300)


def report_of(answers: Spread, worker: int, unfinished: int = 0, *, final: bool = True) -> WorkerReport:
    """Return the report of one worker over its part of the answers."""
    tally = Tally()
    for label, owner in answers:
        if owner == worker:
            tally.add(Answer(label))
    return WorkerReport(tally, unfinished, final)


def verdict_of(workers: Workers, canary_percent: float = 30) -> Verdict:
    """Return the verdict of one look at all the workers."""
    session = Session(Expectation(canary_percent))
    session.look_at(workers.merged(), held_back=workers.held_back(), unfinished=workers.unfinished())
    return session.verdict()


@given(answers=spread_answers)
def test_any_spread_of_the_answers_gives_the_same_verdict(answers: Spread) -> None:
    """However answers are spread over workers, counts and verdict are those of one process."""
    workers = Workers()
    for worker in range(8):
        workers.take(str(worker), report_of(answers, worker))
    alone = Session(Expectation(30))
    alone.add_all(report_of([(label, 0) for label, _ in answers], 0).tally)
    assert verdict_of(workers) == alone.verdict()


@given(answers=spread_answers, cuts=st.lists(st.integers(0, 300), max_size=5), repeats=st.integers(1, 3))
def test_reports_lost_or_doubled_do_no_harm(answers: Spread, cuts: Sequence[int], repeats: int) -> None:
    """A worker reports all that it has counted each time, so that only its last report counts, also when repeated."""
    workers = Workers()
    for cut in sorted(cuts):
        for _ in range(repeats):
            workers.take("0", report_of([(label, 0) for label, _ in answers[:cut]], 0, final=False))
    last = report_of([(label, 0) for label, _ in answers], 0)
    workers.take("0", last)
    assert workers.merged() == last.tally


@given(answers=spread_answers, unfinished=st.integers(0, 9), final=st.booleans())
def test_a_report_survives_the_way_to_the_master(answers: Spread, unfinished: int, final: bool) -> None:  # noqa: FBT001 - Hypothesis gives it
    """A report written as a message and read again is the same."""
    report = report_of([(label, 0) for label, _ in answers], 0, unfinished, final=final)
    message: dict[str, Any] = report.to_dict()
    assert WorkerReport.from_dict(message) == report


def test_a_late_report_does_not_replace_the_final_one() -> None:
    """What a worker has called final stays."""
    workers = Workers()
    workers.take("0", report_of([(CANARY, 0)] * 9, 0))
    workers.take("0", report_of([(CANARY, 0)] * 5, 0, final=False))
    assert workers.merged().canary == 9


def test_workers_that_say_nothing_are_known_by_name() -> None:
    """A worker that takes part and never reports is silent; one that has not reported its last counts is unfinished."""
    workers = Workers()
    for name in ("a", "b", "c"):
        workers.expect(name)
    workers.take("a", report_of([], 0))
    workers.take("b", report_of([], 0, final=False))
    assert workers.silent == ["c"]
    assert workers.without_final == ["b", "c"]


def test_each_worker_that_waits_holds_back_one_answer() -> None:
    """An answer that a worker waits for counts as unlabelled, so that it could be of either version."""
    workers = Workers()
    workers.take("a", WorkerReport(Tally(stable=299), unfinished=3, final=True))
    assert workers.held_back() == 1
    assert verdict_of(workers, canary_percent=0).outcome is Outcome.INCONCLUSIVE
    workers = Workers()
    workers.take("a", WorkerReport(Tally(stable=299), unfinished=0, final=True))
    assert verdict_of(workers, canary_percent=0).outcome is Outcome.CONFIRMED


def test_workers_stuck_at_a_leak_do_not_confirm_that_there_is_none() -> None:
    """If each leaked answer hangs, every worker counts only what came before its first leak: no proof of no leak."""
    workers = Workers()
    for number in range(100):
        workers.take(str(number), WorkerReport(Tally(stable=20), unfinished=1, final=True))
    assert workers.merged().stable == 2000
    assert verdict_of(workers, canary_percent=0).outcome is Outcome.INCONCLUSIVE
