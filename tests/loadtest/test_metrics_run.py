"""The metrics of a run, read from a real process while it asks a real server."""

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.session import Session
from tests.loadtest.locust_process import (
    BOTH_FINDINGS,
    end_of,
    forked_workers,
    is_usage_error,
    locust,
    run,
    wait_until,
    workers_of,
)
from tests.loadtest.metrics import Series, by_verdict, read, reader, without
from tests.loadtest.server import serving
from tests.loadtest.simulation import fed
from tests.loadtest.traffic import held_after, split, tens
from tests.loadtest.web_ui import WebUi, web_ui
from tests.support.processes import free_port
from tests.support.processes import run as run_program
from tests.support.repository import ROOT

LONGER_THAN_A_TEST_SECONDS = 3600
ENDED = ("canary_run_ended",)


def total(series: Series) -> float:
    """Return how many answers were counted."""
    return sum(value for (name, *_), value in series.items() if name == "canary_answers_total")


@pytest.mark.parametrize(("expect_canary", "exit_code", "outcome"), [(30, 0, "CONFIRMED"), (50, 10, "REFUTED")])
def test_what_is_read_ends_as_the_verdict(tmp_path: Path, expect_canary: int, exit_code: int, outcome: str) -> None:
    """The counts grow while the run is INCONCLUSIVE; the last reading, for which the process waits, is the verdict."""
    port = free_port()
    options = f"--expect-canary {expect_canary} --metrics-port {port} --metrics-wait {LONGER_THAN_A_TEST_SECONDS}"
    with (
        serving(split(3)) as server,
        reader(port) as readings,
        locust(tmp_path, f"--host {server.url} {options}", environment=BOTH_FINDINGS) as process,
    ):
        ended = end_of(process, tmp_path)
    assert ended.exit_code == exit_code, ended.stderr
    assert f"metrics for Prometheus: http://127.0.0.1:{port}/metrics\n" in ended.stderr
    *during, last = readings
    assert last[ENDED] == last["canary_verdict", outcome] == 1
    assert without(last) == by_verdict(ended.verdict)
    counted = [total(series) for series in during if not series[ENDED]]
    assert counted == sorted(counted)
    assert counted[-1] <= total(last)
    assert counted[-1] > 0 or total(last) < 500, "a run of more answers takes longer than a reading is kept"
    assert all(series["canary_verdict", "INCONCLUSIVE"] for series in during if total(series) < total(last))
    assert read(port) is None


def test_a_port_that_is_taken_is_named_before_any_request(tmp_path: Path) -> None:
    """It is a usage error, by the option's name; no connection was made to the target."""
    with serving(split(3)) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30 --metrics-port {port}")
    assert is_usage_error(ended, f"--metrics-port {port}", "Address already in use", "127.0.0.1"), ended.stderr
    assert (server.connections, ended.verdict) == (0, {})


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    """An address that is not this machine's is a usage error, too, by its value."""
    ended = run(tmp_path, "--host http://127.0.0.1 --expect-canary 30 --metrics-port 0 --metrics-host 192.0.2.1")
    assert is_usage_error(ended, "192.0.2.1", "--metrics-host", "Cannot assign requested address"), ended.stderr


def test_it_listens_for_other_machines_where_it_is_told_to(tmp_path: Path) -> None:
    """`*` is all addresses of IPv4, as for Locust's web UI."""
    options = "--expect-canary 30 --metrics-port 0 --metrics-host *"
    with serving(held_after(0, split(3))) as server, locust(tmp_path, f"--host {server.url} {options}") as process:
        wait_until(lambda: server.connections > 0, process)
        ((address, port),) = listening(process.pid)
        process.send_signal(signal.SIGTERM)
        ended = end_of(process, tmp_path)
    assert address == "0.0.0.0"
    assert f"metrics for Prometheus: http://0.0.0.0:{port}/metrics\n" in ended.stderr


def listening(pid: int) -> list[tuple[str, int]]:
    """Return the addresses and ports at which a process listens."""
    connections = psutil.Process(pid).net_connections("tcp")
    return [(one.laddr.ip, one.laddr.port) for one in connections if one.status == psutil.CONN_LISTEN]


