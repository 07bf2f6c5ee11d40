"""Faults for teaching: how often they occur, how long they take, and how they are marked."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from micro_api import faults, routes
from micro_api.answers import CONTENT_TYPE, SUCCESS
from micro_api.faults import Fault, are_configured, draw_fault
from micro_api.settings import Settings
from tests.micro_api.conftest import LogLines, StartService, UnixConnection, make_client

CHANCE_OF_FALSE_ALARM = 1e-9
FAILURE = '{"code":9999,"message":"系统异常"}'.encode()


def _settings(error_ratio: str = "0", delay_seconds: str = "0", delay_jitter_seconds: str = "0") -> Settings:
    return Settings.from_env(
        {
            "SERVICE_ERROR_RATIO": error_ratio,
            "SERVICE_DELAY_SECONDS": delay_seconds,
            "SERVICE_DELAY_JITTER_SECONDS": delay_jitter_seconds,
        }
    )


def _is_plausible(successes: int, trials: int, probability: float) -> bool:
    """Return whether a count is within binomial bounds that it leaves by chance once in 1,000,000,000 times."""
    least = binom.ppf(CHANCE_OF_FALSE_ALARM / 2, trials, probability) if probability > 0 else 0
    most = binom.isf(CHANCE_OF_FALSE_ALARM / 2, trials, probability)
    return bool(least <= successes <= most)


@pytest.mark.parametrize("error_ratio", ["0", "0.15", "0.5", "1"])
def test_share_of_errors(error_ratio: str) -> None:
    """The share of errors is the one set: within binomial bounds, and exactly at 0 and 1."""
    settings, uniform = _settings(error_ratio), Random(1).random
    errors = sum(draw_fault(settings, uniform).is_error for _ in range(20_000))
    assert _is_plausible(errors, 20_000, float(error_ratio))
    assert errors not in {0, 20_000} or error_ratio in {"0", "1"}


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_jitter_is_uniform(part: float) -> None:
    """Of the delays, the share below each part of the jitter is that part."""
    settings, uniform = _settings(delay_seconds="0.2", delay_jitter_seconds="0.1"), Random(2).random
    below = sum(draw_fault(settings, uniform).delay_seconds < 0.2 + 0.1 * part for _ in range(20_000))
    assert _is_plausible(below, 20_000, part)


def test_delay_and_error_are_independent() -> None:
    """Delays and errors are independent: they coincide as often as expected by chance."""
    settings, uniform = _settings("0.5", delay_jitter_seconds="1"), Random(3).random
    drawn = [draw_fault(settings, uniform) for _ in range(20_000)]
    assert _is_plausible(sum(fault.is_error and fault.delay_seconds < 0.5 for fault in drawn), 20_000, 0.25)


DELAYS = st.decimals(0, 60, places=3).map(str)


@given(DELAYS, DELAYS, st.floats(0, 1, exclude_max=True))
def test_delay_is_within_its_bounds(delay_seconds: str, delay_jitter_seconds: str, number: float) -> None:
    """Delays are between the constant and the constant plus the jitter; without both there is no delay."""
    settings = _settings(delay_seconds=delay_seconds, delay_jitter_seconds=delay_jitter_seconds)
    least, most = float(delay_seconds), float(delay_seconds) + float(delay_jitter_seconds)
    assert least <= draw_fault(settings, lambda: number).delay_seconds <= most
    assert draw_fault(settings, lambda: 0.0) == Fault(least, is_error=False)
    assert are_configured(settings) == (most > 0)


@pytest.mark.parametrize(
    ("fault", "label"),
    [
        (Fault(0, is_error=False), ""),
        (Fault(0.1, is_error=False), "delay"),
        (Fault(0, is_error=True), "error"),
        (Fault(0.1, is_error=True), "delay, error"),
    ],
)
def test_label(fault: Fault, label: str) -> None:
    """The label names the parts of a fault, and is empty without one."""
    assert fault.label == label


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace sleep and chance: return the delays that would have been slept, each with half of the jitter."""
    delays: list[float] = []
    monkeypatch.setattr(routes, "sleep", delays.append)
    monkeypatch.setattr(routes, "random", lambda: 0.5)
    return delays


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_delayed_call(slept: list[float], log_lines: LogLines, version: str, method: str) -> None:
    """A delayed call sleeps for the sampled time, gets the contract's answer, and is marked as delayed."""
    client = make_client(SERVICE_VERSION=version, SERVICE_DELAY_SECONDS="0.25", SERVICE_DELAY_JITTER_SECONDS="0.5")
    response = client.open("/test/test", method=method)
    assert slept == [0.5]
    assert (response.status_code, response.content_type) == (200, CONTENT_TYPE)
    assert (response.data, response.content_length) == (SUCCESS[version] * (method == "GET"), len(SUCCESS[version]))
    assert response.headers["x-fault"] == "delay"
    (line,) = log_lines()
    assert (line["message"], line["status"], line["fault"]) == ("测试接口被调用！", 200, "delay")


