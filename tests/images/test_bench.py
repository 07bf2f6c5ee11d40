"""The benchmark's section on images, on a real engine."""

import subprocess
import sys
from pathlib import Path

import docker
import pytest

from tests.images.containers import LOAD_TEST, TIMEOUT_SECONDS, VERSIONS
from tests.support.repository import ROOT

pytestmark = pytest.mark.docker

BASE = f"python:{VERSIONS['PYTHON_VERSION']}-slim"


def test_sizes_and_starts_are_measured(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A smoke run names each image with the size that the engine tells, and each start with its ratio."""
    page = tmp_path / "page.md"
    command = [sys.executable, "-m", "scripts.bench", "--quick", "--only", "images", "--output", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=4 * TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    for image in (BASE, "micro-api:1.3-SNAPSHOT", LOAD_TEST):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {image}")]
        assert f" {engine.images.get(image).attrs['Size'] / 1e6:.0f} |" in row
    assert text.count(" 1.00 |") >= 2
    for start in ("| service, ready ", "| load test, help shown "):
        assert start in text
