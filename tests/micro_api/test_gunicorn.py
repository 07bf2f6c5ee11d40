"""The service as it runs: real gunicorn processes on Unix sockets."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import threading
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from micro_api.answers import CONTENT_TYPE, SUCCESS
from tests.micro_api.conftest import (
    CONFIGURATION,
    GUNICORN,
    LogLine,
    Service,
    SharedService,
    StartService,
    UnixConnection,
)
from tests.support.processes import until

CALLED = "测试接口被调用！"


def _log(service: Service) -> list[LogLine]:
    return [json.loads(line) for line in service.stdout().decode().splitlines()]


def _open_files(process: int) -> set[str]:
    """Return what a process has open, as the kernel names it; a connection may be closed while this is read."""
    names = set()
    for file in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.add(str(file.readlink()))
    return names


def _calls_counted(service: Service) -> float:
    body = service.request("GET", "/metrics")[1].decode()
    samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
    return sum(
        sample.value
        for sample in samples
        if sample.name == "http_requests_total" and sample.labels["route"] == "/test/test"
    )


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_contract_over_the_wire(start_service: StartService, version: str) -> None:
    """A real server sends the contract's bytes, and every line of its log is an object with the version."""
    service = start_service(SERVICE_VERSION=version, SERVICE_RELEASE="1.3-SNAPSHOT")
    response, body = service.request("GET", "/test/test")
    assert (response.status, response.headers["Content-Type"], body) == (200, CONTENT_TYPE, SUCCESS[version])
    assert service.stop() == 0
    lines = _log(service)
    assert {(line["version"], line["release"], line["pod"]) for line in lines} == {(version, "1.3-SNAPSHOT", "pod-a")}
    assert [line["message"] for line in lines if "request_id" in line] == [CALLED]
    assert any(line["message"].startswith("Listening at: ") for line in lines)
    assert service.stderr() == ""


def test_bad_settings_end_it_before_it_listens(start_service: StartService) -> None:
    """Bad values end the process with 2 and one line each on standard error, with no traceback and no socket."""
    service = start_service(ready=False, SERVICE_VERSION="v3", SERVICE_THREADS="0", WEB_CONCURRENCY="65")
    assert service.process.wait(30) == 2
    assert service.stderr().splitlines() == [
        "SERVICE_VERSION='v3' is not allowed: set it to v1 or v2",
        "WEB_CONCURRENCY='65' is not allowed: set it to a whole number from 1 to 64",
        "SERVICE_THREADS='0' is not allowed: set it to a whole number from 1 to 256",
    ]
    assert service.stdout() == b""
    assert not service.socket.exists()


def test_entry_is_gunicorn_with_the_configuration(start_service: StartService) -> None:
    """`python -m micro_api` is gunicorn with the configuration file, and passes arguments to it."""
    service = start_service("micro_api", "--threads", "3", PYTHONPATH=str(CONFIGURATION.parents[1]))
    assert service.request("GET", "/test/test")[1] == SUCCESS["v1"]
    assert any("Using worker: micro_api.worker.Worker" in line["message"] for line in _log(service))
    assert service.stop() == 0


def test_entry_checks_before_gunicorn(start_service: StartService) -> None:
    """If WEB_CONCURRENCY is not a number, `python -m micro_api` exits with 2 and one line, before gunicorn."""
    path = str(CONFIGURATION.parents[1])
    service = start_service("micro_api", ready=False, PYTHONPATH=path, WEB_CONCURRENCY="two")
    assert service.process.wait(30) == 2
    problem = "WEB_CONCURRENCY='two' is not allowed: set it to a whole number from 1 to 64"
    assert service.stderr().splitlines() == [problem]


def test_metrics_folder_that_cannot_be_made(start_service: StartService) -> None:
    """If the metrics folder cannot be made, the process exits with 2 and the reason, before it listens."""
    service = start_service(ready=False, WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR="/proc/none/metrics")
    assert service.process.wait(30) == 2
    (problem,) = service.stderr().splitlines()
    assert problem.startswith("PROMETHEUS_MULTIPROC_DIR=/proc/none/metrics cannot be prepared (")
    assert not service.socket.exists()


