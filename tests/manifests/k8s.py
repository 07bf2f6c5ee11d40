"""The files under k8s/ as the tests read them, and how any manifest is read."""

from typing import Any

import yaml

from tests.support.repository import ROOT

K8S = tuple(sorted(file.relative_to(ROOT).as_posix() for file in (ROOT / "k8s").rglob("*.yaml")))
KUSTOMIZATIONS = tuple(path for path in K8S if path.endswith("/kustomization.yaml"))
PATCH = "k8s/options/deployment.yaml"  # says what it changes, and is no whole resource
RESOURCES = tuple(path for path in K8S if path not in {*KUSTOMIZATIONS, PATCH})
HEADED = (*K8S, "scripts/cluster/kind.yaml")


def text_of(path: str) -> str:
    """Return a file's text; the path is seen from the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def header(path: str) -> list[str]:
    """Return the lines of the comment that a file opens with, their marks removed."""
    comment, separator, _ = text_of(path).partition("\n---\n")
    assert separator
    lines = comment.split("\n")
    assert all(line.startswith("#") for line in lines)
    return [line.removeprefix("#").removeprefix(" ") for line in lines]


def listed(kustomization: dict[str, Any]) -> set[str]:
    """Return what a kustomization builds on, as written in it."""
    patches = {patch["path"] for patch in kustomization.get("patches", ()) if "path" in patch}
    return {*kustomization.get("resources", ()), *kustomization.get("components", ()), *patches}


def resources(path: str) -> list[dict[str, Any]]:
    """Return all objects of a file."""
    return [resource for resource in yaml.safe_load_all(text_of(path)) if resource]


def resource(path: str) -> dict[str, Any]:
    """Return the one object of a file."""
    (only,) = resources(path)
    return only


def pod_spec(path: str) -> dict[str, Any]:
    """Return the pod template's spec in the Deployment or Job that a file ends with."""
    spec: dict[str, Any] = resources(path)[-1]["spec"]["template"]["spec"]
    return spec


def container(path: str) -> dict[str, Any]:
    """Return the only container of the Deployment or Job in a file."""
    (only,) = pod_spec(path)["containers"]
    return dict(only)


def versions() -> dict[str, str]:
    """Return what versions.env sets."""
    lines = [line for line in text_of("versions.env").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
