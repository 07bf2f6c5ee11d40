"""A cheap load generator: raw sockets, one thread, keep-alive connections with one request each in flight.

It runs in a process and on a core of its own, so that only the server is measured, and stops at any answer that is not
a success.
"""

import multiprocessing
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from time import perf_counter
from typing import Final, Protocol

from scripts.bench.machine import CLIENT_CORE, pin

RECEIVE_BYTES: Final = 65536
TIMEOUT_SECONDS: Final = 10.0

Address = str | tuple[str, int]
"""The path of a Unix socket, or host and port."""


class UnexpectedAnswerError(Exception):
    """A server answered something that must not be counted; the message has its beginning."""


@dataclass(frozen=True)
class Driven:
    """The result of a period of load.

    Attributes:
        requests: number of answers.
        seconds: duration.
        latencies_seconds: from each request to its complete answer, in order of completion.
    """

    requests: int
    seconds: float
    latencies_seconds: Sequence[float]


class _Connection:
    """One connection, and the answer that it waits for."""

    def __init__(self, stack: ExitStack, address: Address) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Read once; return the answer when it is complete, else None."""
        piece = self.socket.recv(RECEIVE_BYTES)
        answer = self._received + piece
        head_end = answer.find(b"\r\n\r\n")
        if not piece or (head_end > 0 and not answer.startswith(b"HTTP/1.1 200")):
            raise UnexpectedAnswerError(f"not an answer with status 200: {answer[:200]!r}")
        if head_end < 0 or len(answer) < head_end + 4 + _content_length(answer[:head_end]):
            self._received = answer
            return None
        self._received = b""
        return answer


def _content_length(head: bytes) -> int:
    """Return the length of an answer's body in bytes."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise UnexpectedAnswerError(f"an answer without content-length: {head[:200]!r}")
    return int(rest.partition(b"\r\n")[0])


def drive(addresses: Sequence[Address], connections: int, seconds: float, request: bytes) -> Driven:
    """Send requests over several connections at once for some time.

    Args:
        addresses: the servers; the connections are distributed among them in turn.
        connections: number of connections, and so of requests in flight.
        seconds: how long new requests are sent.
        request: the bytes of one request.

    Returns:
        The answers and their latencies.

    Raises:
        UnexpectedAnswerError: an answer was not one with status 200, or a connection was closed.
        OSError: a server cannot be reached or did not answer in time.
    """
    latencies: list[float] = []
    with ExitStack() as stack:
        selector = stack.enter_context(DefaultSelector())
        opened = [_Connection(stack, addresses[index % len(addresses)]) for index in range(connections)]
        started = perf_counter()
        end = started + seconds
        for connection in opened:
            selector.register(connection.socket, EVENT_READ, connection)
            connection.send(request)
        waiting = connections
        while waiting:
            ready = selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {TIMEOUT_SECONDS:g} s")
            for connection in (key.data for key, _ in ready):
                if connection.receive() is None:
                    continue
                now = perf_counter()
                latencies.append(now - connection.sent_at)
                if now < end:
                    connection.send(request)
                else:
                    waiting -= 1
        return Driven(len(latencies), perf_counter() - started, latencies)


class Drive(Protocol):
    """`drive` in another process."""

    def __call__(self, addresses: Sequence[Address], connections: int, seconds: float, request: bytes) -> Driven:
        """Send requests as `drive` does."""
        ...


@contextmanager
def driving() -> Iterator[Drive]:
    """Yield a `drive` that runs in a process and on a core of its own."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned, initializer=pin, initargs=(CLIENT_CORE,)) as pool:
        yield lambda addresses, connections, seconds, request: pool.submit(
            drive, addresses, connections, seconds, request
        ).result()
