"""The report on each request: response headers, metrics, and one log line.

A WSGI middleware around the Flask application, which knows nothing about the contract. Every request passes through
it, so that everything constant is prepared once, in `__init__`.
"""

import logging
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Final

from .logs import Log
from .tracing import Trace, read_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from .metrics import Metrics
    from .settings import Settings

LOG_RECORD: Final = "micro_api.log_record"
"""Where a view leaves fields for its log line in the WSGI environment: a dictionary, with the message as "message"."""

UNCOUNTED_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Not counted, and logged only when they fail: there are more probes than calls."""

UNMATCHED: Final = "unmatched"
"""The route of a request to an unknown path."""

_DEFAULT_MESSAGE: Final = "请求已处理"
_LOGGED_PATH_CHARACTERS: Final = 256  # up to 12 bytes each: a line with only escapes is still within PIPE_BUF


class Telemetry:
    """Wraps a WSGI application and reports each of its answers."""

    def __init__(self, wsgi_app: "WSGIApplication", settings: "Settings", metrics: "Metrics") -> None:
        """Wrap an application.

        Args:
            wsgi_app: the application.
            settings: the version and the pod to name, and the log level.
            metrics: counts the requests.
        """
        self._wsgi_app = wsgi_app
        self._metrics = metrics
        self._log = Log(settings)
        self._identity = (("x-service-version", settings.version), ("x-pod-name", settings.pod))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """Have the wrapped application answer a request, then count and log it."""
        started = perf_counter()
        trace = read_trace(environ)
        # What the server answers when the application fails before it starts an answer.
        status, route = HTTPStatus.INTERNAL_SERVER_ERROR.value, UNMATCHED

        def start(
            status_line: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None
        ) -> "Callable[[bytes], object]":
            nonlocal status, route
            status, route = int(status_line[:3]), _route(environ)
            return start_response(status_line, [*headers, *self._identity, *trace.headers], exc_info)

        counted = environ["PATH_INFO"] not in UNCOUNTED_PATHS
        in_flight = self._metrics.in_flight
        if counted:
            in_flight.inc()
        try:
            return self._wsgi_app(environ, start)
        finally:
            duration_seconds = perf_counter() - started
            if counted:
                in_flight.dec()
                self._metrics.count(environ["REQUEST_METHOD"], route, status, duration_seconds)
            if counted or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                self._log_request(environ, trace, status, duration_seconds)

    def _log_request(self, environ: "WSGIEnvironment", trace: Trace, status: int, duration_seconds: float) -> None:
        path = environ["PATH_INFO"]
        if not path.isascii():
            path = path.encode("latin-1").decode(errors="replace")  # PEP 3333 hands bytes over as Latin-1
        record = environ.get(LOG_RECORD, {})
        message = record.pop("message", _DEFAULT_MESSAGE)
        fields = {
            "request_id": trace.request_id,
            "trace_id": trace.trace_id,
            "span_id": trace.span_id,
            "method": environ["REQUEST_METHOD"],
            "path": path[:_LOGGED_PATH_CHARACTERS],
            "status": status,
            "duration_ms": duration_seconds * 1000,
        }
        self._log.write(_level(status), message, fields | record)


def _level(status: int) -> int:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logging.ERROR
    return logging.WARNING if status >= HTTPStatus.BAD_REQUEST else logging.INFO


def _route(environ: "WSGIEnvironment") -> str:
    """Return the rule of the path, from the request that Werkzeug keeps in the environment until it is answered."""
    request = environ.get("werkzeug.request")
    return request.url_rule.rule if request is not None and request.url_rule is not None else UNMATCHED
