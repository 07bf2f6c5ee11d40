"""Helpers of tests with a running lab: the command line, a client that never retries, load, and edited manifests."""

import os
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import psutil
import requests

from scripts.lab import control
from scripts.lab.processes import wait_until
from scripts.lab.state import LabFolder, ProcessRecord
from tests.support.repository import ROOT

HOST: Final = "micro-api.default.svc.cluster.local"
STATES: Final = ("istio/virtual-service-70-30.yaml", "istio/destination-rule.yaml")
TIMEOUT_SECONDS: Final = 30.0
# A variable that every process of a lab inherits, so that the test that started it finds all of them.
MARK: Final = "LAB_TEST_MARK"


def istio(name: str) -> str:
    """Return the path of a file below istio/."""
    return str(ROOT / "istio" / name)


def edited(name: str, old: str, new: str) -> str:
    """Return the text of a file below istio/ with one thing changed."""
    text = Path(istio(name)).read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


def one_line(text: str) -> str:
    """Return a wrapped message as one line."""
    return " ".join(text.replace("\\\n", "").split())


@dataclass
class CommandLine:
    """Calls `python -m scripts.lab` and finds all processes that it started.

    Attributes:
        environment: variables in addition to the tests' own environment.
        mark: value of a variable that identifies the processes of this command line.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(timeout=4 * TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def start(self, *arguments: str | Path) -> AbstractContextManager[subprocess.Popen[str]]:
        """Start one command."""
        return self.python("-m", "scripts.lab", *arguments)

    @contextmanager
    def python(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Start Python, and end it at the end of the context."""
        with subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, MARK: self.mark, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                yield process
            finally:
                process.kill()  # after a failed test it may not end by itself

    def processes(self) -> list[psutil.Process]:
        """Return every living process that this command line started."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def kill_all(self) -> None:
        """Kill every process that a failed test has left."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()


@dataclass(frozen=True)
class RunningLab:
    """A lab that a fixture has started.

    Attributes:
        folder: its folder.
        command_line: what started it.
    """

    folder: LabFolder
    command_line: CommandLine

    @property
    def url(self) -> str:
        """URL for clients."""
        return control.running(self.folder).url

    def replicas(self, version: str) -> list[ProcessRecord]:
        """Return the replicas of one version."""
        return [record for record in control.running(self.folder).processes if record.version == version]

    def kill(self, record: ProcessRecord) -> None:
        """Kill a process as the kernel's out-of-memory killer would, and wait until the lab has recorded it."""
        os.kill(record.pid, 9)

        def is_over() -> bool:
            known = {other.name: other for other in control.running(self.folder).processes}
            # Its workers are killed by then, but on a busy machine a killed process may live for another moment.
            return known[record.name].exit_code is not None and record.pid not in self._process_groups()

        assert wait_until(is_over, TIMEOUT_SECONDS)

    def _process_groups(self) -> set[int]:
        """Return the process groups of all living processes."""
        groups = set()
        for process in self.command_line.processes():
            with suppress(ProcessLookupError):
                groups.add(os.getpgid(process.pid))
        return groups

    @contextmanager
    def paused(self, version: str) -> Iterator[Callable[[], None]]:
        """Pause the replicas of a version until the yielded function is called or the context ends."""
        workers = [process for record in self.replicas(version) for process in psutil.Process(record.pid).children()]

        def resume() -> None:
            for worker in workers:
                worker.resume()

        try:
            for worker in workers:
                worker.suspend()
            yield resume
        finally:
            resume()

    def requests_in_flight(self) -> int:
        """Return the number of requests that Envoy has accepted and not answered yet."""
        name = "http.lab.downstream_rq_active"
        with requests.Session() as session:
            session.trust_env = False
            url = f"{control.running(self.folder).admin_url}/stats?filter=^{name}$&format=json"
            return int(session.get(url, timeout=TIMEOUT_SECONDS).json()["stats"][0]["value"])


@dataclass(frozen=True)
class Answer:
    """What a client got.

    Attributes:
        status: HTTP status, 0 for a lost request.
        version: `v1` or `v2`, empty if neither answered.
        route_name: value of `x-canary-route`.
        is_overloaded: whether Envoy shed it.
        drawn: value of `x-canary-subset`.
    """

    status: int
    version: str
    route_name: str
    is_overloaded: bool
    drawn: str = ""


class Client:
    """Sends requests to a lab over one kept connection, and never retries."""

    def __init__(self, url: str) -> None:
        """Connect to the lab at `url`, without the proxy of the environment."""
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connection."""
        self._session.close()

    def ask(self, host: str = HOST, **headers: str) -> Answer:
        """Send one request; header names are written with underscores for hyphens."""
        sent = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            reply = self._session.get(f"{self._url}/test/test", headers=sent, timeout=TIMEOUT_SECONDS)
        except requests.RequestException:
            return Answer(0, "", "", is_overloaded=False)
        return Answer(
            reply.status_code,
            reply.headers.get("x-service-version", ""),
            reply.headers.get("x-canary-route", ""),
            reply.headers.get("x-envoy-overloaded") == "true",
            reply.headers.get("x-canary-subset", ""),
        )

    def send_numbers(self, header: str, numbers: Sequence[int]) -> Counter[str]:
        """Return how many of the given random numbers each version answered: `v1`, `v2`, or the status."""
        answers = [self.ask(**{header: str(number)}) for number in numbers]
        return Counter(answer.version or str(answer.status) for answer in answers)


class Load:
    """Clients that send requests without a pause inside a `with` block.

    Attributes:
        answers: for each answer, the `note` at the time of its request, and the answer.
        note: set by the test, to distinguish the requests before an event from those after it.
    """

    def __init__(self, url: str, clients: int) -> None:
        """Prepare `clients` threads for the lab at `url`."""
        self.answers: list[tuple[str, Answer]] = []
        self.note = ""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for _ in range(clients)]

    def __enter__(self) -> Self:
        """Start the clients."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the clients and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more_answers: int) -> None:
        """Wait until this many more answers have arrived."""
        wanted = len(self.answers) + more_answers
        assert wait_until(lambda: len(self.answers) >= wanted, TIMEOUT_SECONDS)

    def _ask(self, url: str) -> None:
        with Client(url) as client:
            while not self._stop.is_set():
                note = self.note
                self.answers.append((note, client.ask()))
