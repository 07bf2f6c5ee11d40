"""Runs of the load test without a network: users, latencies and a service by chance, judged by the real session.

For rates, which take hundreds of runs; a few runs of the real process are the link to what happens.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.session import Session
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.runner.client import ANSWERS_PER_CONNECTION


class Ask(NamedTuple):
    """What a simulated service knows of a request.

    Attributes:
        random: where its chance comes from.
        number: how many requests were started before it.
        previous: the label of the answer before it on its connection, "" for the first.
    """

    random: Random
    number: int
    previous: str


class Response(NamedTuple):
    """What a simulated service answers: what it counts as, and how long it takes."""

    label: str
    seconds: float


Service = Callable[[Ask], Response]


class Simulation:
    """Users who each ask again as soon as they are answered, until the verdict or a number of requests."""

    def __init__(self, session: Session, service: Service, seed: int, *, keep_alive: bool = False) -> None:
        """Prepare a run; `keep_alive` as the option of the load test."""
        self._session = session
        self._service = service
        self._random = Random(seed)
        self._keep_alive = keep_alive
        self._under_way: list[tuple[float, int, int, Answer]] = []
        self._on_connection: dict[int, list[str]] = {}

    def run(self, users: int, requests: int) -> Verdict:
        """Return the verdict of a run that ends with its last request, without the answers that are under way then."""
        for user in range(users):
            self._send(0.0, user)
        sent = users
        while sent < requests and (self._session.keep_going or not self._session.decided):
            now, ticket, user, answer = heappop(self._under_way)
            self._session.finish(ticket, answer)
            self._send(now, user)
            sent += 1
        return self._session.verdict()

    def _send(self, now: float, user: int) -> None:
        answered = self._on_connection.get(user, [])
        if not self._keep_alive or len(answered) == ANSWERS_PER_CONNECTION:
            answered = []
        ticket = self._session.start()
        previous = answered[-1] if answered else ""
        label, seconds = self._service(Ask(self._random, ticket, previous))
        self._on_connection[user] = [*answered, label]
        answer = Answer(label, previous=previous if self._keep_alive else None)
        heappush(self._under_way, (now + seconds, ticket, user, answer))