def test_without_the_option_nothing_listens(tmp_path: Path) -> None:
    """It is off by default."""
    with (
        serving(held_after(0, split(3))) as server,
        locust(tmp_path, f"--host {server.url} --expect-canary 30") as process,
    ):
        wait_until(lambda: server.connections > 0, process)
        assert listening(process.pid) == []
        process.send_signal(signal.SIGTERM)
        ended = end_of(process, tmp_path)
    assert "metrics" not in ended.stderr


@pytest.mark.live
def test_a_master_serves_the_counts_of_its_workers_and_no_worker_does(tmp_path: Path) -> None:
    """The option reaches every process; one serves, and what it serves ends as the verdict on all answers."""
    port = free_port()
    with serving(split(3)) as server:
        options = (
            f"--expect-canary 30 --keep-going -t 10s --metrics-port {port} --metrics-wait {LONGER_THAN_A_TEST_SECONDS}"
        )
        command = forked_workers(server, options)
        with reader(port) as readings, locust(tmp_path, command, environment={"LOCUST_USERS": "6"}) as master:
            wait_until(lambda: bool(readings) and total(readings[-1]) > 0, master)
            assert [listening(worker.pid) for worker in workers_of(master)] == [[], []]
            assert ("127.0.0.1", port) in listening(master.pid)
            ended = end_of(master, tmp_path)
    assert ended.exit_code == 0, ended.stderr
    assert readings[-1][ENDED] == 1
    assert without(readings[-1]) == by_verdict(ended.verdict)


@contextmanager
def stalled(port: int) -> Iterator[None]:
    """Hold connections to a port: one that says nothing, one with half a request, one that does not take its answer."""
    requests_begun = [
        b"",
        b"GET /metrics HTTP/1.1\r\nHost: ",
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,
    ]
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in requests_begun]
    try:
        for connection, begun in zip(connections, requests_begun, strict=True):
            connection.sendall(begun)
        yield
    finally:
        for connection in connections:
            connection.close()


def test_readers_change_neither_the_verdict_nor_when_it_comes(tmp_path: Path) -> None:
    """Read without a pause, and by clients that stall, the run ends after the same answer as one that is not read."""
    label, port = tens(3), free_port()
    alone = fed(Session(Expectation(30, next_weight_percent=50)), map(Answer, map(label, range(5000)))).verdict()
    # One user asks strictly in turn; the answers after the verdict are held, so that it must come of those before.
    held = held_after(alone.tally.total + 1, split(3))
    with serving(held) as server:
        options = f"-u 1 --host {server.url} --expect-canary 30 --next-weight 50 --metrics-port {port}"
        with locust(tmp_path, options, environment=BOTH_FINDINGS) as process, reader(port, 0.0) as readings:
            wait_until(lambda: bool(readings), process)
            with stalled(port):
                ended = end_of(process, tmp_path)
    assert ended.exit_code == 0, ended.stderr
    assert ended.verdict["decided_after"] == alone.decided_after
    assert ended.taken == {"canary": alone.tally.canary, "stable": alone.tally.stable}
    assert ended.verdict["reason"] == alone.reason
    assert "Traceback" not in ended.stderr
    assert len(readings) > 20


WAITS = """
from types import SimpleNamespace
import gevent
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.reading import Reading
from canary_loadtest.core.session import Session
from canary_loadtest.runner.metrics import MetricsServer

session = Session(Expectation(30))
run = SimpleNamespace(state="ended", reading=lambda: Reading(session.verdict(), None, None, None, ended=True))
server = MetricsServer(run, "127.0.0.1", 0, wait_seconds=0.2)
gevent.sleep({lived_seconds})
slept = []
sleep, gevent.sleep = gevent.sleep, lambda seconds: (slept.append(seconds), sleep(seconds))
server.close()
print(bool(slept))
"""


