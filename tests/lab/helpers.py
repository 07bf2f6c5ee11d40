"""What the tests of a running lab share: the command line as a user calls it, a client that hides nothing, YAML."""

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
from typing import Self

import psutil
import requests

from scripts.lab import control
from scripts.lab.processes import wait_until
from scripts.lab.state import LabFolder, ProcessRecord
from tests.support.repository import ROOT

HOST = "micro-api.default.svc.cluster.local"
STATES = ("istio/virtual-service-70-30.yaml", "istio/destination-rule.yaml")
TIMEOUT_SECONDS = 30.0
# A variable that every process of a lab inherits, so that none can hide from the test that started it.
MARK = "LAB_TEST_MARK"


def istio(name: str) -> str:
    """Return the path of a file below istio/."""
    return str(ROOT / "istio" / name)


def edited(name: str, old: str, new: str) -> str:
    """Return the text of a file below istio/ with one thing changed."""
    text = Path(istio(name)).read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


def unwrapped(text: str) -> str:
    """Return a wrapped message as one line."""
    return " ".join(text.replace("\\\n", "").split())


@dataclass
class CommandLine:
    """Calls `python -m scripts.lab` and knows all processes that come of it.

    Attributes:
        environment: what is set beside the tests' own environment.
        mark: what tells this command line's processes from all others.
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
        """Start Python; at the end of the context it ends, too."""
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
                process.kill()  # where a test has failed there may be no other end to wait for

    def processes(self) -> list[psutil.Process]:
        """Return every living process that came of this command line."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def kill_all(self) -> None:
        """End whatever a failed test has left."""
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
        """Where it listens."""
        return control.running(self.folder).url

    def replicas(self, version: str) -> list[ProcessRecord]:
        """Return the replicas of one version."""
        return [record for record in control.running(self.folder).processes if record.version == version]

    def kill(self, record: ProcessRecord) -> None:
        """Kill a process as the kernel's out-of-memory killer would, and wait until the lab knows."""
        os.kill(record.pid, 9)

        def is_over() -> bool:
            known = {other.name: other for other in control.running(self.folder).processes}
            # Its workers are killed by then, but on a busy machine a killed process may live on for a moment.
            return known[record.name].exit_code is not None and record.pid not in self._process_groups()

        assert wait_until(is_over, TIMEOUT_SECONDS)

    def _process_groups(self) -> set[int]:
        """Return the groups of all processes that live."""
        groups = set()
        for process in self.command_line.processes():
            with suppress(ProcessLookupError):
                groups.add(os.getpgid(process.pid))
        return groups

    @contextmanager
    def paused(self, version: str) -> Iterator[Callable[[], None]]:
        """Keep the replicas of a version from answering, until the yielded function is called or the context ends."""
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
        """Return how many requests Envoy has accepted and not answered yet."""
        name = "http.lab.downstream_rq_active"
        with requests.Session() as session:
            session.trust_env = False
            url = f"{control.running(self.folder).admin_url}/stats?filter=^{name}$&format=json"
            return int(session.get(url, timeout=TIMEOUT_SECONDS).json()["stats"][0]["value"])


@dataclass(frozen=True)
class Answer:
    """What a client got: a status, or 0 when there was none.

    Attributes:
        status: HTTP status, 0 for a lost request.
        version: `v1` or `v2`, empty when neither answered.
        route_name: the route that the answer came by.
        is_overloaded: whether Envoy shed it.
    """

    status: int
    version: str
    route_name: str
    is_overloaded: bool


class Client:
    """Asks a lab, one connection kept alive, and never asks twice for one answer."""

    def __init__(self, url: str) -> None:
        """Talk to the lab at `url`, whatever proxy the environment names."""
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
        )

    def draw(self, header: str, numbers: Sequence[int]) -> Counter[str]:
        """Return which version answered for each random number, given instead of drawn: `v1`, `v2`, or the status."""
        answers = [self.ask(**{header: str(number)}) for number in numbers]
        return Counter(answer.version or str(answer.status) for answer in answers)


class Load:
    """Clients that ask without pause, from `with` until its end.

    Attributes:
        answers: for each answer, what `note` was when it was asked for, and the answer.
        note: set by the test, to tell the requests before an event from those after it.
    """

    def __init__(self, url: str, clients: int) -> None:
        """Prepare `clients` threads that ask the lab at `url`."""
        self.answers: list[tuple[str, Answer]] = []
        self.note = ""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for _ in range(clients)]

    def __enter__(self) -> Self:
        """Start asking."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop asking, and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more_answers: int) -> None:
        """Wait until so many more answers have come."""
        wanted = len(self.answers) + more_answers
        assert wait_until(lambda: len(self.answers) >= wanted, TIMEOUT_SECONDS)

    def _ask(self, url: str) -> None:
        with Client(url) as client:
            while not self._stop.is_set():
                note = self.note
                self.answers.append((note, client.ask()))
