"""What follows a Locust process from test to test: alone, as the master of workers, or as one of them.

Called by `listeners`, which are Locust's way to tell what happens, and by `user`, which hands over the answers.
"""

import argparse
import sys
import time
from typing import Any, Protocol

import gevent
from locust.runners import MasterRunner, Runner, WorkerRunner

from . import report
from .options import expectation_of
from .session import Session, Verdict
from .tally import Answer, StartOrder, Tally
from .verdict import ExpectationError
from .workers import WorkerReport, Workers

PROGRESS_SECONDS = 2.0
FINAL_COUNTS_SECONDS = 10.0
EPOCH = "canary_epoch"
FINISH_MESSAGE = "canary_finish"
FINAL_MESSAGE = "canary_final"
RESET_MESSAGE = "canary_reset"


class Counter(Protocol):
    """What a user hands its answers to."""

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        ...

    def finish(self, ticket: int, answer: Answer) -> None:
        """Take the answer to the request with `ticket`."""
        ...


class Recorder:
    """Counts a worker's answers in the order of their requests, and leaves the verdict to the master."""

    def __init__(self, route: str | None) -> None:
        """Begin with no answer; `route` as in `Session`."""
        self._tally = Tally()
        self._order = StartOrder()
        self._route = route
        self._final: WorkerReport | None = None

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        return self._order.start()

    def finish(self, ticket: int, answer: Answer) -> None:
        """Take the answer to the request with `ticket`; once the recorder is closed, for nothing."""
        for next_answer in self._order.finish(ticket, answer):
            self._tally.add(next_answer.label, next_answer.route, self._route, next_answer.previous)

    def close(self) -> None:
        """Stop counting: what is counted now is final."""
        self._final = self._final or WorkerReport(self._tally.copy(), self._order.unfinished, final=True)

    def report(self) -> WorkerReport:
        """Return what is counted so far, or at the end."""
        return self._final or WorkerReport(self._tally, self._order.unfinished, final=False)


