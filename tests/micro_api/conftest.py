"""What the service's tests share: an application, the lines it logs, and real service processes."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import psutil
import pytest
from flask.testing import FlaskClient

from micro_api.app import create_app
from micro_api.settings import Settings
from tests.support.processes import until
from tests.support.repository import ROOT

CONFIGURATION = ROOT / "services" / "micro_api" / "gunicorn_conf.py"
GUNICORN = ("gunicorn", "-c", str(CONFIGURATION))
DEADLINE_SECONDS = 30.0

LogLine: TypeAlias = dict[str, Any]
LogLines: TypeAlias = Callable[[], list[LogLine]]


def make_client(**variables: str) -> FlaskClient:
    """Return a client of the application with the given variables."""
    return create_app(Settings.from_env({"POD_NAME": "pod-a", **variables})).test_client()


@pytest.fixture
def log_lines(capfd: pytest.CaptureFixture[str]) -> LogLines:
    """Return a function that returns the lines logged since its last call; each must be a JSON object."""
    return lambda: [json.loads(line) for line in capfd.readouterr().out.splitlines()]


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: Path) -> None:
        """Remember the path; the connection is made by the first request."""
        super().__init__("localhost", timeout=DEADLINE_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Service:
    """A real service process, on a Unix socket unless the variables say otherwise."""

    def __init__(
        self,
        directory: Path,
        variables: dict[str, str],
        module: tuple[str, ...],
        stdout: int | None,
    ) -> None:
        """Start the process in `directory`; see `StartService`."""
        self.socket = directory / "s"
        self._stdout = directory / "stdout"
        self._stderr = directory / "stderr"
        environ = {"PATH": os.defpath, "SERVICE_BIND": f"unix:{self.socket}", "POD_NAME": "pod-a", **variables}
        command = [sys.executable, "-m", *module]
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd="/",
                env=environ,
                stdout=out if stdout is None else stdout,
                stderr=err,
            )

    def wait_ready(self) -> None:
        """Wait until the service answers; fail with its standard error when it ends instead."""
        until(self._answers, f"answer to /healthz; standard error: {self.stderr()}")

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"exit code {self.process.returncode}: {self.stderr()}"
        try:
            return self.request("GET", "/healthz")[0].status == 200
        except OSError:
            return False

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send one request on a connection of its own; return the response and its body."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, headers={"Connection": "close", **(headers or {})})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def workers(self) -> list[psutil.Process]:
        """List the worker processes, oldest first."""
        return sorted(psutil.Process(self.process.pid).children(), key=lambda worker: worker.create_time())

    def stdout(self) -> bytes:
        """Return what the service has written to standard output so far."""
        return self._stdout.read_bytes()

    def stderr(self) -> str:
        """Return what the service has written to standard error so far."""
        return self._stderr.read_text()

    def stop(self) -> int:
        """Terminate the service and return its exit code; kill it with its workers when it does not end."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            for worker in self.workers():
                worker.kill()
            self.process.kill()
            self.process.wait()
            raise


class StartService(Protocol):
    """Starts a service process that ends with the test."""

    def __call__(
        self,
        *module: str,
        ready: bool = True,
        stdout: int | None = None,
        **variables: str,
    ) -> Service:
        """Start a service.

        Args:
            module: the module to run and its arguments; `GUNICORN` when left out.
            ready: whether to wait until it answers.
            stdout: a file descriptor to use instead of the file that `Service.stdout` reads.
            variables: all environment variables; the test's own ones are not inherited.
        """


SharedService: TypeAlias = Callable[..., Service]


@contextmanager
def starting() -> Iterator[StartService]:
    """Start real service processes, in folders with short names, because a socket's path is limited."""
    with ExitStack() as stack:

        def start(
            *module: str,
            ready: bool = True,
            stdout: int | None = None,
            **variables: str,
        ) -> Service:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="m-")))
            service = Service(directory, variables, module or GUNICORN, stdout)
            stack.callback(service.stop)
            if ready:
                service.wait_ready()
            return service

        yield start


@pytest.fixture
def start_service() -> Iterator[StartService]:
    """Start service processes for one test."""
    with starting() as start:
        yield start


@pytest.fixture(scope="module")
def shared_service() -> Iterator[SharedService]:
    """Give a service with some variables, one for all tests of a module that neither end it nor read its log."""
    with starting() as start:

        @cache
        def service(**variables: str) -> Service:
            return start(ready=True, stdout=None, **variables)

        yield service
