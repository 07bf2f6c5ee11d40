"""One Locust master from test to test: it counts and judges what its workers are answered."""

import argparse
import time
from typing import Any, Final

import gevent
from locust.runners import MasterRunner

from canary_loadtest.core.message import Message
from canary_loadtest.core.workers import WorkerReport, Workers
from canary_loadtest.runner.pacing import WORKERS
from canary_loadtest.runner.run import JudgingRun
from canary_loadtest.runner.worker_run import (
    ACKNOWLEDGE_MESSAGE,
    EPOCH,
    FAULT_MESSAGE,
    FINAL_MESSAGE,
    FINISH_MESSAGE,
    RECEIVED,
    RESET_MESSAGE,
    WORKERS_MESSAGE,
)

FINAL_COUNTS_SECONDS: Final = 10.0


class MasterRun(JudgingRun):
    """The process that counts and judges what its workers are answered."""

    def __init__(self, options: argparse.Namespace, runner: MasterRunner) -> None:
        """Attach to a Locust master."""
        super().__init__(options, runner)
        self._master = runner
        self._workers = Workers()
        setattr(options, EPOCH, 0)
        runner.register_message(FINAL_MESSAGE, self._take_final)
        runner.register_message(FAULT_MESSAGE, self._take_fault)

    def begin(self) -> None:
        """Start counting from nothing, on every worker that is there."""
        self.share_rate()
        super().begin()
        for worker in self._master.clients:
            self._workers.expect(worker)

    def clear(self) -> None:
        """Forget all that is counted, also what is on its way: the epoch travels with Locust's own start message."""
        setattr(self.options, EPOCH, getattr(self.options, EPOCH) + 1)
        self._workers = Workers()
        super().clear()

    def reset(self) -> None:
        """Forget all that is counted, and in the middle of a test begin again, here and on every worker."""
        super().reset()
        self._master.send_message(RESET_MESSAGE, {EPOCH: getattr(self.options, EPOCH)})

    def share_rate(self, client_id: str | None = None) -> None:
        """Tell the workers among how many of them `--max-rate` is shared; one that is silent keeps its share.

        Args:
            client_id: a worker that joins, and that Locust does not count yet. It learns the number from Locust's start
                message, which comes after the one to all others.
        """
        workers = len({*self._master.clients, client_id} - {None})
        if self.options.max_rate and workers not in {0, getattr(self.options, WORKERS, 0)}:
            setattr(self.options, WORKERS, workers)
            self._master.send_message(WORKERS_MESSAGE, {WORKERS: workers})

    def take(self, worker: str, payload: dict[str, Any] | None) -> None:
        """Take a worker's report, and acknowledge its answers; one of another test is worth nothing."""
        self.share_rate()  # a worker may have left
        epoch = getattr(self.options, EPOCH)
        if payload is None or payload[EPOCH] != epoch:
            return
        now_nanoseconds = round(1e9 * (time.monotonic() - self._began))
        received = self._workers.take(worker, WorkerReport.from_dict(payload), now_nanoseconds)
        self._count()
        self.stop_when_decided()
        self._master.send_message(ACKNOWLEDGE_MESSAGE, {EPOCH: epoch, RECEIVED: received}, worker)

    def finish(self) -> None:
        """Ask every worker that lives for its last answers, and wait for them."""
        self._master.send_message(FINISH_MESSAGE)
        deadline = time.monotonic() + FINAL_COUNTS_SECONDS
        while any(worker in self._alive() for worker in self._workers.without_final) and time.monotonic() < deadline:
            gevent.sleep(0.02)
        self._count()

    def _objection(self) -> str:
        if self.fault:
            return self.fault
        if not self._workers.names:
            return Message("no worker took part in the test")
        if missing := self._workers.without_final:
            return Message(
                "the last counts of {workers} never came: killed, cut off or too late", workers=", ".join(missing)
            )
        return super()._objection()

    def _alive(self) -> set[str]:
        clients = self._master.clients
        return {client.id for client in [*clients.ready, *clients.running, *clients.spawning]}

    def _take_final(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        self.take(msg.node_id, msg.data)

    def _take_fault(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message, which has no public type
        if msg.data[EPOCH] == getattr(self.options, EPOCH):
            self.fail(msg.data["fault"])

    def _count(self) -> None:
        for answer in self._workers.in_order(self._alive()):
            self.session.add(answer)
        self.session.unfinished_elsewhere = self._workers.unfinished
