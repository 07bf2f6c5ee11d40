"""One Locust worker from test to test: it asks, and leaves counts and verdict to the master."""

import argparse
import sys
import time
from typing import Any, Final, Protocol

from locust.runners import WorkerRunner

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.recorder import Recorder
from canary_loadtest.options import certificates_file
from canary_loadtest.output.text import wrapped
from canary_loadtest.runner.pacing import WORKERS, pacer_of

EPOCH: Final = "canary_epoch"
ACKNOWLEDGE_MESSAGE: Final = "canary_acknowledge"
FINISH_MESSAGE: Final = "canary_finish"
FAULT_MESSAGE: Final = "canary_fault"
FINAL_MESSAGE: Final = "canary_final"
RECEIVED: Final = "received"
RESET_MESSAGE: Final = "canary_reset"
WORKERS_MESSAGE: Final = "canary_workers"


class Answers(Protocol):
    """What a user hands its answers to."""

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        ...

    def finish(self, ticket: int, answer: Answer) -> None:
        """Take the answer to the request with `ticket`."""
        ...


class WorkerRun:
    """A process that passes its answers on.

    Attributes:
        stopping: whether it cannot take part, and waits for the master to end the test.
    """

    def __init__(self, options: argparse.Namespace, runner: WorkerRunner) -> None:
        """Attach to a Locust worker."""
        self.options = options
        self.pacer = pacer_of(options)
        self.stopping = False
        self._runner = runner
        self._recorder = Recorder(time.monotonic_ns)
        runner.register_message(ACKNOWLEDGE_MESSAGE, self._acknowledge)
        runner.register_message(FINISH_MESSAGE, self._finish)
        runner.register_message(RESET_MESSAGE, self._reset)
        runner.register_message(WORKERS_MESSAGE, self._share)

    @property
    def answers(self) -> Answers:
        """What takes the answers of the present test."""
        return self._recorder

    def begin(self) -> None:
        """Start from nothing, with the options that the master has sent."""
        self._recorder = Recorder(time.monotonic_ns)
        try:
            if self.options.ca_file:
                certificates_file(self.options.ca_file)
        except argparse.ArgumentTypeError as error:  # the master has read a file of its own machine
            self.stopping = True
            print(wrapped("load test: ", f"--ca-file, from the master: {error}", indent=4), file=sys.stderr, flush=True)
            self.fail(f"the worker {self._runner.client_id} cannot use --ca-file: {error}")

    def end(self) -> None:
        """Take no more answers."""
        self._recorder.close()

    def answer_counted(self, answers: Answers) -> None:
        """Do nothing: the master counts."""

    def fail(self, fault: str) -> None:
        """Tell the master of a fault, which ends the test and names it."""
        self._runner.send_message(FAULT_MESSAGE, {EPOCH: getattr(self.options, EPOCH, 0), "fault": fault})

    def payload(self) -> dict[str, Any]:
        """Return what travels to the master with a report: answers, and of which test they are."""
        return {EPOCH: getattr(self.options, EPOCH, 0), **self._recorder.report().to_dict()}

    def _acknowledge(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        if msg.data[EPOCH] == getattr(self.options, EPOCH, 0):
            self._recorder.acknowledge(msg.data[RECEIVED])

    def _finish(self, **_: object) -> None:
        self._recorder.close()
        self._runner.send_message(FINAL_MESSAGE, self.payload())

    def _reset(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        setattr(self.options, EPOCH, msg.data[EPOCH])
        self.begin()

    def _share(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        setattr(self.options, WORKERS, msg.data[WORKERS])
