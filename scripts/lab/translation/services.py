"""Which Services there are, which replicas stand for them, and which of their subsets is the canary.

micro-api is the lab's own Service: its replicas have the labels that the files under istio/ name. Any other Service is
somebody else's: its subsets are served by the replicas of micro-api, v2 for the canary and v1 for all others.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.fields import ManifestError
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name, is_within
from scripts.lab.translation.resources import Destination, DestinationRule, HttpRoute, Meta, Subset

SERVICE_NAME: Final = "micro-api"
SERVICE_PORT: Final = 19090
GATEWAY_PORT: Final = 80

_STABLE: Final = "v1"
_CANARY: Final = "v2"
_OF_CLUSTER: Final = ".svc.cluster.local"
_ROOT_NAMESPACE: Final = "istio-system"
_VERSION: Final = re.compile(r"(?:.*[-_.])?v(?:ersion)?-?(\d+)(?:[-_.].*)?")

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
    for destination, host in _destinations(manifests, namespace):
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


def endpoints_of(
    target: Target,
    manifests: Manifests,
    endpoints: Sequence[Endpoint],
    namespace: str = DEFAULT_NAMESPACE,
) -> list[Endpoint]:
    """Return the replicas that serve a Service or one of its subsets.

    Args:
        target: the Service, and the subset or None.
        manifests: the traffic state.
        endpoints: the replicas of micro-api.
        namespace: the namespace that short host names belong to.

    Raises:
        ManifestError: it is unknown which subset is the canary.
    """
    service, subset = target
    rule = rule_of(manifests, service, namespace)
    subsets = rule.subsets if rule else {}
    labels = labels_of(rule, subset)
    if service == full_host_name(SERVICE_NAME, namespace):
        return matching(labels, endpoints)
    versions = _versions(service, subsets, labels, canaries(manifests, namespace))
    return [endpoint for endpoint in endpoints if endpoint.labels.get("version") in versions]


def _versions(
    service: str, subsets: Mapping[str, Subset], labels: Mapping[str, str], chosen: frozenset[Target]
) -> set[str]:
    """Return the versions of micro-api that stand for the pods of somebody's Service that have some labels."""
    pods = {
        name: _CANARY if (service, name) in chosen else _STABLE
        for name, subset in subsets.items()
        if subset.labels and labels.items() <= subset.labels.items()
    }
    if pods:
        return set(pods.values())
    if (service, None) in chosen:
        return {_CANARY}
    return {_STABLE} if any(subset is None for _, subset in chosen) else {_STABLE, _CANARY}


def labels_of(rule: DestinationRule | None, subset: str | None) -> Mapping[str, str]:
    """Return the labels of a subset; none for a Service as a whole, and where there is no such subset."""
    found = rule.subsets.get(subset) if rule and subset else None
    return found.labels if found else {}


