"""Steps 10 to 12 are done by what the cluster runs: an update, one that sticks, a paused canary, a way back."""

from dataclasses import replace
from typing import Any

import pytest

from scripts.course.objects import deployed
from scripts.course.rules import paused_canary, rolling_update, way_back
from scripts.course.rules.deployed import Deployed, Pod
from scripts.course.rules.verdicts import Verdict
from tests.course.verdict_cases import CONFIRMED, FEW, assert_cause, of

FIRST, SECOND, MISSING, CANARY = "1.0-SNAPSHOT", "1.1-SNAPSHOT", "1.2-SNAPSHOT", "1.3-SNAPSHOT"
OLD = Pod(SECOND, is_ready=True, created_at_seconds=900)
NEW = replace(OLD, created_at_seconds=1100)
STARTING = Pod(MISSING, is_ready=False, created_at_seconds=1100)
CANARIES = Pod(CANARY, is_ready=True, created_at_seconds=950)
BEFORE = Deployed(FIRST, is_paused=False, pods=[replace(OLD, tag=FIRST)] * 3, first_wanted={FIRST: 900})
UPDATED = Deployed(SECOND, is_paused=False, pods=[OLD] * 3, first_wanted={FIRST: 900, SECOND: 1020})
STUCK = replace(
    UPDATED,
    tag=MISSING,
    pods=[OLD, OLD, STARTING, STARTING],
    first_wanted={**UPDATED.first_wanted, MISSING: 1060},
)
BACK = replace(STUCK, tag=SECOND, pods=[OLD, OLD, NEW])
# From 1010 to 1050, over the update at 1020.
ACROSS = replace(CONFIRMED, file="update.json", expected_percent=0.0, route="", seconds=40.0)
PAUSED = Deployed(CANARY, is_paused=True, pods=[OLD, OLD, CANARIES, CANARIES], first_wanted={SECOND: 900, CANARY: 950})
RETURNED = replace(PAUSED, tag=SECOND, is_paused=False, pods=[OLD, OLD, NEW])
HALF = replace(CONFIRMED, route="")
KEPT = replace(FEW, reason="connections are pinned to a version: ...")


