"""Clients that keep asking while a cluster changes, and count every request that got no answer of the contract.

Used by the flows' tests; `tests/cluster/test_clients.py` tests it without a cluster. It is not a load test: it says
nothing about shares, and sends slowly enough to leave the processor to the pods.
"""

import select
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self

from canary_loadtest.core.contract import classify
from canary_loadtest.core.labels import CANARY, STABLE

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Profile:
    """How a client behaves.

    Attributes:
        name: what a lost request is reported under.
        keep_alive: whether a connection serves more than one request.
        think_seconds: the pause after each answer.
    """

    name: str
    keep_alive: bool
    think_seconds: float


PROFILES = (
    *(Profile("new connection each", keep_alive=False, think_seconds=0.01),) * 3,
    *(Profile("keep-alive, busy", keep_alive=True, think_seconds=0.01),) * 3,
    *(Profile("keep-alive, idle for a second", keep_alive=True, think_seconds=1.0),) * 2,
)


@dataclass(frozen=True)
class Lost:
    """A request that got no answer of the contract."""

    seconds: float
    profile: str
    reason: str


class Clients:
    """Some clients, each in a thread of its own, from entering the context to leaving it."""

    def __init__(
        self, host: str, port: int, profiles: Sequence[Profile] = PROFILES, host_header: str | None = None
    ) -> None:
        """Prepare a client for each profile.

        Args:
            host: where to ask.
            port: where to ask.
            profiles: how each of the clients behaves.
            host_header: the Host to ask for, None for that of the address.
        """
        self._address = (host, port)
        self._headers = {} if host_header is None else {"Host": host_header}
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._lost: list[Lost] = []
        self._threads = [threading.Thread(target=self._ask_on, args=(profile,), daemon=True) for profile in profiles]

    def __enter__(self) -> Self:
        """Start asking."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, once each client has the answer it waits for."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def answers(self) -> Counter[str]:
        """How many answers of each label came so far."""
        with self._lock:
            return self._answers.copy()

    @property
    def lost(self) -> list[Lost]:
        """Every request so far that got no answer of the contract."""
        with self._lock:
            return self._lost.copy()

    @property
    def requests(self) -> int:
        """How many requests have ended, with an answer or without."""
        with self._lock:
            return self._answers.total() + len(self._lost)

    def _ask_on(self, profile: Profile) -> None:
        # http.client sends each request once: nothing here hides a loss by asking again.
        connection = HTTPConnection(*self._address, timeout=TIMEOUT_SECONDS)
        while not self._stop.is_set():
            try:
                label = _ask(connection, profile, self._headers)
            except (OSError, HTTPException) as error:
                connection.close()
                label = repr(error)
            with self._lock:
                if label in {CANARY, STABLE}:
                    self._answers[label] += 1
                else:
                    self._lost.append(Lost(time.monotonic() - self._started, profile.name, label))
            self._stop.wait(profile.think_seconds)
        connection.close()


def _ask(connection: HTTPConnection, profile: Profile, headers: Mapping[str, str]) -> str:
    """Send one request and return what its answer is; raises OSError or HTTPException where none comes."""
    if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
        connection.close()  # the server has closed it while it was idle: no request is lost by seeing that first
    closing = {} if profile.keep_alive else {"Connection": "close"}
    connection.request("GET", "/test/test", headers={**headers, **closing})
    response = connection.getresponse()
    body = response.read()
    return classify(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
