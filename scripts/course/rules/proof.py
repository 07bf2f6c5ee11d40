"""What steps ask in common: a state that is served as it should be, and a verdict that CONFIRMED it."""

from collections.abc import Iterator

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.finding import Finding, not_yet
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict


def name_of(canary_percent: int) -> str:
    """Return the name of the route with a weight of v2 in percent, such as 85-15."""
    return f"{100 - canary_percent}-{canary_percent}"


def proof(evidence: Evidence, name: str, canary_percent: int, look: Message) -> Verdict | Finding:
    """Return the latest verdict that CONFIRMED the share of a route, or what is missing where there is none.

    Args:
        evidence: the verdicts in the step's folder.
        name: the name of the route, which is served.
        canary_percent: its share of v2 in percent.
        look: where to look if there is no verdict on the route at all.
    """
    right = [one for one in evidence.counted if one.route == name and one.confirms(canary_percent)]
    return right[-1] if right else _unproved(evidence, name, canary_percent, look)


def not_served(traffic: Traffic | None, canary_percent: int, look: Message) -> Finding | None:
    """Return in what the traffic differs from the repository's state of a share, None where it is that state.

    Args:
        traffic: what Envoy serves, None where no route takes the requests.
        canary_percent: the share of v2 in percent that is to be served, under the state's name.
        look: where to look.
    """
    if traffic is None:
        return not_yet(
            "no_route",
            Message("no route of Envoy takes the requests: every one gets 404."),
            look,
            Message("Envoy has routes for hosts. Is the host that the requests ask for among them?"),
        )
    saw = next(_differences(traffic, canary_percent), None)
    return saw and not_yet(
        saw[0],
        saw[1],
        look,
        Message("This step ends with {name}, as the file below istio/ has it.", name=name_of(canary_percent)),
    )


def _unproved(evidence: Evidence, name: str, canary_percent: int, look: Message) -> Finding:
    of_route = [one for one in evidence.counted if one.route == name]
    if not of_route:
        others = joined(
            "",
            [
                Message(" {verdict}, of {route}.", verdict=one, route=one.route or Message("any route"))
                for one in evidence.counted
            ],
        )
        return not_yet(
            "no_verdict",
            Message(
                "Envoy serves {name}, and no verdict of this start is about that route.{others}{remark}",
                name=name,
                others=others,
                remark=evidence.remark,
            ),
            look,
            Message("The weights are what Envoy was told. Let the load test prove what the clients get."),
            Message(
                "The lab's `measure` knows the share and the route; the verdict must be written into .course/verdicts."
            ),
        )
    return not_yet(
        "not_confirmed",
        Message(
            "{verdict}, and the share to prove is {canary_percent} %.{remark}",
            verdict=of_route[-1],
            canary_percent=canary_percent,
            remark=evidence.remark,
        ),
        Message("The reason of the verdict, and the line `expected:` above it."),
        Message("The claim has to be the share that is served, and the run long enough for a verdict."),
        Message("Leave tolerance and alpha at their defaults: with others a wrong share may pass."),
    )


def _differences(traffic: Traffic, canary_percent: int) -> Iterator[tuple[str, Message]]:
    """Yield a cause and a sentence for each difference, the one that clients feel most first."""
    if traffic.without_pods:
        names = joined(Message(" and "), traffic.without_pods)
        yield (
            "no_pods",
            Message(
                "Envoy has no pod for {names}: that share of the requests gets 503 ({traffic}).",
                names=names,
                traffic=traffic,
            ),
        )
    if not traffic.serves(canary_percent):
        yield "weights", Message("Envoy serves {traffic}.", traffic=traffic)
    for name in traffic.astray:
        yield (
            "astray",
            Message(
                "Envoy's destination {name} leads to pods of {versions}.",
                name=name,
                versions=joined(Message(" and "), sorted(set(traffic.pods[name]))),
            ),
        )
    if traffic.name != name_of(canary_percent):
        yield (
            "name",
            Message(
                "the weights are right, and the answers name the route {name!r}.",
                name=traffic.name or Message("(none)"),
            ),
        )
