"""Locust with its web UI as a process, and a server that answers only as far as a test lets it.

Each process has one user, who asks strictly in turn: what the server has answered is what the page shows, to the
request. With workers, answers that came after the oldest request that is held are not in order yet.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.loadtest.server import Reply, Request
from tests.loadtest.traffic import Handler
from tests.support.processes import free_port, wait_until

# Nothing times out while a test looks at the page.
PATIENT_USER = "from canary_loadtest import CanaryUser\nclass User(CanaryUser):\n    timeout_seconds = 600\n"


class Allowance:
    """Answers `count` requests, and the others once `more` is set."""

    def __init__(self, count: int, handler: Handler) -> None:
        """Answer by `handler`, at first `count` times."""
        self.more = threading.Event()
        self._count, self._handler = count, handler

    def __call__(self, request: Request) -> Reply:
        """Return the reply, which may have to wait."""
        reply = self._handler(request)
        if request.number >= self._count:
            reply.gate = self.more
        return reply


class WebUi:
    """A running web UI.

    Attributes:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        """Talk to the web UI at `url`."""
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self, **form: str) -> None:
        """Start a test as the start form does, and wait until Locust's page would show its tabs."""
        reply = self._session.post(f"{self.url}/swarm", data={"user_count": "1", "spawn_rate": "1", **form}, timeout=30)
        assert reply.json()["success"], reply.text
        assert wait_until(lambda: self._stats()["state"] != "ready", timeout_seconds=30)

    def accounted(self) -> tuple[int, int]:
        """Return how many answers the page's data counts, and how many requests it says are not counted."""
        data = self._session.get(f"{self.url}/canary-split/data", timeout=30).json()
        return sum(data["counts"][name] for name in ("canary", "stable", "other")), data["unfinished"]

    def is_up(self, workers: int) -> bool:
        """Return whether it answers, and all workers have joined."""
        try:
            return len(self._stats().get("workers", [])) == workers
        except requests.ConnectionError:
            return False

    def _stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self._session.get(f"{self.url}/stats/requests", timeout=30).json()
        return stats


@contextmanager
def web_ui(folder: Path, host: str, options: str = "", workers: int = 0) -> Iterator[WebUi]:
    """Run Locust with its web UI in `folder` until the block ends.

    Args:
        folder: the working directory.
        host: what is tested.
        options: more options, with spaces between them.
        workers: how many worker processes share the load, 0 for none.
    """
    locustfile = folder / "patient.py"
    locustfile.write_text(PATIENT_USER, encoding="utf-8")
    web_port, port = free_port(), free_port()
    argv = [sys.executable, "-m", "locust", "-f", str(locustfile), "--host", host, "--web-port", str(web_port)]
    if workers:
        argv += f"--processes {workers} --master-bind-port {port} --master-port {port}".split()
    argv += f"--users 1 --spawn-rate 1 --expect-canary 30 {options}".split()
    with (
        (folder / "locust.log").open("wb") as log,
        subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log) as process,
    ):
        ui = WebUi(f"http://127.0.0.1:{web_port}")
        try:
            assert wait_until(lambda: ui.is_up(workers), timeout_seconds=60), log.name
            yield ui
        finally:
            process.terminate()
            process.wait(30)
