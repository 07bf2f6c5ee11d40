"""gunicorn's threaded worker, with limits for clients that send or take their bytes slowly, or none at all.

gunicorn's own gives a connection to a thread before a request has come, and closes connections in its main loop: eight
clients that send half a head, or that do not close, keep it from answering anyone. Here the main loop collects heads
without waiting, and a thread gets a request when its head is whole:

    accept, on_client_socket_readable, finish_request   a request begins
    _receive, _take                                     its head is collected
    handle_request                                      a thread answers it
    _close, _discard                                    the connection ends when the client closes it
    murder_pending                                      or when its time is over
"""

import errno
import re
import socket
from functools import partial
from selectors import EVENT_READ
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

# gunicorn has no types.
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidHeader,
    InvalidRequestLine,
    LimitRequestHeaders,
    NoMoreData,
)
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]
from werkzeug.exceptions import RequestTimeout

from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

HEAD_BYTES: Final = 65536
"""The longest head: what Envoy lets through by default, 60 KiB, is shorter."""

_READ_BYTES: Final = 8192
_SWEEP_SECONDS: Final = 1.0
_REST_OF_BODY_SECONDS: Final = 0.05
_DISCARD_SECONDS: Final = 2.0
_DISCARDED_BYTES: Final = 65536

# What decides about a head: its end, a first byte that no method has (of TLS, say), or a line that ends without CR.
_DECISIVE: Final = re.compile(rb"(?P<end>\r\n\r\n)|\A[^!-~\r]|(?<!\r)\n")
_LONGEST_DECISIVE: Final = 4


class BodyTimeoutError(RequestTimeout, TimeoutError):
    """The rest of a body did not come in time: 408 where a view reads it, the end of the connection elsewhere."""


