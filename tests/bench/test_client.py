"""The load generator and the answering server, against each other and against other servers."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from canary_loadtest.core.contract import CANARY_BODY
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


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(http(b"", "503 Service Unavailable"), id="an error"),
        pytest.param(b"", id="no answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no length"),
    ],
)
def test_anything_but_an_answer_ends_the_measurement(raw: bytes) -> None:
    """An error, a closed connection or an answer of unknown length is not counted."""
    with serving(lambda _: Reply("bad", raw)) as server, pytest.raises(UnexpectedAnswerError):
        drive([("127.0.0.1", int(server.url.rpartition(":")[2]))], 1, SECONDS, REQUEST)


def test_the_answering_server_counts_its_answers() -> None:
    """The client gets as many answers as the server has counted."""
    counted: list[None] = []
    with answering_server(lambda: counted.append(None)) as address:
        driven = drive([address], 2, SECONDS, REQUEST)
    assert driven.requests == len(counted)


def test_three_answers_of_each_ten_are_canary() -> None:
    """Only the order within ten answers is random."""
    answers = list(itertools.islice(answering.split_answers(), 1000))
    for start in range(0, 1000, 10):
        assert sum(answer.endswith(CANARY_BODY) for answer in answers[start : start + 10]) == 3
