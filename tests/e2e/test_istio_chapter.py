"""The chapter of the Istio flow, from its first command to its last, held against what it shows.

It runs before the tests of the mesh: its outputs are those of a mesh that has just been made.
"""

import subprocess
from collections.abc import Iterator

import pytest

from tests.docs.documents import console_examples
from tests.e2e.chapters import FOLDER, MESH_CHAPTERS
from tests.e2e.cluster import run
from tests.e2e.mesh import Mesh
from tests.manifests.files import RESOURCES

pytestmark = pytest.mark.e2e

MADE_BY_THE_FIXTURE = {"mesh/install", "mesh/flow deploy", "mesh/gateway-api --crds tests/data/gateway-api/crds.yaml"}
REFUTED = "mesh/measure --expect-canary 50"
# Their files are one set each, in a namespace of its own: test_with_engines.py applies them.
ENGINES = {"argo-rollouts", "flagger", "gate"}
# One of each name at a time, as on a cluster, where the others exist already.
STATES = [path for path in RESOURCES if path.startswith("istio/") and path.split("/")[1] not in ENGINES]
COMMANDS = [command for name in MESH_CHAPTERS for command, _ in console_examples(FOLDER / name)]


@pytest.fixture
def stable_afterwards(mesh: Mesh) -> Iterator[None]:
    """Leave the mesh as it was found, so that what the chapter makes is new the next time, too."""
    yield
    mesh.reset()


@pytest.mark.usefixtures("stable_afterwards")
def test_the_chapter_shows_what_happens(mesh: Mesh) -> None:
    """Each command, in the chapter's order, prints what the chapter shows; a claim that is wrong is refuted."""
    for command in COMMANDS:
        script = command.removeprefix("scripts/").replace(".sh", "", 1)
        if script in MADE_BY_THE_FIXTURE:
            continue
        if command.startswith("scripts/"):
            mesh.cluster.script(*script.split(), exit_code=10 if script == REFUTED else 0)
        else:
            mesh.cluster.typed(command, exit_code=0)


def test_all_of_the_chapter_was_run(mesh: Mesh) -> None:
    """Each example was compared with what it printed: above, or where the mesh was made."""
    assert mesh.cluster.chapters.unproven(MESH_CHAPTERS) == []


@pytest.mark.parametrize("path", STATES)
def test_istioctl_objects_to_no_file(mesh: Mesh, path: str) -> None:
    """Together with what is on the cluster `istioctl analyze` reports nothing for any file, not even a warning."""
    command = "istioctl", "analyze", "--context", mesh.cluster.context, "--namespace", mesh.namespace, path
    done = run(*command, kubeconfig=mesh.cluster.kubeconfig, stderr=subprocess.STDOUT)
    assert "No validation issues found" in done.stdout, done.stdout
