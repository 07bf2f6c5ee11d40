"""What is said about each request: response headers, metrics, and one log line.

A WSGI middleware around the Flask application, put there by `app`. It knows nothing of the contract, and it
is on the path of every request: what does not change is prepared once, in `__init__`.
"""

import logging
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

from .logs import Log, json_string
from .tracing import Trace, read_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from .metrics import Metrics
    from .settings import Settings

LOG_MESSAGE = "micro_api.log_message"
"""Where a view leaves its log line's message in the WSGI environment."""
LOG_MEMBERS = "micro_api.log_members"
"""Where whoever answers leaves further members for the log line: JSON that begins with a comma."""

UNCOUNTED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Neither counted nor, unless they fail, logged: probes would outnumber the traffic that is being judged."""

UNMATCHED = "unmatched"
"""The route of a request to an unknown path."""

_DEFAULT_MESSAGE = "请求已处理"
_LOGGED_PATH_CHARACTERS = 256  # up to 12 bytes each: even a line of nothing but escapes is within PIPE_BUF


class Telemetry:
    """Wraps a WSGI application and reports on each of its answers."""

    def __init__(self, wsgi_app: "WSGIApplication", settings: "Settings", metrics: "Metrics") -> None:
        """Wrap an application.

        Args:
            wsgi_app: What answers.
            settings: The version and the pod to name, and the log level.
            metrics: Where requests are counted.
        """
        self._wsgi_app = wsgi_app
        self._metrics = metrics
        self._log = Log(settings)
        self._identity = (("x-service-version", settings.version), ("x-pod-name", settings.pod))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """Answer a request by the wrapped application, then count and log it."""
        started = perf_counter()
        trace = read_trace(environ)
        # What the server answers if the application fails before it starts an answer.
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
        # The ids are safe as they are: `read_trace` lets nothing through that JSON would have to escape.
        self._log.write(
            _level(status),
            environ.get(LOG_MESSAGE, _DEFAULT_MESSAGE),
            f'"request_id":"{trace.request_id}","trace_id":"{trace.trace_id}","span_id":"{trace.span_id}",'
            f'"method":{json_string(environ["REQUEST_METHOD"])},"path":{json_string(path[:_LOGGED_PATH_CHARACTERS])},'
            f'"status":{status},"duration_ms":{duration_seconds * 1000:.3f}{environ.get(LOG_MEMBERS, "")}',
        )


def _level(status: int) -> int:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logging.ERROR
    return logging.WARNING if status >= HTTPStatus.BAD_REQUEST else logging.INFO


def _route(environ: "WSGIEnvironment") -> str:
    """Return the rule of the path, from the request that it keeps in the environment until it has answered."""
    request = environ.get("werkzeug.request")
    return request.url_rule.rule if request is not None and request.url_rule is not None else UNMATCHED
