"""Where routes apply: gateways, hosts, and several objects for the same host."""

from collections.abc import Iterator
from typing import Final

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import (
    Object,
    World,
    host_of,
    is_same_host,
    is_same_namespace,
    is_within,
    listed,
    rule_host,
)
from scripts.lab.check.rules.values import Value

MESH: Final = "mesh"
_TLS_PROTOCOLS: Final = frozenset({"HTTPS", "TLS"})


def gateways_of(virtual_service: Object) -> list[Value]:
    """Return the gateways that a VirtualService names."""
    return virtual_service.list_of("gateways")


def bindings(virtual_service: Object, world: World) -> Iterator[Finding]:
    """Yield what is wrong with the gateways and hosts of a VirtualService, and what it means to have only one sort."""
    names = gateways_of(virtual_service)
    hosts = virtual_service.list_of("hosts")
    if not hosts:
        if not names and virtual_service.value.get("spec", "http"):
            yield _delegate(virtual_service)
        return
    place = virtual_service.value.get("spec", "gateways") or virtual_service.value.get("spec") or virtual_service.value
    if not names or all(one.text == MESH for one in names):
        yield from _mesh_only(place, hosts)
        return
    if MESH not in [one.text for one in names]:
        yield from _gateway_only(place, hosts)
    for name in names:
        if name.text != MESH:
            yield from _gateway(name, virtual_service, hosts, world)


def _delegate(virtual_service: Object) -> Finding:
    place = virtual_service.value.get("spec") or virtual_service.value
    problem = "without `hosts` this is a delegate"
    effect = "its routes count only where another VirtualService names it under `delegate`"
    return finding("delegate", place, problem, effect=effect, fix="if it is none, add `hosts`")


def _mesh_only(place: Value, hosts: list[Value]) -> Iterator[Finding]:
    for host in hosts:
        if host.text == "*":
            problem = "*: without a gateway a VirtualService must name its hosts"
            fix = "add `gateways`, or name the Service"
            yield finding("host-wildcard", host, problem, effect="Istio refuses the file", fix=fix)
    problem = "the routes are for clients inside the mesh only: no gateway is named"
    effect = "at a gateway these hosts get 404"
    fix = "if clients come by a gateway, add `gateways: [NAME OF THE GATEWAY, mesh]`"
    yield finding("mesh-only", place, problem, effect=effect, fix=fix)


def _gateway_only(place: Value, hosts: list[Value]) -> Iterator[Finding]:
    services = [one.text for one in hosts if host_of(one.text, "").namespace is not None]
    if not services:
        return
    problem = "the routes are for clients of the gateway only: `mesh` is not among the gateways"
    effect = f"clients inside the mesh that call {listed(services)} get the pods by their number, not by the weights"
    fix = "if clients are inside the mesh, add `mesh`, and a port to each destination"
    yield finding("gateway-only", place, problem, effect=effect, fix=fix)


def _gateway(name: Value, virtual_service: Object, hosts: list[Value], world: World) -> Iterator[Finding]:
    namespace, slash, plain = name.text.rpartition("/")
    namespace = namespace if slash else virtual_service.namespace
    found = [one for one in world.gateways if one.name == plain and is_same_namespace(one.namespace, namespace)]
    if not world.gateways:
        problem = f"no Gateway is among these files: {name.text} was not looked up"
        effect = "without this gateway in the cluster each request to it gets 404"
        yield finding("gateway-not-given", name, problem, effect=effect, fix="check the Gateway's file, too")
    elif not found:
        names = listed([f"{one.namespace}/{one.name}".removeprefix("/") for one in world.gateways])
        problem = f"{name.text}: no Gateway of these files has this name and namespace; there are: {names}"
        fix = "correct the name; for one in another namespace write NAMESPACE/NAME"
        yield finding("gateway-unknown", name, problem, effect="the gateway answers 404", fix=fix)
    else:
        yield from _not_served(hosts, virtual_service, found[0])


def _not_served(hosts: list[Value], virtual_service: Object, gateway: Object) -> Iterator[Finding]:
    patterns = [host.text for server in gateway.list_of("servers") for host in server.list_of("hosts")]
    namespace = virtual_service.namespace
    missing = [host for host in hosts if not any(_is_served(host.text, namespace, one) for one in patterns)]
    is_inside = MESH in [one.text for one in gateways_of(virtual_service)]
    for host in missing:
        if is_inside and len(missing) < len(hosts) and host_of(host.text, namespace).namespace is not None:
            continue  # the name for clients inside the mesh, next to a public one
        problem = f"{host.text}: Gateway {gateway.place} has the hosts {listed(patterns)} only"
        fix = "add the host to a server of the Gateway, or correct it here"
        yield finding("host-not-in-gateway", host, problem, effect="the gateway answers 404", fix=fix)


