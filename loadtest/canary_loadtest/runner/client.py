"""The HTTP client of the load test: one attempt for each request, so that what is counted is what was sent."""

import errno
from collections.abc import Callable, Mapping
from functools import cache, partial
from ipaddress import ip_address
from typing import Any, Final, cast

from gevent.socket import socket as Socket  # noqa: N812 - a class
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.header import HeadersDataType
from geventhttpclient.response import HTTPSocketPoolResponse
from geventhttpclient.url import URL

from canary_loadtest.runner.pacing import Pacer

ANSWERS_PER_CONNECTION: Final = 20


class OneAttemptClient(HTTPClient):
    """A client for one server that never sends a request twice, and assembles the bytes of a request only once.

    geventhttpclient sends a GET again, up to `pool size + 1` times, when the connection closes without an answer. A
    version that drops connections would get another chance each time, and the split that the client sees would not
    be the one that the proxy served (40 % routed to a canary that resets a third looks like 30 %, without any error).
    There is no public switch: the number of attempts is read from the pool's size for every request, and the pool
    itself has been built by then. Idle sockets that the server has closed are still replaced before sending.

    A user sends the same request over and over, and to check and join its headers each time is a tenth of all that a
    request costs (docs/benchmarks.md). All this rests on private names of geventhttpclient: it is pinned in
    requirements.in, and what must not change is tested.
    """

    def __init__(self, host: str, **options: Any) -> None:  # noqa: ANN401 - the options of HTTPClient
        """Make a client; the arguments are those of `HTTPClient`."""
        super().__init__(host, **options)
        self.sockets = self._connection_pool
        self._last_parts: tuple[object, ...] = ()
        self._last_head = ""
        self._prepare()

    def _prepare(self) -> None:
        """Turn resending off, and leave out what costs time and changes nothing."""
        self.sockets.size = -1
        # A name, also a proxy's, may have many addresses, and is looked up for each connection.
        if _is_address(self.sockets._connection_host):  # noqa: SLF001 - see the class
            self.sockets._resolve = cache(self.sockets._resolve)  # type: ignore[method-assign] # noqa: SLF001 - see the class

    def request(
        self,
        method: str,
        request_uri: str,
        body: Any = b"",  # noqa: ANN401 - as in HTTPClient.request
        headers: HeadersDataType | None = None,
    ) -> HTTPSocketPoolResponse:
        """Send a request and return its answer; arguments and errors are those of `HTTPClient.request`."""
        if body:
            return super().request(method, request_uri, body, headers)
        head = self._head(method, request_uri, headers or {})
        sock = self.sockets.get_socket()
        try:
            sock.sendall(head.encode("latin-1"))
        except OSError as error:
            # A server may have answered before it closed the connection: that answer is still there to be read.
            if error.errno not in {errno.ECONNRESET, errno.EPIPE}:
                self.sockets.release_socket(sock)
                raise
        except BaseException:  # the time is over, or the user is taken away
            self.sockets.release_socket(sock)
            raise
        response = HTTPSocketPoolResponse(sock, self.sockets, block_size=self.block_size, method=method)
        response._sent_request = head  # noqa: SLF001 - as the base class does
        return response

    def _head(self, method: str, request_uri: str, headers: HeadersDataType) -> str:
        """Return request line and headers: those of the last request when it was the same."""
        parts = (method, request_uri, *headers.items())
        if parts != self._last_parts:
            self._last_head = self._build_request(method, request_uri, headers=headers)
            self._last_parts = parts
        return self._last_head


def _is_address(host: str) -> bool:
    """Return whether a host is written as an IP address, so that there is no name to look up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class OneAttemptPool(HTTPClientPool):
    """The clients of one user, which keep connections only when told to.

    Without keep-alive no socket goes back to the pool, whether or not the server says that it will close it:
    a request on a connection that is just being closed would be lost by the client's own fault.
    """

    def __init__(self, client_options: Mapping[str, Any], *, keep_alive: bool, pacer: Pacer | None = None) -> None:
        """Make a pool for one user.

        Args:
            client_options: the options of `HTTPClient`: timeouts, a proxy, how certificates are verified.
            keep_alive: whether a connection serves more than one request.
            pacer: whose turn each request waits for, None for no limit.

        Attributes:
            connections: how many connections were made.
        """
        super().__init__(**{**client_options, "concurrency": 1})
        self.keep_alive = keep_alive
        self.connections = 0
        self._answers = 0
        self._pacer = pacer
        self._has_turn = pacer is None
        self._client_by_origin: dict[tuple[str, str], HTTPClient] = {}

    def get_client(self, url: str | URL) -> HTTPClient:
        """Return the client for a URL."""
        if not isinstance(url, URL):
            url = URL(url)
        origin = url.scheme, url.netloc
        if origin not in self._client_by_origin:
            client = cast("OneAttemptClient", OneAttemptClient.from_url(url, **self.client_args))
            self._follow(client.sockets)
            if self._pacer is not None:
                client.request = partial(self._request_in_turn, client.request)  # type: ignore[method-assign]
            self._client_by_origin[origin] = self.clients[url.host, url.port] = client
        return self._client_by_origin[origin]

    def await_turn(self) -> float | None:
        """Wait until the next request may be sent, and keep the turn for it; without a limit it is always there.

        A request waits by itself, too, but then the wait is part of the time that it takes.

        Returns:
            How many seconds after its turn the request comes, None where requests have no turns.
        """
        if self._has_turn or self._pacer is None:
            return None
        self._has_turn = True
        return self._pacer.wait()

    def _request_in_turn(
        self,
        request: Callable[..., HTTPSocketPoolResponse],
        *arguments: Any,  # noqa: ANN401 - as in HTTPClient.request
        **options: Any,  # noqa: ANN401 - as in HTTPClient.request
    ) -> HTTPSocketPoolResponse:
        self.await_turn()
        self._has_turn = False
        return request(*arguments, **options)

    def _follow(self, sockets: ConnectionPool) -> None:
        """Decide from now on whether a connection is kept."""
        if self.keep_alive:
            sockets.after_connect = self._count_connection  # type: ignore[method-assign]
            sockets.return_socket = partial(self._keep_or_close, sockets)  # type: ignore[method-assign]
        else:
            sockets.return_socket = sockets.release_socket  # type: ignore[method-assign]

    def _count_connection(self, sock: Socket) -> None:
        del sock  # only that there is one more counts
        self.connections += 1
        self._answers = 0

    def _keep_or_close(self, sockets: ConnectionPool, socket: Socket) -> None:
        """Keep a connection for the next request, but not for ever: each new one is an independent sample."""
        self._answers += 1
        if self._answers < ANSWERS_PER_CONNECTION:
            ConnectionPool.return_socket(sockets, socket)
        else:
            sockets.release_socket(socket)
