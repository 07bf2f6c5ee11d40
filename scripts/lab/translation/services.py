"""Which Services there are, with their ports and rules, and which of them the routes lead to.

micro-api is the lab's own Service: its replicas have the labels that the files under istio/ name. Any other Service is
somebody else's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name, is_within
from scripts.lab.translation.resources import Destination, DestinationRule, HttpRoute, Meta, Subset

SERVICE_NAME: Final = "micro-api"
SERVICE_PORT: Final = 19090
GATEWAY_PORT: Final = 80

_OF_CLUSTER: Final = ".svc.cluster.local"
_ROOT_NAMESPACE: Final = "istio-system"

# A Service by its full host name, and one of its subsets, None for all of its endpoints.
Target = tuple[str, str | None]


def services(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> Mapping[str, tuple[int, ...]]:
    """Return the ports of each Service by its full host name.

    They are those whose manifests are given. Without these micro-api is one if a route leads there; if none does, each
    destination of a route is one, with the ports that the routes name.
    """
    own = full_host_name(SERVICE_NAME, namespace)
    declared = {full_host_name(one.meta.name, one.meta.namespace or namespace): one.ports for one in manifests.services}
    named: dict[str, list[int]] = {}
    for destination, host in destinations(manifests, namespace):
        named.setdefault(host, []).extend([destination.port] if destination.port else [])
    if own in named:
        return {own: (SERVICE_PORT,), **declared}
    if declared.keys() & named.keys():
        return declared
    return declared | {
        host: tuple(dict.fromkeys(ports)) or (GATEWAY_PORT,)
        for host, ports in named.items()
        if host.endswith(_OF_CLUSTER)
    }


class Registry:
    """The Services and rules of one traffic state, each looked up once: a file may have thousands of routes."""

    def __init__(self, manifests: Manifests, namespace: str) -> None:
        """Take a traffic state, and the namespace that resources without one belong to."""
        self.manifests = manifests
        self.namespace = namespace
        self.services = services(manifests, namespace)
        self._rules: dict[str, DestinationRule | None] = {}

    def at(self, port: int) -> "Registry":
        """Return the Services that have a port: a sidecar's routes for this port know no others."""
        found = Registry(self.manifests, self.namespace)
        found.services = {host: ports for host, ports in self.services.items() if port in ports}
        return found

    def rule(self, service: str) -> DestinationRule | None:
        """Return the rule of a Service by its full host name, as `rule_of` does."""
        if service not in self._rules:
            self._rules[service] = rule_of(self.manifests, service, self.namespace)
        return self._rules[service]


def port_of(destination: Destination, ports: Sequence[int], asked: int = GATEWAY_PORT) -> int:
    """Return the port that a destination means: its own, the only one of the Service, or else the one that is asked."""
    return destination.port or (ports[0] if len(ports) == 1 else asked)


def rule_of(manifests: Manifests, service: str, namespace: str = DEFAULT_NAMESPACE) -> DestinationRule | None:
    """Return the rules for a Service as one, as Istio's `mergeDestinationRule`; None without any.

    The narrowest host wins. Of several rules for it the subsets are put together, and the first policy counts.
    """
    found = [rule for rule in manifests.destination_rules if _applies(rule, service, namespace)]
    hosts = sorted({_host(rule, namespace) for rule in found}, key=len)
    rules = [rule for rule in found if _host(rule, namespace) == hosts[-1]]
    if len(rules) < 2:  # the usual case
        return rules[0] if rules else None
    subsets: dict[str, Subset] = {}
    for rule in rules:
        subsets = {**rule.subsets, **subsets}
    policy = next((rule.policy for rule in rules if rule.policy), {})
    return DestinationRule(rules[0].meta, rules[0].host, subsets, policy)


def _host(rule: DestinationRule, namespace: str) -> str:
    return full_host_name(rule.host, rule.meta.namespace or namespace)


def _applies(rule: DestinationRule, service: str, namespace: str) -> bool:
    """Return whether a rule is for a Service: one of another namespace than the Service's is not read by a gateway."""
    own = rule.meta.namespace or namespace
    is_near = own == _ROOT_NAMESPACE or not service.endswith(_OF_CLUSTER) or service.split(".")[1] == own
    return is_near and is_within(service, _host(rule, namespace))


def labels_of(rule: DestinationRule | None, subset: str | None) -> Mapping[str, str]:
    """Return the labels of a subset; none for a Service as a whole, and where there is no such subset."""
    found = rule.subsets.get(subset) if rule and subset else None
    return found.labels if found else {}


def targets(manifests: Manifests, namespace: str) -> Iterator[Target]:
    """Yield somebody's Services and subsets that the routes lead to."""
    own = full_host_name(SERVICE_NAME, namespace)
    known = services(manifests, namespace)
    for meta, route in routes_of(manifests):
        for one in route.destinations:
            host = full_host_name(one.host, meta.namespace or namespace)
            if host in known and host != own:
                yield host, one.subset


def destinations(manifests: Manifests, namespace: str) -> Iterator[tuple[Destination, str]]:
    """Yield all destinations of all routes, mirrors too, each with its full host name."""
    for meta, route in routes_of(manifests):
        for one in (*route.destinations, *(mirror for mirror, _ in route.mirrors)):
            yield one, full_host_name(one.host, meta.namespace or namespace)


def routes_of(manifests: Manifests) -> Iterator[tuple[Meta, HttpRoute]]:
    """Yield all routes, each with the names of its virtual service."""
    for service in manifests.virtual_services:
        for route in service.http:
            yield service.meta, route
