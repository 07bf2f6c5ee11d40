"""The images beside the bare base image that they are built on: how large they are, and how fast a container starts."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from statistics import median
from time import perf_counter
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from scripts import REPOSITORY
from scripts.bench.budget import Budget
from scripts.bench.page import Section, Table, number
from scripts.bench.programs import LOG_TAIL_CHARACTERS, START_TIMEOUT_SECONDS, BenchError
from scripts.bench.rounds import interleaved
from scripts.lab.processes import wait_until
from scripts.setup.diagnosis import assignments

PORT = 9090
GZIP = 31  # zlib's number for gzip's format with the widest window
CONFINED: Mapping[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
VERSIONS = assignments((REPOSITORY / "versions.env").read_text(encoding="utf-8"))
BASE = f"python:{VERSIONS['PYTHON_VERSION']}-slim"
SERVICE = "micro-api:1.3-SNAPSHOT"
LOAD_TEST = f"canary-loadtest:{VERSIONS['LOADTEST_VERSION']}"

TITLE = "The images"
METHOD = """\
The size is what an engine stores, and compressed (gzip, as registries store layers) what travels. The base is as large
as the engine's own copy of it; what is added to it is the project's, and the base is stored and travels only once. A
start is timed from the order to the engine, which creates a confined container and publishes its port: to the first
answer of `/readyz`, beside Python's own web server in the bare image; and to the end of a program, the load test's
`--help`, for which it loads all of Locust, beside a Python that does nothing."""


@dataclass(frozen=True)
class _Start:
    """A container whose start is timed.

    Attributes:
        image: what it runs.
        command: its arguments.
        path: what to ask for until it answers 200; empty for a program that ends.
    """

    image: str
    command: Sequence[str]
    path: str = ""

    def seconds(self, engine: docker.DockerClient) -> float:
        """Start a container, wait until it is ready or has ended, and remove it."""
        started = perf_counter()
        container = engine.containers.run(
            self.image, list(self.command), detach=True, ports={f"{PORT}/tcp": ("127.0.0.1", 0)}, **CONFINED
        )
        try:
            self._await(container)
            return perf_counter() - started
        finally:
            container.remove(force=True)

    def _await(self, container: Container) -> None:
        if self.path:
            container.reload()
            published = container.ports.get(f"{PORT}/tcp") or []  # nothing of one that has ended already
            ports = [int(address["HostPort"]) for address in published]
            well = wait_until(lambda: any(_answers(port, self.path) for port in ports), START_TIMEOUT_SECONDS)
        else:
            well = container.wait(timeout=START_TIMEOUT_SECONDS)["StatusCode"] == 0
        if not well:
            output = container.logs().decode(errors="replace")[-LOG_TAIL_CHARACTERS:]
            raise BenchError(f"a container of {self.image} did not start:\n{output}")


ANSWERING = {
    "bare image, a web server answers": _Start(BASE, ("python", "-m", "http.server", str(PORT)), "/"),
    "service, ready": _Start(SERVICE, (), "/readyz"),
}
ENDING = {
    "bare image, Python has ended": _Start(BASE, ("python", "-c", "pass")),
    "load test, help shown": _Start(LOAD_TEST, ("--help",)),
}


def _answers(port: int, path: str) -> bool:
    """Tell whether a port of loopback answers a request with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def measure(budget: Budget) -> Section:
    """Measure the images, or say why that cannot be done here."""
    try:
        engine = docker.from_env()
    except DockerException:
        return Section(TITLE, "Not measured: no container engine answers.", [])
    with closing(engine):
        try:
            sizes = {image: engine.images.get(image).attrs["Size"] for image in (BASE, SERVICE, LOAD_TEST)}
        except ImageNotFound as problem:
            remedy = f"`docker pull {BASE}` and `scripts/cluster/build-images.sh` bring what is missing"
            return Section(TITLE, f"Not measured: {problem.explanation}; {remedy}.", [])
        level = 6 if budget.thorough else 1  # 6 is what registries' clients take
        compressed = {image: compressed_bytes(engine.images.get(image).save(), level) for image in sizes}
        pairs = [interleaved(_sides(engine, starts), budget.rounds) for starts in (ANSWERING, ENDING)]
    rows = [row for pair in pairs for row in start_rows(pair)]
    starts = Table(("start", "ms, median", "least", "most", "to bare image"), rows)
    return Section(TITLE, METHOD, [_size_table(sizes, compressed), starts])


def _sides(engine: docker.DockerClient, starts: Mapping[str, _Start]) -> dict[str, Callable[[], float]]:
    return {name: partial(start.seconds, engine) for name, start in starts.items()}


def compressed_bytes(archive: Iterable[bytes], level: int) -> int:
    """Return how many bytes of gzip an archive takes, which comes in pieces."""
    compressor = zlib.compressobj(level, wbits=GZIP)
    return sum(len(compressor.compress(piece)) for piece in archive) + len(compressor.flush())


def start_rows(seconds: Mapping[str, Sequence[float]]) -> list[tuple[str, ...]]:
    """Return a row for each side of a comparison, whose first side is the bare image.

    Args:
        seconds: how long each start took, by side, round by round.
    """
    base = next(iter(seconds.values()))
    return [
        (
            name,
            *(number(1000 * figure) for figure in (median(taken), min(taken), max(taken))),
            f"{median(one / other for one, other in zip(taken, base, strict=True)):.2f}",
        )
        for name, taken in seconds.items()
    ]


def _size_table(sizes: Mapping[str, int], compressed: Mapping[str, int]) -> Table:
    rows = [
        (
            f"{image} (bare)" if image == BASE else image,
            f"{size / 1e6:.0f}",
            f"{(size - sizes[BASE]) / 1e6:+.0f}",
            f"{compressed[image] / 1e6:.0f}",
            f"{(compressed[image] - compressed[BASE]) / 1e6:+.0f}",
        )
        for image, size in sizes.items()
    ]
    return Table(("image", "MB", "to bare image", "MB compressed", "to bare image"), rows)
