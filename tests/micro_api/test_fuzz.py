"""Generated requests: the answers are always those that are documented.

schemathesis reads the OpenAPI document and attacks what it describes; Hypothesis attacks all the rest. Its own
pytest integration is not used, only its command line: that needs nothing of pytest's inner parts.
"""

import http.client
import json
import re
import socket
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from string import ascii_uppercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_api import page
from micro_api.answers import CONTENT_TYPE
from micro_api.routes import OPENAPI_DOCUMENT
from tests.micro_api.conftest import DEADLINE_SECONDS, Service, StartService
from tests.support.processes import until

pytestmark = pytest.mark.live

PATHS = sorted(json.loads(OPENAPI_DOCUMENT.read_text("utf-8"))["paths"])
DOCUMENTED_TYPES = {CONTENT_TYPE, page.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"}
OPENMETRICS_TYPE = re.compile(r"application/openmetrics-text; version=[0-9.]+; charset=utf-8; escaping=[a-z-]+")


def _address(service: Service) -> list[str]:
    return re.findall(r"Listening at: (http://127\.0\.0\.1:[0-9]+)", service.stdout().decode())


def _fuzz(service: Service, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    until(lambda: _address(service) != [], "the service listens")
    (address,) = _address(service)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(OPENAPI_DOCUMENT), "--url", address]
    options = ["--checks", "all", "--seed", "1", "--max-examples", "100", "--no-color", *arguments]
    return subprocess.run([*command, *options], cwd=directory, env={}, capture_output=True, text=True, check=False)


def _tracebacks(service: Service) -> list[str]:
    return [line for line in service.stdout().decode().splitlines() if "exception" in json.loads(line)]


@pytest.mark.parametrize(
    ("version", "error_ratio", "arguments"),
    [
        ("v1", "0", ()),
        ("v2", "0.5", ("--exclude-checks", "not_a_server_error")),
    ],
)
def test_documented_operations(
    start_service: StartService, tmp_path: Path, version: str, error_ratio: str, arguments: tuple[str, ...]
) -> None:
    """Status, type, headers and body of every answer are in the OpenAPI document, injected faults included."""
    service = start_service(
        ready=False, SERVICE_BIND="127.0.0.1:0", SERVICE_VERSION=version, SERVICE_ERROR_RATIO=error_ratio
    )
    run = _fuzz(service, tmp_path, *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Operations:       {len(PATHS)} selected" in run.stdout
    assert _tracebacks(service) == []
    assert service.stderr() == ""


def test_fuzzer_finds_what_is_there(start_service: StartService, tmp_path: Path) -> None:
    """A service that fails half of its calls does not pass: the fuzzer reaches it and checks its answers."""
    service = start_service(ready=False, SERVICE_BIND="127.0.0.1:0", SERVICE_ERROR_RATIO="0.5")
    run = _fuzz(service, tmp_path, "--max-failures", "1")
    assert run.returncode == 1
    assert "Server error" in run.stdout


VISIBLE = [chr(code) for code in range(0x21, 0x7F)]
METHODS = st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "TRACE", "CONNECT"]) | st.text(
    ascii_uppercase, min_size=3, max_size=20
)
TARGETS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "/", "//"]),
    st.sampled_from([*PATHS, "/"]),
    st.just("") | st.text(VISIBLE, min_size=1, max_size=30),
)
HEADER_NAMES = st.sampled_from(
    [
        *("x-request-id", "traceparent", "tracestate", "b3", "x-b3-traceid", "Accept", "Accept-Encoding", "Cookie"),
        *("Content-Type", "Range", "If-None-Match", "X-HTTP-Method-Override", "X-Forwarded-Proto", "SCRIPT_NAME"),
    ]
)
HEADER_VALUES = st.builds(
    "{}{}{}".format, st.sampled_from(VISIBLE), st.text([" ", *VISIBLE], max_size=40), st.sampled_from(VISIBLE)
) | st.sampled_from(
    ["application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=x; escaping=y", "bytes=0-1"]
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """Generate a well-formed HTTP request: its method, and all of its bytes."""
    method, body = draw(METHODS), draw(st.binary(max_size=64))
    headers = {**draw(st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=4)), "Content-Length": len(body)}
    lines = [f"{method} {draw(TARGETS)} HTTP/1.1", "Host: a", "Connection: close"]
    head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
    return method, head.encode() + body


@st.composite
def damaged_requests(draw: st.DrawFn) -> bytes:
    """Generate a request in which some bytes are replaced by others."""
    _, request = draw(requests())
    start = draw(st.integers(0, len(request)))
    end = draw(st.integers(start, min(start + 8, len(request))))
    return request[:start] + draw(st.binary(max_size=8)) + request[end:]


def _send(service: Service, request: bytes) -> bytes:
    """Send bytes, then the end of the stream; return all bytes of the answer, "" when the connection is only closed."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(str(service.socket))
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except (BrokenPipeError, ConnectionResetError):
            return b""  # refused before it was read to its end


class _Received:
    """Bytes that replace a socket, for `http.client` to parse."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._data)


def _check_documented(method: str, answer: bytes) -> None:
    """Assert that the README and the OpenAPI document describe an answer."""
    response = http.client.HTTPResponse(_Received(answer), method=method)  # type: ignore[arg-type]  # all it uses
    response.begin()
    body, content_type = response.read(), response.headers["Content-Type"]
    assert response.headers["x-service-version"] == "v1"
    if response.status == 204:
        assert (method, body, content_type) == ("OPTIONS", b"", None)
        assert response.headers["Allow"]
        return
    assert response.status in {200, 404, 405}
    if response.status == 200:
        assert method in {"GET", "HEAD"}
        assert content_type in DOCUMENTED_TYPES or OPENMETRICS_TYPE.fullmatch(content_type)
    else:
        assert content_type == CONTENT_TYPE
        assert method == "HEAD" or list(json.loads(body)) == ["code", "message"]
    assert method != "HEAD" or body == b""


def _check_unharmed(service: Service) -> None:
    """Assert that the service has not failed and still answers."""
    assert _tracebacks(service) == []
    assert service.stderr() == ""
    assert service.request("GET", "/test/test")[0].status == 200


def test_any_request_is_answered_as_documented(start_service: StartService) -> None:
    """Any method, path, headers and body: never a 5xx, a documented status and type, errors in their form."""
    service = start_service()

    @settings(max_examples=500)
    @given(requests())
    def check(request: tuple[str, bytes]) -> None:
        method, sent = request
        _check_documented(method, _send(service, sent))

    check()
    _check_unharmed(service)


def test_what_is_not_http_does_no_harm(start_service: StartService) -> None:
    """A damaged request is answered, or refused as the client's error (501: an unknown coding), or closed."""
    service = start_service()

    @settings(max_examples=500)
    @given(damaged_requests())
    def check(request: bytes) -> None:
        status = _send(service, request)[9:12]
        assert status[:1] in {b"", b"1", b"2", b"4"} or status == b"501"

    check()
    _check_unharmed(service)
