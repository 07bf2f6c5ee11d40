"""What follows a Locust worker from test to test: it counts, and leaves the verdict to the master (see `run`).

Called by `listeners`, which are Locust's way to tell what happens, and by `user`, which hands over the answers.
"""

import argparse
from typing import Any, Protocol

from locust.runners import WorkerRunner

from canary_loadtest.core.tally import Answer, StartOrder, Tally
from canary_loadtest.core.workers import WorkerReport

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
