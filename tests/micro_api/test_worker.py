"""Clients that send or take their bytes slowly, or none at all, on a real service with few threads."""

import http.client
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from micro_api.answers import SUCCESS
from micro_api.worker import HEAD_BYTES
from tests.micro_api.conftest import DEADLINE_SECONDS, GUNICORN, Service, SharedService, StartService
from tests.support.processes import until

REQUEST = b"GET /test/test HTTP/1.1\r\nHost: a\r\n\r\n"
HALF_A_HEAD = REQUEST[:-2]
HALF_A_BODY = b"POST /test/test HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"
HALF_A_CHUNK = b"POST /test/test HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12"
CLIENT_HELLO = bytes.fromhex("16030100f8010000f40303")

CLIENTS = 30
"""With this number gunicorn's own worker would let others wait for longer than the tests' deadline."""
NO_LIMIT = "3600"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close the test's connections at its end."""
    with ExitStack() as opened:
        yield opened


def _connect(stack: ExitStack, service: Service, sent: bytes = b"") -> socket.socket:
    client = stack.enter_context(socket.socket(socket.AF_UNIX))
    client.settimeout(DEADLINE_SECONDS)
    client.connect(str(service.socket))
    client.sendall(sent)
    return client


def _answer(client: socket.socket) -> tuple[int, bytes]:
    """Return status and body of the next answer on a connection."""
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.status, response.read()


def _end(client: socket.socket) -> bytes:
    """Return what comes until the service closes the connection."""
    try:
        return b"".join(iter(lambda: client.recv(65536), b""))
    except ConnectionResetError:
        return b""


def _is_refused(client: socket.socket, sent: bytes) -> bool:
    """Send something; return whether the service has closed the connection."""
    try:
        client.sendall(sent)
    except BrokenPipeError:
        return True
    return False


def _answers_probes(service: Service) -> bool:
    return [service.request("GET", path)[0].status for path in ("/healthz", "/readyz", "/test/test")] == [200] * 3


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GE",
        HALF_A_HEAD,
        CLIENT_HELLO,
        HALF_A_BODY,
        HALF_A_CHUNK,
        REQUEST + HALF_A_HEAD,
        b"\r\n",
        b"\r\n" + HALF_A_HEAD,
    ],
    ids=[
        "nothing",
        "half_a_line",
        "half_a_head",
        "tls",
        "half_a_body",
        "half_a_chunk",
        "half_of_a_second",
        "empty_line",
        "after_an_empty_line",
    ],
)
def test_half_a_request_silences_nothing(shared_service: SharedService, stack: ExitStack, sent: bytes) -> None:
    """Many clients that stop in the middle of a request, with no limit of time, cost no one else an answer."""
    service = shared_service(SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS=NO_LIMIT)
    held = [_connect(stack, service, sent) for _ in range(CLIENTS)]
    assert _answers_probes(service)
    assert len(held) == CLIENTS


def test_a_client_that_does_not_close_silences_nothing(shared_service: SharedService, stack: ExitStack) -> None:
    """Clients that ask for the connection's end, and then keep their side open, cost no one else an answer."""
    service = shared_service(SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS=NO_LIMIT)
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    held = [_connect(stack, service, request) for _ in range(CLIENTS)]
    assert [_end(client)[-len(SUCCESS["v1"]) :] for client in held] == [SUCCESS["v1"]] * CLIENTS
    assert _answers_probes(service)


def test_more_silent_connections_than_places_silence_nothing(start_service: StartService, stack: ExitStack) -> None:
    """With all places of a worker taken, a new client takes that of the one which has sent nothing for longest."""
    service = start_service(
        *GUNICORN, "--worker-connections", "10", SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS=NO_LIMIT
    )
    first, *_ = [_connect(stack, service) for _ in range(CLIENTS)]
    assert _answers_probes(service)
    assert _end(first) == b""


