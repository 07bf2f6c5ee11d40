"""The engine, with the images of the present sources in it."""

import subprocess
from collections.abc import Iterator

import docker
import pytest

from tests.support.repository import ROOT


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Give the engine, after the project's own script has built the images."""
    command = ["scripts/cluster/build-images.sh", "--quiet"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert built.returncode == 0, built.stderr
    client = docker.from_env()
    yield client
    client.close()
