"""Releases by Argo Rollouts and by Flagger on the cluster, each decided by the gate's verdicts on real traffic."""

import json
from collections.abc import Iterator

import pytest

from canary_loadtest.core.labels import CANARY, STABLE
from tests.e2e.cluster import Cluster
from tests.e2e.engines import (
    BEFORE,
    GOOD,
    PROOF_SECONDS,
    Engine,
    argo_rollouts,
    flagger,
    installed,
    released,
    taken_back,
)
from tests.e2e.mesh import NAMESPACE, Mesh
from tests.support.processes import until

pytestmark = pytest.mark.engines
ENGINES = {"argo-rollouts": argo_rollouts, "flagger": flagger}


@pytest.fixture(scope="module")
def quiet_mesh(cluster: Cluster, mesh: Mesh) -> Iterator[Cluster]:  # noqa: ARG001 - Istio is installed by it
    """Give the cluster while the mesh of the other tests sleeps: two cores carry it or an engine's service."""
    deployments = cluster.kubectl("get", "deployments", "--output=name", namespace=NAMESPACE).split()
    if deployments:  # a borrowed cluster may have none
        cluster.kubectl("scale", *deployments, "--replicas=0", namespace=NAMESPACE)
    yield cluster
    if deployments:
        cluster.kubectl("scale", *deployments, "--replicas=1", namespace=NAMESPACE)


@pytest.fixture(scope="module", params=ENGINES)
def installed_engine(request: pytest.FixtureRequest, quiet_mesh: Cluster) -> Iterator[Engine]:
    """Give an engine."""
    with installed(ENGINES[request.param](quiet_mesh)) as engine:
        yield engine


@pytest.fixture
def engine(installed_engine: Engine) -> Engine:
    """Give the engine with its service at the old version; after a release that was taken back it is there still."""
    if not taken_back_or_new(installed_engine):
        installed_engine.remove()
        installed_engine.deploy()
    installed_engine.until(installed_engine.only(STABLE))  # the proxies follow the route a moment later
    return installed_engine


def taken_back_or_new(engine: Engine) -> bool:
    """Return whether the service is deployed and at its old version, without a release under way."""
    deployed = engine.cluster.kubectl("get", "namespace", engine.namespace, "--ignore-not-found", "--output=name")
    return bool(deployed) and taken_back(engine)


def set_weight(engine: Engine, weight_percent: int) -> None:
    """Edit the route by hand."""
    routes = engine.get(f"virtualservice/{engine.route}")["spec"]["http"]
    for one in routes[0]["route"]:
        one["weight"] = weight_percent if "canary" in json.dumps(one["destination"]) else 100 - weight_percent
    patch = [{"op": "replace", "path": "/spec/http", "value": routes}]
    engine.kubectl("patch", f"virtualservice/{engine.route}", "--type=json", f"--patch={json.dumps(patch)}")


def measured_at_30(engine: Engine) -> bool:
    """Return whether the first weight is served and answers were counted."""
    return engine.weight_percent == 30 and engine.counted(30) > 0


@pytest.mark.e2e
def test_a_failing_canary_is_taken_back_and_that_is_proved(engine: Engine) -> None:
    """With 5 % of errors; all traffic is at the old version, by 299 answers."""
    engine.release(GOOD, SERVICE_ERROR_RATIO="0.05")
    engine.until(lambda: taken_back(engine))
    engine.until(lambda: engine.gate_state["proof"] == "no leak", PROOF_SECONDS)
    assert engine.gate_state["counts"]["stopped"][1] == "errors"
    assert "proved: 299 answers, none of the canary" in engine.log()
    assert engine.only(STABLE)()


def test_a_slow_canary_is_taken_back_and_that_is_proved(engine: Engine) -> None:
    """Where latency was asked for: 30 ms more than the old version."""
    engine.configure("gate", "--", "--max-slowdown=1.5")
    engine.release(GOOD, SERVICE_DELAY_SECONDS="0.03")
    engine.until(lambda: taken_back(engine))
    engine.until(lambda: engine.gate_state["proof"] == "no leak", PROOF_SECONDS)
    assert engine.gate_state["counts"]["stopped"][1] == "latency"
    engine.configure("gate")


def test_a_split_that_is_not_served_is_refuted(engine: Engine) -> None:
    """An older route for the same host wins: the weights are the engine's, the traffic is not.

    Of two of one second, which the API server's clock does not part, istiod takes the first by name.
    """
    route = engine.get(f"virtualservice/{engine.route}")
    older = {
        "apiVersion": route["apiVersion"],
        "kind": route["kind"],
        "metadata": {"name": "earlier"},
        "spec": {**route["spec"], "http": [{"route": [route["spec"]["http"][0]["route"][0] | {"weight": 100}]}]},
    }
    engine.create(older)
    engine.kubectl("delete", f"virtualservice/{engine.route}")
    if engine.name == "argo-rollouts":  # Flagger makes its route again
        engine.create({**older, "metadata": {"name": engine.route}, "spec": route["spec"]})
    engine.until(engine.has_route)
    engine.release(GOOD)
    engine.until(lambda: taken_back(engine))
    assert engine.gate_state["counts"]["stopped"] == [30, "split"]
    engine.kubectl("delete", "virtualservice/earlier")


