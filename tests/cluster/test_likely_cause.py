"""The likely cause of a step that failed is named first, from what Deployments and pods say of themselves."""

import json
import sys
from typing import Any

import pytest

from scripts.cluster.likely_cause import likely_cause
from tests.support.processes import run

Object = dict[str, Any]
REFUSED = 'pods "micro-api-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
NO_NODE = "0/1 nodes are available: 1 Insufficient cpu."


def deployment(*conditions: Object, **spec: object) -> Object:
    """Return a Deployment in some condition."""
    status = {"conditions": [{"status": "True", **one} for one in conditions]}
    return {"kind": "Deployment", "metadata": {"name": "micro-api"}, "spec": spec, "status": status}


def pod(state: Object | None = None, phase: str = "Running", **conditions: Object) -> Object:
    """Return a pod whose container is in some state."""
    container = {"name": "micro-api", "image": "micro-api:1.1-SNAPSHOT", **(state or {"state": {"running": {}}})}
    listed = [{"type": name, "status": "False", **one} for name, one in conditions.items()]
    status = {"phase": phase, "containerStatuses": [container], "conditions": listed}
    return {"kind": "Pod", "metadata": {"name": "micro-api-1"}, "status": status}


PAUSED = deployment(paused=True)
SLOW = deployment({"type": "Progressing", "status": "False", "message": "has timed out progressing"})
PULLING = pod({"state": {"waiting": {"reason": "ImagePullBackOff"}}})


@pytest.mark.parametrize(
    ("objects", "cause"),
    [
        ([PAUSED, SLOW, PULLING], "the rollout of deployment micro-api is paused, so no new template starts: "),
        (
            [deployment({"type": "ReplicaFailure", "message": REFUSED})],
            f"refuses the pods of deployment micro-api: {REFUSED}",
        ),
        (
            [SLOW, PULLING],
            "container micro-api: the node has no image micro-api:1.1-SNAPSHOT, and no registry gives it; ",
        ),
        (
            [pod({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 3}}})],
            "exit code 3",
        ),
        (
            [pod({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "no configmap"}}})],
            "no configmap",
        ),
        ([pod(phase="Pending", PodScheduled={"message": NO_NODE})], f"no node takes pod micro-api-1: {NO_NODE}"),
        (
            [pod(ContainersReady={"message": "containers with unready status: [micro-api]"})],
            "pod micro-api-1 runs and is not ready: ",
        ),
        ([SLOW, pod()], "does not progress: has timed out progressing"),
    ],
    ids=["paused", "refused", "no image", "ends", "not made", "no node", "not ready", "slow"],
)
def test_the_cause_is_named(objects: list[Object], cause: str) -> None:
    """What is certain wins over what follows from it: a rollout that is slow has a pod that says why."""
    assert cause in likely_cause(objects)


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [deployment({"type": "Progressing"}), pod()],
        [pod({"state": {"terminated": {"exitCode": 10}}})],
        [{**PULLING, "metadata": {"name": "micro-api-1", "deletionTimestamp": "now"}}],
    ],
    ids=["nothing", "all is well", "a verdict", "a pod that goes"],
)
def test_no_cause_is_guessed(objects: list[Object]) -> None:
    """Without one that the objects tell, nothing is said."""
    assert likely_cause(objects) == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (json.dumps({"items": [PAUSED]}), "likely cause: the rollout of deployment micro-api is paused, "),
        (json.dumps({"items": []}), ""),
        ("no JSON", ""),
    ],
)
def test_the_command_prints_one_line_or_nothing(text: str, line: str) -> None:
    """It reads what kubectl prints, and is silent where no cluster answered."""
    done = run(sys.executable, "-m", "scripts.cluster.likely_cause", stdin=text)
    assert done.returncode == 0
    assert done.stdout.startswith(line)
    assert done.stdout.count("\n") == bool(line)
