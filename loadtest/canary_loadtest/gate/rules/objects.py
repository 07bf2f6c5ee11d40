"""What a release engine's object and its route say: which release it is, which weights it has, which one is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

REVISION: Final = "rollout.argoproj.io/revision"
PROMOTED: Final = "Promoted"
COPYING: Final = frozenset({"Promoting", "Finalising"})  # Flagger's phases after the last go-ahead
LAST_QUESTION: Final = "WaitingPromotion"  # Flagger's phase at the last weight, which its status no longer says
UNDER_WAY: Final = "Unknown"  # of Flagger's condition `Promoted`: a release has begun, and is not over

Object = Mapping[str, Any]


class ObjectError(Exception):
    """An object in which a gate does not find what it needs; the message names the object, the field and the value."""


class Engine(StrEnum):
    """The release engines that a gate knows."""

    ARGO_ROLLOUTS = "argo-rollouts"
    FLAGGER = "flagger"


@dataclass(frozen=True)
class Plan:
    """A release, as its engine's object declares it.

    Attributes:
        template: what the engine calls the pods' template that is released: a hash.
        release: the template with its revision and start, since a template may come again, and so may a revision.
        weights_percent: the canary's weights between 0 and 100 %, rising.
        virtual_service: the name of the VirtualService that has the weights.
        route: the name of the only route in it that counts, "" for all.
        canary: the name of the canary's subset or host there.
        canary_pods: how the names of the canary's pods begin, with a `*` at the end.
        stable_pods: how those of the stable version begin, which may begin as the canary's do, and go on.
        is_copied: whether the engine makes the old version the new one at an unchanged weight: both answer alike then.
        ends_as_stable: whether the pods that serve after a release are those that are called stable.
        engine_weight_percent: the canary's weight that the engine has written, None where its object does not say it.
        is_over: whether the release has ended, where the engine then calls it by another time than before.
    """

    template: str
    release: str
    weights_percent: tuple[float, ...]
    virtual_service: str
    route: str
    canary: str
    canary_pods: str
    stable_pods: str
    is_copied: bool = False
    ends_as_stable: bool = False
    engine_weight_percent: float | None = None
    is_over: bool = False

    def of_kept(self, release: str) -> "Plan":
        """Return the plan under the name by which its release is kept: one that is over is still that release."""
        return replace(self, release=release) if self.is_over and release.startswith(f"{self.template} ") else self

    def next_after(self, weight_percent: float) -> float:
        """Return the weight that follows one; 100 after the last."""
        return next((weight for weight in self.weights_percent if weight > weight_percent), 100.0)

    def declares(self, weight_percent: float) -> bool:
        """Return whether a weight may be served: one of the steps, or 0 or 100 before and after them."""
        return weight_percent in {0.0, *self.weights_percent, 100.0}


def plan_of(engine: Engine, found: Object) -> Plan:
    """Return what an engine's object declares.

    Raises:
        ObjectError: it lacks something, or its weights do not rise.
    """
    return _rollout(found) if engine is Engine.ARGO_ROLLOUTS else _canary(found)


def _rollout(found: Object) -> Plan:
    """Read a Rollout of Argo Rollouts."""
    own_name = _text(found, "Rollout", "metadata", "name")
    name = f"Rollout {own_name}"
    steps = _list(found, name, "spec", "strategy", "canary", "steps")
    istio = ("spec", "strategy", "canary", "trafficRouting", "istio")
    routes = _optional(found, *istio, "virtualService", "routes") or [""]
    subset = _optional(found, *istio, "destinationRule", "canarySubsetName")
    template = _text(found, name, "status", "currentPodHash")
    revision = _optional(found, "metadata", "annotations", REVISION) or "?"
    # A Rollout that was deleted and made again counts its revisions from 1.
    created = _optional(found, "metadata", "creationTimestamp") or "?"
    return Plan(
        template,
        f"{template} revision {revision} of {created}",
        _rising([step["setWeight"] for step in steps if "setWeight" in step], name, "spec.strategy.canary.steps"),
        _text(found, name, *istio, "virtualService", "name"),
        routes[0],
        subset or _text(found, name, "spec", "strategy", "canary", "canaryService"),
        f"{own_name}-{template}-*",
        f"{own_name}-{_optional(found, 'status', 'stableRS') or '?'}-*",
    )


def _canary(found: Object) -> Plan:
    """Read a Canary of Flagger."""
    name = f"Canary {_text(found, 'Canary', 'metadata', 'name')}"
    workload = _text(found, name, "spec", "targetRef", "name")
    service = _optional(found, "spec", "service", "name") or workload
    template = _text(found, name, "status", "lastAppliedSpec")
    conditions = _optional(found, "status", "conditions") or []
    promoted: Object = next((one for one in conditions if one.get("type") == PROMOTED), {})
    since = promoted.get("lastTransitionTime", "?")
    phase = _optional(found, "status", "phase")
    weights_percent = _flagger_weights(_optional(found, "spec", "analysis") or {}, name)
    written = weights_percent[-1] if phase == LAST_QUESTION else _optional(found, "status", "canaryWeight")
    return Plan(
        template,
        f"{template} of {since}",
        weights_percent,
        service,
        "",
        f"{service}-canary",
        f"{workload}-*",
        f"{workload}-primary-*",
        is_copied=phase in COPYING,
        ends_as_stable=True,
        engine_weight_percent=float(written) if isinstance(written, int | float) else None,
        is_over=promoted.get("status", UNDER_WAY) != UNDER_WAY,
    )


def _flagger_weights(analysis: Object, name: str) -> tuple[float, ...]:
    """Return the weights between 0 and 100 % of a Canary's analysis."""
    if weights := analysis.get("stepWeights"):
        return _rising(weights, name, "spec.analysis.stepWeights")
    step, most = analysis.get("stepWeight"), analysis.get("maxWeight", 100)
    if not (isinstance(step, int) and step > 0):
        raise ObjectError(f"{name}: spec.analysis has neither stepWeights nor stepWeight: the gate needs weights")
    # Flagger adds a step as long as the weight is below the maximum, and may end above it.
    weights = [min(weight, 100) for weight in range(step, most + step, step)]
    return _rising(weights, name, "spec.analysis.stepWeight and maxWeight")


