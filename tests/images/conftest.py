"""The engine, with the images of the present sources in it."""

from collections.abc import Iterator

import docker
import pytest

from tests.support.processes import run


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Give the engine, after the project's own script has built the images."""
    built = run("scripts/cluster/build-images.sh", "--quiet", timeout_seconds=600)
    assert built.returncode == 0, built.stderr
    client = docker.from_env()
    yield client
    client.close()
