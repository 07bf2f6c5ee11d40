"""Runs the load test with Locust's web UI, as a person does who leaves --headless out."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from tests.loadtest.locust_process import DEADLINE_SECONDS, LOCUSTFILE, wait_until
from tests.support.processes import free_port


@dataclass(frozen=True)
class WebUi:
    """A process of Locust with a web UI.

    Attributes:
        url: the address of the web UI.
        session: asks it, without a proxy.
        process: the process.
        output: the file that has its standard output.
        errors: the file that has its standard error.
    """

    url: str
    session: requests.Session
    process: subprocess.Popen[bytes]
    output: Path
    errors: Path

    def addresses(self) -> set[str]:
        """Return the addresses at which the process listens."""
        connections = psutil.Process(self.process.pid).net_connections("tcp")
        return {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}

    def start(self, **form: str) -> None:
        """Start a test as the start form does."""
        reply = self.session.post(f"{self.url}/swarm", data={"user_count": "4", "spawn_rate": "4", **form})
        assert reply.json()["success"], reply.text

    def verdicts(self) -> list[str]:
        """Return the verdicts that the process has printed so far."""
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return [line.split()[1] for line in lines if line.startswith("verdict: ")]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds while the process runs."""
        wait_until(condition, self.process)


@contextmanager
def web_ui(folder: Path, options: str) -> Iterator[WebUi]:
    """Run Locust with its web UI in `folder`, and leave none behind.

    Args:
        folder: the working directory.
        options: of the command line, with spaces between them.
    """
    port, output, errors = free_port(), folder / "output.txt", folder / "errors.txt"
    argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--web-port", str(port), *options.split()]
    with (
        output.open("wb") as stdout,
        errors.open("wb") as stderr,
        requests.Session() as session,
        subprocess.Popen(argv, cwd=folder, stdout=stdout, stderr=stderr) as process,
    ):
        session.trust_env = False
        ui = WebUi(f"http://127.0.0.1:{port}", session, process, output, errors)
        try:
            ui.wait_for(lambda: bool(ui.addresses()))
            yield ui
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)
