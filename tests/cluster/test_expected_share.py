"""The share to expect of a plain Service, from its EndpointSlices and pods."""

import json
import sys
from typing import Any

import pytest

from scripts.cluster.expected_share import ShareError, canary_percent
from tests.support.processes import run

COMMAND = (sys.executable, "-m", "scripts.cluster.expected_share")


def pod(name: str, track: str) -> dict[str, Any]:
    """Return a pod as `kubectl get -o json` lists it, as far as it matters."""
    return {"kind": "Pod", "metadata": {"name": name, "labels": {"app": "micro-api", "track": track}}}


def endpoint(name: str, *, ready: bool = True) -> dict[str, Any]:
    """Return the endpoint of a pod; one that is not ready may be terminating and still serving."""
    return {"conditions": {"ready": ready, "serving": True, "terminating": not ready}, "targetRef": {"name": name}}


def endpoint_slice(*endpoints: dict[str, Any], service: str = "micro-api") -> dict[str, Any]:
    """Return an EndpointSlice of a Service."""
    labels = {"app": "micro-api", "kubernetes.io/service-name": service}
    return {"kind": "EndpointSlice", "metadata": {"name": f"{service}-x7z", "labels": labels}, "endpoints": endpoints}


PODS = [
    *(pod(f"old-{number}", "stable") for number in range(3)),
    *(pod(f"new-{number}", "canary") for number in range(3)),
]


@pytest.mark.parametrize(
    ("names", "percent"),
    [
        (["old-0", "old-1", "old-2"], 0),
        (["old-0", "old-1", "new-0"], 100 / 3),
        (["old-0", "old-1", "new-0", "new-1"], 50),
        (["new-0", "new-1"], 100),
    ],
)
def test_every_ready_pod_counts_once(names: list[str], percent: float) -> None:
    """The share is the canaries among the ready pods."""
    assert canary_percent([endpoint_slice(*map(endpoint, names)), *PODS]) == pytest.approx(percent)


def test_a_pod_that_is_not_ready_does_not_count() -> None:
    """A terminating pod gets no new connection, though it still serves."""
    endpoints = endpoint("old-0"), endpoint("old-1", ready=False), endpoint("new-0")
    assert canary_percent([endpoint_slice(*endpoints), *PODS]) == 50


def test_several_slices_are_one_service() -> None:
    """The endpoints of all slices are added, and one that is in two of them counts once."""
    slices = endpoint_slice(endpoint("old-0"), endpoint("new-0")), endpoint_slice(endpoint("new-0"), endpoint("new-1"))
    assert canary_percent([*slices, *PODS]) == pytest.approx(200 / 3)


def test_the_slices_of_another_service_do_not_count() -> None:
    """Only the Service's own slices do, though others lead to the same pods."""
    other = endpoint_slice(endpoint("new-0"), endpoint("new-1"), service="micro-api-node-port")
    assert canary_percent([other, endpoint_slice(endpoint("old-0"), endpoint("new-0")), *PODS]) == 50


@pytest.mark.parametrize("endpoints", [None, [], [endpoint("old-0", ready=False)]])
def test_without_a_ready_pod_there_is_no_share(endpoints: list[dict[str, Any]] | None) -> None:
    """A Service whose pods are not ready, or whose slice is empty, gives an error instead of 0 %."""
    with pytest.raises(ShareError, match="micro-api has no ready pod"):
        canary_percent([endpoint_slice() | {"endpoints": endpoints}, *PODS])


def test_a_pod_that_is_not_listed_is_an_error() -> None:
    """An endpoint whose pod is missing from the list belongs to neither version."""
    with pytest.raises(ShareError, match="new-9"):
        canary_percent([endpoint_slice(endpoint("old-0"), endpoint("new-9")), *PODS])


def test_the_command_prints_the_percentage() -> None:
    """What kubectl lists goes in, a number that the load test takes comes out."""
    items = [endpoint_slice(endpoint("old-0"), endpoint("new-0")), *PODS]
    done = run(*COMMAND, stdin=json.dumps({"kind": "List", "items": items}))
    assert (done.returncode, done.stdout, done.stderr) == (0, "50\n", "")


@pytest.mark.parametrize("stdin", ["", "[]", "{}", '{"items": [{}]}', '{"items": []}'])
def test_wrong_input_is_named_without_a_traceback(stdin: str) -> None:
    """A failed kubectl in front of the pipe ends in one line and exit code 1."""
    done = run(*COMMAND, stdin=stdin)
    assert done.returncode == 1
    assert done.stderr.startswith("expected_share: ")
    assert done.stderr.count("\n") == 1
