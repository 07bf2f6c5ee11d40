"""What the objects of a cluster say of a service that Argo Rollouts releases."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from canary_loadtest.core.release import Release
from canary_loadtest.gate.rules.objects import REVISION, Engine, ObjectError, plan_of, weight_of
from canary_loadtest.gate.rules.state import State
from scripts.course.rules.releases import Kept, Releases, Run, Template

NAME: Final = "micro-api"
GATE: Final = "micro-api-gate"
ROUTE: Final = "micro-api-route"
HASH: Final = "rollouts-pod-template-hash"
# The kinds that `releases` reads.
KINDS: Final = (
    "rollouts.argoproj.io,analysisruns.argoproj.io,replicasets,configmaps,virtualservices.networking.istio.io"
)
ERRORS_VARIABLE: Final = "SERVICE_ERROR_RATIO"

Object = Mapping[str, Any]


def releases(items: Iterable[Object]) -> Releases | None:
    """Return what the objects of the service's namespace say, None where there is no Rollout.

    Args:
        items: the objects of `KINDS`, as `kubectl get --output=json` lists them.

    Raises:
        KeyError, ValueError: one of them is missing, or is no such object.
    """
    listed = list(items)
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in listed}
    rollout = by_name.get(("Rollout", NAME))
    if rollout is None:
        return None
    sets = {
        one["metadata"]["labels"][HASH]: one
        for one in listed
        if one["kind"] == "ReplicaSet" and HASH in one["metadata"].get("labels", {})
    }
    status = rollout["status"]
    try:
        plan = plan_of(Engine.ARGO_ROLLOUTS, rollout)
        weight_percent = weight_of(plan, by_name["VirtualService", ROUTE])
    except ObjectError as error:
        raise ValueError(str(error)) from error
    return Releases(
        stable=_template(status["stableRS"], sets[status["stableRS"]]),
        latest=_template(plan.template, sets[plan.template]),
        revision=_revision(rollout),
        phase=status["phase"],
        is_aborted=bool(status.get("abort")),
        weight_percent=weight_percent,
        runs=[_run(one) for one in listed if one["kind"] == "AnalysisRun"],
        kept=_kept(by_name["ConfigMap", GATE], plan.release),
    )


def _template(name: str, replica_set: Object) -> Template:
    container = replica_set["spec"]["template"]["spec"]["containers"][0]
    ratios = [one.get("value", "") for one in container.get("env", ()) if one["name"] == ERRORS_VARIABLE]
    return Template(name, str(container["image"]).rpartition(":")[2], any(map(float, filter(None, ratios))))


def _run(found: Object) -> Run:
    arguments = {one["name"]: one.get("value", "") for one in found["spec"].get("args", ())}
    status = found.get("status", {})
    return Run(
        template=found["metadata"]["labels"][HASH],
        revision=_revision(found),
        weight_percent=float(arguments["weight"]),
        phase=status.get("phase", ""),
        is_confirmed=any(one.get("successful", 0) for one in status.get("metricResults", ())),
    )


def _revision(found: Object) -> str:
    return str(found["metadata"].get("annotations", {}).get(REVISION, ""))


def _kept(config_map: Object, release: str) -> Kept:
    """Return what a gate keeps of a release."""
    text = (config_map.get("data") or {}).get("state.json")
    state = State.from_dict(json.loads(text)) if text else State()
    if state.release != release:
        return Kept()
    stopped = Release.from_dict(state.counts).stopped if state.counts else None
    return Kept(stopped[0] if stopped else None, state.proof, state.proof_sentence)