class _Unreader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """Reads the rest of a request, which is its body, until a deadline for all of it.

    Attributes:
        deadline: in seconds of `monotonic`; None while there is nothing to read: a head is whole when it is parsed.
    """

    deadline: float | None = None

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return some bytes, or raise BodyTimeoutError."""
        if self.deadline is None:
            return b""
        remaining_seconds = self.deadline - monotonic()
        if remaining_seconds <= 0:
            raise BodyTimeoutError
        before = self.sock.gettimeout()  # less while gunicorn reads what the view has left of a body
        self.sock.settimeout(min(remaining_seconds, before or remaining_seconds))
        try:
            return bytes(super().chunk(size_hint))
        except TimeoutError as error:
            raise BodyTimeoutError from error
        finally:
            self.sock.settimeout(before)


class _Connection(gthread.TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection, with the bytes of its next request that have come."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.head = bytearray()
        self.discarded = 0
        self.data_ready = True  # or a thread would wait for the first byte

    def init(self) -> None:
        """Give the parser the bytes of the request; a thread calls this before each one."""
        if not self.initialized:
            super().init()
            self.parser.unreader = _Unreader(self.sock)
        self.parser.unreader.deadline = None
        self.parser.unreader.unread(bytes(self.head))
        self.head.clear()


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The threaded worker, with a limit for everything that it waits for.

    Attributes:
        receive_seconds: how long a client may take to send a head, to send a body, or to take an answer.
    """

    def init_process(self) -> None:
        """Prepare what a worker needs in its own process, then run."""
        self.receive_seconds = Settings.from_env().receive_timeout_seconds
        self._waiting: dict[_Connection, None] = {}  # in order of their beginning
        self._swept_at = monotonic()
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and read what has come on it."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.ECONNABORTED}:  # another worker has it, or the client is gone
                raise
            return
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections and self._waiting:
            # No place is left, and no client would be accepted: the one that has waited longest gives way.
            self._drop(next(iter(self._waiting)))
        self._receive(_Connection(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: _Connection, client: socket.socket) -> None:
        """Read the next request of a kept connection."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._receive(conn)

    def finish_request(self, conn: _Connection, fs: "Future[bool]") -> None:
        """Keep or close a connection whose request has been answered, without waiting for its client."""
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._close(conn)
        elif conn.parser.unreader.buf.getvalue():  # sent without waiting for the answer
            conn.sock.settimeout(0)
            self._take(conn, conn.parser.unreader.take_buffered())
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close, once a second, the connections that have waited for too long."""
        now = monotonic()
        if now - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = now
            for conn in [conn for conn in self._waiting if conn.timeout <= now]:
                self._drop(conn)

    def handle_request(self, req: Any, conn: _Connection) -> bool:  # noqa: ANN401 - of a library without types
        """Answer a request; one without Host is refused, as RFC 9112 (3.2) requires."""
        if req.version >= (1, 1) and not any(name == "HOST" for name, _ in req.headers):
            raise InvalidHeader("HOST", req=req)
        conn.parser.unreader.deadline = monotonic() + self.receive_seconds
        conn.sock.settimeout(self.receive_seconds)  # for all of an answer: sendall has one deadline
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError as error:
            raise NoMoreData from error  # which gunicorn takes for a client that has gone

    def _keepalive_after(self, conn: _Connection, keepalive: bool) -> bool:  # noqa: FBT001 - gunicorn's signature
        """Return whether the connection can be kept; not if most of a body that no one reads is still to come."""
        if not keepalive or getattr(conn.parser.mesg.body.reader, "length", None) == 0:  # no body, or all of it read
            return keepalive
        return bool(conn.parser.finish_body(deadline=monotonic() + _REST_OF_BODY_SECONDS))

    def _cap_keepalive(self, deadline: float) -> None:
        """At SIGTERM, wait for requests that have begun, and only shortly for others."""
        super()._cap_keepalive(deadline)
        for conn in self._waiting:
            if not conn.head:
                conn.timeout = min(conn.timeout, deadline)

    def _receive(self, conn: _Connection) -> None:
        """Read what has come of a head."""
        received = self._read(conn)
        if received:
            self._take(conn, received)
        elif received is None:
            self._await(conn, self._receive, self.receive_seconds)

    def _take(self, conn: _Connection, received: bytes) -> None:
        """Add bytes to a head: a whole one goes to a thread, what cannot become one is refused."""
        searched = max(0, len(conn.head) - _LONGEST_DECISIVE + 1)
        conn.head += received
        found = _DECISIVE.search(conn.head, searched)
        if found is None and len(conn.head) < HEAD_BYTES:
            self._await(conn, self._receive, self.receive_seconds)
            return
        self._stop_waiting(conn)
        if found is not None and found["end"]:
            self.enqueue_req(conn)
            return
        too_long = LimitRequestHeaders(f"no end of the head within {HEAD_BYTES} bytes")
        bad_line = InvalidRequestLine("not HTTP, or a line that does not end with CR LF")
        self.handle_error(None, conn.sock, conn.client, too_long if found is None else bad_line)
        self._close(conn)

    def _close(self, conn: _Connection) -> None:
        """Close a connection when the client does, so that the last answer is not lost (RFC 9112, 9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.settimeout(0)
        except OSError:
            self._drop(conn)
        else:
            self._discard(conn)

    def _discard(self, conn: _Connection) -> None:
        """Read what comes after the last answer."""
        received = self._read(conn)
        if received != b"":
            conn.discarded += len(received or b"")
            if conn.discarded < _DISCARDED_BYTES:
                self._await(conn, self._discard, _DISCARD_SECONDS)
            else:
                self._drop(conn)

    def _read(self, conn: _Connection) -> bytes | None:
        """Return what has come, or None; drop the connection, and return nothing, at its end."""
        try:
            received: bytes = conn.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            received = b""
        if not received:
            self._drop(conn)
        return received

    def _await(self, conn: _Connection, then: "Callable[[_Connection], None]", seconds: float) -> None:
        """Call a function when bytes come; the time runs from the first call for a connection on."""
        if conn not in self._waiting:
            conn.timeout = monotonic() + seconds
            self._waiting[conn] = None
            self.poller.register(conn.sock, EVENT_READ, partial(self._resume, conn, then))

    def _resume(self, conn: _Connection, then: "Callable[[_Connection], None]", _client: object) -> None:
        if conn in self._waiting:  # or it has given way to another in this turn of the loop
            then(conn)

    def _stop_waiting(self, conn: _Connection) -> None:
        if conn in self._waiting:
            del self._waiting[conn]
            self.poller.unregister(conn.sock)

    def _drop(self, conn: _Connection) -> None:
        self._stop_waiting(conn)
        self.nr_conns -= 1
        conn.close()
