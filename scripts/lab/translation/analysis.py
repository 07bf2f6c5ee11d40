"""Warnings about what Istio accepts but serves broken, like those of `istioctl analyze` on a cluster."""

from collections.abc import Iterator, Sequence
from typing import Final

from scripts.lab.translation import names
from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.manifests import (
    Destination,
    DestinationRule,
    Gateway,
    HttpRoute,
    Manifests,
    VirtualService,
    kind_of,
)
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name
from scripts.lab.translation.resources import Server
from scripts.lab.translation.routes import route_configuration
from scripts.lab.translation.servers import Listening, is_bound, is_replaced, is_served, listening
from scripts.lab.translation.services import (
    GATEWAY_PORT,
    SERVICE_NAME,
    Registry,
    labels_of,
    port_of,
    rule_of,
    services,
)
from scripts.lab.translation.stand_ins import endpoints_of

# Kinds that change nothing about who gets a request, or for which the lab's replicas stand.
_HARMLESS: Final = frozenset(
    {
        *("Deployment", "Pod", "StatefulSet", "DaemonSet", "ReplicaSet"),
        *("ServiceAccount", "Namespace", "ConfigMap", "Secret", "HorizontalPodAutoscaler"),
    }
)


def warnings(
    manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str = DEFAULT_NAMESPACE
) -> tuple[str, ...]:
    """Return what Istio accepts but serves broken: each with file, field, and what clients get.

    Args:
        manifests: the traffic state.
        endpoints: the replicas of micro-api.
        namespace: the namespace that resources without one belong to.
    """
    return tuple(dict.fromkeys(_warnings(manifests, endpoints, namespace)))


def _warnings(manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str) -> Iterator[str]:
    for gateway in manifests.gateways:
        yield from _of_gateway(gateway, listening(manifests, namespace))
    for service in manifests.virtual_services:
        if is_bound(service, manifests, namespace):
            yield from _of_hosts(service, manifests, namespace)
            yield from _of_routes(service, manifests, endpoints, namespace)
        else:
            yield _unbound(service, manifests)
        yield from _without_effect(service)
    for rule in manifests.destination_rules:
        yield from _of_rule(rule, manifests, namespace)
        yield from _without_effect(rule)
    for other in manifests.skipped:
        if kind_of(other) not in _HARMLESS:
            yield f"{other.meta.file}: kind: {kind_of(other)}: {other.meta.name}: the lab does not apply this kind"


def _of_gateway(gateway: Gateway, servers: Sequence[Listening]) -> Iterator[str]:
    """Report what the lab's one port stands for."""
    file = gateway.meta.file
    for index, server in enumerate(gateway.servers):
        field = f"{file}: spec.servers[{index}]"
        if not is_served(server):
            yield f"{field}.port.protocol: {server.protocol}: carries no requests that a gateway reads: not served here"
        elif server.https_redirect:
            yield f"{field}.tls.httpsRedirect: {_redirect(server, servers)}"
        elif server.tls_mode:
            yield f"{field}.tls: a cluster serves this by https; the lab serves it in plain, on its one port"
        elif server.port != GATEWAY_PORT:
            yield f"{field}.port.number: {server.port}: the lab serves it on its one port, where port 80 leaves room"
    if gateway.selector.get("istio", "ingressgateway") != "ingressgateway" or "istio" not in gateway.selector:
        labels = ", ".join(f"{name}: {value}" for name, value in gateway.selector.items()) or "nothing"
        yield f"{file}: spec.selector: {labels}: the lab's one Envoy stands for these gateways"


def _redirect(server: Server, servers: Sequence[Listening]) -> str:
    """Say which hosts get 301, as on a cluster, and which do not."""
    kept = [
        host for one in servers if one.server is server for host in one.hosts if not is_replaced(host, one, servers)
    ]
    if kept:
        return f"{', '.join(kept)}: each request gets 301 to https, as on a cluster, and nothing here serves that"
    return "a cluster answers 301 here; the lab serves what https leads to, in plain"


def _unbound(service: VirtualService, manifests: Manifests) -> str:
    names_here = [_gateway_name(one, service) for one in manifests.gateways]
    known = ", ".join(names_here)
    everything = "everything" if len(manifests.virtual_services) == 1 else f"what {service.meta.name} routes"
    if not service.gateways:
        return (
            f"{service.file}: spec.gateways: missing, so it is for clients inside the mesh alone: the gateway answers "
            f"404 to {everything}; name {known or 'a gateway'} there, or bind it with --assume-gateway"
        )
    named = ", ".join(service.gateways)
    fault = f"{known} is not among them" if known else "none of them is in the files"
    others = [name for name in service.gateways if name not in (names.MESH, *names_here)]
    way_out = "; add its file, or --assume-gateway" if others and SERVICE_NAME not in service.hosts else ""
    return f"{service.file}: spec.gateways: {named}: {fault}: the gateway answers 404 to {everything}{way_out}"


