"""What a Locust worker counts: its answers in the order of their requests, and no verdict."""

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.order import StartOrder
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.workers import WorkerReport


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
        """Take the answer to the request with `ticket`; once the recorder is closed, it is ignored."""
        for next_answer in self._order.finish(ticket, answer):
            self._tally.add(next_answer, self._route)

    def close(self) -> None:
        """Stop counting: what is counted now is final."""
        self._final = self._final or WorkerReport(self._tally.copy(), self._order.unfinished, final=True)

    def report(self) -> WorkerReport:
        """Return what is counted so far, or at the end."""
        return self._final or WorkerReport(self._tally, self._order.unfinished, final=False)
