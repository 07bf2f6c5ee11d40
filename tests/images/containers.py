"""What the tests of the images share: containers as confined as any platform wants them, and gone at the end."""

import http.client
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import docker
from docker.models.containers import Container

from tests.support.processes import run, wait_until
from tests.support.repository import versions

TIMEOUT_SECONDS: Final = 60.0
SERVICE_PORT: Final = "9090/tcp"
VERSIONS: Final = versions()
LOAD_TEST: Final = f"canary-loadtest:{VERSIONS['LOADTEST_VERSION']}"
# docker run --read-only --cap-drop ALL --security-opt no-new-privileges, with no writable folder at all
CONFINED: Final[dict[str, Any]] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}


@contextmanager
def container(
    engine: docker.DockerClient,
    image: str,
    *command: str,
    environment: dict[str, str] | None = None,
    entrypoint: str | None = None,
) -> Iterator[Container]:
    """Start a confined container, with its ports on loopback where the kernel likes; remove it at the end."""
    created = engine.containers.create(
        image,
        list(command) or None,
        environment=environment or {},
        entrypoint=entrypoint,
        ports={SERVICE_PORT: ("127.0.0.1", 0)},
        **CONFINED,
    )
    try:
        created.start()
        yield created
    finally:
        created.remove(force=True, v=True)


def published_port(running: Container) -> int:
    """Return the port of loopback that leads to the service."""
    running.reload()
    addresses = running.ports[SERVICE_PORT]
    assert addresses, output(running)
    return int(addresses[0]["HostPort"])


def get(running: Container, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Ask the service in a container once: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", published_port(running), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def is_ready(running: Container) -> bool:
    """Return whether the service answers that it is ready."""
    try:
        return get(running, "/readyz")[0] == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def service(engine: docker.DockerClient, tag: str, **environment: str) -> Iterator[Container]:
    """Start a version of the service and return when it is ready."""
    with container(engine, f"micro-api:{tag}", environment=environment) as running:
        assert wait_until(lambda: is_ready(running), TIMEOUT_SECONDS), output(running)
        yield running


def output(ended: Container) -> str:
    """Return what a container has written until now."""
    written: bytes = ended.logs()
    return written.decode()


def exit_code(ended: Container) -> int:
    """Wait for the end of a container."""
    return int(ended.wait(timeout=TIMEOUT_SECONDS)["StatusCode"])


def execute(running: Container, *command: str) -> tuple[int, str]:
    """Run a command in a running container: its exit code, and what it has written."""
    result = running.exec_run(list(command))
    assert isinstance(result.output, bytes)
    assert result.exit_code is not None
    return result.exit_code, result.output.decode()


def python(running: Container, script: str, interpreter: str = "python") -> str:
    """Return what a Python script prints in a running container."""
    code, written = execute(running, interpreter, "-c", script)
    assert code == 0, written
    return written.strip()


def build(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `docker build` for a folder."""
    return run("docker", "build", "--progress", "plain", *arguments, folder, timeout_seconds=300)