@pytest.mark.parametrize(("lived_seconds", "waits"), [(0, True), (0.3, False)])
def test_it_does_not_wait_where_nothing_reads(lived_seconds: float, *, waits: bool) -> None:
    """Without a Prometheus only a run that is shorter than the wait takes longer: no one could have read it yet."""
    script = WAITS.format(lived_seconds=lived_seconds)
    done = run_program(sys.executable, "-c", script, environment={"PYTHONPATH": str(ROOT / "loadtest")})
    assert done.stdout == f"{waits}\n", done.stderr


def test_a_reader_that_is_gone_is_not_waited_for_for_long(tmp_path: Path) -> None:
    """It waits as long as it is told to, and then ends with its verdict."""
    port = free_port()
    with serving(split(3)) as server:
        options = f"--host {server.url} --expect-canary 30 --metrics-port {port} --metrics-wait 0.5"
        with locust(tmp_path, options) as process:
            wait_until(lambda: read(port) is not None, process)
            ended = end_of(process, tmp_path)
    assert ended.exit_code == 0, ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_cut_off_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """Who ends a run by hand does not wait for a reader."""
    port = free_port()
    with serving(held_after(20, split(3))) as server:
        wait = f"--metrics-wait {LONGER_THAN_A_TEST_SECONDS}"
        options = f"-u 1 --host {server.url} --expect-canary 30 --metrics-port {port} {wait}"
        with locust(tmp_path, options) as process:
            wait_until(lambda: server.sent["held"] == 1, process)
            assert read(port) is not None
            process.send_signal(number)
            ended = end_of(process, tmp_path)
    assert ended.exit_code == 11, ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/metrics", {}, 200),
        ("GET", "/metrics?name[]=up", {}, 200),
        ("GET", "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"}, 200),
        ("GET", "/metrics", {"Accept": "application/openmetrics-text; version=one"}, 200),
        ("GET", "/", {}, 404),
        ("POST", "/metrics", {}, 405),
        ("DELETE", "/metrics", {}, 405),
    ],
)
def test_there_is_one_path_and_one_method(
    held_run: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """Nothing that is asked changes anything, and what is not known is answered as such."""
    with requests.Session() as session:
        session.trust_env = False
        answered = session.request(method, held_run + path, headers=headers, timeout=10)
    assert answered.status_code == status
    assert ("canary_verdict{" in answered.text) is (status == 200)
    asked_for = headers.get("Accept", "")
    expected = "application/openmetrics-text; version=1.0.0" if asked_for.endswith("1.0.0") else "text/plain"
    assert answered.headers["Content-Type"].startswith(expected)


@pytest.fixture(scope="module")
def held_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the metrics of a run that has had 20 answers, and waits."""
    folder, port = tmp_path_factory.mktemp("run"), free_port()
    with serving(held_after(20, split(3))) as server:
        options = f"-u 1 --host {server.url} --expect-canary 30 --metrics-port {port}"
        with locust(folder, options) as process:
            wait_until(lambda: server.sent["held"] == 1, process)
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            ended = end_of(process, folder)
    assert ended.exit_code == 11
    assert "Traceback" not in ended.stderr


@pytest.mark.live
def test_with_the_web_ui_each_test_begins_at_zero(tmp_path: Path) -> None:
    """The process serves from its start; a test's verdict stays until the next one begins, which counts from zero."""
    port = free_port()
    with serving(split(3)) as server:
        options = f"--expect-canary 30 --metrics-port {port} --host {server.url}"
        with web_ui(tmp_path, options) as ui, reader(port) as readings:
            ui.wait_for(lambda: bool(readings))
            assert (readings[-1][ENDED], total(readings[-1])) == (0, 0)
            for count in (1, 2):
                before = len(readings)
                ui.start(metrics_wait="soon", metrics_port="1")  # set on the command line only
                ui.wait_for(partial(has_printed, ui, count))
                ui.wait_for(lambda: readings[-1][ENDED] == 1)
                assert readings[-1]["canary_verdict", "CONFIRMED"] == 1
                first = next(series for series in readings[before:] if not series[ENDED])
                assert total(first) < total(readings[-1])


def has_printed(ui: WebUi, count: int) -> bool:
    """Return whether a process has printed that many verdicts."""
    return len(ui.verdicts()) == count
