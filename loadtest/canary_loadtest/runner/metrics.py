"""The metrics of a run, served to Prometheus while it lasts.

A server of gevent's own: it shares the process's one thread with the users, so that it reads the measurement between
two answers, and no lock is needed.
"""

import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import gevent
from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canary_loadtest.output.metrics import families
from canary_loadtest.runner.run import JudgingRun

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ALL_ADDRESSES: Final = "*"  # as in Locust's own --web-host
PATH: Final = "/metrics"
# A reading takes some 10 ms of the one thread: for this long it is handed out again, however fast one asks.
FRESH_SECONDS: Final = 0.25
POLL_SECONDS: Final = 0.02


class MetricsServer:
    """Serves the metrics of a run from its start to its end."""

    def __init__(self, run: JudgingRun, host: str, port: int, wait_seconds: float) -> None:
        """Listen, and answer from now on.

        Args:
            run: what is read.
            host: the address to listen at, `ALL_ADDRESSES` for any of IPv4.
            port: the port, 0 for a free one.
            wait_seconds: how long `close` waits, at most.

        Raises:
            OSError: the address is no address of this machine, or the port is busy.
        """
        self._readings = _Readings(run)
        self._run = run
        self._wait_seconds = wait_seconds
        self._began = time.monotonic()
        self._registry = CollectorRegistry()
        self._registry.register(self._readings)
        self._was_read = self._end_was_read = False
        name = None if host == ALL_ADDRESSES else host
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # "::" is all of IPv4, too, where the machine has both.
        both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        listener = socket.create_server(address[:2], family=family, dualstack_ipv6=both)
        self._server = WSGIServer(listener, self._answer, log=None, error_log=None)
        self._server.start()
        shown, bound = listener.getsockname()[:2]
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{bound}{PATH}"
        print(f"metrics for Prometheus: {self.url}", file=sys.stderr, flush=True)

    def hurry(self, **_: object) -> None:
        """Wait for nothing at the end where the run is cut off by hand; asked when the process begins to end."""
        if self._run.state == "running":
            self._wait_seconds = 0.0

    def close(self, **_: object) -> None:
        """Wait until the end has been read, but not for long; then listen no more.

        What has read nothing for as long as this waits, from the start on, is not there.
        """
        deadline = self._wait_seconds + (time.monotonic() if self._was_read else self._began)
        with suppress(KeyboardInterrupt):
            while not self._end_was_read and time.monotonic() < deadline:
                gevent.sleep(POLL_SECONDS)
        self._server.close()

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request; the path and the method are all that it may choose."""
        if environ["PATH_INFO"] != PATH:
            return _plain(start_response, "404 Not Found", f"only {PATH} is served here")
        if environ["REQUEST_METHOD"] != "GET":
            return _plain(start_response, "405 Method Not Allowed", "only GET is answered", ("Allow", "GET"))
        try:
            encode, content_type = choose_encoder(environ.get("HTTP_ACCEPT", ""))
        except (TypeError, ValueError):  # prometheus_client does not check the version that a client names
            encode, content_type = choose_encoder("")
        text = encode(self._registry)
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(text)))])
        return self._sent(text, at_the_end=self._readings.latest.ended)

    def _sent(self, text: bytes, *, at_the_end: bool) -> Iterator[bytes]:
        yield text
        # The server asks for more once it has sent this.
        self._was_read, self._end_was_read = True, at_the_end


class _Readings(Collector):
    """Reads a run when it is asked to, and no more often than `FRESH_SECONDS` while the run lasts."""

    def __init__(self, run: JudgingRun) -> None:
        self._run = run
        self._read_at = time.monotonic()
        self.latest = run.reading()

    def collect(self) -> Iterator[Metric]:
        now = time.monotonic()
        if self._run.state == "ended" or now - self._read_at >= FRESH_SECONDS:
            self.latest, self._read_at = self._run.reading(), now
        return families(self.latest)


def _plain(start_response: "StartResponse", status: str, text: str, *headers: tuple[str, str]) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
    return [f"{text}\n".encode()]
