"""The metrics for Prometheus: requests, durations, requests in flight and the running release, each by version.

With more than one worker the values are in files of `Settings.metrics_directory`, which `gunicorn_conf` prepares before
this module is imported.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from .settings import Settings

# Half a millisecond is a usual duration here, and the long end covers a mesh's default timeouts.
_DURATION_BUCKETS_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

# Otherwise there is one more series for each, which no query of a canary uses.
disable_created_metrics()  # type: ignore[no-untyped-call]  # of the library


class Series(NamedTuple):
    """Counters of a kind of request, looked up once: Prometheus's own lookup takes longer than counting."""

    increment: Callable[[], None]
    observe: Callable[[float], None]


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self, settings: Settings) -> None:
        """Register the metrics.

        Args:
            settings: version, release and pod to name, and the folder where workers share their values.
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
            method: the client's; an unknown one is counted as "other".
            route: the rule of the route; not the path, or clients could create any number of series.
            status: HTTP status of the answer.
            duration_seconds: duration of the answer.
        """
        series = self._series.get((method, route, status)) or self.announce(method, route, status)
        series.increment()
        series.observe(duration_seconds)

    def announce(self, method: str, route: str, status: int) -> Series:
        """Show a kind of request from now on, at zero until the first one.

        A rate needs a zero to start from. It also opens the shared files: if the folder is lost later, metrics are lost
        and requests are still answered.

        Args:
            method: as for `count`.
            route: as for `count`.
            status: as for `count`.

        Returns:
            The counters of such a request.
        """
        if method not in _KNOWN_METHODS:
            method = "other"  # and is not remembered by its own name, which bounds the memory too
        series = self._series.get((method, route, status))
        if series is None:
            series = self._series[method, route, status] = Series(
                self._requests.labels(self._version, method, route, status).inc,
                self._durations.labels(self._version, method, route).observe,
            )
        return series

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics, including those of the other workers.

        Args:
            accept: the `Accept` header of the request, or "".

        Returns:
            The text and its content type: OpenMetrics if the client accepts it, else the Prometheus format.

        Raises:
            ValueError: the folder that the workers share is missing.
        """
        registry = self._registry
        if self._directory is not None:
            registry = CollectorRegistry()
            _Collector(registry, str(self._directory))  # type: ignore[no-untyped-call]  # of the library
        try:
            encoder, content_type = choose_encoder(accept)
        except TypeError:  # prometheus_client does not check the version that the client names
            encoder, content_type = choose_encoder("")
        return encoder(registry), content_type


class _Collector(MultiProcessCollector):
    """Adds up the files of all workers, also while a worker makes or removes one."""

    def collect(self) -> Any:  # noqa: ANN401 - of a library without types
        """Return the sums; prometheus_client itself fails at a file that has no size yet."""
        files = [str(file) for file in Path(self._path).glob("*.db") if _has_content(file)]
        return self.merge(files)  # type: ignore[no-untyped-call]  # of the library


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False