def matching(labels: Mapping[str, str], endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the endpoints that have all of a subset's labels."""
    return [endpoint for endpoint in endpoints if labels.items() <= endpoint.labels.items()]


def canaries(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> frozenset[Target]:
    """Return the subsets and Services that are canaries: named by `manifests.canary`, by their names, or by weight.

    Raises:
        ManifestError: the name fits none, or it is unknown.
    """
    targets = list(dict.fromkeys(_targets(manifests, namespace)))
    if manifests.canary:
        return _named(manifests, targets, manifests.canary)
    words = {target: _words(target, manifests, namespace) for target in targets}
    for found in (_called_canary(words), _newest(words), _lightest(manifests, targets, namespace)):
        if found:
            return found
    if len(targets) < 2 or _is_alone(targets):
        return frozenset()
    names = ", ".join(name_of(target) for target in targets)
    raise ManifestError(
        f"{manifests.virtual_services[0].file}: which of {names} is the canary? Neither names nor weights tell: "
        f"say it, such as --canary {name_of(targets[-1])}"
    )


def canary_name(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> str | None:
    """Return the name of the canary's subset, or of its Service; None without one. Raises as `canaries`."""
    return next((name_of(target) for target in sorted(canaries(manifests, namespace), key=str)), None)


def of_stable(
    manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str = DEFAULT_NAMESPACE
) -> tuple[str, ...]:
    """Return the names of somebody's subsets and Services that v1 alone serves; arguments as `endpoints_of`."""
    return tuple(
        name_of(target)
        for target in dict.fromkeys(_targets(manifests, namespace))
        if {one.labels.get("version") for one in endpoints_of(target, manifests, endpoints, namespace)} == {_STABLE}
    )


def name_of(target: Target) -> str:
    """Return the name of a subset, or of a Service that is meant as a whole."""
    service, subset = target
    return subset or service.partition(".")[0]


def _named(manifests: Manifests, targets: Sequence[Target], name: str) -> frozenset[Target]:
    found = frozenset(target for target in targets if name_of(target) == name)
    if not found and targets:
        names = ", ".join(dict.fromkeys(map(name_of, targets)))
        file = manifests.virtual_services[0].file
        raise ManifestError(f"--canary {name}: no route of {file} leads there: they lead to {names}")
    return found


def _is_alone(targets: Sequence[Target]) -> bool:
    """Return whether no two targets are versions of one thing: each Service has one subset, or none."""
    return len({service for service, _ in targets}) == len(targets) and all(subset for _, subset in targets)


def _words(target: Target, manifests: Manifests, namespace: str) -> list[str]:
    """Return what a target is called: its subset, the values of its labels, its Service if it has no subset."""
    service, subset = target
    rule = rule_of(manifests, service, namespace)
    labels = labels_of(rule, subset)
    return [name_of(target), *labels.values()]


def _called_canary(words: Mapping[Target, Sequence[str]]) -> frozenset[Target]:
    found = {target for target, called in words.items() if any("canary" in word.lower() for word in called)}
    return frozenset(found) if len(found) < len(words) else frozenset()


def _newest(words: Mapping[Target, Sequence[str]]) -> frozenset[Target]:
    """Return the targets with the highest number of several versions of one thing, such as v2 of v1 and v2."""
    found: set[Target] = set()
    for thing in {service if subset else "" for service, subset in words}:
        numbers = {
            target: _number(called) for target, called in words.items() if thing == (target[0] if target[1] else "")
        }
        known = {number for number in numbers.values() if number is not None}
        if len(known) > 1:
            found |= {target for target, number in numbers.items() if number == max(known)}
    return frozenset(found)


def _number(words: Sequence[str]) -> int | None:
    found = (_VERSION.fullmatch(word.lower()) for word in words)
    return next((int(match[1]) for match in found if match), None)


def _lightest(manifests: Manifests, targets: Sequence[Target], namespace: str) -> frozenset[Target]:
    """Return the destination of the smallest weight above 0, of the first route with different weights."""
    for meta, route in _routes(manifests):
        weights = {
            (full_host_name(one.host, meta.namespace or namespace), one.subset): one.weight
            for one in route.destinations
            if one.weight
        }
        weights = {target: weight for target, weight in weights.items() if target in targets}
        lightest = [target for target, weight in weights.items() if weight == min(weights.values())]
        if len(weights) > 1 and len(lightest) == 1:
            return frozenset(lightest)
    return frozenset()


def _targets(manifests: Manifests, namespace: str) -> Iterator[Target]:
    own = full_host_name(SERVICE_NAME, namespace)
    known = services(manifests, namespace)
    for meta, route in _routes(manifests):
        for one in route.destinations:
            host = full_host_name(one.host, meta.namespace or namespace)
            if host in known and host != own:
                yield host, one.subset


def _destinations(manifests: Manifests, namespace: str) -> Iterator[tuple[Destination, str]]:
    """Yield all destinations of all routes, mirrors too, each with its full host name."""
    for meta, route in _routes(manifests):
        for one in (*route.destinations, *(mirror for mirror, _ in route.mirrors)):
            yield one, full_host_name(one.host, meta.namespace or namespace)


def _routes(manifests: Manifests) -> Iterator[tuple[Meta, HttpRoute]]:
    for service in manifests.virtual_services:
        for route in service.http:
            yield service.meta, route
