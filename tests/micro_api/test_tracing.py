"""The ids of a request: which ones are echoed and logged, and which ones are not."""

import pytest
from flask.testing import FlaskClient

from tests.micro_api.conftest import LogLines, make_client

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


@pytest.fixture
def client() -> FlaskClient:
    """Return a client."""
    return make_client()


def test_new_request_ids_differ(client: FlaskClient) -> None:
    """Each request without an id gets a new one."""
    assert len({client.get("/healthz").headers["x-request-id"] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-request-id", "a"),
        ("x-request-id", "5ae8c2c3-9d8a-4a3e-b1f5-0d7a0c9d3c11"),
        ("x-request-id", "x" * 128),
        ("traceparent", TRACEPARENT),
        ("traceparent", f"01-{TRACE_ID}-{SPAN_ID}-00-later"),
        ("b3", f"{TRACE_ID}-{SPAN_ID}-1-{SPAN_ID}"),
        ("b3", f"{SPAN_ID}-{SPAN_ID}"),
        ("b3", "0"),
        ("x-b3-traceid", TRACE_ID),
        ("x-b3-traceid", SPAN_ID),
        ("x-b3-spanid", SPAN_ID),
        ("x-b3-parentspanid", SPAN_ID),
        ("x-b3-sampled", "1"),
        ("x-b3-flags", "1"),
    ],
)
def test_valid_ids_are_echoed(client: FlaskClient, header: str, value: str) -> None:
    """A well-formed id comes back as it was sent."""
    assert client.get("/test/test", headers={header: value}).headers.getlist(header) == [value]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-request-id", ""),
        ("x-request-id", "x" * 129),
        ("x-request-id", 'a"b'),
        ("x-request-id", "请求"),
        ("traceparent", f"ff-{TRACE_ID}-{SPAN_ID}-01"),
        ("traceparent", f"00-{'0' * 32}-{SPAN_ID}-01"),
        ("traceparent", f"00-{TRACE_ID}-{'0' * 16}-01"),
        ("traceparent", f"00-{TRACE_ID.upper()}-{SPAN_ID}-01"),
        ("traceparent", f"{TRACEPARENT}-more"),
        ("traceparent", f"01-{TRACE_ID}-{SPAN_ID}-01-{'x' * 129}"),
        ("b3", f"{TRACE_ID}"),
        ("b3", f"{'0' * 16}-{SPAN_ID}"),
        ("x-b3-traceid", "xyz"),
        ("x-b3-spanid", TRACE_ID),
        ("x-b3-parentspanid", "1"),
        ("x-b3-sampled", "yes"),
        ("x-b3-flags", "2"),
    ],
)
def test_malformed_ids_are_ignored(client: FlaskClient, header: str, value: str) -> None:
    """A malformed id is not echoed and not logged, and the request is not refused."""
    response = client.get("/test/test", headers={header: value})
    assert response.status_code == 200
    assert value not in response.headers.getlist(header)


@pytest.mark.parametrize(
    ("parent", "state", "echoed"),
    [
        (TRACEPARENT, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", True),
        (TRACEPARENT, "tenant@system=1 , b=2", True),
        (TRACEPARENT, "no-value", False),
        (TRACEPARENT, "a=" + "x" * 511, False),
        (TRACEPARENT, ",".join(f"k{number}=1" for number in range(33)), False),
        ("malformed", "a=1", False),
    ],
)
def test_tracestate_needs_its_parent(client: FlaskClient, parent: str, state: str, *, echoed: bool) -> None:
    """The state of a trace is echoed when it and its parent are well-formed."""
    headers = client.get("/test/test", headers={"traceparent": parent, "tracestate": state}).headers
    assert headers.getlist("tracestate") == [state] * echoed


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": TRACEPARENT, "b3": "0"},
        {"b3": f"{TRACE_ID}-{SPAN_ID}-1"},
        {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "b3": "1"},
    ],
)
def test_log_line_has_the_trace_of_either_kind(
    client: FlaskClient, log_lines: LogLines, headers: dict[str, str]
) -> None:
    """The ids in the log come from W3C, from the single B3 header, or from the separate B3 headers."""
    client.get("/test/test", headers=headers)
    (line,) = log_lines()
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, SPAN_ID)
