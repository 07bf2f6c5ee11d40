"""The YAML files of k8s/, istio/ and monitoring/ by what they are; paths are relative to the repository's root."""

from typing import Any, Final

from tests.support.repository import ROOT, resource, resources, text_of

FOLDERS: Final = ("k8s", "istio", "monitoring")
CLUSTER: Final = "scripts/cluster/kind.yaml"
OPERATOR: Final = "istio/install/operator.yaml"  # istioctl reads it: an API server does not know its kind
# A patch holds what it changes, and is not a whole resource.
PATCHES: Final = (
    "k8s/options/deployment.yaml",
    "istio/workloads/version/deployment.yaml",
    "monitoring/mesh/deployment.yaml",
)

FILES: Final = tuple(
    sorted(
        file.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".yaml", ".yml"}
    )
)
K8S: Final = tuple(path for path in FILES if path.startswith("k8s/"))
# The article's own files for Istio are as published: no API version, order or name of ours holds for them.
ARTICLE_ISTIO: Final = tuple(path for path in FILES if path.startswith("istio/article/"))
ISTIO: Final = tuple(path for path in FILES if path.startswith("istio/") and path not in ARTICLE_ISTIO)
KUSTOMIZATIONS: Final = tuple(path for path in FILES if path.endswith("/kustomization.yaml"))
# What is left is for an API server; Prometheus reads the files that end with .yml.
RESOURCES: Final = tuple(
    path
    for path in FILES
    if path.endswith(".yaml") and path not in {*KUSTOMIZATIONS, *PATCHES, *ARTICLE_ISTIO, OPERATOR}
)


def header(path: str) -> list[str]:
    """Return the lines of the comment that a file opens with, as they are written."""
    comment, separator, _ = text_of(path).partition("\n---\n")
    assert separator, f"{path} has no line --- after its comment"
    return comment.split("\n")


def listed(path: str) -> set[str]:
    """Return what a kustomization builds on, as written in it."""
    kustomization = resource(path)
    patches = {patch["path"] for patch in kustomization.get("patches", ()) if "path" in patch}
    generated = {file for one in kustomization.get("configMapGenerator", ()) for file in one.get("files", ())}
    return {*kustomization.get("resources", ()), *kustomization.get("components", ()), *patches, *generated}


def pod_spec(path: str) -> dict[str, Any]:
    """Return the pod template's spec in the Deployment or Job that a file ends with."""
    spec: dict[str, Any] = resources(path)[-1]["spec"]["template"]["spec"]
    return spec


def container(path: str) -> dict[str, Any]:
    """Return the only container of the Deployment or Job in a file."""
    (only,) = pod_spec(path)["containers"]
    return dict(only)
