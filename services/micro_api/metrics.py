"""What Prometheus reads: requests, durations, requests in flight, and who is asked, each with the version.

`telemetry` counts here and `routes` renders. With more than one worker the values live in files of
`Settings.metrics_directory`, which `gunicorn_conf` prepares before this module is imported.
"""

from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from .settings import Settings

# Half a millisecond is a usual answer here, and the slow end covers a mesh's default timeouts.
_DURATION_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

# One more series for each, which no query of a canary uses.
disable_created_metrics()  # type: ignore[no-untyped-call]  # of the library


class Series(NamedTuple):
    """What a finished request is added to, looked up once: Prometheus's own lookup takes longer than the sum."""

    increment: Callable[[], None]
    observe: Callable[[float], None]


class Metrics:
    """The service's metrics in a registry of their own, so that each application has its own."""

    def __init__(self, settings: Settings) -> None:
        """Register the metrics; the version is the same for all series of a process.

        Args:
            settings: Version, release and pod to name, and where workers share their values.
        """
        self._version = settings.version
        self._directory = settings.metrics_directory
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests_total",
            "Requests answered.",
            ["version", "method", "route", "status"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from the parsed request to the complete answer.",
            ["version", "method", "route"],
            buckets=_DURATION_BUCKETS_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "http_requests_in_flight",
            "Requests that are being answered now.",
            ["version"],
            multiprocess_mode="livesum",
            registry=self._registry,
        ).labels(self._version)
        Gauge(
            "micro_api_info",
            "Always 1: what this process runs.",
            ["version", "release", "pod"],
            multiprocess_mode="livemax",
            registry=self._registry,
        ).labels(self._version, settings.release, settings.pod).set(1)
        self._series: dict[tuple[str, str, int], Series] = {}

    def count(self, method: str, route: str, status: int, duration_seconds: float) -> None:
        """Count one finished request.

        Args:
            method: As the client sent it; an unknown one is counted as "other".
            route: The rule of the route, never the path, or the number of series would be the clients' choice.
            status: The HTTP status of the answer.
            duration_seconds: How long the answer took.
        """
        series = self._series.get((method, route, status)) or self.announce(method, route, status)
        series.increment()
        series.observe(duration_seconds)

    def announce(self, method: str, route: str, status: int) -> Series:
        """Show a kind of request from now on, at zero until the first of them.

        A rate needs a zero to rise from. It also opens the shared files, so that a folder lost later costs
        the metrics and no answer.

        Args:
            method: As for `count`.
            route: As for `count`.
            status: As for `count`.

        Returns:
            The series that such a request is counted in.
        """
        if method not in _KNOWN_METHODS:
            method = "other"  # and not remembered under the client's word for it: memory is bounded too
        series = self._series.get((method, route, status))
        if series is None:
            series = self._series[method, route, status] = Series(
                self._requests.labels(self._version, method, route, status).inc,
                self._durations.labels(self._version, method, route).observe,
            )
        return series

    def render(self, accept: str) -> tuple[bytes, str]:
        """Write all metrics out, those of the other workers included.

        Args:
            accept: The `Accept` header of the request, or "".

        Returns:
            The text and its content type: OpenMetrics where the client takes it, else the Prometheus format.

        Raises:
            ValueError: The folder that the workers share has gone.
        """
        registry = self._registry
        if self._directory is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._directory))  # type: ignore[no-untyped-call]  # of the library
        try:
            encoder, content_type = choose_encoder(accept)
        except TypeError:  # prometheus_client compares the version that the client names without checking it
            encoder, content_type = choose_encoder("")
        return encoder(registry), content_type
