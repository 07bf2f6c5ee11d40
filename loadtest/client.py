"""The HTTP client of the load test: one attempt for each request, so that what is counted is what was sent.

Called by `locustfile`.
"""

from functools import partial

from gevent.socket import socket as Socket  # noqa: N812 - a class
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.url import URL

ANSWERS_PER_CONNECTION = 20


class OneAttemptPool(HTTPClientPool):
    """Clients that never send a request twice, and that keep connections only when told to.

    geventhttpclient sends a GET again, up to `pool size + 1` times, when the connection closes without an answer. A
    version that drops connections would draw anew each time, and the split that the client sees would not be the
    one that the proxy carried out (40 % routed to a V3 that resets a third looks like 30 %, without any error).
    There is no public switch: the number of attempts is read from the pool's size for every request, and the pool
    itself has been built by then. Idle sockets that the server has closed are still replaced before sending.

    Without keep-alive no socket goes back to the pool, whether or not the server says that it will close it:
    a request on a connection that is just being closed would be lost to nobody's fault but the client's.
    """

    def __init__(self, *, keep_alive: bool, timeout_seconds: float) -> None:
        """Make a pool for one user.

        Args:
            keep_alive: whether a connection serves more than one request.
            timeout_seconds: how long to wait for a connection, and for each piece of an answer.

        Attributes:
            connections: how many connections were made.
        """
        super().__init__(concurrency=1, network_timeout=timeout_seconds, connection_timeout=timeout_seconds)
        self.keep_alive = keep_alive

        self.connections = 0
        self._answers = 0

    def get_client(self, url: str | URL) -> HTTPClient:
        """Return the client for a URL, with resending turned off."""
        client = super().get_client(url)
        sockets = client._connection_pool  # noqa: SLF001 - see above; pinned in requirements.in and tested
        sockets.size = -1
        if not self.keep_alive:
            sockets.return_socket = sockets.release_socket  # type: ignore[method-assign]
        elif sockets.after_connect != self._count_connection:
            sockets.after_connect = self._count_connection  # type: ignore[method-assign]
            sockets.return_socket = partial(self._keep_or_close, sockets)  # type: ignore[method-assign]
        return client

    def _count_connection(self, sock: Socket) -> None:
        del sock  # only that there is one more counts
        self.connections += 1
        self._answers = 0

    def _keep_or_close(self, sockets: ConnectionPool, socket: Socket) -> None:
        """Keep a connection for the next request, but not for ever: each new one is a draw that nothing pins."""
        self._answers += 1
        if self._answers < ANSWERS_PER_CONNECTION:
            ConnectionPool.return_socket(sockets, socket)
        else:
            sockets.release_socket(socket)
