"""The report on a request: the headers of its answer and its log line."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from tests.micro_api.conftest import LogLines, make_client

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


@pytest.fixture
def client() -> FlaskClient:
    """Return a client of v2."""
    return make_client(SERVICE_VERSION="v2", SERVICE_RELEASE="1.3-SNAPSHOT")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/test/test", "/healthz", "/readyz", "/metrics", "/unknown"])
def test_every_answer_names_version_and_pod(client: FlaskClient, method: str, path: str) -> None:
    """Version, pod and a request id are on every answer, errors and probes included."""
    headers = client.open(path, method=method).headers
    assert (headers["x-service-version"], headers["x-pod-name"]) == ("v2", "pod-a")
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])


def test_log_line(client: FlaskClient, log_lines: LogLines) -> None:
    """A call logs one line: UTC time, the article's message, version, release, pod, the request and its ids."""
    client.get("/test/test?query=1", headers={"x-request-id": "id-1", "traceparent": TRACEPARENT})
    (line,) = log_lines()
    timestamp, duration_ms = line.pop("timestamp"), line.pop("duration_ms")
    assert line == {
        "level": "info",
        "message": "测试接口被调用！",
        "version": "v2",
        "release": "1.3-SNAPSHOT",
        "pod": "pod-a",
        "request_id": "id-1",
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "method": "GET",
        "path": "/test/test",
        "status": 200,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(timestamp)) < timedelta(minutes=5)
    assert duration_ms > 0


@pytest.mark.parametrize(
    ("sent", "level", "message"),
    [
        ("GET /test/test", "info", "测试接口被调用！"),
        ("HEAD /test/test", "info", "测试接口被调用！"),
        ("OPTIONS /test/test", "info", "请求已处理"),
        ("GET /unknown", "warning", "HTTP错误"),
        ("POST /test/test", "warning", "此接口不支持POST（仅支持GET）"),
    ],
)
def test_message_and_level(client: FlaskClient, log_lines: LogLines, sent: str, level: str, message: str) -> None:
    """Only calls have the article's message; other requests have another one, at the level of their status."""
    method, path = sent.split()
    client.open(path, method=method)
    (line,) = log_lines()
    assert (line["level"], line["message"]) == (level, message)


def test_lower_levels_are_not_written(log_lines: LogLines) -> None:
    """With SERVICE_LOG_LEVEL=warning a success is silent and an error is not."""
    client = make_client(SERVICE_LOG_LEVEL="warning")
    client.get("/test/test")
    client.get("/unknown")
    assert [line["status"] for line in log_lines()] == [404]


def test_a_failing_probe_is_logged(log_lines: LogLines) -> None:
    """A failed probe is logged with the reason."""
    client = make_client(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR="/nonexistent/metrics")
    client.get("/readyz")
    (line,) = log_lines()
    assert (line["level"], line["status"]) == ("error", 503)
    assert "PROMETHEUS_MULTIPROC_DIR=/nonexistent/metrics" in line["message"]


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("/a%0A%7B%22level%22:1%7D", '/a\n{"level":1}'),
        ("/a%C2%85b%E2%80%A8c%00", "/a\x85b\u2028c\x00"),
        ("/%E6%B5%8B%22%5C", '/测"\\'),
        ("/%FF", "/\ufffd"),
        ("/" + "x" * 5000, "/" + "x" * 255),
    ],
)
def test_path_cannot_break_the_line(client: FlaskClient, log_lines: LogLines, sent: str, logged: str) -> None:
    """Any path is logged on one line of bounded length, from which it can be read again."""
    client.get(sent)
    (line,) = log_lines()
    assert line["path"] == logged


def test_headers_cannot_break_the_line(client: FlaskClient, log_lines: LogLines) -> None:
    """Ids that would end a JSON string are replaced before they are logged."""
    client.get("/test/test", headers=dict.fromkeys(["x-request-id", "traceparent", "b3", "x-b3-traceid"], 'a","b":"'))
    (line,) = log_lines()
    assert (line["trace_id"], line["span_id"], line.get("b")) == ("", "", None)
