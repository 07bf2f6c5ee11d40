"""HTTPRoutes of the Gateway API: weights, backends, parents and matches, at a basic level."""

from collections.abc import Iterator, Sequence

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import Host, Object, World, is_same_namespace, listed
from scripts.lab.check.rules.values import Value
from scripts.lab.check.rules.weights import Share, part, percentages, repeated


def http_route(route: Object, world: World) -> Iterator[Finding]:
    """Yield what is wrong with an HTTPRoute."""
    yield from _parents(route, world)
    seen: dict[str, Value] = {}
    for rule in route.list_of("rules"):
        shares = [_share(one) for one in rule.list_of("backendRefs")]
        if shares:
            yield from _weights(rule, shares)
        for share in shares:
            yield from _backend(share, shares, route, world)
        for match in rule.list_of("matches") or [rule]:
            asked = _asked(match) if match is not rule else "all"
            first = seen.setdefault(asked, match)
            if first is not match:
                problem = f"{first.path} (line {first.line}) has the same match"
                fix = "correct one of the two, or put the backends into one rule"
                effect = "no request gets here"
                yield finding("never-reached", match, problem, effect=effect, fix=fix)


def _asked(match: Value) -> str:
    """Return what a match asks for, with the defaults of the Gateway API."""
    parts = sorted(f"{one.path.removeprefix(match.path)}={one.text}" for one in match.walk() if one.text)
    is_everything = set(parts) <= {".path.type=PathPrefix", ".path.value=/"}
    return "all" if is_everything else " ".join(parts)


def _share(value: Value) -> Share:
    weight = value.get("weight")
    target = (value.text_of("name"), value.text_of("namespace"), value.text_of("port"))
    return Share(value, value.text_of("name") or "?", target, weight.number if weight else 1)


def _weights(rule: Value, shares: Sequence[Share]) -> Iterator[Finding]:
    place = rule.fields["backendRefs"]
    total = sum(one.weight or 0 for one in shares)
    stated = [one for one in shares if "weight" in one.place.fields]
    if total == 0:
        fix = "give a backend a weight above 0"
        yield finding("weights-none", place, "all weights are 0", effect="each request gets 500", fix=fix)
    elif len(shares) == 1 and stated and shares[0].weight not in (1, 100):
        problem = f"{shares[0].weight}: the weight of the only backend has no effect"
        effect = f"{shares[0].name} gets 100 % of the requests"
        fix = "list the other version, too, or remove the weight"
        yield finding("weight-ignored", shares[0].place.fields["weight"], problem, effect=effect, fix=fix)
    elif stated and len(stated) < len(shares):
        missing = next(one for one in shares if one not in stated)
        problem = f"{missing.name} has no weight next to others that have one: it counts as 1"
        fix = "write its weight"
        yield finding("weight-missing", missing.place, problem, effect=percentages(shares), fix=fix)
    elif stated and len(shares) > 1 and total != 100:
        problem = f"{' + '.join(str(one.weight) for one in shares)} = {total}: the weights do not add up to 100"
        fix = "write weights that add up to 100, so that each is its percentage"
        effect = f"the ratio counts: {percentages(shares)}"
        yield finding("weights-sum", place, problem, effect=effect, fix=fix)
    yield from repeated(shares)


def _backend(share: Share, shares: Sequence[Share], route: Object, world: World) -> Iterator[Finding]:
    value = share.place
    if value.text_of("kind") not in ("", "Service"):
        return
    gets = f"its share, {part(share, shares)} of the rule's requests," if len(shares) > 1 else "each request"
    service = world.service_for(Host(share.name, value.text_of("namespace") or route.namespace))
    name, port = value.get("name") or value, value.get("port")
    if world.services and service is None:
        names = listed([one.name for one in world.services])
        problem = f"{share.name}: no Service of these files has this name; there are: {names}"
        yield finding("unknown-host", name, problem, effect=f"{gets} gets 500", fix="correct the name")
    elif port is None:
        fix = "add the Service's port"
        effect = f"Istio refuses the backend: {gets} gets 500"
        yield finding("port-missing", value, "a Service without `port`", effect=effect, fix=fix)
    elif service and port.text not in [one.text_of("port") for one in service.list_of("ports")]:
        ports = listed([one.text_of("port") for one in service.list_of("ports")])
        problem = f"{port.text}: {service.place} has port {ports} only"
        fix = "write the Service's port, not the pods'"
        yield finding("unknown-port", port, problem, effect=f"{gets} gets an error, 500 or 503", fix=fix)


def _parents(route: Object, world: World) -> Iterator[Finding]:
    if not route.list_of("parentRefs"):
        place = route.value.get("spec") or route.value
        fix = "add `parentRefs` with the Gateway's name"
        effect = "it applies nowhere: each request gets 404"
        yield finding("gateway-unknown", place, "no `parentRefs`", effect=effect, fix=fix)
    for parent in route.list_of("parentRefs"):
        if parent.text_of("kind") not in ("", "Gateway") or not world.gateway_api_gateways:
            continue
        name, namespace = parent.text_of("name"), parent.text_of("namespace") or route.namespace
        found = [one for one in world.gateway_api_gateways if one.name == name]
        if any(is_same_namespace(one.namespace, namespace) for one in found):
            continue
        names = listed([f"{one.namespace}/{one.name}".removeprefix("/") for one in world.gateway_api_gateways])
        problem = f"{name}: no Gateway of these files has this name and namespace; there are: {names}"
        fix = "correct the name, or add its `namespace`"
        yield finding("gateway-unknown", parent, problem, effect="the gateway answers 404", fix=fix)
