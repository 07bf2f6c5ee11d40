"""The files under k8s/ stand in an order that leads through all of them, and fit in any namespace."""

import re
from pathlib import PurePosixPath

import pytest

from tests.manifests.k8s import K8S, KUSTOMIZATIONS, header, listed, resource, resources


def test_the_reading_order_reaches_every_file() -> None:
    """From the cluster on, "Next" and what a kustomization lists lead through k8s/; options and article begin anew."""
    waiting = ["scripts/cluster/kind.yaml", "k8s/with-options/kustomization.yaml", "k8s/article/micro-api.yaml"]
    seen = set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.endswith(".yaml"):
            continue
        seen.add(path)
        waiting += re.findall(r"^Next: (\S+\.yaml)\.$", "\n".join(header(path)), re.MULTILINE)
        if path in KUSTOMIZATIONS:
            waiting += [f"{PurePosixPath(path).parent}/{name}" for name in listed(resource(path))]
    assert set(K8S) <= seen


@pytest.mark.parametrize("path", K8S)
def test_a_file_fits_in_any_namespace(path: str) -> None:
    """No object names a namespace, so that it goes where its reader's context points."""
    assert all("namespace" not in one.get("metadata", {}) for one in resources(path))
