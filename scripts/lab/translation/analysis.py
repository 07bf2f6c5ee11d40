"""Warnings about what Istio accepts but serves broken, like those of `istioctl analyze` on a cluster."""

from collections.abc import Iterator, Sequence

from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.manifests import Destination, DestinationRule, HttpRoute, Manifests
from scripts.lab.translation.translate import SERVICE_NAME, SERVICE_PORT, full_host_name, is_bound, matching


def warnings(manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str = "default") -> tuple[str, ...]:
    """Return what Istio accepts but serves broken: each with file, field, and what clients get.

    Args:
        manifests: the traffic state.
        endpoints: the replicas of the service.
        namespace: the namespace that the service and short host names belong to.
    """
    return tuple(dict.fromkeys(_warnings(manifests, endpoints, namespace)))


def _warnings(manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str) -> Iterator[str]:
    gateway, rule, virtual_service = manifests.gateway, manifests.destination_rule, manifests.virtual_service
    file, hosts, service = virtual_service.file, virtual_service.hosts, full_host_name(SERVICE_NAME, namespace)
    if not is_bound(manifests):
        names = ", ".join(virtual_service.gateways)
        yield f"{file}: spec.gateways: {names}: {gateway.name} is not among them: the gateway answers 404 to everything"
        return
    if service not in (full_host_name(host, namespace) for host in hosts):
        yield f"{file}: spec.hosts: {', '.join(hosts)}: matches no Service: requests to {service} get 404"
    if full_host_name(rule.host, namespace) != service:
        yield f"{rule.file}: spec.host: {rule.host}: matches no Service: the subsets do not exist, requests get 503"
    for index, route in enumerate(virtual_service.http):
        for number, destination in enumerate(route.destinations):
            field = f"{file}: spec.http[{index}].route[{number}]"
            if destination.weight is None and len(route.destinations) > 1:
                yield f"{field}.weight: missing, so it counts as 0: no request goes there"
                continue
            problem = _problem(destination, rule, endpoints, namespace)
            if problem and (destination.weight != 0 or len(route.destinations) == 1):
                yield f"{field}.destination.{problem}: {_share(destination, route)} gets 503"
        if not route.matches and index + 1 < len(virtual_service.http):
            yield f"{file}: spec.http[{index + 1}]: never used: spec.http[{index}] matches every request"
            return


def _problem(
    destination: Destination,
    rule: DestinationRule,
    endpoints: Sequence[Endpoint],
    namespace: str,
) -> str | None:
    """Return the field of a destination without endpoints, with the reason; None if it has endpoints."""
    if full_host_name(destination.host, namespace) != full_host_name(SERVICE_NAME, namespace):
        return f"host: {destination.host}: matches no Service"
    if destination.port != SERVICE_PORT:
        return f"port.number: {destination.port}: the Service has port {SERVICE_PORT} only"
    if destination.subset is None:
        return None if endpoints else f"host: {destination.host}: the Service has no endpoint"
    if destination.subset not in rule.subsets:
        return f"subset: {destination.subset}: {rule.file} defines {', '.join(rule.subsets) or 'no subset'}"
    labels = rule.subsets[destination.subset]
    if matching(labels, endpoints):
        return None
    wanted = ", ".join(f"{name}: {value}" for name, value in labels.items())
    return f"subset: {destination.subset}: no endpoint has the labels {wanted}"


def _share(destination: Destination, route: HttpRoute) -> str:
    if len(route.destinations) == 1:
        return "every request of this route"
    total = sum(other.weight or 0 for other in route.destinations)
    return f"its share, weight {destination.weight} of {total},"
