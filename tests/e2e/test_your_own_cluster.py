"""The flows on a cluster of another name, context, namespaces and ports, and the end of each part of it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, published_port, run

pytestmark = pytest.mark.e2e

CONTEXT = "somebody"
PLAIN, MESH = "mine", "my-mesh"
OBJECTS = "deployments,services,jobs,namespaces"
COLUMNS = "custom-columns=:.kind,:.metadata.namespace,:.metadata.name,:.metadata.uid,:.metadata.generation"
LEFT = "jobs,services,configmaps,deployments"  # pods take their time to end


@dataclass(frozen=True)
class Renamed:
    """A cluster whose every name is another one.

    Attributes:
        name: as kind knows it.
        kubeconfig: has both clusters, and the other one is its current context.
    """

    name: str
    kubeconfig: Path

    def script(self, name: str, *arguments: str, exit_code: int = 0) -> str:
        """Run a script of the project on it, and return what it printed; raises AssertionError for other codes."""
        return self.call(f"scripts/{name}.sh", "--context", CONTEXT, *arguments, exit_code=exit_code)

    def call(self, *command: str, exit_code: int = 0) -> str:
        """Run a command with its kubeconfig, and return what it printed; raises AssertionError for other codes."""
        done = run(*command, kubeconfig=self.kubeconfig)
        assert done.returncode == exit_code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def renamed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renamed]:
    """The cluster, removed in any case."""
    kubeconfig = tmp_path_factory.mktemp("renamed") / "kubeconfig"
    shutil.copy2(cluster.kubeconfig, kubeconfig)
    made = Renamed(f"own-{os.getpid()}", kubeconfig)
    try:
        made.call(
            "scripts/cluster/up.sh", "--name", made.name, "--namespace", PLAIN, "--port", "0", "--gateway-port", "0"
        )
        made.call("scripts/cluster/load-images.sh", "--name", made.name)
        made.call("kubectl", "config", "rename-context", f"kind-{made.name}", CONTEXT)
        made.call("kubectl", "config", "use-context", cluster.context)
        yield made
    finally:
        made.call("scripts/cluster/down.sh", "--name", made.name)


@pytest.fixture(scope="module")
def other(cluster: Cluster, renamed: Renamed) -> Iterator[None]:
    """The other cluster has the same objects at the end, and is still the current context."""
    listing = ("get", OBJECTS, "--all-namespaces", f"--output={COLUMNS}")
    before = cluster.kubectl(*listing)
    yield
    assert cluster.kubectl(*listing) == before
    assert renamed.call("kubectl", "config", "current-context").strip() == cluster.context


@pytest.mark.usefixtures("other")
def test_the_plain_flows_run_there(renamed: Renamed) -> None:
    """The ten calls go to the port of that very cluster, and the load test has its canaries in its own namespace."""
    there = ("--namespace", PLAIN)
    renamed.script("cluster/rolling", *there, "deploy")
    shown = renamed.script("cluster/pause", *there, "start")
    assert f"curl http://127.0.0.1:{published_port(renamed.name, 30190)}/test/test" in shown
    assert f"$ kubectl --context={CONTEXT} rollout pause deployment/micro-api" in shown
    assert "verdict:  CONFIRMED" in renamed.script("cluster/measure", *there)
    assert (
        "a canary is paused"
        in run(
            *("scripts/cluster/rolling.sh", "--context", CONTEXT, *there, "deploy"), kubeconfig=renamed.kubeconfig
        ).stderr
    )
    renamed.script("cluster/pause", *there, "rollback")


@pytest.mark.usefixtures("other")
def test_the_flow_with_istio_runs_there(renamed: Renamed) -> None:
    """Without Istio the remedy is named; then states are set and judged in a namespace of another name."""
    there = ("--namespace", MESH)
    refused = run("scripts/mesh/set-state.sh", "--context", CONTEXT, *there, "70-30", kubeconfig=renamed.kubeconfig)
    assert refused.returncode == 2
    assert f"install it: scripts/mesh/install.sh --context {CONTEXT}" in refused.stderr
    renamed.script("mesh/install")
    renamed.script("mesh/flow", *there, "deploy")
    assert f"micro-api.{MESH}.svc.cluster.local" in renamed.script("mesh/flow", *there, "canary")
    assert "verdict:  CONFIRMED" in renamed.script("mesh/measure", *there)
    assert "lead to    70 % v1, 30 % v2" in renamed.script("mesh/show-envoy", *there)


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize(
    ("part", "namespace"), [("load", PLAIN), ("monitoring", MESH), ("mesh", MESH), ("flows", PLAIN)]
)
def test_each_part_is_removed_and_twice_is_no_error(renamed: Renamed, part: str, namespace: str) -> None:
    """What a part made is gone, what stays is named, and a namespace of the user's own is left."""
    for _ in range(2):
        assert "# left: " in renamed.script("cluster/remove", "--namespace", namespace, part)
    there = ("kubectl", "--context", CONTEXT)
    assert renamed.call(*there, "get", "namespace", namespace, "--output=name")
    if part in {"mesh", "flows"}:
        left = renamed.call(*there, "--namespace", namespace, "get", LEFT, "--selector=app=micro-api", "--output=name")
        assert left == ""


def test_a_cluster_is_removed_and_twice_is_no_error(renamed: Renamed) -> None:
    """The other one stays."""
    for _ in range(2):
        renamed.call("scripts/cluster/down.sh", "--name", renamed.name)
    assert renamed.name not in renamed.call("kind", "get", "clusters").split()
