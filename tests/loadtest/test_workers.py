"""One order of requests over many workers: `canary_loadtest.core.workers`, and the recorder of each worker."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.recorder import Recorder
from canary_loadtest.core.session import Session
from canary_loadtest.core.workers import WorkerReport, Workers
from tests.loadtest.simulation import REPORT_SECONDS, Ask, DistributedSimulation, Response

MOST_LATE = 2_000_000_000
"""How many nanoseconds the clocks of the tests are apart at most."""


@dataclass
class Run:
    """A test of workers with clocks of their own, which a test moves; times are nanoseconds.

    Attributes:
        ahead: by how much each worker's clock is ahead of the others.
        now: the time since the start of the test.
        workers: what the master knows.
        started: all requests, in order: ticket, worker.
        counted: the labels of the answers that the master has counted.
    """

    ahead: Sequence[int]
    now: int = 0
    workers: Workers = field(default_factory=Workers)
    started: list[tuple[int, str]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    recorders: dict[str, Recorder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin on every worker."""
        for worker, ahead in enumerate(self.ahead):
            self.now = -ahead
            self.recorders[str(worker)] = Recorder(lambda: self.now)
            self.workers.expect(str(worker))
        self.now = 0

    def start(self, worker: str) -> int:
        """Send a request on a worker."""
        ticket = self.recorders[worker].start()
        self.started.append((ticket, worker))
        return ticket

    def answer(self, worker: str, ticket: int) -> None:
        """Answer a request, by the name of it."""
        self.recorders[worker].finish(ticket, Answer(f"{worker} {ticket}"))

    def deliver(self, worker: str, report: WorkerReport) -> int:
        """Let the master have a report and count, and return what it acknowledges."""
        received = self.workers.take(worker, report, self.now)
        self.counted += [answer.label for answer in self.workers.in_order(self.recorders)]
        return received

    def report(self, worker: str) -> None:
        """Let a worker report, without any loss."""
        recorder = self.recorders[worker]
        recorder.acknowledge(self.deliver(worker, recorder.report()))

    def finish(self) -> None:
        """Close and report on each worker."""
        for worker, recorder in self.recorders.items():
            recorder.close()
            self.report(worker)

    def order_until(self, unanswered: Sequence[tuple[int, str]]) -> list[str]:
        """Return the labels of all requests before the first of the unanswered ones, in the one order."""
        first = min(unanswered, default=(self.now + 2 * MOST_LATE, ""))[0]
        return [f"{worker} {ticket}" for ticket, worker in sorted(self.started) if ticket < first]


steps = st.lists(
    st.tuples(
        st.integers(0, 7),  # worker
        st.sampled_from(["start", "start", "answer", "answer", "report", "lost", "doubled", "kept", "late", "deaf"]),
        st.integers(0, 1_000_000_000),  # how much time has passed since the last step
        st.integers(0, 7),  # which request of those under way
    ),
    max_size=120,
)


@given(ahead=st.lists(st.integers(0, MOST_LATE), min_size=1, max_size=8), course=steps)
def test_what_is_counted_is_always_a_prefix_of_one_order(
    ahead: list[int], course: list[tuple[int, str, int, int]]
) -> None:
    """By any clocks, and with reports and acknowledgements lost, doubled and late, nothing comes out of order."""
    run = Run(ahead)
    under_way: list[tuple[int, str]] = []
    kept: list[tuple[str, WorkerReport, int]] = []
    for number, what, passed, which in course:
        worker = str(number % len(ahead))
        recorder = run.recorders[worker]
        run.now += passed
        if what == "start":
            under_way.append((run.start(worker), worker))
        elif what == "answer" and under_way:
            ticket, owner = under_way.pop(which % len(under_way))
            run.answer(owner, ticket)
        elif what == "report":
            run.report(worker)
        elif what == "lost":
            recorder.report()
        elif what == "deaf":
            run.deliver(worker, recorder.report())
        elif what == "doubled":
            run.deliver(worker, recorder.report())
            run.report(worker)
        elif what == "kept":
            report = recorder.report()
            kept.append((worker, report, report.acknowledged))
        elif kept:
            owner, report, acknowledged = kept.pop(0)
            run.deliver(owner, report)
            run.recorders[owner].acknowledge(acknowledged)
        assert run.counted == sorted(run.counted, key=order_of)
        assert set(run.counted).isdisjoint(f"{owner} {ticket}" for ticket, owner in under_way)
    run.finish()
    assert run.counted == run.order_until(under_way)
    assert run.workers.unfinished == len(run.started) - len(run.counted)


def order_of(label: str) -> tuple[int, str]:
    """Return where a label is in the one order."""
    worker, ticket = label.split()
    return int(ticket), worker


answers = st.builds(
    Answer,
    label=st.sampled_from([CANARY, STABLE, "status_503"]),
    route=st.sampled_from(["", "70-30"]),
    previous=st.sampled_from([None, "", CANARY, STABLE, "status_503"]),
    destination=st.sampled_from(["", CANARY, STABLE]),
    seconds=st.none() | st.floats(0, 60),
    scheduled_seconds=st.none() | st.floats(0, 60),
)


