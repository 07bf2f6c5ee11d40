"""Why is my split wrong? The causes of the page that need a cluster, made and fixed there as the page says."""

from collections.abc import Iterator

import pytest

from tests.docs.why import Shell, part
from tests.e2e.cluster import ALPHA_STOP, environment
from tests.e2e.mesh import Mesh
from tests.support.processes import free_port
from tests.support.repository import ROOT

pytestmark = pytest.mark.e2e

LAB, CLUSTER = part(1), part(2)
POLICIES = ("istio/mesh/authorization-policy.yaml", "istio/mesh/peer-authentication-strict.yaml")
CLIENTS = ("pod/client-inside", "pod/client-outside")
SETTING = "set-state.sh"


@pytest.fixture(scope="module")
def shell(mesh: Mesh) -> Iterator[Shell]:
    """A terminal in which both parts of the page are prepared; at the end the mesh is as it was deployed."""
    cluster = mesh.cluster
    cluster.script("mesh/gateway-api", is_example=False)
    terminal = Shell(
        LAB.setup + CLUSTER.setup,
        ROOT,
        {
            "127.0.0.1:19080": f"127.0.0.1:{cluster.gateway_port}",
            "kind-canary-cluster": cluster.context,
            "18081": str(free_port()),
            "LOCUST_ALPHA_STOP=0.001": f"LOCUST_ALPHA_STOP={ALPHA_STOP}",
            SETTING: f"{SETTING} --context {cluster.context} --url {cluster.gateway_url}",
        },
        environment(cluster.kubeconfig),
    )
    close(mesh)
    try:
        for example in CLUSTER.opening[:-1]:
            terminal.check(example)
        yield terminal
    finally:
        mesh.kubectl("delete", "--ignore-not-found", *CLIENTS)
        close(mesh)
        terminal.run("scripts/mesh/set-state.sh 100-0")


def close(mesh: Mesh) -> None:
    """Admit only those whom the policies name, as after the deployment."""
    for policy in POLICIES:
        mesh.kubectl("apply", "--filename", str(ROOT / policy))


def test_the_right_split_is_confirmed(shell: Shell) -> None:
    """The state that each cause begins with is what the page shows."""
    shell.check(CLUSTER.opening[-1])


@pytest.mark.parametrize("cause", CLUSTER.causes)
def test_a_cause_shows_itself_and_is_mended(shell: Shell, cause: str) -> None:
    """From a right split, the commands of the cause print what the page shows, to the last, which confirms."""
    printed, exit_code = shell.run("scripts/mesh/set-state.sh 70-30")
    assert exit_code == 0, printed
    for example in CLUSTER.causes[cause]:
        shell.check(example)