def test_workers_by_flag_are_refused(start_service: StartService) -> None:
    """--workers is refused with a remedy, because the metrics of such workers would be wrong."""
    service = start_service(*GUNICORN, "--workers", "2", ready=False)
    assert service.process.wait(30) == 2
    assert service.stderr().startswith("--workers 2 contradicts WEB_CONCURRENCY=1: ")


@pytest.mark.parametrize(
    "headers",
    [
        {"SCRIPT_NAME": "/test"},
        {"SCRIPT_NAME": "/other"},
        {"PATH_INFO": "/healthz"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"},
    ],
)
def test_headers_cannot_move_the_path(shared_service: SharedService, headers: dict[str, str]) -> None:
    """Headers for proxies only are ignored, because any client can send them through a sidecar."""
    response, body = shared_service().request("GET", "/test/test", headers)
    assert (response.status, body) == (200, SUCCESS["v1"])


def test_log_is_utf8_in_any_locale(start_service: StartService) -> None:
    """With LANG=C and an ASCII PYTHONIOENCODING, answers and log are still UTF-8."""
    service = start_service(LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert service.request("GET", "/test/test")[1] == SUCCESS["v1"]
    assert CALLED.encode() in service.stdout()


def test_writes_to_no_folder_of_its_own_accord(start_service: StartService, tmp_path: Path) -> None:
    """Nothing is written to HOME or TMPDIR, not even an unnamed file: a read-only root is enough."""
    folder = str(tmp_path)
    service = start_service(HOME=folder, XDG_RUNTIME_DIR=folder, TMPDIR=folder)
    assert service.request("GET", "/test/test")[0].status == 200
    assert not [name for name in _open_files(service.workers()[0].pid) if name.startswith(folder)]
    assert service.stop() == 0
    assert list(tmp_path.iterdir()) == []


def test_needs_no_home_and_no_temporary_folder(start_service: StartService) -> None:
    """If HOME and TMPDIR do not exist and cannot be made, the service starts and answers without an error."""
    service = start_service(HOME="/proc/none", TMPDIR="/proc/none", XDG_RUNTIME_DIR="/proc/none")
    assert service.request("GET", "/test/test")[0].status == 200
    assert {line["level"] for line in _log(service)} == {"info"}
    assert service.stderr() == ""


def test_closed_standard_output_costs_no_answer(start_service: StartService) -> None:
    """When the reader of the log is gone, the service still answers."""
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    service = start_service(stdout=writing_end)
    os.close(writing_end)
    assert service.request("GET", "/test/test")[0].status == 200


@pytest.mark.parametrize("name", ["micro_api", "shop_api", "shop-api"])
def test_folder_can_be_taken_elsewhere_under_any_name(start_service: StartService, tmp_path: Path, name: str) -> None:
    """A copy of the folder by itself, in any place and under any name, is the whole service, however it is started."""
    copy = shutil.copytree(CONFIGURATION.parent, tmp_path / "elsewhere" / name)
    for module in (("gunicorn", "-c", str(copy / CONFIGURATION.name)), (name,)):
        service = start_service(*module, PYTHONPATH=str(copy.parent))
        assert service.request("GET", "/test/test")[1] == SUCCESS["v1"]


def _stop_process(process: psutil.Process) -> None:
    process.suspend()
    until(lambda: process.status() == psutil.STATUS_STOPPED, f"process {process.pid} stops")


def test_workers_are_counted_together(start_service: StartService, tmp_path: Path) -> None:
    """Each worker reports the calls of all workers, including those of a killed one."""
    service = start_service(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"))
    until(lambda: len(list((tmp_path / "metrics").glob("counter_*.db"))) == 2, "two workers with metrics")
    first, second = service.workers()
    for idle, calls in ((first, 3), (second, 4)):
        _stop_process(idle)
        for _ in range(calls):
            service.request("GET", "/test/test")
        assert _calls_counted(service) == {first: 3, second: 7}[idle]
        idle.resume()
    first.kill()
    until(lambda: first not in service.workers() and len(service.workers()) == 2, "a new worker")
    assert _calls_counted(service) == 7


def test_a_worker_that_has_just_begun_costs_no_scrape(start_service: StartService, tmp_path: Path) -> None:
    """Metrics are given while the file of a new worker is still empty."""
    service = start_service(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    (tmp_path / "counter_1.db").touch()
    service.request("GET", "/test/test")
    assert _calls_counted(service) == 1


def test_metrics_folder_is_emptied_at_start(start_service: StartService, tmp_path: Path) -> None:
    """A restart counts from zero and deletes metrics files only."""
    (tmp_path / "keep.txt").touch()
    directory = str(tmp_path)
    service = start_service(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR=directory)
    service.request("GET", "/test/test")
    assert _calls_counted(service) == 1
    service.stop()
    assert _calls_counted(start_service(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR=directory)) == 0
    assert (tmp_path / "keep.txt").exists()


def test_lost_metrics_folder_costs_no_answer(start_service: StartService, tmp_path: Path) -> None:
    """Without the metrics folder calls are answered, readiness fails with the reason, and liveness does not."""
    service = start_service(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"))
    while (tmp_path / "metrics").exists():  # a worker may make its file in between
        shutil.rmtree(tmp_path / "metrics", ignore_errors=True)
    statuses = {path: service.request("GET", path)[0].status for path in ("/test/test", "/readyz", "/healthz")}
    assert statuses == {"/test/test": 200, "/readyz": 503, "/healthz": 200}


def test_metrics_folder_is_ignored_with_one_worker(start_service: StartService, tmp_path: Path) -> None:
    """One worker keeps its metrics in memory, even if the variable is set by either name."""
    directory = str(tmp_path)
    service = start_service(PROMETHEUS_MULTIPROC_DIR=directory, prometheus_multiproc_dir=directory)
    service.request("GET", "/test/test")
    assert _calls_counted(service) == 1
    assert list(tmp_path.iterdir()) == []


def _call_on(connection: UnixConnection) -> str | None:
    """Make a call on a connection; return the Connection header of the answer."""
    connection.request("GET", "/test/test")
    response = connection.getresponse()
    assert response.read() == SUCCESS["v1"]
    return response.headers["Connection"]


def test_sigterm_waits_for_a_request_in_flight(start_service: StartService) -> None:
    """A request that has half arrived at SIGTERM gets its complete answer, then the service exits with 0."""
    service = start_service()
    slow, witness = UnixConnection(service.socket), UnixConnection(service.socket)
    for connection in (slow, witness):
        assert _call_on(connection) == "keep-alive"  # from now on it has certainly been accepted
    slow.sock.sendall(b"GET /test/test HTTP/1.1\r\nHost: lo")
    service.process.send_signal(signal.SIGTERM)
    until(lambda: _call_on(witness) == "close", "the shutdown begins")
    slow.sock.sendall(b"calhost\r\n\r\n")
    response = http.client.HTTPResponse(slow.sock)
    response.begin()
    assert (response.status, response.headers["Connection"], response.read()) == (200, "close", SUCCESS["v1"])
    slow.close()
    assert service.process.wait(30) == 0


def _call_until_refused(service: Service, answered: list[bytes]) -> None:
    while True:
        try:
            answered.append(service.request("GET", "/test/test")[1])
        except (OSError, http.client.HTTPException):
            return


def test_sigterm_loses_no_call_that_was_taken(start_service: StartService) -> None:
    """When many clients call during SIGTERM, every call that the service has logged was answered completely."""
    service = start_service()
    answered: list[bytes] = []
    clients = [threading.Thread(target=_call_until_refused, args=(service, answered)) for _ in range(16)]
    for client in clients:
        client.start()
    until(lambda: len(answered) > 100, "calls under way")
    service.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join()
    assert service.process.wait(30) == 0
    assert set(answered) == {SUCCESS["v1"]}
    assert len(answered) == sum(line["message"] == CALLED for line in _log(service))
