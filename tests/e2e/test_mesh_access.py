"""Who gets no answer from the service: callers outside the mesh, and callers in it that are not admitted."""

from collections.abc import Iterator

import pytest

from tests.e2e.mesh import Mesh

pytestmark = pytest.mark.e2e

NAMESPACE = "canary-visitors"
OUTSIDER = "outsider"
STRANGER = "stranger"
IMAGE = "micro-api:1.1-SNAPSHOT"
VISIT = """
import urllib.error, urllib.request
try:
    print(urllib.request.urlopen("http://micro-api.canary-mesh:19090/test/test", timeout=10).status)
except urllib.error.HTTPError as refusal:
    print(refusal.code, refusal.read().decode())
except OSError as problem:
    print(type(problem).__name__)
"""


@pytest.fixture(scope="module")
def visitors(mesh: Mesh) -> Iterator[None]:
    """Two pods of another namespace: one without a sidecar, one in the mesh that is not admitted."""
    kubectl = mesh.cluster.kubectl
    kubectl("create", "namespace", NAMESPACE)
    try:
        for name, sidecar in ((OUTSIDER, "false"), (STRANGER, "true")):
            label = f"--labels=sidecar.istio.io/inject={sidecar}"
            kubectl("run", name, f"--image={IMAGE}", label, "--command", "--", "sleep", "600", namespace=NAMESPACE)
        kubectl("wait", "pods", "--all", "--for=condition=Ready", "--timeout=90s", namespace=NAMESPACE)
        yield
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def visit(mesh: Mesh, visitor: str) -> str:
    """Return what a visitor gets: the status and what is said with it, or the name of an error."""
    command = "exec", visitor, f"--container={visitor}", "--", "python", "-c", VISIT
    return mesh.cluster.kubectl(*command, namespace=NAMESPACE).strip()


@pytest.mark.usefixtures("visitors")
def test_plain_text_is_refused(mesh: Mesh) -> None:
    """Under STRICT mutual TLS a pod without a sidecar gets no answer at all."""
    assert visit(mesh, OUTSIDER) == "ConnectionResetError"


@pytest.mark.usefixtures("visitors")
def test_a_stranger_in_the_mesh_is_refused(mesh: Mesh) -> None:
    """A service account that the AuthorizationPolicy does not name gets 403 from the service's own sidecar."""
    assert visit(mesh, STRANGER) == "403 RBAC: access denied"