def test_a_client_that_takes_no_answer_is_left(shared_service: SharedService, stack: ExitStack) -> None:
    """A client that asks and does not read occupies a thread until the limit, not for ever."""
    service = shared_service(SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS="1")
    _connect(stack, service, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
    assert _answers_probes(service)


def test_a_head_has_a_time_limit(shared_service: SharedService, stack: ExitStack) -> None:
    """A client that sends a byte now and then does not get more time, and neither does a silent one."""
    service = shared_service(SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS="1")
    silent, slow = _connect(stack, service), _connect(stack, service, HALF_A_HEAD)
    until(lambda: _is_refused(slow, b"x"), "the end of a connection that is in use")
    assert _end(silent) == b""


def test_a_body_that_is_read_has_a_time_limit(start_service: StartService, stack: ExitStack, tmp_path: Path) -> None:
    """A view that waits for a body gives 408 at the limit, and its thread is free again."""
    (tmp_path / "reader.py").write_text(
        "from flask import Flask, request\n"
        "app = Flask(__name__)\n"
        "app.add_url_rule('/healthz', 'healthz', lambda: 'alive')\n"
        "app.add_url_rule('/body', 'body', lambda: request.get_data(), methods=['POST'])\n"
    )
    service = start_service(
        *GUNICORN, "reader:app", PYTHONPATH=str(tmp_path), SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS="1"
    )
    head = b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    half = _connect(stack, service, head + b"12345")
    assert service.request("GET", "/healthz")[0].status == 200
    assert _answer(half)[0] == 408
    whole = _connect(stack, service, head + b"12345")
    whole.sendall(b"67890")
    assert _answer(whole) == (200, b"1234567890")


def test_a_request_in_pieces_is_answered(shared_service: SharedService, stack: ExitStack) -> None:
    """A head may come byte by byte, after an empty line, and on a kept connection; a body is passed over."""
    client = _connect(stack, shared_service())
    for byte in b"\r\n" + REQUEST:
        client.sendall(bytes([byte]))
    assert _answer(client) == (200, SUCCESS["v1"])
    client.sendall(HALF_A_BODY + b"67890" + REQUEST[:9])
    assert _answer(client)[0] == 405
    client.sendall(REQUEST[9:])
    assert _answer(client) == (200, SUCCESS["v1"])


def test_requests_sent_together_are_answered_in_order(shared_service: SharedService, stack: ExitStack) -> None:
    """A client may send its next requests before it has the answer to the first."""
    service = shared_service()
    with _connect(stack, service, REQUEST * 3 + HALF_A_HEAD) as client:
        client.sendall(b"Connection: close\r\n\r\n")
        received = _end(client)
    assert received.count(SUCCESS["v1"]) == 4
    assert received.endswith(SUCCESS["v1"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (CLIENT_HELLO, 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET /test/test HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_BYTES, 431),
    ],
    ids=["tls", "lines_without_cr", "no_host", "no_end"],
)
def test_what_is_no_request_is_refused_at_once(
    shared_service: SharedService, stack: ExitStack, sent: bytes, status: int
) -> None:
    """What cannot become a request is not waited for: an answer with the status, and the end."""
    client = _connect(stack, shared_service(SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS=NO_LIMIT), sent)
    assert int(_end(client).split(b" ")[1]) == status


def test_http_1_0_needs_no_host(shared_service: SharedService, stack: ExitStack) -> None:
    """Only HTTP/1.1 requires the header, so that old clients are still answered."""
    client = _connect(stack, shared_service(), b"GET /test/test HTTP/1.0\r\n\r\n")
    assert _end(client).endswith(SUCCESS["v1"])


def test_sigterm_does_not_wait_for_silent_connections(start_service: StartService, stack: ExitStack) -> None:
    """A connection on which no request has begun does not delay the end."""
    service = start_service(
        SERVICE_GRACEFUL_TIMEOUT_SECONDS="3600", SERVICE_THREADS="1", SERVICE_RECEIVE_TIMEOUT_SECONDS=NO_LIMIT
    )
    _connect(stack, service)
    assert _answers_probes(service)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(DEADLINE_SECONDS) == 0


def test_tls_by_flag_is_refused(start_service: StartService) -> None:
    """The limits are those of plain HTTP, so gunicorn's own TLS is refused with a remedy."""
    service = start_service(*GUNICORN, "--certfile", __file__, "--keyfile", __file__, ready=False)
    assert service.process.wait(DEADLINE_SECONDS) == 2
    assert service.stderr().startswith("--certfile and --keyfile are not supported: ")
