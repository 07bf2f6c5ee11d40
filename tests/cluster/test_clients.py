"""The clients that count lost requests, against servers that lose some: the instrument is tested before it is used."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from canary_loadtest.core.contract import CONTENT_TYPE, STABLE_BODY
from tests.e2e.clients import Clients, Profile
from tests.support.processes import until

DEADLINE_SECONDS = 20.0
NEW = Profile("new", keep_alive=False, think_seconds=0.01)
KEPT = Profile("kept", keep_alive=True, think_seconds=0.01)
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(STABLE_BODY)}\r\n"
ANSWER = f"{HEAD}\r\n".encode() + STABLE_BODY
Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Have each connection served in a thread of its own; gives the port."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_and_close, args=(connection,), daemon=True).start()

    def serve_and_close(connection: socket.socket) -> None:
        with closing(connection):
            connection.settimeout(DEADLINE_SECONDS)
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()


def answer_once(connection: socket.socket) -> None:
    """Answer one request, then close without having said so."""
    if connection.recv(4096):
        connection.sendall(ANSWER)


def answer_on(connection: socket.socket) -> None:
    """Answer request after request."""
    while connection.recv(4096):
        connection.sendall(ANSWER)


def drop(connection: socket.socket) -> None:
    """Take a request and close without an answer."""
    connection.recv(4096)


def break_off(connection: socket.socket) -> None:
    """Close in the middle of the body."""
    connection.recv(4096)
    connection.sendall(ANSWER[:-1])


def answer_an_error(connection: socket.socket) -> None:
    """Answer with an error of somebody in between."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("profile", [NEW, KEPT])
@pytest.mark.parametrize("serve", [answer_once, answer_on])
def test_an_answered_request_is_not_lost(profile: Profile, serve: Serve) -> None:
    """With and without keep-alive, also where the server has closed a connection while it was idle."""
    if profile is KEPT and serve is answer_once:
        profile = Profile(
            "kept", keep_alive=True, think_seconds=0.2
        )  # so that the close arrives before the next request
    with server(serve) as port, Clients("127.0.0.1", port, [profile]) as clients:
        until(lambda: clients.answers["stable"] >= 5)
    assert clients.lost == []
    assert clients.requests == clients.answers.total()


@pytest.mark.parametrize("profile", [NEW, KEPT])
@pytest.mark.parametrize(
    ("serve", "reason"),
    [(drop, "RemoteDisconnected"), (break_off, "IncompleteRead"), (answer_an_error, "status_503")],
)
def test_each_lost_request_counts_once(profile: Profile, serve: Serve, reason: str) -> None:
    """No answer, half an answer and an error are losses, named, and sent once each."""
    received: list[None] = []

    def count_and_serve(connection: socket.socket) -> None:
        received.append(None)
        serve(connection)

    with server(count_and_serve) as port, Clients("127.0.0.1", port, [profile]) as clients:
        until(lambda: len(clients.lost) >= 5)
    assert all(reason in lost.reason for lost in clients.lost)
    assert clients.answers.total() == 0
    assert len(received) == len(clients.lost)


def test_a_refused_connection_is_a_lost_request() -> None:
    """Where nothing listens, each request is lost."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Clients("127.0.0.1", port, [NEW]) as clients:
        until(lambda: len(clients.lost) >= 2)
    assert all("ConnectionRefusedError" in lost.reason for lost in clients.lost)


def test_the_host_is_the_one_asked_for() -> None:
    """A proxy finds its route by the Host, which is not the address that the clients connect to."""
    heads: list[bytes] = []

    def note_and_answer(connection: socket.socket) -> None:
        heads.append(connection.recv(4096))
        connection.sendall(ANSWER)

    with server(note_and_answer) as port, Clients("127.0.0.1", port, [NEW], host_header="micro-api.test") as clients:
        until(lambda: clients.answers["stable"] >= 2)
    assert all(head.count(b"Host: ") == 1 and b"\r\nHost: micro-api.test\r\n" in head for head in heads)
