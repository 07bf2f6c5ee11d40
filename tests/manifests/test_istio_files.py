"""The files in the folders of istio/ stand in an order that leads through all of them, and in the README."""

import re
from pathlib import PurePosixPath

import pytest

from tests.manifests.istio import FILES, ISTIO_FILES, KUSTOMIZATIONS, OPERATOR, RESOURCES
from tests.manifests.k8s import header, listed, resource, resources, text_of

# Where one begins: Istio itself, then what only a mesh shows. In between stand the lab's own states.
BEGINNINGS = (OPERATOR, "istio/mesh/virtual-service-mirror.yaml")
# What belongs to a namespace of its own, and says so.
ELSEWHERE = ("istio/gateway-api/gateway.yaml",)


def test_the_reading_order_reaches_every_file() -> None:
    """From the beginnings on, "Next" and what a kustomization lists lead through all folders of istio/."""
    waiting = list(BEGINNINGS)
    seen = set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        waiting += re.findall(r"^Next: (istio/\S+\.yaml)\.$", "\n".join(header(path)), re.MULTILINE)
        if path in KUSTOMIZATIONS:
            built_on = [PurePosixPath(path).parent / name for name in listed(resource(path)) if ".." not in name]
            waiting += [str(one if one.suffix else one / "kustomization.yaml") for one in built_on]
    assert set(FILES) <= seen


@pytest.mark.parametrize("path", RESOURCES)
def test_a_file_fits_in_any_namespace(path: str) -> None:
    """No object names a namespace, so that it goes where its reader's context points; one has to, for its address."""
    namespaces = {one["metadata"].get("namespace") for one in resources(path)}
    assert namespaces == ({"istio-system"} if path in ELSEWHERE else {None})


def test_the_readme_lists_every_file() -> None:
    """istio/README.md names each file but the kustomizations, whose folders it names, and none that is not there."""
    text = text_of("istio/README.md")
    named = set(re.findall(r"`([-\w/]+\.yaml)`", text))
    files = {path.removeprefix("istio/") for path in ISTIO_FILES if path not in KUSTOMIZATIONS}
    assert named == files
    folders = {path.split("/")[1] for path in FILES}
    assert set(re.findall(r"^\| `([-\w]+)/` \|", text, re.MULTILINE)) == folders
