"""A server on loopback that answers as a test wants, and counts what it really sent.

Raw sockets, since the misbehaviour that a load test must survive is what a server library prevents.
"""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, STABLE_BODY
from canary_loadtest.core.labels import CANARY, STABLE

GATE_POLL_SECONDS = 0.05
BODIES = {CANARY: CANARY_BODY, STABLE: STABLE_BODY}


@dataclass
class Request:
    """A request as the server saw it.

    Attributes:
        number: how many requests came before it, on any connection.
        head: the request line and headers.
        connection: the socket, for answers that `Reply` cannot express.
        connection_number: how many connections came before its own.
    """

    number: int
    head: str
    connection: socket.socket
    connection_number: int


@dataclass
class Reply:
    """What is sent back.

    Attributes:
        label: what the reply is counted as at the server.
        raw: the bytes to send; b"" closes the connection without an answer.
        close: whether the connection is closed after it.
        gate: what the answer waits for, if anything; one that is never set keeps it back until the server ends.
    """

    label: str
    raw: bytes
    close: bool = False
    gate: threading.Event | None = None


def http(body: bytes, status: str = "200 OK", content_type: str = CONTENT_TYPE, **headers: str) -> bytes:
    """Return an HTTP response; keyword names become header names."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def cut_off(body: bytes, missing: bytes = b"\n") -> bytes:
    """Return a response whose last bytes never come."""
    return http(body + missing).removesuffix(missing)


def chunked(body: bytes) -> bytes:
    """Return a response whose body comes as one chunk; its last five bytes say that there are no more."""
    head = http(b"", transfer_encoding="chunked").replace(b"content-length: 0\r\n", b"")
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def answer(label: str, **headers: str) -> Reply:
    """Return the contract's answer for `canary` or `PLAIN`."""
    return Reply(label, http(BODIES[label], **headers))


@dataclass
class Server:
    """A running server.

    Attributes:
        url: where it listens.
        sent: replies decided on, by label.
        completed: the labels of the replies that went out, in the order in which they did.
        connections: how many were accepted.
        heads: of the first few requests.
    """

    url: str
    sent: Counter[str] = field(default_factory=Counter)
    completed: list[str] = field(default_factory=list)
    connections: int = 0
    heads: list[str] = field(default_factory=list)


@contextmanager
def serving(reply_to: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve `reply_to` on a free port until the block ends, by https with a context for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        scheme = "http" if tls is None else "https"
        running = _Running(Server(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"), reply_to, tls)
        acceptor = threading.Thread(target=running.accept, args=(listener,), daemon=True)
        acceptor.start()
        try:
            yield running.server
        finally:
            running.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)


class _Running:
    """The threads behind a `Server`: one accepts, and one serves each connection."""

    def __init__(self, server: Server, reply_to: Callable[[Request], Reply], tls: ssl.SSLContext | None) -> None:
        self.server = server
        self._tls = tls
        self.over = threading.Event()
        self._reply_to = reply_to
        self._lock = threading.Lock()

    def accept(self, listener: socket.socket) -> None:
        while not self.over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, self.server.connections), daemon=True).start()
            self.server.connections += 1

    def _serve(self, connection: socket.socket, connection_number: int) -> None:
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:  # a client that does not like the certificate
                connection.close()
                return
        with connection, connection.makefile("rb") as lines, suppress(OSError):
            while head := _read_head(lines):
                reply = self._reply(Request(self.server.sent.total(), head, connection, connection_number))
                while reply.gate and not reply.gate.wait(GATE_POLL_SECONDS):
                    if self.over.is_set():
                        return
                self.server.completed.append(reply.label)
                if reply.raw:
                    connection.sendall(reply.raw)
                if reply.close or not reply.raw or "connection: close" in head.lower():
                    return

    def _reply(self, request: Request) -> Reply:
        with self._lock:
            request.number = self.server.sent.total()
            reply = self._reply_to(request)
            self.server.sent[reply.label] += 1
            self.server.heads.append(request.head)
            del self.server.heads[5:]
        return reply


def _read_head(lines: BinaryIO) -> str:
    head = b""
    while (line := lines.readline()) not in {b"", b"\r\n"}:
        head += line
    return head.decode("latin-1")
