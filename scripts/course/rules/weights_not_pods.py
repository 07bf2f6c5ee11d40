"""Weights that decide a share with any number of pods, and pods that decide it where a route names no version."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.mesh_pods import MeshPods
from scripts.course.rules.proof import name_of, not_served
from scripts.course.rules.traffic import NO_TRAFFIC, Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

# What the learner is to have, by version.
REPLICAS: Final = {"v1": 1, "v2": 5}
PERCENT: Final = 30
# Five of six pods.
PODS_PERCENT: Final = 83
# The name of the route that leads to any pod.
NO_VERSIONS: Final = "no-versions"
PODS: Final = Message('The part "Pods and sidecars" of the text.')
PREDICT: Final = Message('The part "Predict" of the text.')
SCALE: Final = Message('The part "Scale" of the text.')
WEIGHTS: Final = Message('The part "Measure the weights" of the text; the folder is .course/verdicts.')
RATIO: Final = Message('The part "Take the versions away" of the text; the folder is .course/verdicts.')
BACK: Final = Message('The part "Back" of the text.')


def judged(pods: MeshPods, traffic: Traffic | None, answer: str, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        pods: those of the service.
        traffic: what the gateway serves, None where no route takes the requests.
        answer: which share of the canary in percent the learner foretells, "" for no answer yet.
        evidence: the verdicts in the step's folder.
    """
    if finding := _ill(pods) or _unforetold(pods, answer) or _not_scaled(pods):
        return finding
    by_weights = _by_weights(pods, traffic or NO_TRAFFIC, evidence)
    if isinstance(by_weights, Finding):
        return by_weights
    by_pods = _by_pods(by_weights, evidence)
    if isinstance(by_pods, Finding):
        return by_pods
    return (
        not_served(traffic, PERCENT, BACK)
        or _wrongly_foretold(answer)
        or done(
            Message(
                "with {stable} pod of v1 and {canary} of v2 {weights} CONFIRMED {percent} %, the weight, and {pods} "
                "CONFIRMED {pods_percent} %, the pods' ratio, where the route named no version.",
                stable=REPLICAS["v1"],
                canary=REPLICAS["v2"],
                weights=by_weights.file,
                percent=PERCENT,
                pods=by_pods.file,
                pods_percent=PODS_PERCENT,
            )
        )
    )


def _ill(pods: MeshPods) -> Finding | None:
    """Return in what the pods are not those of a mesh, None where they are."""
    if not pods.pods:
        return not_yet(
            "no_pods",
            Message("the namespace canary-mesh has no pods of the service."),
            Message("What was deleted since the step began? `reset` starts it again."),
            Message("The step needs the two Deployments that its start has made."),
        )
    if not pods.without_sidecar_count:
        return None
    return not_yet(
        "no_sidecar",
        Message(
            "{pods}; {count} of {total} pods have no sidecar.",
            pods=pods,
            count=pods.without_sidecar_count,
            total=len(pods.pods),
        ),
        PODS,
        Message(
            "A pod gets its sidecar when it is made, if its namespace asks for it. Which labels has the namespace?"
        ),
        Message(
            "A label changes no pod that is there already: the Deployments have to make new ones. `reset` does both."
        ),
    )


def _unforetold(pods: MeshPods, answer: str) -> Finding | None:
    if answer:
        return None
    return not_yet(
        "no_prediction",
        Message("{deployed}; no prediction is recorded.", deployed=pods),
        PREDICT,
        Message(
            "One pod of v1, five of v2, and the weights stay 70 and 30: which share of the answers is the canary's, "
            "in percent?"
        ),
        Message("A wrong prediction is no failure. You may record another one once the load test has spoken."),
    )


def _not_scaled(pods: MeshPods) -> Finding | None:
    if all(pods.ready_count(version) == count for version, count in REPLICAS.items()):
        return None
    return not_yet(
        "not_scaled",
        Message(
            "{pods}; the step asks for {stable} of v1 and {canary} of v2.",
            pods=pods,
            stable=REPLICAS["v1"],
            canary=REPLICAS["v2"],
        ),
        SCALE,
        Message("How many replicas does each of the two Deployments want? Pods that start are not ready yet."),
        Message("The verb of kubectl is `scale`, once for each Deployment."),
    )


def _by_weights(pods: MeshPods, traffic: Traffic, evidence: Evidence) -> Verdict | Finding:
    """Return the latest verdict that CONFIRMED the weight with the pods that there are, or what is missing."""
    name = name_of(PERCENT)
    right = [one for one in evidence.counted if one.route == name and one.confirms(PERCENT)]
    if right and right[-1].started_at_seconds >= pods.since_seconds:
        return right[-1]
    if right:
        return not_yet(
            "before_the_pods",
            Message("{file} CONFIRMED {percent} % before these pods were made.", file=right[-1].file, percent=PERCENT),
            WEIGHTS,
            Message("What the same weights do with other pods was the question: measure with the pods that are there."),
        )
    return not_yet(
        "weights_not_confirmed",
        Message(
            "{pods}, the gateway serves {traffic}, and no verdict of this start CONFIRMED {percent} % by the route "
            "{name}.{others}{remark}",
            pods=pods,
            traffic=traffic,
            percent=PERCENT,
            name=name,
            others=_others(evidence),
            remark=evidence.remark,
        ),
        WEIGHTS,
        Message("Claim the share that the weights declare, by the name of their route, with the gateway's host."),
        Message("The gateway has to serve {name} meanwhile. Leave tolerance and alpha at their defaults.", name=name),
    )


def _by_pods(by_weights: Verdict, evidence: Evidence) -> Verdict | Finding:
    """Return the latest verdict that CONFIRMED the pods' ratio by a route without versions, or what is missing."""
    right = [one for one in evidence.counted if one.route == NO_VERSIONS and one.confirms(PODS_PERCENT)]
    if right:
        return right[-1]
    return not_yet(
        "ratio_not_confirmed",
        Message(
            "{file} CONFIRMED {percent} % by the weights, and no verdict of this start CONFIRMED {pods_percent} % by "
            "the route {name}.{others}{remark}",
            file=by_weights.file,
            percent=PERCENT,
            pods_percent=PODS_PERCENT,
            name=NO_VERSIONS,
            others=_others(evidence),
            remark=evidence.remark,
        ),
        RATIO,
        Message(
            "Your file .course/my-state.yaml has a route without versions. Who decides the share, once it is served?"
        ),
        Message("Claim the part of the pods that are v2, in whole percent, by the name of that route."),
    )


def _wrongly_foretold(answer: str) -> Finding | None:
    if answer.strip().removesuffix("%").strip() == str(PERCENT):
        return None
    return not_yet(
        "other_prediction",
        Message(
            "both shares are CONFIRMED, and the weights are back; your prediction is {answer!r}, and the load test "
            "CONFIRMED another share.",
            answer=answer,
        ),
        Message("The line `verdict:` of the run by the route {name}.", name=name_of(PERCENT)),
        Message(
            "Did the number of pods change what the weights of 70 and 30 did? Record the share that was CONFIRMED."
        ),
    )


def _others(evidence: Evidence) -> Message:
    """Return the verdicts that there are, as sentences after others."""
    return joined(
        "",
        [
            Message(" {verdict}, of {route}.", verdict=one, route=one.route or Message("any route"))
            for one in evidence.counted
        ],
    )
