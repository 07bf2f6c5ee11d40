"""What kustomizations list exists, and what is applied goes to the namespace that its reader has chosen."""

from pathlib import PurePosixPath

import pytest

from tests.manifests.files import KUSTOMIZATIONS, RESOURCES, listed
from tests.support.repository import ROOT, resources

# Applied before what its folder's kustomization builds.
ALONE = {f"istio/{folder}/namespace.yaml" for folder in ("workloads", "argo-rollouts", "flagger")}
# Istio's gateway and Prometheus's permission to read it belong to the namespace of Istio.
ELSEWHERE = {"istio/gateway-api/gateway.yaml": "istio-system", "monitoring/mesh/gateway-role.yaml": "istio-system"}


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
def test_a_kustomization_builds_on_all_of_its_folder_and_on_nothing_that_is_missing(path: str) -> None:
    """What it lists exists, and no manifest next to it is left out."""
    folder = PurePosixPath(path).parent
    names = listed(path)
    assert names
    assert {name for name in names if not (ROOT / folder / name).exists()} == set()
    next_to_it = {str(folder / file.name) for file in (ROOT / folder).glob("*.yaml")} - {path, *ALONE}
    assert next_to_it - set(ELSEWHERE) <= {str(folder / name) for name in names}


@pytest.mark.parametrize("path", RESOURCES)
def test_a_file_fits_in_any_namespace(path: str) -> None:
    """No object names a namespace, so that it goes where its reader's context points; two have to name Istio's."""
    namespaces = {one["metadata"].get("namespace") for one in resources(path)}
    assert namespaces == {ELSEWHERE.get(path)}
