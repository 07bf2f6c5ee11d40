"""What the objects of a cluster say of a service."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from scripts.course.rules.deployed import Deployed, Pod
from scripts.course.rules.mesh_pods import MeshPod, MeshPods

SIDECAR: Final = "istio-proxy"


def deployed(items: Iterable[Mapping[str, Any]]) -> Deployed | None:
    """Return what Deployment, ReplicaSets and Pods of a service say, None where there is no Deployment.

    Args:
        items: the objects, as `kubectl get --output=json` lists them.

    Raises:
        KeyError, IndexError, ValueError: one of them is no such object.
    """
    by_kind: dict[str, list[Mapping[str, Any]]] = {"Deployment": [], "ReplicaSet": [], "Pod": []}
    for one in items:
        by_kind[one["kind"]].append(one)
    if not by_kind["Deployment"]:
        return None
    wanted = by_kind["Deployment"][0]["spec"]
    pods = [
        Pod(_tag(one["spec"]), _is_ready(one), _created(one))
        for one in by_kind["Pod"]
        if "deletionTimestamp" not in one["metadata"]
    ]
    sets = sorted(by_kind["ReplicaSet"], key=_created, reverse=True)
    first_wanted = {_tag(one["spec"]["template"]["spec"]): _created(one) for one in sets}
    return Deployed(_tag(wanted["template"]["spec"]), wanted.get("paused", False), pods, first_wanted)


def mesh_pods(items: Iterable[Mapping[str, Any]]) -> MeshPods:
    """Return what the Pods of a service in the mesh say.

    Args:
        items: the objects, as `kubectl get --output=json` lists them.

    Raises:
        KeyError, ValueError: one of them is no such object.
    """
    return MeshPods(
        [
            MeshPod(one["metadata"]["labels"].get("version", ""), _is_ready(one), _has_sidecar(one), _created(one))
            for one in items
            if "deletionTimestamp" not in one["metadata"]
        ]
    )


def _has_sidecar(pod: Mapping[str, Any]) -> bool:
    # A native sidecar is an init container.
    containers = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
    return any(one["name"] == SIDECAR for one in containers)


def _tag(pod: Mapping[str, Any]) -> str:
    return str(pod["containers"][0]["image"]).rpartition(":")[2]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _created(item: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(item["metadata"]["creationTimestamp"]).timestamp()
