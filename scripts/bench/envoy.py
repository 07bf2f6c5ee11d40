"""The service through Envoy, compared with the service alone, and how soon a shift takes effect."""

import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import psutil

from scripts import REPOSITORY
from scripts.bench.budget import Budget
from scripts.bench.client import Address, Drive, driving
from scripts.bench.machine import CLIENT_CORE, cpu_seconds, pin
from scripts.bench.page import Section, Table, number
from scripts.bench.rounds import Sample, cells, interleaved
from scripts.lab import control
from scripts.lab.replicas import sockets_of
from scripts.lab.show import HOST_HEADER
from scripts.lab.state import LabFolder, LabState

CONNECTIONS: Final = (1, 8)
REPLICAS: Final = 2
WARM_UP_SECONDS: Final = 0.5
REQUEST: Final = f"GET /test/test HTTP/1.1\r\nHost: {HOST_HEADER}\r\n\r\n".encode()
ISTIO: Final = REPOSITORY / "istio"
START_FILES: Final = [
    str(ISTIO / name) for name in ("gateway.yaml", "destination-rule.yaml", "virtual-service-70-30.yaml")
]
SHIFTS: Final = [str(ISTIO / f"virtual-service-{state}.yaml") for state in ("0-100", "100-0")]
WATCH_TIMEOUT_SECONDS: Final = 10.0

METHOD: Final = f"""\
The lab with {REPLICAS} + {REPLICAS} replicas and one client: through Envoy over TCP, as a user asks; and direct, over
the replicas' own Unix sockets, as Envoy asks. The CPU time is that of Envoy and all replicas. On a machine with two
cores they share the one that the client leaves, so the latency over eight connections is mostly waiting for a core;
over one connection it is that of the path. A shift is timed from the command to the first answer by the new route, as
seen by a client that asks without a pause."""


@dataclass(frozen=True)
class _Lab:
    """A running lab."""

    folder: LabFolder
    state: LabState

    @property
    def front(self) -> tuple[str, int]:
        """Where Envoy listens."""
        return ("127.0.0.1", self.state.port)

    @property
    def ways(self) -> dict[str, list[Address]]:
        """Whom to ask for an answer: the replicas themselves, or Envoy."""
        return {"direct": [*sockets_of(self.state).values()], "through Envoy": [self.front]}

    def processes(self) -> list[psutil.Process]:
        """Return Envoy and the replicas, without the supervisor."""
        supervisor, *_ = self.state.processes
        return psutil.Process(supervisor.pid).children(recursive=True)


@contextmanager
def _lab() -> Iterator[_Lab]:
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        folder = LabFolder(Path(path))
        try:
            control.up(folder, START_FILES, replicas=REPLICAS, tethered=True)
            yield _Lab(folder, control.running(folder))
        finally:
            control.down(folder)


class _Side:
    """One way to the service over a number of connections; it keeps every latency."""

    def __init__(self, lab: _Lab, drive: Drive, addresses: list[Address], connections: int, seconds: float) -> None:
        self._lab, self._drive = lab, drive
        self._addresses, self._connections, self._seconds = addresses, connections, seconds
        self.latencies_seconds: list[float] = []

    def measure(self) -> Sample:
        """Load it for some time, and return the sample."""
        processes = self._lab.processes()
        before = cpu_seconds(processes)
        driven = self._drive(self._addresses, self._connections, self._seconds, REQUEST)
        self.latencies_seconds.extend(driven.latencies_seconds)
        return Sample(driven.requests, driven.seconds, cpu_seconds(processes) - before)


def measure(budget: Budget) -> Section:
    """Measure both ways, then shift back and forth."""
    with _lab() as lab, driving() as drive:
        sides = {
            f"{name}, {connections} connection{'s'[: connections > 1]}": _Side(
                lab, drive, addresses, connections, budget.round_seconds
            )
            for connections in CONNECTIONS
            for name, addresses in lab.ways.items()
        }
        for addresses in lab.ways.values():
            drive(addresses, CONNECTIONS[-1], WARM_UP_SECONDS, REQUEST)
        rounds = interleaved({name: side.measure for name, side in sides.items()}, budget.rounds)
        rows = [
            (
                name,
                *cells(rounds[name]),
                f"{1000 * median(side.latencies_seconds):.2f}",
                f"{1000 * quantiles(side.latencies_seconds, n=100)[-1]:.2f}",
            )
            for name, side in sides.items()
        ]
        shift_row = _shift_row(lab, budget.shifts)
    columns = ("", "requests/s", "CPU µs/request", "latency ms, median", "99 %")
    shift_columns = ("shifts", "first new answer after ms, median", "most", "Envoy confirms after ms, median", "most")
    return Section("Envoy in front", METHOD, [Table(columns, rows), Table(shift_columns, [shift_row])])


def _shift_row(lab: _Lab, count: int) -> tuple[str, ...]:
    first_ms, applied_ms = [], []
    with _watching(lab.front) as wait_for_route:
        for index in range(count):
            file = SHIFTS[index % len(SHIFTS)]
            started = time.monotonic()
            applied = control.shift(lab.folder, [file])
            first_ms.append(1000 * (wait_for_route(*applied.route_names) - started))
            applied_ms.append(1000 * applied.duration_seconds)
    return (
        number(count),
        f"{median(first_ms):.1f}",
        f"{max(first_ms):.1f}",
        f"{median(applied_ms):.1f}",
        f"{max(applied_ms):.1f}",
    )


def _watch(address: tuple[str, int], changes: Connection) -> None:
    """Ask without a pause, and send (route, monotonic time) each time that the answers name another route."""
    pin(CLIENT_CORE)
    known = b""
    with socket.create_connection(address, WATCH_TIMEOUT_SECONDS) as connection:
        while True:
            connection.sendall(REQUEST)
            head = connection.recv(65536).lower()
            route = head.partition(b"\r\nx-canary-route: ")[2].partition(b"\r\n")[0]
            if route != known:
                changes.send((route.decode(), time.monotonic()))
                known = route


@contextmanager
def _watching(address: tuple[str, int]) -> Iterator[Callable[[str], float]]:
    """Watch the answers from a process of its own; yield a function that waits for a route's first answer.

    The function returns the time of that answer by the monotonic clock, which all processes of a machine share.
    """
    spawned = multiprocessing.get_context("spawn")
    changes, sender = spawned.Pipe(duplex=False)
    watcher = spawned.Process(target=_watch, args=(address, sender), daemon=True)
    watcher.start()

    def wait_for_route(name: str) -> float:
        while changes.poll(WATCH_TIMEOUT_SECONDS):
            route, seconds = changes.recv()
            if route == name:
                return float(seconds)
        raise TimeoutError(f"no answer by the route {name} within {WATCH_TIMEOUT_SECONDS:g} s")

    try:
        wait_for_route("70-30")
        yield wait_for_route
    finally:
        watcher.terminate()
        watcher.join()
