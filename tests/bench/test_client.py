"""The load generator and the answering server, against each other and against servers that misbehave."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from canary_loadtest.core.contract import CANARY_BODY, STABLE_BODY
from scripts.bench import answering
from scripts.bench.client import UnexpectedAnswerError, drive
from tests.loadtest.server import Reply, http, serving

REQUEST = b"GET /test/test HTTP/1.1\r\nHost: micro-api\r\n\r\n"
SECONDS = 0.05


@contextmanager
def answering_server(answered: Callable[[], None]) -> Iterator[tuple[str, int]]:
    """Run the answering server; its thread ends with the test process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answering.serve, args=(listener, answered), daemon=True).start()
        yield listener.getsockname()


@pytest.mark.parametrize("connections", [1, 3])
def test_every_answer_is_counted_once(connections: int) -> None:
    """Client and server agree on the number of answers, and each answer has its latency."""
    with serving(lambda _: Reply("ok", http(b"body"))) as server:
        host, port = server.url.removeprefix("http://").split(":")
        driven = drive([(host, int(port))], connections, SECONDS, REQUEST)
        assert driven.requests == server.sent["ok"] >= connections
        assert server.connections == connections
    assert len(driven.latencies_seconds) == driven.requests
    assert all(0 < latency <= driven.seconds for latency in driven.latencies_seconds)


def test_the_connections_are_dealt_out_among_the_servers() -> None:
    """Each of two servers gets half of the connections."""
    with serving(lambda _: Reply("ok", http(b"a"))) as one, serving(lambda _: Reply("ok", http(b"b"))) as two:
        addresses = [("127.0.0.1", int(server.url.rpartition(":")[2])) for server in (one, two)]
        drive(addresses, 4, SECONDS, REQUEST)
        assert (one.connections, two.connections) == (2, 2)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(http(b"", "503 Service Unavailable"), id="an error"),
        pytest.param(b"", id="no answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no length"),
    ],
)
def test_anything_but_an_answer_ends_the_measurement(raw: bytes) -> None:
    """An error, a closed connection or an answer of unknown length is not counted as a request served."""
    with serving(lambda _: Reply("bad", raw)) as server, pytest.raises(UnexpectedAnswerError):
        drive([("127.0.0.1", int(server.url.rpartition(":")[2]))], 1, SECONDS, REQUEST)


def test_the_answering_server_counts_what_it_sends() -> None:
    """The client gets exactly as many answers as the server has counted."""
    count = itertools.count(1)
    seen: list[int] = []
    with answering_server(lambda: seen.append(next(count))) as address:
        driven = drive([address], 2, SECONDS, REQUEST)
    assert driven.requests == len(seen)


def test_the_answering_server_closes_when_it_is_asked_to() -> None:
    """A request with `Connection: close` gets one whole answer and the end of the connection."""
    with answering_server(lambda: None) as address, socket.create_connection(address, 10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.endswith((CANARY_BODY, STABLE_BODY))


def test_three_answers_of_each_ten_are_canary() -> None:
    """The server's split has no chance in it beyond the order within ten."""
    answers = list(itertools.islice(answering.split_answers(), 1000))
    for start in range(0, 1000, 10):
        assert sum(answer.endswith(CANARY_BODY) for answer in answers[start : start + 10]) == 3
