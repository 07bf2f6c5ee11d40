"""The likely cause of a step that failed, in one line: what a Deployment or a pod says of itself.

    kubectl get deployments,pods -o json | python -m scripts.cluster.likely_cause

It needs only Python's own library. Without a cause that the objects tell, it prints nothing: none is guessed.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Object = Mapping[str, Any]

NO_IMAGE: Final = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
VERDICTS: Final = (10, 11)  # of a load test: REFUTED and INCONCLUSIVE are no failures
LOAD_IMAGES: Final = "copy it to the node: scripts/cluster/load-images.sh"


def likely_cause(objects: Iterable[Object]) -> str:
    """Return the first cause that the objects tell, with its remedy where there is one; "" where they tell none.

    Args:
        objects: Deployments and Pods as `kubectl get -o json` lists them.

    Returns:
        What is certain comes first: a paused rollout, pods that are refused, an image that is not there, a container
        that ends, a pod that no node takes, a probe that is not answered; last, a rollout that takes too long.
    """
    objects = list(objects)
    deployments = [one for one in objects if one["kind"] == "Deployment"]
    pods = [one for one in objects if one["kind"] == "Pod" and "deletionTimestamp" not in one["metadata"]]
    causes = (
        *_paused(deployments),
        *_refused(deployments),
        *(cause for pod in pods for cause in _of_containers(pod)),
        *(cause for pod in pods for cause in _unscheduled(pod)),
        *(cause for pod in pods for cause in _unready(pod)),
        *_too_slow(deployments),
    )
    return next(iter(causes), "")


def _name(one: Object) -> str:
    return f"{one['kind'].lower()} {one['metadata']['name']}"


def _conditions(one: Object) -> dict[str, Object]:
    return {condition["type"]: condition for condition in one.get("status", {}).get("conditions", ())}


def _paused(deployments: Iterable[Object]) -> Iterator[str]:
    for one in deployments:
        if one["spec"].get("paused"):
            yield (
                f"the rollout of {_name(one)} is paused, so no new template starts: "
                "scripts/cluster/pause.sh resume, or rollback"
            )


def _refused(deployments: Iterable[Object]) -> Iterator[str]:
    for one in deployments:
        failure = _conditions(one).get("ReplicaFailure", {})
        if failure.get("status") == "True":
            yield f"the API server refuses the pods of {_name(one)}: {failure.get('message', failure.get('reason'))}"


def _of_containers(pod: Object) -> Iterator[str]:
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        where = f"{_name(pod)}, container {container['name']}"
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in NO_IMAGE:
            yield f"{where}: the node has no image {container['image']}, and no registry gives it; {LOAD_IMAGES}"
        elif waiting.get("reason", "").startswith("Create"):
            yield f"{where}: {waiting['reason']}: {waiting.get('message', '')}"
        ended = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated") or {}
        if ended.get("exitCode") and ended["exitCode"] not in VERDICTS:
            yield f"{where} ended with exit code {ended['exitCode']} ({ended.get('reason', 'no reason')})"


def _unscheduled(pod: Object) -> Iterator[str]:
    scheduled = _conditions(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield f"no node takes {_name(pod)}: {scheduled.get('message', scheduled.get('reason'))}"


def _unready(pod: Object) -> Iterator[str]:
    running = pod.get("status", {}).get("phase") == "Running"
    ready = _conditions(pod).get("ContainersReady", {})
    if running and ready.get("status") == "False":
        yield f"{_name(pod)} runs and is not ready: {ready.get('message', 'its readiness probe fails')}"


def _too_slow(deployments: Iterable[Object]) -> Iterator[str]:
    for one in deployments:
        progress = _conditions(one).get("Progressing", {})
        if progress.get("status") == "False":
            yield f"the rollout of {_name(one)} does not progress: {progress.get('message', progress.get('reason'))}"


def main() -> None:
    """Read the objects from standard input and print the cause, if they tell one."""
    try:
        cause = likely_cause(json.load(sys.stdin)["items"])
    except (ValueError, KeyError, TypeError):  # no cluster answered: the lines below this one say so
        return
    if cause:
        print(f"likely cause: {' '.join(cause.split())}")


if __name__ == "__main__":
    main()