def _is_served(host: str, namespace: str, pattern: str) -> bool:
    """Return whether a Gateway's host, with or without the namespace of its routes, has a host of a route."""
    routes_of, _, name = pattern.rpartition("/")
    if routes_of not in ("", "*", ".") and not is_same_namespace(routes_of, namespace):
        return False
    return is_within(host, name) or is_same_host(host_of(host, namespace), host_of(name, namespace))


def gateway(found: Object) -> Iterator[Finding]:
    """Yield what is wrong with a Gateway."""
    names: dict[str, Value] = {}
    for server in found.list_of("servers"):
        protocol, name = server.text_of("port", "protocol"), server.text_of("port", "name")
        if protocol in _TLS_PROTOCOLS and "tls" not in server.fields:
            problem = f"{protocol} without `tls`"
            fix = "add `tls` with its mode and certificate, or use protocol HTTP"
            yield finding("gateway-tls", server, problem, effect="Istio refuses the file", fix=fix)
        if server.text_of("tls", "httpsRedirect") == "true":
            problem = "httpsRedirect: plain requests get no route of a VirtualService"
            place = server.fields["tls"].fields["httpsRedirect"]
            yield finding("https-redirect", place, problem, effect="each gets 301", fix="measure by https")
        if name and name in names:
            problem = f"{name}: the name of the port in line {names[name].line}, too"
            fix = "give each server's port a name of its own"
            yield finding("gateway-port-name", server, problem, effect="Istio refuses the file", fix=fix)
        names.setdefault(name, server)


def conflicts(world: World) -> Iterator[Finding]:
    """Yield the objects that are for the same host, or are the same object."""
    seen: dict[tuple[str, str, str], Object] = {}
    for one in world.objects:
        key = (one.kind, one.namespace, one.name)
        first = seen.setdefault(key, one)
        if first is not one and one.name:
            problem = f"{one.kind.rpartition('/')[2]} {one.name} is also in {first.value.file}:{first.value.line}"
            effect = "it is one object: the file that is applied last replaces the other"
            fix = "apply one of them at a time, or give each a name of its own"
            yield finding("same-object", one.value, problem, effect=effect, fix=fix)
    for number, one in enumerate(world.virtual_services):
        for other in world.virtual_services[:number]:
            if one.name != other.name:
                yield from _same_host(one, other)
    for number, one in enumerate(world.destination_rules):
        for other in world.destination_rules[:number]:
            if one.name != other.name and is_same_host(rule_host(one), rule_host(other)):
                yield _same_rule_host(one, other)


def _same_host(one: Object, other: Object) -> Iterator[Finding]:
    mine, its = (_bound(service) for service in (one, other))
    shared = mine & its
    for place in one.list_of("hosts"):
        host = host_of(place.text, one.namespace)
        if not shared or not any(
            is_same_host(host, host_of(name.text, other.namespace)) for name in other.list_of("hosts")
        ):
            continue
        problem = f"{place.text}: VirtualService {other.place} has this host, too"
        fix = "put the routes of both into one VirtualService"
        effect = "a gateway merges the routes, the older object's first: a catch-all there hides all others"
        if MESH in shared:
            effect = (
                "inside the mesh only the older object counts; a gateway merges the routes, the older object's first"
            )
        rule = "same-host-in-mesh" if MESH in shared else "same-host-at-gateway"
        yield finding(rule, place, problem, effect=effect, fix=fix)


def _bound(virtual_service: Object) -> set[str]:
    return {one.text.rpartition("/")[2] for one in gateways_of(virtual_service)} or {MESH}


def _same_rule_host(one: Object, other: Object) -> Finding:
    place = one.value.get("spec", "host") or one.value
    mine, its = ({subset.text_of("name") for subset in rule.list_of("subsets")} for rule in (one, other))
    problem = f"{place.text}: DestinationRule {other.place} is for this host, too"
    effect = "Istio merges the subsets; of two policies the older object's counts"
    if mine & its:
        effect += f", and so does its definition of subset {listed(sorted(mine & its))}"
    return finding("same-rule-host", place, problem, effect=effect, fix="put both into one DestinationRule")