def test_failing_call(slept: list[float], log_lines: LogLines) -> None:
    """A failing call is 500 with code 9999 in the contract's form; answer and log line mark it as injected."""
    response = make_client(SERVICE_ERROR_RATIO="1").get("/test/test")
    assert (response.status_code, response.content_type, response.data) == (500, CONTENT_TYPE, FAILURE)
    assert response.headers["x-fault"] == "error"
    (line,) = log_lines()
    assert (line["level"], line["message"], line["fault"]) == ("error", "系统异常", "error")
    assert "exception" not in line
    assert sum(slept) == 0


def test_late_and_failing_call(slept: list[float]) -> None:
    """A call can be late and fail."""
    response = make_client(SERVICE_ERROR_RATIO="1", SERVICE_DELAY_SECONDS="3").get("/test/test")
    assert (response.status_code, response.headers["x-fault"], slept) == (500, "delay, error", [3])


def test_spared_call_is_as_ever(slept: list[float], log_lines: LogLines) -> None:
    """A call without a fault is answered and logged as if none were configured."""
    response = make_client(SERVICE_ERROR_RATIO="0.5").get("/test/test")  # fails when the number is below a half
    assert (response.status_code, response.data, slept) == (200, SUCCESS["v1"], [])
    assert "x-fault" not in response.headers
    assert "fault" not in log_lines()[0]


@pytest.mark.parametrize(
    "sent",
    [
        *("GET /", "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json"),
        *("OPTIONS /test/test", "POST /test/test", "GET /unknown"),
    ],
)
def test_all_but_the_call_is_spared(slept: list[float], sent: str) -> None:
    """Probes, metrics, and all requests but calls have no faults."""
    method, path = sent.split()
    response = make_client(SERVICE_ERROR_RATIO="1", SERVICE_DELAY_SECONDS="60").open(path, method=method)
    assert response.status_code < 500
    assert "x-fault" not in response.headers
    assert slept == []


def test_nothing_is_drawn_when_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configured fault, a call does not run any code of the faults."""
    monkeypatch.delattr(faults, "draw_fault")
    client = make_client(SERVICE_ERROR_RATIO="0", SERVICE_DELAY_SECONDS="0.0", SERVICE_DELAY_JITTER_SECONDS="0")
    assert client.get("/test/test").data == SUCCESS["v1"]


def _calls(connection: UnixConnection, count: int) -> Iterator[tuple[int, str | None, bytes]]:
    for _ in range(count):
        connection.request("GET", "/test/test")
        response = connection.getresponse()
        yield response.status, response.headers["x-fault"], response.read()


@pytest.mark.parametrize("error_ratio", ["0.5", "1"])
def test_errors_over_http(start_service: StartService, error_ratio: str) -> None:
    """A real service fails the given share of calls, marks each in header and log, and its probes stay healthy."""
    service = start_service(SERVICE_ERROR_RATIO=error_ratio, SERVICE_DELAY_SECONDS="0.001")
    with closing(UnixConnection(service.socket)) as connection:
        kinds = Counter(_calls(connection, 400))
    failed, passed = kinds.pop((500, "delay, error", FAILURE)), kinds.pop((200, "delay", SUCCESS["v1"]), 0)
    assert kinds == {}
    assert failed + passed == 400
    assert _is_plausible(failed, 400, float(error_ratio))
    logged = Counter(json.loads(line).get("fault") for line in service.stdout().splitlines())
    assert (logged["delay, error"], logged["delay"]) == (failed, passed)
    assert service.request("GET", "/readyz")[0].status == 200
