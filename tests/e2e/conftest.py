"""A cluster for this run, with the images on it, and Istio where a test asks for the mesh.

The cluster is made by the project's scripts and removed in any case; `E2E_CLUSTER=NAME` uses an existing one.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.chapters import Chapters
from tests.e2e.cluster import Cluster, published_port, run, tried_again
from tests.e2e.mesh import Mesh, deploy_mesh
from tests.support.repository import ROOT, versions

BORROWED_VARIABLE = "E2E_CLUSTER"
NODE_IMAGE = "NODE_IMAGE"  # the variable by which scripts/cluster/up.sh takes another image than the default
SERVICE_NODE_PORT = 30190
GATEWAY_NODE_PORT = 30080
PLAIN_NAMESPACES = ("canary-rollout", "article")


def checked(*command: str, kubeconfig: Path) -> str:
    """Run a command and return what it printed; fails with all that it said."""
    done = run(*command, kubeconfig=kubeconfig)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def kind_configuration() -> str:
    """Return the cluster's configuration, with free ports instead of the fixed ones."""
    text = (ROOT / "scripts" / "cluster" / "kind.yaml").read_text(encoding="utf-8")
    free, replaced = re.subn(r"hostPort: \d+", "hostPort: 0", text)
    assert replaced == 2
    return free


def default_node_image() -> str:
    """Return the image that the chapters show."""
    of = versions()
    return f"kindest/node:v{of['KUBERNETES_VERSION']}@{of['NODE_IMAGE_DIGEST']}"


def cluster_of(name: str, kubeconfig: Path, chapters: Chapters) -> Cluster:
    """Return a running cluster, with the ports that lead to it."""
    service, gateway = (published_port(name, port) for port in (SERVICE_NODE_PORT, GATEWAY_NODE_PORT))
    return Cluster(name, kubeconfig, service, gateway, chapters)


@contextmanager
def made_cluster(folder: Path) -> Iterator[Cluster]:
    """Make a cluster under a name of its own, with free ports; SIGTERM removes it, too."""
    kubeconfig = folder / "kubeconfig"
    configuration = folder / "kind.yaml"
    configuration.write_text(kind_configuration(), encoding="utf-8")
    chapters = Chapters()
    name = f"e2e-{os.getpid()}-{int(time.time())}"
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        checked("scripts/cluster/build-images.sh", kubeconfig=kubeconfig)
        up = "scripts/cluster/up.sh", "--name", name, "--config", str(configuration)
        done = tried_again(lambda: run(*up, kubeconfig=kubeconfig))
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        made = done.stdout.replace(str(configuration), "scripts/cluster/kind.yaml")
        if NODE_IMAGE in os.environ:
            made = made.replace(f" {os.environ[NODE_IMAGE]} ", f" {default_node_image()} ")
        chapters.compare("scripts/cluster/up.sh", made, cluster=name)
        loaded = checked("scripts/cluster/load-images.sh", "--name", name, kubeconfig=kubeconfig)
        chapters.compare("scripts/cluster/load-images.sh", loaded, cluster=name)
        yield cluster_of(name, kubeconfig, chapters)
    finally:
        checked("scripts/cluster/down.sh", "--name", name, kubeconfig=kubeconfig)
        signal.signal(signal.SIGTERM, before)


@contextmanager
def borrowed_cluster(folder: Path, name: str) -> Iterator[Cluster]:
    """Use a cluster that is there, and leave it: to work on a test without waiting for a new one each time."""
    kubeconfig = folder / "kubeconfig"
    checked("kind", "export", "kubeconfig", "--name", name, kubeconfig=kubeconfig)
    # As scripts/cluster/up.sh does, so that commands are shown as the chapters have them.
    checked(
        "kubectl", "config", "set-context", f"kind-{name}", "--namespace", PLAIN_NAMESPACES[0], kubeconfig=kubeconfig
    )
    yield cluster_of(name, kubeconfig, Chapters())


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of this run's own, or the one that `E2E_CLUSTER` names."""
    folder = tmp_path_factory.mktemp("cluster")
    name = os.environ.get(BORROWED_VARIABLE)
    used: AbstractContextManager[Cluster] = borrowed_cluster(folder, name) if name else made_cluster(folder)
    with used as running:
        yield running


@pytest.fixture(scope="session")
def mesh(cluster: Cluster) -> Mesh:
    """Istio on the cluster, and the service in its mesh; a borrowed cluster has both already.

    The pods of the plain flows go first: two cores carry them or the mesh.
    """
    if BORROWED_VARIABLE not in os.environ:
        for namespace in PLAIN_NAMESPACES:
            cluster.kubectl("delete", "deployments", "--all", namespace=namespace)
        deploy_mesh(cluster)
    return Mesh(cluster)