class WorkerRun:
    """A process that only counts."""

    def __init__(self, options: argparse.Namespace, runner: WorkerRunner) -> None:
        """Attach to a Locust worker."""
        self.options = options
        self._runner = runner
        self.counter: Recorder = Recorder(None)
        runner.register_message(FINISH_MESSAGE, self._finish)
        runner.register_message(RESET_MESSAGE, self._reset)

    def begin(self) -> None:
        """Start counting from nothing, with the options that the master has sent."""
        self.counter = Recorder(self.options.route or None)

    def end(self) -> None:
        """Stop counting."""
        self.counter.close()

    def answer_counted(self, counter: Counter) -> None:
        """Do nothing: the master looks at the counts."""

    def payload(self) -> dict[str, Any]:
        """Return what travels to the master with a report: the counts, and of which test they are."""
        return {EPOCH: getattr(self.options, EPOCH, 0), **self.counter.report().to_dict()}

    def _finish(self, **_: object) -> None:
        self.counter.close()
        self._runner.send_message(FINAL_MESSAGE, self.payload())

    def _reset(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        setattr(self.options, EPOCH, msg.data[EPOCH])
        self.begin()


class JudgingRun:
    """A process that tests alone: it counts, looks and says the verdict."""

    def __init__(self, options: argparse.Namespace, runner: Runner) -> None:
        """Attach to a Locust runner.

        Args:
            options: Locust's options and those of `add_locust_options`, parsed.
            runner: what is to be stopped when the verdict is certain.
        """
        self.options = options
        self.counter = self._new_session()
        self._runner = runner
        self._progress: gevent.Greenlet[..., Any] | None = None
        self._stopping = False
        self._running = False
        self._interrupted = False

    def _new_session(self) -> Session:
        return Session(expectation_of(self.options), self.options.route or None, keep_going=self.options.keep_going)

    def begin(self) -> None:
        """Start counting from nothing: a test starts, perhaps the second one of this process."""
        self.end_progress()
        self._stopping = self._interrupted = False
        self._running = True
        try:
            self.counter = self._new_session()
        except ExpectationError as problem:  # the web UI takes any text
            print(f"not started: {problem}", file=sys.stderr, flush=True)
            gevent.spawn(self._runner.stop)
            return
        self._progress = gevent.spawn(self._report_progress)

    def reset(self) -> None:
        """Begin anew in the middle of a test, as the button of the web UI asks."""
        self.begin()

    def finish(self) -> None:
        """Gather what is still to be counted, before the users are stopped: here nothing."""

    def end(self) -> None:
        """Stop the progress; with the web UI, where the process lives on, show the verdict now."""
        self._running = False
        self.end_progress()
        if not self.options.headless:
            print(report.table(self.verdict()), flush=True)

    def end_progress(self) -> None:
        """Stop reporting progress."""
        if self._progress is not None:
            self._progress.kill(block=False)
            self._progress = None

    def answer_counted(self, counter: Counter) -> None:
        """End the test once its verdict is certain."""
        if counter is self.counter:
            self.stop_when_decided()

    def stop_when_decided(self) -> None:
        """End the test once its verdict is certain, unless it is to go on."""
        if not self.counter.decided or self.counter.keep_going or self._stopping:
            return
        self._stopping = True
        # From a greenlet of its own: a task that stops the run is killed halfway, and the run goes on without it.
        gevent.spawn(self._runner.quit if self.options.headless else self._runner.stop)

    def interrupt(self) -> None:
        """Note that somebody ends the test by hand: what was to be measured is not."""
        self._interrupted = self._running

    def verdict(self) -> Verdict:
        """Return the verdict so far, which is none of a test that was interrupted."""
        return self.counter.verdict(objection=self._objection())

    def _objection(self) -> str:
        return "interrupted before the end of the test" if self._interrupted and self.counter.decided else ""

    def _report_progress(self) -> None:
        counted = 0
        seconds = 0.0
        while True:
            gevent.sleep(PROGRESS_SECONDS)
            seconds += PROGRESS_SECONDS
            total = self.counter.tally.total
            rate, counted = (total - counted) / PROGRESS_SECONDS, total
            left = self.options.run_time - seconds if self.options.run_time else None
            print(report.progress_line(self.counter, rate, left), file=sys.stderr, flush=True)


class MasterRun(JudgingRun):
    """The process that judges what its workers count."""

    def __init__(self, options: argparse.Namespace, runner: MasterRunner) -> None:
        """Attach to a Locust master."""
        super().__init__(options, runner)
        self._master = runner
        self._workers = Workers()
        setattr(options, EPOCH, 0)
        runner.register_message(FINAL_MESSAGE, self._take_final)

    def begin(self) -> None:
        """Start counting from nothing, on every worker: the epoch travels to them with Locust's own start message."""
        setattr(self.options, EPOCH, getattr(self.options, EPOCH) + 1)
        self._workers = Workers()
        for worker in self._master.clients:
            self._workers.expect(worker)
        super().begin()

    def reset(self) -> None:
        """Begin anew in the middle of a test, here and on every worker."""
        self.begin()
        self._master.send_message(RESET_MESSAGE, {EPOCH: getattr(self.options, EPOCH)})

    def take(self, worker: str, payload: dict[str, Any] | None) -> None:
        """Take a worker's report; one of another test is worth nothing."""
        if payload is None or payload[EPOCH] != getattr(self.options, EPOCH):
            return
        self._workers.take(worker, WorkerReport.from_dict(payload))
        if not self._workers.silent:
            self._look()
            self.stop_when_decided()

    def finish(self) -> None:
        """Ask every worker that lives for its last counts, and wait for them."""
        self._master.send_message(FINISH_MESSAGE)
        deadline = time.monotonic() + FINAL_COUNTS_SECONDS
        while any(worker in self._alive() for worker in self._workers.without_final) and time.monotonic() < deadline:
            gevent.sleep(0.02)
        self._look()

    def _objection(self) -> str:
        if not self._workers.names:
            return "no worker took part in the test"
        if missing := self._workers.without_final:
            return f"the last counts of {', '.join(missing)} never came: killed, cut off or too late"
        return super()._objection()

    def _alive(self) -> set[str]:
        clients = self._master.clients
        return {client.id for client in [*clients.ready, *clients.running, *clients.spawning]}

    def _take_final(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        self.take(msg.node_id, msg.data)

    def _look(self) -> None:
        workers = self._workers
        self.counter.look_at(workers.merged(), held_back=workers.held_back(), unfinished=workers.unfinished())
