"""What a Locust worker keeps of its answers until the master has them; it counts nothing and gives no verdict."""

from collections.abc import Callable

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.workers import WorkerReport


class Recorder:
    """Keeps a worker's answers, with the starts of their requests, until the master has acknowledged them.

    A ticket is the start of its request, in nanoseconds since the recorder began; no two are equal. What is kept is
    bounded by the requests that the time between two acknowledgements lets pass.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        """Begin with no answer; `clock` returns nanoseconds, from any moment on, and never goes back."""
        self._clock = clock
        self._began = clock()
        self._last_ticket = -1
        self._awaited: dict[int, None] = {}  # a set would not keep the order
        self._answers: list[tuple[int, Answer]] = []
        self._acknowledged = 0
        self._closed = False

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        self._last_ticket = max(self._last_ticket + 1, self._clock() - self._began)
        if not self._closed:
            self._awaited[self._last_ticket] = None
        return self._last_ticket

    def finish(self, ticket: int, answer: Answer) -> None:
        """Take the answer to the request with `ticket`; once the recorder is closed, it is ignored."""
        if not self._closed:
            del self._awaited[ticket]
            self._answers.append((ticket, answer))

    def acknowledge(self, received: int) -> None:
        """Forget the answers that the master has: the first ones, of which it has `received`."""
        if received > self._acknowledged:  # an older acknowledgement may come later
            del self._answers[: received - self._acknowledged]
            self._acknowledged = received

    def close(self) -> None:
        """Take no more answers: those that it has are final."""
        self._closed = True

    def report(self) -> WorkerReport:
        """Return what the master has not acknowledged yet."""
        latest = float("inf") if self._closed else self._clock() - self._began
        return WorkerReport(
            acknowledged=self._acknowledged,
            answers=tuple(self._answers),
            answered_until_nanoseconds=next(iter(self._awaited), latest),
            unanswered=len(self._awaited),
            final=self._closed,
        )
