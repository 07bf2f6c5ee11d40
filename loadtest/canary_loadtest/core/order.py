"""The order in which answers are counted: that of their requests."""

from collections.abc import Iterator

from canary_loadtest.core.answer import Answer


class StartOrder:
    """Hands answers on in the order in which their requests were started.

    Among the answers finished so far the faster version is ahead, so a right split looks wrong when it is judged in
    order of completion. Here an answer waits until every request started before it is answered; what waits is
    bounded by the requests that one timeout lets pass, because every ticket is handed in: also that of a request that
    failed, and that of a user that was taken away.
    """

    def __init__(self) -> None:
        """Begin with no request started."""
        self._next_ticket = 0
        self._next_out = 0
        self._waiting: dict[int, Answer] = {}

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        ticket = self._next_ticket
        self._next_ticket += 1
        return ticket

    def finish(self, ticket: int, answer: Answer) -> Iterator[Answer]:
        """Take the answer to `ticket` and yield each answer whose turn has come."""
        self._waiting[ticket] = answer
        while self._next_out in self._waiting:
            next_answer = self._waiting.pop(self._next_out)
            self._next_out += 1
            yield next_answer

    @property
    def unfinished(self) -> int:
        """How many requests were started and not handed on: unanswered, or behind one that is."""
        return self._next_ticket - self._next_out
