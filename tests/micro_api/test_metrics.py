"""The metrics: what is counted, under which labels, in which format."""

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.micro_api.conftest import LogLines, make_client

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def client() -> FlaskClient:
    """Return a client of v2."""
    return make_client(SERVICE_VERSION="v2", SERVICE_RELEASE="1.3-SNAPSHOT")


def _samples(client: FlaskClient, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    families = parse_text(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(sorted(sample.labels.items())): sample.value for sample in samples}


def test_requests_are_counted(client: FlaskClient) -> None:
    """The counter has the version, method, route and status of each answer, with bounded values."""
    for method, path in [
        ("GET", "/test/test"),
        ("GET", "/test/test"),
        ("HEAD", "/test/test"),
        ("BREW", "/test/test"),
        ("GET", "/unknown/1"),
        ("GET", "/unknown/2"),
    ]:
        client.open(path, method=method)
    counted = {
        tuple(dict(labels)[name] for name in ("version", "method", "route", "status")): value
        for labels, value in _samples(client, "http_requests_total").items()
    }
    assert counted == {
        ("v2", "GET", "/test/test", "200"): 2,
        ("v2", "HEAD", "/test/test", "200"): 1,
        ("v2", "other", "/test/test", "405"): 1,
        ("v2", "GET", "unmatched", "404"): 2,
    }


def test_durations_are_observed(client: FlaskClient) -> None:
    """The histogram has each request once, and its sum is the time that they took."""
    for _ in range(3):
        client.get("/test/test")
    labels = (("method", "GET"), ("route", "/test/test"), ("version", "v2"))
    assert _samples(client, "http_request_duration_seconds_count")[labels] == 3
    assert _samples(client, "http_request_duration_seconds_sum")[labels] > 0


def test_requests_in_flight(client: FlaskClient) -> None:
    """A request is in flight while its view runs, and no longer, even when the view fails."""
    seen = []

    def look() -> str:
        seen.append(_samples(client, "http_requests_in_flight"))
        raise RuntimeError

    client.application.add_url_rule("/look", view_func=look)
    client.get("/look")
    assert seen == [{(("version", "v2"),): 1}]
    assert _samples(client, "http_requests_in_flight") == {(("version", "v2"),): 0}


def test_info_metric(client: FlaskClient) -> None:
    """One series names the running release."""
    labels = (("pod", "pod-a"), ("release", "1.3-SNAPSHOT"), ("version", "v2"))
    assert _samples(client, "micro_api_info") == {labels: 1}


def test_every_sample_has_the_version(client: FlaskClient) -> None:
    """Every series has the version, none is a creation time, and the call's series exists before the first call."""
    samples = [sample for family in parse_text(client.get("/metrics").text) for sample in family.samples]
    assert {sample.labels["version"] for sample in samples} == {"v2"}
    assert not [sample.name for sample in samples if sample.name.endswith("_created")]
    assert list(_samples(client, "http_requests_total").values()) == [0]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=nonsense", "text/plain; version=0.0.4; charset=utf-8"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
    ],
)
def test_metrics_content_type(client: FlaskClient, accept: str, content_type: str) -> None:
    """The format is the one that the client asks for; an invalid request gets the Prometheus format."""
    response = client.get("/metrics", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, content_type)


def test_openmetrics_is_well_formed(client: FlaskClient) -> None:
    """The strict parser of OpenMetrics reads the metrics."""
    client.get("/test/test")
    text = client.get("/metrics", headers={"Accept": OPENMETRICS}).text
    families = parse_openmetrics(text)  # type: ignore[no-untyped-call]  # of the library
    assert {family.name for family in families} == {
        "http_requests",
        "http_request_duration_seconds",
        "http_requests_in_flight",
        "micro_api_info",
    }


def test_applications_do_not_share_metrics() -> None:
    """Two applications in one process count separately."""
    one, other = make_client(), make_client()
    one.get("/test/test")
    assert sum(_samples(one, "http_requests_total").values()) == 1
    assert sum(_samples(other, "http_requests_total").values()) == 0


def test_healthy_probes_are_neither_logged_nor_counted(client: FlaskClient, log_lines: LogLines) -> None:
    """Probes and scrapes are not in the log or the metrics: there are more of them than calls."""
    for path in ("/healthz", "/readyz", "/metrics"):
        client.get(path)
    assert log_lines() == []
    assert sum(_samples(client, "http_requests_total").values()) == 0