def _gateway_name(gateway: Gateway, service: VirtualService) -> str:
    """Return a gateway's name as a virtual service may write it: with the namespace where that is in question."""
    own = gateway.meta.namespace or DEFAULT_NAMESPACE
    is_other = (service.meta.namespace or DEFAULT_NAMESPACE) != own
    is_asked = any(name.endswith(f"/{gateway.meta.name}") for name in service.gateways)
    return f"{own}/{gateway.meta.name}" if is_other or is_asked else gateway.meta.name


def _of_hosts(service: VirtualService, manifests: Manifests, namespace: str) -> Iterator[str]:
    """Report hosts that lead nowhere."""
    own = full_host_name(SERVICE_NAME, namespace)
    known = services(manifests, namespace)
    hosts = [full_host_name(host, service.meta.namespace or namespace) for host in service.hosts]
    written = ", ".join(service.hosts)
    if own in known and own not in hosts and all(host.endswith(".svc.cluster.local") for host in hosts):
        yield f"{service.file}: spec.hosts: {written}: matches no Service: requests to {own} get 404"
    served = [name for one in route_configuration(manifests, namespace)["virtual_hosts"] for name in one["domains"]]
    if not any(names.intersection(hosts, [name]) for name in served):
        yield f"{service.file}: spec.hosts: {written}: no server of its gateway has this host: requests to it get 404"


def _of_rule(rule: DestinationRule, manifests: Manifests, namespace: str) -> Iterator[str]:
    own = full_host_name(SERVICE_NAME, namespace)
    is_needed = own in services(manifests, namespace) and rule_of(manifests, own, namespace) is None
    if is_needed:
        yield f"{rule.file}: spec.host: {rule.host}: matches no Service: the subsets do not exist, requests get 503"


def _without_effect(one: VirtualService | DestinationRule) -> Iterator[str]:
    if one.without_effect:
        yield f"{one.file}: {', '.join(one.without_effect)}: read, and without effect in the lab"


def _of_routes(
    service: VirtualService, manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str
) -> Iterator[str]:
    registry = Registry(manifests, namespace)
    known: dict[tuple[str, int | None, str | None], str | None] = {}
    for index, route in enumerate(service.http):
        for number, destination in enumerate(route.destinations):
            field = f"{service.file}: spec.http[{index}].route[{number}]"
            if destination.weight is None and len(route.destinations) > 1:
                yield f"{field}.weight: missing, so it counts as 0: no request goes there"
                continue
            key = (destination.host, destination.port, destination.subset)
            if key not in known:
                known[key] = _problem(destination, service, registry, endpoints)
            if known[key] and (destination.weight != 0 or len(route.destinations) == 1):
                yield f"{field}.destination.{known[key]}: {_share(destination, route)} gets 503"
        if not route.matches and index + 1 < len(service.http):
            yield f"{service.file}: spec.http[{index + 1}]: never used: spec.http[{index}] matches every request"
            return


def _problem(
    destination: Destination, service: VirtualService, registry: Registry, endpoints: Sequence[Endpoint]
) -> str | None:
    """Return the field of a destination without endpoints, with the reason; None if it has endpoints."""
    host = full_host_name(destination.host, service.meta.namespace or registry.namespace)
    ports = registry.services.get(host)
    if ports is None:
        return f"host: {destination.host}: matches no Service"
    port = port_of(destination, ports)
    if port not in ports:
        return f"port.number: {port}: the Service has port {', '.join(map(str, ports))} only"
    if destination.subset:
        return _problem_of_subset((host, destination.subset), registry, endpoints)
    if endpoints_of((host, None), registry.manifests, endpoints, registry.namespace):
        return None
    return f"host: {destination.host}: the Service has no endpoint"


def _problem_of_subset(target: tuple[str, str], registry: Registry, endpoints: Sequence[Endpoint]) -> str | None:
    service, subset = target
    rule, manifests = registry.rule(service), registry.manifests
    if rule is None and manifests.destination_rules and service == full_host_name(SERVICE_NAME, registry.namespace):
        return None  # it is said of the rule, which is for another host
    if rule is None or subset not in rule.subsets:
        return f"subset: {subset}: {_defined_subsets(rule, manifests)}"
    if endpoints_of(target, manifests, endpoints, registry.namespace):
        return None
    wanted = ", ".join(f"{name}: {value}" for name, value in labels_of(rule, subset).items())
    return f"subset: {subset}: no endpoint has the labels {wanted}"


def _defined_subsets(rule: DestinationRule | None, manifests: Manifests) -> str:
    if rule:
        return f"{rule.file} defines {', '.join(rule.subsets) or 'no subset'}"
    if manifests.destination_rules:
        file = manifests.destination_rules[0].file
        return f"{file} is for another host (define it in a DestinationRule, or with --assume-subsets)"
    return "there is no DestinationRule (add its file, or --assume-subsets)"


def _share(destination: Destination, route: HttpRoute) -> str:
    if len(route.destinations) == 1:
        return "every request of this route"
    total = sum(other.weight or 0 for other in route.destinations)
    return f"its share, weight {destination.weight} of {total},"