@given(sequence=st.lists(answers, max_size=40), closed=st.booleans(), waits=st.booleans())
def test_a_report_survives_the_way_to_the_master(
    sequence: list[Answer],
    closed: bool,  # noqa: FBT001 - Hypothesis gives it
    waits: bool,  # noqa: FBT001 - as above
) -> None:
    """A report that travels as Locust's message is the same, with routes and what connections need."""
    recorder = Recorder(lambda: 0)
    for answer in sequence:
        recorder.finish(recorder.start(), answer)
    if waits:
        recorder.start()
    if closed:
        recorder.close()
    report = recorder.report()
    assert WorkerReport.from_dict(msgpack.loads(msgpack.dumps(report.to_dict()))) == report
    assert [answer for _, answer in report.answers] == sequence


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_one_slow_answer_on_each_worker_is_not_hidden(count: int) -> None:
    """What was sent after the first slow request waits on all workers, and then no slow answer is missing."""
    run = Run([worker * MOST_LATE // count for worker in range(count)])
    slow = []
    for moment in range(1, 20):
        run.now = moment * 1_000_000_000
        for worker in run.recorders:
            ticket = run.start(worker)
            if moment == 8:
                slow.append((ticket, worker))
            else:
                run.answer(worker, ticket)
    for worker in run.recorders:
        run.report(worker)
    assert run.counted == run.order_until(slow)
    assert run.counted
    for ticket, worker in slow:
        run.answer(worker, ticket)
    run.finish()
    assert {f"{worker} {ticket}" for ticket, worker in slow} <= set(run.counted)
    assert len(run.counted) == 19 * count


def test_nothing_counts_until_every_worker_has_reported() -> None:
    """A worker that says nothing yet may have sent the first request of all."""
    run = Run([0, 0])
    run.answer("0", run.start("0"))
    run.now = 1
    run.report("0")
    assert run.counted == []
    run.report("1")
    assert run.counted == ["0 0"]


def test_a_late_report_does_not_replace_the_final_one() -> None:
    """What a worker has called final stays."""
    run = Run([0])
    run.answer("0", run.start("0"))
    early = run.recorders["0"].report()
    run.answer("0", run.start("0"))
    run.start("0")
    run.finish()
    run.deliver("0", early)
    assert run.workers.without_final == []
    assert (len(run.counted), run.workers.unfinished) == (2, 1)


def test_answers_after_the_last_report_are_not_counted() -> None:
    """Between its last report and its end a worker takes no answer, and its requests hold nothing back."""
    run = Run([0])
    ticket = run.start("0")
    run.finish()
    run.answer("0", ticket)
    run.answer("0", run.start("0"))
    run.report("0")
    assert (run.counted, run.workers.unfinished) == ([], 1)


def test_a_worker_that_joins_later_counts_from_then_on() -> None:
    """Its clock begins at zero, which holds back nothing of the others, and its own answers come after theirs."""
    run = Run([0])
    run.now = 60_000_000_000
    before = [run.start("0") for _ in range(5)]
    run.recorders["late"] = Recorder(lambda: run.now)
    joined = run.recorders["late"].start()
    run.now += 1000
    for ticket in before:
        run.answer("0", ticket)
    run.answer("late", joined)
    run.report("late")
    run.report("0")
    assert run.counted == [f"0 {ticket}" for ticket in before]
    run.now += 1000
    later = run.start("0")
    run.answer("0", later)
    run.finish()
    assert sorted(run.counted[5:]) == sorted([f"0 {later}", f"late {joined}"])
    assert run.workers.names == ["0", "late"]


def test_a_lost_worker_is_named_and_holds_back_nothing() -> None:
    """Once Locust misses it, the others' answers count; what it sends if it returns counts then."""
    run = Run([0, 0])
    lost = run.start("1")
    run.now = 1
    for _ in range(3):
        run.answer("0", run.start("0"))
    run.report("1")
    run.now = 9
    run.report("0")
    assert run.counted == []
    assert len([*run.workers.in_order(alive={"0"})]) == 3
    assert run.workers.without_final == ["0", "1"]
    run.answer("1", lost)
    run.finish()
    assert run.counted == [f"1 {lost}"]
    assert run.workers.without_final == []


def test_memory_is_bounded_by_what_one_timeout_lets_pass() -> None:
    """However long a test is, the recorders and the master keep only what waits or is not acknowledged."""
    run = Run([0, MOST_LATE])
    sizes = []
    slow: tuple[str, int] | None = None
    for moment in range(100):
        run.now += 1_000_000_000
        if slow:
            run.answer(*slow)
        slow = ("0", run.start("0"))
        for worker in run.recorders:
            for _ in range(10):
                run.answer(worker, run.start(worker))
            run.report(worker)
        if moment >= 10:
            kept = [vars(recorder) | {"_clock": None} for recorder in run.recorders.values()]
            sizes.append(len(pickle.dumps((run.workers, kept))))
    assert max(sizes) < 1.2 * sizes[0]


def routed_all(ask: Ask, label: str) -> Response:
    """Answer as one version, some thirty times between two reports."""
    return Response(label, ask.random.uniform(0.5, 1.5) * REPORT_SECONDS / 30)


@pytest.mark.parametrize("workers", [1, 4, 8])
@pytest.mark.parametrize(("canary_percent", "label"), [(0, STABLE), (100, CANARY)])
def test_zero_and_a_hundred_percent_take_no_more_answers_by_many_workers(
    workers: int, canary_percent: int, label: str
) -> None:
    """As many answers count as in one process, and beyond them only what is in flight or between two reports."""
    alone = Session(Expectation(canary_percent))
    while not alone.decided:
        alone.add(Answer(label))
    session = Session(Expectation(canary_percent))
    simulation = DistributedSimulation(session, partial(routed_all, label=label), seed=1, workers=workers)
    users = 2 * workers
    verdict = simulation.run(users, 10_000)
    assert verdict.outcome is Outcome.CONFIRMED
    assert verdict.tally == alone.tally
    # In order is what all workers have reported, which is as old as the oldest report; clocks add as much here.
    assert simulation.sent <= alone.tally.total + users + 2 * simulation.most_between_reports