@pytest.mark.parametrize(
    ("running", "answer", "verdicts", "cause"),
    [
        (None, "2", [ACROSS], "no_deployment"),
        (BEFORE, "", [], "no_update"),
        (UPDATED, "", [], "not_under_load"),
        (UPDATED, "", [replace(ACROSS, started_at_seconds=1021)], "not_under_load"),
        (UPDATED, "", [replace(ACROSS, seconds=19.0)], "not_under_load"),
        (UPDATED, "", [replace(ACROSS, others={"connection_refused": 2})], "lost"),
        (UPDATED, "2", [ACROSS], "nothing_stuck"),
        (STUCK, "2", [ACROSS], "sticks"),
        (replace(BACK, pods=[OLD, OLD, replace(NEW, is_ready=False)]), "2", [ACROSS], "not_back"),
        (replace(BACK, tag=FIRST), "2", [ACROSS], "not_back"),
        (BACK, "", [ACROSS], "no_count"),
        (BACK, "3", [ACROSS], "other_count"),
        (BACK, " 2", [replace(ACROSS, others={"timeout": 1}), ACROSS], "done"),
    ],
)
def test_an_update_is_seen_under_load_and_one_sticks(
    running: Deployed | None, answer: str, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause; a run that lost something can be made again."""
    assert_cause(rolling_update.judged(running, answer, of(*verdicts)), cause)


@pytest.mark.parametrize(
    ("running", "verdicts", "cause"),
    [
        (None, [HALF, KEPT], "no_deployment"),
        (UPDATED, [HALF, KEPT], "no_canary"),
        (replace(PAUSED, is_paused=False), [HALF, KEPT], "went_on"),
        (replace(PAUSED, pods=[CANARIES] * 3, is_paused=False), [HALF, KEPT], "went_on"),
        (replace(PAUSED, pods=[OLD, OLD, OLD, CANARIES]), [HALF, KEPT], "not_halfway"),
        (replace(PAUSED, pods=[OLD, OLD, CANARIES, replace(CANARIES, is_ready=False)]), [HALF, KEPT], "not_halfway"),
        (PAUSED, [], "not_confirmed"),
        (PAUSED, [replace(HALF, expected_percent=40.0), KEPT], "not_confirmed"),
        (PAUSED, [replace(HALF, tolerance_points=25.0), KEPT], "not_confirmed"),
        (PAUSED, [replace(HALF, started_at_seconds=999)], "not_confirmed"),
        (PAUSED, [HALF], "nothing_kept"),
        (PAUSED, [HALF, FEW], "nothing_kept"),
        (PAUSED, [KEPT, HALF], "done"),
    ],
)
def test_a_canary_is_paused_halfway_and_judged(running: Deployed | None, verdicts: list[Verdict], cause: str) -> None:
    """The pods are those that are ready, and the two runs may come in any order."""
    assert_cause(paused_canary.judged(running, of(*verdicts)), cause)


@pytest.mark.parametrize(
    ("running", "answer", "cause"),
    [
        (None, "0", "no_deployment"),
        (PAUSED, "", "no_prediction"),
        (PAUSED, "0", "not_back"),
        (replace(PAUSED, is_paused=False, pods=[CANARIES] * 3), "0", "not_back"),
        (replace(RETURNED, is_paused=True), "0", "not_back"),
        (replace(RETURNED, pods=[OLD, NEW, NEW]), "0", "gap"),
        (replace(RETURNED, pods=[NEW] * 3), "0", "gap"),
        (RETURNED, "2", "other_prediction"),
        (RETURNED, "0", "done"),
        (replace(RETURNED, pods=[OLD, OLD, NEW, CANARIES]), "0 ", "done"),
    ],
)
def test_the_old_pods_stay_on_the_way_back(running: Deployed | None, answer: str, cause: str) -> None:
    """Pods that are older than the canary have stayed; others were made again."""
    assert_cause(way_back.judged(running, answer), cause)


def test_a_canary_that_went_on_is_named() -> None:
    """Where all pods are canaries, `resume` came first."""
    everywhere = replace(PAUSED, is_paused=False, pods=[CANARIES] * 3)
    assert way_back.judged(everywhere, "0").saw == (
        "ready pods: 3 of 1.3-SNAPSHOT; 1.3-SNAPSHOT is wanted, and the step ends with 3 of 1.1-SNAPSHOT. The canary "
        "went on."
    )


def test_what_a_cluster_runs_is_read_from_its_objects() -> None:
    """A pod on its way out is not counted, one that is not ready does not serve; a tag is as old as its first set."""
    found = deployed(
        [deployment(), *SETS, pod("a", SECOND), pod("b", SECOND, ready="False"), pod("c", FIRST, gone=True)]
    )
    assert found == Deployed(
        SECOND,
        is_paused=True,
        pods=[
            Pod(SECOND, is_ready=True, created_at_seconds=1020.0),
            Pod(SECOND, is_ready=False, created_at_seconds=1020.0),
        ],
        first_wanted={FIRST: 1000.0, SECOND: 1020.0},
    )
    assert str(found) == "ready pods: 1 of 1.1-SNAPSHOT; the rollout is paused"
    assert deployed([pod("a", SECOND)]) is None


def pod_spec(tag: str) -> dict[str, Any]:
    """Return the specification of a pod."""
    return {"containers": [{"name": "micro-api", "image": f"micro-api:{tag}"}]}


def item(kind: str, second: int, spec: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return an object that was made some seconds after 1970-01-01T00:16:40Z."""
    return {
        "kind": kind,
        "metadata": {"creationTimestamp": f"1970-01-01T00:{16 + (40 + second) // 60}:{(40 + second) % 60:02}Z"},
        "spec": spec,
    } | more


def deployment() -> dict[str, Any]:
    """Return a paused Deployment of 1.1-SNAPSHOT."""
    return item("Deployment", 0, {"paused": True, "template": {"spec": pod_spec(SECOND)}})


def pod(name: str, tag: str, *, ready: str = "True", gone: bool = False) -> dict[str, Any]:
    """Return a pod."""
    made = item("Pod", 20, pod_spec(tag), status={"conditions": [{"type": "Ready", "status": ready}]})
    made["metadata"] |= {"name": name} | ({"deletionTimestamp": "1970-01-01T01:00:00Z"} if gone else {})
    return made


SETS = [
    item("ReplicaSet", second, {"template": {"spec": pod_spec(tag)}})
    for second, tag in ((0, FIRST), (20, SECOND), (40, SECOND))
]
