"""The engine, and the one running project that a module's tests share."""

from collections.abc import Iterator

import docker
import pytest

from tests.compose.project import Project


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Give the engine."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def project(engine: docker.DockerClient) -> Iterator[Project]:
    """Give a running project, started as the README shows; the command that ends it leaves nothing behind."""
    project = Project(engine)
    try:
        started = project.compose("up", "--build", "--wait")
        assert started.returncode == 0, f"{started.stderr}\n{project.compose('logs').stdout}"
        built = project.compose("build", "loadtest")
        assert built.returncode == 0, built.stderr
        yield project
    finally:
        ended = project.compose("--profile", "*", "down", "--volumes")
    assert ended.returncode == 0, ended.stderr
    assert project.left_over() == []
