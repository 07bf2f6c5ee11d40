"""Runs of the load test without a network: users, latencies and a service by chance, judged by the real session.

For rates, which take hundreds of runs; a few runs of the real process are the link to what happens.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.recorder import Recorder
from canary_loadtest.core.session import Session
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.core.workers import Workers
from canary_loadtest.runner.client import ANSWERS_PER_CONNECTION

ERROR = "status_503"
REPORT_SECONDS = 0.002
"""Between two reports of a worker, for services whose quick answers take so long."""


def fed(session: Session, answers: Iterable[Answer]) -> Session:
    """Return the session after these answers."""
    for one in answers:
        session.finish(session.start(), one)
    return session


def drawn(count: int, every: int = 0, seed: int = 1, *, named: bool = True, fails: str = CANARY) -> Iterator[Answer]:
    """Yield answers of which 30 % are drawn for the canary; of those for `fails` one of each `every` is an error."""
    draw = Random(seed)
    of_failing = 0
    for _ in range(count):
        version = CANARY if draw.random() < 0.3 else STABLE
        of_failing += version == fails
        label = ERROR if every and version == fails and of_failing % every == 0 else version
        yield Answer(label, "70-30", None, version if named else "")


def timed(count: int, times: float = 1.0, errors: float = 0.0, seed: int = 1) -> Iterator[Answer]:
    """Yield answers of which 30 % are drawn for the canary, which takes `times` as long, or errs that often."""
    draw = Random(seed)
    for _ in range(count):
        version = CANARY if draw.random() < 0.3 else STABLE
        label = ERROR if version == CANARY and draw.random() < errors else version
        seconds = draw.lognormvariate(-4, 0.5) * (times if version == CANARY else 1)
        yield Answer(label, "70-30", None, version, seconds)


class Ask(NamedTuple):
    """What a simulated service knows of a request.

    Attributes:
        random: where its chance comes from.
        number: how many requests were started before it.
        previous: the label of the answer before it on its connection, "" for the first.
        connection: the number of its connection.
    """

    random: Random
    number: int
    previous: str
    connection: int


class Response(NamedTuple):
    """What a simulated service answers: what it counts as, how long it takes, and which destination it names."""

    label: str
    seconds: float
    destination: str = ""


Service = Callable[[Ask], Response]


class Simulation:
    """Users who each ask again as soon as they are answered, until the verdict or a number of requests.

    Attributes:
        sent: how many requests were sent.
    """

    def __init__(self, session: Session, service: Service, seed: int, *, keep_alive: bool = False) -> None:
        """Prepare a run; `keep_alive` as the option of the load test."""
        self._session = session
        self._service = service
        self._random = Random(seed)
        self._keep_alive = keep_alive
        self.sent = 0
        self._now = 0.0
        self._under_way: list[tuple[float, int, int, Answer]] = []
        self._on_connection: dict[int, list[str]] = {}
        self._connection_of: dict[int, int] = {}
        self._connections = 0

    def run(self, users: int, requests: int) -> Verdict:
        """Return the verdict of a run that ends with its last request, without the answers that are under way then."""
        for user in range(users):
            self._send(user)
        while self.sent < requests and (self._session.keep_going or not self._session.decided):
            now, ticket, user, answer = heappop(self._under_way)
            self._pass_time(now)
            self._answers_of(user).finish(ticket, answer)
            self._send(user)
        return self._session.verdict()

    def _answers_of(self, _user: int) -> Session | Recorder:
        """Return what takes the answers of a user."""
        return self._session

    def _pass_time(self, now: float) -> None:
        """Let the time pass until `now`, in seconds."""
        self._now = now

    def _send(self, user: int) -> None:
        answered = self._on_connection.get(user, [])
        if not self._keep_alive or len(answered) == ANSWERS_PER_CONNECTION:
            answered = []
        ticket = self._answers_of(user).start()
        previous = answered[-1] if answered else ""
        if not answered:
            self._connections += 1
            self._connection_of[user] = self._connections
        label, seconds, destination = self._service(Ask(self._random, self.sent, previous, self._connection_of[user]))
        self.sent += 1
        self._on_connection[user] = [*answered, label]
        answer = Answer(label, previous=previous if self._keep_alive else None, destination=destination)
        heappush(self._under_way, (self._now + seconds, ticket, user, answer))


class DistributedSimulation(Simulation):
    """The same users, spread over workers that report one after the other.

    Attributes:
        most_between_reports: the most requests that were sent between two reports of one worker.
    """

    def __init__(
        self,
        session: Session,
        service: Service,
        seed: int,
        *,
        workers: int,
        keep_alive: bool = False,
    ) -> None:
        """Prepare a run of `workers`, whose clocks are up to one report apart."""
        super().__init__(session, service, seed, keep_alive=keep_alive)
        self._workers = Workers()
        self._names = [str(worker) for worker in range(workers)]
        self._recorders = []
        for worker, name in enumerate(self._names):
            self._now = -REPORT_SECONDS * worker / workers  # its clock is ahead
            self._recorders.append(Recorder(lambda: round(1e9 * self._now)))
            self._workers.expect(name)
        self._now = 0.0
        self._reports = [(REPORT_SECONDS * (1 + worker / workers), worker) for worker in range(workers)]
        self._sent_at_report = [0] * workers
        self._unreported = set(range(workers))
        self.most_between_reports = 0

    def _answers_of(self, user: int) -> Recorder:
        worker = user % len(self._recorders)
        self._unreported.add(worker)
        return self._recorders[worker]

    def _pass_time(self, now: float) -> None:
        while self._reports[0][0] < now and (self._session.keep_going or not self._session.decided):
            self._now, worker = heappop(self._reports)
            self._report(worker)
            heappush(self._reports, (self._now + REPORT_SECONDS, worker))
        self._now = now

    def _report(self, worker: int) -> None:
        self.most_between_reports = max(self.most_between_reports, self.sent - self._sent_at_report[worker])
        self._sent_at_report[worker] = self.sent
        if worker not in self._unreported:
            return  # it has a user, and each waits for an answer: it would say the same again
        self._unreported.remove(worker)
        recorder = self._recorders[worker]
        received = self._workers.take(self._names[worker], recorder.report(), round(1e9 * self._now))
        recorder.acknowledge(received)
        for answer in self._workers.in_order(self._names):
            self._session.add(answer)
