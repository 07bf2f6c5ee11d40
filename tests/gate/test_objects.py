"""What a gate reads from the objects of the engines and their routes."""

from collections.abc import Mapping
from typing import Any

import pytest

from canary_loadtest.gate.rules.objects import Engine, ObjectError, plan_of, weight_of

ISTIO = {
    "virtualService": {"name": "micro-api-route", "routes": ["primary"]},
    "destinationRule": {"name": "micro-api", "stableSubsetName": "stable", "canarySubsetName": "canary"},
}


def rollout(steps: object, **spec: object) -> dict[str, Any]:
    """Return a Rollout."""
    canary = {"steps": steps, "trafficRouting": {"istio": ISTIO}, **spec}
    return {
        "metadata": {
            "name": "shop",
            "annotations": {"rollout.argoproj.io/revision": "7"},
            "creationTimestamp": "2026-11-28T09:00:00Z",
        },
        "spec": {"strategy": {"canary": canary}},
        "status": {"currentPodHash": "abc", "stableRS": "old"},
    }


def canary(analysis: object, **spec: object) -> dict[str, Any]:
    """Return a Canary."""
    conditions = [{"type": "Promoted", "status": "Unknown", "lastTransitionTime": "2026-11-28T10:00:00Z"}]
    return {
        "metadata": {"name": "shop"},
        "spec": {"targetRef": {"name": "shop"}, "analysis": analysis, **spec},
        "status": {"lastAppliedSpec": "5d8f", "conditions": conditions, "canaryWeight": 30},
    }


def route(*destinations: Mapping[str, Any], name: str = "primary") -> dict[str, Any]:
    """Return a route of a VirtualService."""
    return {"name": name, "route": list(destinations)}


def to(host: str, weight: int | None = None, subset: str | None = None) -> dict[str, Any]:
    """Return a destination."""
    destination = {"host": host} | ({"subset": subset} if subset else {})
    return {"destination": destination} | ({"weight": weight} if weight is not None else {})


def test_a_rollout_says_which_release_it_is_and_what_comes_next() -> None:
    """Its weights are those of its steps; a revision separates one template's releases."""
    plan = plan_of(Engine.ARGO_ROLLOUTS, rollout([{"setWeight": 30}, {"pause": {}}, {"setWeight": 60}]))
    assert (plan.template, plan.release, plan.weights_percent) == (
        "abc",
        "abc revision 7 of 2026-11-28T09:00:00Z",
        (30, 60),
    )
    assert (plan.virtual_service, plan.route, plan.canary) == ("micro-api-route", "primary", "canary")
    assert (plan.canary_pods, plan.stable_pods) == ("shop-abc-*", "shop-old-*")
    assert (plan.ends_as_stable, plan.engine_weight_percent) == (False, None)
    assert [plan.next_after(weight) for weight in (0, 30, 60)] == [30, 60, 100]
    assert [plan.declares(weight) for weight in (0, 30, 45, 60, 100)] == [True, True, False, True, True]


def test_a_rollout_with_services_in_place_of_subsets() -> None:
    """The canary is then the host of its Service."""
    istio = {"virtualService": {"name": "shop"}}
    found = rollout([{"setWeight": 30}], trafficRouting={"istio": istio}, canaryService="shop-canary")
    plan = plan_of(Engine.ARGO_ROLLOUTS, found)
    assert (plan.route, plan.canary) == ("", "shop-canary")
    virtual_service = {"spec": {"http": [route(to("shop-stable", 70), to("shop-canary.default", 30))]}}
    assert weight_of(plan, virtual_service) == 30


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"stepWeights": [30, 60]}, (30, 60)),
        ({"stepWeight": 20, "maxWeight": 60}, (20, 40, 60)),
        ({"stepWeight": 20, "maxWeight": 50}, (20, 40, 60)),
        ({"stepWeight": 30}, (30, 60, 90)),
        ({"stepWeight": 50}, (50,)),
    ],
)
def test_a_canary_says_which_release_it_is(analysis: object, weights: tuple[float, ...]) -> None:
    """Its start separates one template's releases."""
    plan = plan_of(Engine.FLAGGER, canary(analysis))
    assert (plan.template, plan.release) == ("5d8f", "5d8f of 2026-11-28T10:00:00Z")
    assert plan.weights_percent == weights
    assert (plan.virtual_service, plan.route, plan.canary) == ("shop", "", "shop-canary")
    assert (plan.canary_pods, plan.stable_pods) == ("shop-*", "shop-primary-*")
    assert (plan.ends_as_stable, plan.engine_weight_percent) == (True, 30)


def test_a_service_of_another_name_has_the_workloads_pods() -> None:
    """The route leads to the service's hosts, and the pods are called after the Deployment."""
    plan = plan_of(Engine.FLAGGER, canary({"stepWeights": [30]}, service={"name": "store"}))
    assert (plan.virtual_service, plan.canary, plan.stable_pods) == ("store", "store-canary", "shop-primary-*")


@pytest.mark.parametrize(
    ("found", "engine", "why"),
    [
        (rollout([]), Engine.ARGO_ROLLOUTS, "Rollout shop: spec.strategy.canary.steps is missing"),
        (
            rollout([{"setWeight": 60}, {"setWeight": 30}]),
            Engine.ARGO_ROLLOUTS,
            "Rollout shop: spec.strategy.canary.steps has the weights 60, 30: each must be above the one before it",
        ),
        (
            rollout([{"setWeight": 100}]),
            Engine.ARGO_ROLLOUTS,
            "Rollout shop: spec.strategy.canary.steps has no weight between 0 and 100",
        ),
        (rollout([{"setWeight": "x"}]), Engine.ARGO_ROLLOUTS, "has the weights x: give percentages"),
        ({"metadata": {}}, Engine.ARGO_ROLLOUTS, "Rollout: metadata.name is missing"),
        (
            {**rollout([{"setWeight": 30}]), "status": {}},
            Engine.ARGO_ROLLOUTS,
            "Rollout shop: status.currentPodHash is missing",
        ),
        (canary({"iterations": 10}), Engine.FLAGGER, "Canary shop: spec.analysis has neither stepWeights nor"),
        (canary({"stepWeights": [60, 30]}), Engine.FLAGGER, "each must be above"),
    ],
)
def test_what_lacks_something_is_named(found: dict[str, Any], engine: Engine, why: str) -> None:
    """With its kind, name and field."""
    with pytest.raises(ObjectError) as caught:
        plan_of(engine, found)
    assert why in str(caught.value)


PLAN = plan_of(Engine.ARGO_ROLLOUTS, rollout([{"setWeight": 30}]))
STABLE, CANARY = to("micro-api", 70, "stable"), to("micro-api", 30, "canary")


def test_only_the_named_route_counts() -> None:
    """A route for testers may have another weight."""
    testers = route(to("micro-api", subset="canary"), name="testers")
    assert weight_of(PLAN, {"spec": {"http": [testers, route(STABLE, CANARY)]}}) == 30


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([], "VirtualService micro-api-route: the route primary has no destination canary"),
        ([route(STABLE)], "has no destination canary"),
        (
            [route(STABLE, CANARY), route(to("micro-api", 40, "stable"), to("micro-api", 60, "canary"))],
            "the route primary has different weights for canary: 30, 60",
        ),
    ],
)
def test_a_route_that_does_not_say_the_weight_is_named(routes: list[Any], why: str) -> None:
    """None, or several that disagree."""
    with pytest.raises(ObjectError, match=why):
        weight_of(PLAN, {"spec": {"http": routes}})