def test_a_weight_that_is_edited_by_hand_holds(engine: Engine) -> None:
    """Argo Rollouts puts it back, Flagger does not: another step of the release is as wrong as any other weight."""
    engine.configure("load", "--max-rate=5")
    engine.release(GOOD)
    engine.until(lambda: measured_at_30(engine))
    set_weight(engine, 60)
    if engine.name == "flagger":
        said = "/hooks/go-on 409: INCONCLUSIVE: the route gives the canary 60 %, and the engine has written 30 %"
        engine.until(lambda: said in engine.log())
        assert engine.weight_percent == 60
        set_weight(engine, 30)
    engine.until(lambda: engine.weight_percent == 30)
    before = engine.counted(30)
    engine.until(lambda: engine.counted(30) > before)
    engine.remove()
    engine.deploy()


def test_too_few_answers_hold_and_more_go_on_with_the_same_counts(engine: Engine) -> None:
    """At five requests a second nothing is decided within the first minute; at a hundred it is."""
    engine.configure("load", "--max-rate=5")
    engine.release(GOOD)
    engine.until(lambda: engine.counted(30) >= 150)
    assert engine.weight_percent == 30
    before = engine.counted(30)
    engine.configure("load")
    engine.until(lambda: engine.weight_percent == 60)
    assert engine.counted(30) > before >= 150


def test_a_gate_that_is_killed_holds_and_goes_on_with_the_same_counts(engine: Engine) -> None:
    """Not promoted, not taken back."""
    engine.release(GOOD)
    engine.until(lambda: engine.counted(30) >= 300)
    engine.kill_gate()
    assert engine.weight_percent == 30
    before = engine.counted(30)
    engine.until(lambda: engine.weight_percent == 60)
    assert engine.counted(30) > before >= 300


def test_a_rollback_that_is_not_served_is_said_aloud(engine: Engine) -> None:
    """Without istiod the way back is not written, or not served: within a minute the gate says NOT PROVED."""
    engine.release(GOOD, SERVICE_ERROR_RATIO="0.2")
    engine.until(lambda: engine.weight_percent == 30)
    engine.cluster.kubectl("scale", "deployment/istiod", "--replicas=0", namespace="istio-system")
    try:
        until(lambda: engine.gate_state.get("proof") == "wanted", seconds=PROOF_SECONDS)
        until(lambda: engine.gate_state["proof"] == "leak", seconds=PROOF_SECONDS)
        assert "NOT PROVED: the rollback leaks: request" in engine.log()
    finally:
        engine.cluster.kubectl("scale", "deployment/istiod", "--replicas=1", namespace="istio-system")
        engine.cluster.kubectl("rollout", "status", "deployment/istiod", "--timeout=120s", namespace="istio-system")
    engine.until(lambda: taken_back(engine))


def test_an_engine_that_is_installed_again_keeps_what_it_releases(engine: Engine) -> None:
    """As in an upgrade: the same objects, and the old version answers."""
    objects = engine.watched, f"virtualservice/{engine.route}"
    before = [engine.get(name)["metadata"]["uid"] for name in objects]
    engine.install()
    assert [engine.get(name)["metadata"]["uid"] for name in objects] == before
    assert engine.only(STABLE)()


@pytest.mark.e2e
def test_a_good_canary_is_released_and_no_request_is_lost(engine: Engine) -> None:
    """By two go-aheads, each on answers of its own."""
    with engine.clients() as clients:
        engine.release(GOOD)
        engine.until(lambda: released(engine))
    assert clients.lost == []
    steps = engine.gate_state["counts"]["steps"]
    assert [step["weight_percent"] for step in steps] == [30, 60]
    assert engine.gate_state["counts"]["stopped"] is None
    assert all(step["counts"]["canary"] > 100 for step in steps)


def test_the_old_image_may_be_the_next_canary(installed_engine: Engine) -> None:
    """What is stable gives the answer of the canary before: a failing old image is taken back, a good one released."""
    engine = installed_engine
    if not engine.only(CANARY)():  # the test before leaves it so
        engine.release(GOOD)
        engine.until(lambda: released(engine))
    engine.release(BEFORE, SERVICE_ERROR_RATIO="0.1")
    engine.until(lambda: taken_back(engine))
    assert engine.gate_state["counts"]["stopped"] == [30, "errors"]
    engine.until(lambda: engine.gate_state["proof"] == "no leak", PROOF_SECONDS)
    assert engine.only(CANARY)()
    engine.release(BEFORE)
    engine.until(lambda: engine.phase == engine.ended["released"] and engine.weight_percent == 0)
    assert engine.only(STABLE)()
