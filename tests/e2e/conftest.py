"""A cluster for this run, with the images on it; it is removed whatever happens."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chapters import Chapters
from tests.e2e.cluster import ROOT, Cluster, run

ATTEMPTS = 2  # kind gives a node 30 s to boot, which a busy machine can miss


def checked(*command: str, kubeconfig: Path) -> str:
    """Run a command and return what it printed; fails with all that it said."""
    done = run(*command, kubeconfig=kubeconfig)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def kind_configuration() -> str:
    """Return the lab's configuration, with free ports instead of the fixed ones."""
    text = (ROOT / "scripts" / "kind.yaml").read_text(encoding="utf-8")
    free, replaced = re.subn(r"hostPort: \d+", "hostPort: 0", text)
    assert replaced == 2
    return free


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, made by the project's scripts under a name of its own; SIGTERM removes it, too."""
    folder = tmp_path_factory.mktemp("cluster")
    kubeconfig = folder / "kubeconfig"
    configuration = folder / "kind.yaml"
    configuration.write_text(kind_configuration(), encoding="utf-8")
    chapters = Chapters()
    name = f"e2e-{os.getpid()}-{int(time.time())}"
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        checked("scripts/build-images.sh", kubeconfig=kubeconfig)
        up = "scripts/cluster-up.sh", "--name", name, "--config", str(configuration)
        for attempt in range(ATTEMPTS):
            done = run(*up, kubeconfig=kubeconfig)
            if done.returncode == 0:
                break
            assert attempt + 1 < ATTEMPTS, f"{done.stdout}\n{done.stderr}"
        made = done.stdout.replace(str(configuration), "scripts/kind.yaml")
        chapters.compare("scripts/cluster-up.sh", made, cluster=name)
        loaded = checked("scripts/load-images.sh", "--name", name, kubeconfig=kubeconfig)
        chapters.compare("scripts/load-images.sh", loaded, cluster=name)
        published = checked("docker", "port", f"{name}-control-plane", "30190/tcp", kubeconfig=kubeconfig)
        yield Cluster(name, kubeconfig, int(published.strip().rpartition(":")[2]), chapters)
    finally:
        checked("scripts/cluster-down.sh", "--name", name, kubeconfig=kubeconfig)
        signal.signal(signal.SIGTERM, before)
