"""Runs the load test as a person does: `locust -f loadtest/locustfile.py --headless`, from another directory."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.loadtest.schema import read
from tests.loadtest.server import Server
from tests.loadtest.traffic import HELD
from tests.support.processes import free_port, until
from tests.support.repository import ROOT
from tests.support.text import too_long, unwrapped

LOCUSTFILE = ROOT / "loadtest" / "locustfile.py"
VERDICT_FILE = "verdict.json"
USERS = 3
DEADLINE_SECONDS = 60.0

"""What a locustfile elsewhere begins with to find the package."""

RUNNING = {
    "LOCUST_USERS": str(USERS),
    "LOCUST_SPAWN_RATE": "100",
    "LOCUST_RUN_TIME": f"{DEADLINE_SECONDS:.0f}s",
    "LOCUST_VERDICT_JSON": VERDICT_FILE,
    "LOCUST_ONLY_SPLIT": "true",
}
"""Variables of a run that has all the time it needs, and asks for the split alone; options win over them."""
BOTH_FINDINGS = {"LOCUST_ONLY_SPLIT": "false"}
"""What is added to them where the canary is compared with the stable version, too, as by default."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        exit_code: its exit code.
        stdout: the table goes there; its broken lines are joined.
        stderr: messages and the log.
        verdict: the verdict file, empty where none was written.
    """

    exit_code: int
    stdout: str
    stderr: str
    verdict: Mapping[str, Any]

    @property
    def counts(self) -> Mapping[str, Any]:
        """The counts of the verdict file."""
        counts: Mapping[str, Any] = self.verdict["counts"]
        return counts

    @property
    def taken(self) -> Mapping[str, int]:
        """How many answers of each kind the client took, as the server counts what it sent."""
        by_label = {"canary": self.counts["canary"], "stable": self.counts["stable"], **self.counts["other_by_kind"]}
        return {label: count for label, count in by_label.items() if count}


@contextmanager
def locust(
    folder: Path, options: str, locustfile: Path = LOCUSTFILE, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start Locust without the web UI in `folder`, and leave none behind.

    Args:
        folder: the working directory.
        options: of the command line, with spaces between them.
        locustfile: what is run.
        environment: variables in addition to those of `RUNNING`; no others of Locust and none of proxies are inherited.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LOCUST_") and not name.lower().endswith("_proxy")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", *options.split()],
        cwd=folder,
        env=inherited | RUNNING | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the workers that it has forked, too


def end_of(process: subprocess.Popen[bytes], folder: Path) -> Ended:
    """Wait for the end of a process that writes its verdict into `folder`."""
    stdout, stderr = process.communicate(timeout=2 * DEADLINE_SECONDS)
    file = folder / VERDICT_FILE
    verdict = read(file) if file.exists() else {}
    printed = unwrapped(stdout.decode(errors="replace"))
    return Ended(process.returncode, printed, stderr.decode(errors="replace"), verdict)


def run(
    folder: Path, options: str, locustfile: Path = LOCUSTFILE, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run Locust in `folder` until it ends by itself."""
    with locust(folder, options, locustfile=locustfile, environment=environment) as process:
        return end_of(process, folder)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until a condition holds while a process runs; one that has ended says itself what was wrong.

    Raises:
        AssertionError: the process runs and the condition does not come true.
    """
    until(lambda: condition() or process.poll() is not None, seconds=DEADLINE_SECONDS)


def run_until_held(  # noqa: PLR0913 - the last three are hardly ever given
    folder: Path,
    server: Server,
    options: str,
    *,
    locustfile: Path = LOCUSTFILE,
    end_with: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run one user against a `held_after` server until it has taken all answers, then end it by a signal.

    One user asks strictly in turn, so that client and server can be compared to the request.
    """
    options = f"-u 1 --host {server.url} {options}"
    with locust(folder, options, locustfile=locustfile, environment=environment) as process:
        wait_until(lambda: server.sent[HELD] == 1, process)
        process.send_signal(end_with)
        return end_of(process, folder)


def forked_workers(server: Server, options: str, count: int = 2) -> str:
    """Return the options of a master that forks workers."""
    port = free_port()
    return f"--processes {count} --master-bind-port {port} --master-port {port} --host {server.url} {options}"


def workers_of(master: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the worker processes that a master has forked."""
    return psutil.Process(master.pid).children()


def is_usage_error(ended: Ended, *words: str) -> bool:
    """Return whether a process ended as for a wrong option, with a message of 80 columns that has each of `words`."""
    assert too_long(ended.stderr) == []
    message = " ".join(ended.stderr.split())
    return ended.exit_code == 2 and "Traceback" not in ended.stderr and all(word in message for word in words)