def _rising(weights: Sequence[Any], name: str, field: str) -> tuple[float, ...]:
    """Return the weights between 0 and 100 %."""
    listed = ", ".join(map(str, weights))
    if not all(isinstance(weight, int | float) and 0 <= weight <= 100 for weight in weights):
        raise ObjectError(f"{name}: {field} has the weights {listed}: give percentages")
    if any(later <= earlier for earlier, later in pairwise(weights)):
        raise ObjectError(f"{name}: {field} has the weights {listed}: each must be above the one before it")
    between = tuple(float(weight) for weight in weights if 0 < weight < 100)
    if not between:
        raise ObjectError(f"{name}: {field} has no weight between 0 and 100: nothing can be compared")
    return between


def weight_of(plan: Plan, virtual_service: Object) -> float:
    """Return the canary's weight in percent that a VirtualService has.

    Raises:
        ObjectError: it has no route to the canary, or several that disagree.
    """
    name = f"VirtualService {plan.virtual_service}"
    weights = set(_weights(plan, virtual_service))
    where = f"the route {plan.route}" if plan.route else "every route together"
    if not weights:
        raise ObjectError(f"{name}: {where} has no destination {plan.canary}")
    if len(weights) > 1:
        listed = ", ".join(f"{weight:g}" for weight in sorted(weights))
        raise ObjectError(f"{name}: {where} has different weights for {plan.canary}: {listed}")
    return weights.pop()


def version_of(found: Object) -> str:
    """Return what changes with every change of an object's spec: its generation, or its version where it has none."""
    metadata = found.get("metadata") or {}
    return str(metadata.get("generation") or metadata.get("resourceVersion") or "")


def _weights(plan: Plan, virtual_service: Object) -> Iterator[float]:
    for route in _optional(virtual_service, "spec", "http") or []:
        if plan.route and route.get("name") != plan.route:
            continue
        destinations = route.get("route") or []
        for one in destinations:
            to = one.get("destination") or {}
            if plan.canary in {to.get("subset"), to.get("host"), str(to.get("host")).split(".")[0]}:
                yield float(one.get("weight", 100 if len(destinations) == 1 else 0))


def _optional(found: Object, *path: str) -> Any:  # noqa: ANN401 - a value of JSON
    """Return the value at a path, None where there is none."""
    value: Any = found
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _text(found: Object, name: str, *path: str) -> str:
    value = _optional(found, *path)
    if not isinstance(value, str) or not value:
        raise ObjectError(f"{name}: {'.'.join(path)} is missing")
    return value


def _list(found: Object, name: str, *path: str) -> list[Any]:
    value = _optional(found, *path)
    if not isinstance(value, list) or not value:
        raise ObjectError(f"{name}: {'.'.join(path)} is missing")
    return value
