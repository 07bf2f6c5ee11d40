"""What the lab may assume of a cluster when a file alone does not say it, and a user asks for it."""

from dataclasses import dataclass, replace
from typing import Final

from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name
from scripts.lab.translation.resources import DestinationRule, Meta, Subset
from scripts.lab.translation.servers import is_bound
from scripts.lab.translation.services import Registry

LABEL: Final = "version"


@dataclass(frozen=True)
class Assumptions:
    """What is assumed.

    Attributes:
        subsets: that each subset without a definition is the pods whose label `version` has its name.
        gateway: that each virtual service is bound to the first gateway.
        canary: the subset or Service that is the canary; None to derive it from names and weights.
    """

    subsets: bool = False
    gateway: bool = False
    canary: str | None = None


NOTHING_ASSUMED: Final = Assumptions()


def assume(manifests: Manifests, assumed: Assumptions, namespace: str = DEFAULT_NAMESPACE) -> Manifests:
    """Return a traffic state in a cluster that has what is assumed."""
    found = replace(manifests, canary=assumed.canary)
    if assumed.gateway:
        found = _with_gateway(found, namespace)
    return _with_subsets(found, namespace) if assumed.subsets else found


def _with_gateway(manifests: Manifests, namespace: str) -> Manifests:
    gateways = [f"{one.meta.namespace or namespace}/{one.meta.name}" for one in manifests.gateways[:1]]
    return replace(
        manifests,
        virtual_services=tuple(
            one if is_bound(one, manifests, namespace) else replace(one, gateways=(*one.gateways, *gateways))
            for one in manifests.virtual_services
        ),
    )


def _with_subsets(manifests: Manifests, namespace: str) -> Manifests:
    registry = Registry(manifests, namespace)
    missing: dict[str, list[str]] = {}
    for service in manifests.virtual_services:
        for destination in (one for route in service.http for one in route.destinations):
            host = full_host_name(destination.host, service.meta.namespace or namespace)
            rule = registry.rule(host)
            subset = destination.subset
            if host in registry.services and subset and (rule is None or subset not in rule.subsets):
                missing.setdefault(host, []).append(subset)
    rules = tuple(
        DestinationRule(
            Meta("--assume-subsets", "~assumed", host.split(".")[1]),
            host,
            {name: Subset({LABEL: name}) for name in subsets},
        )
        for host, subsets in missing.items()
    )
    return replace(manifests, destination_rules=(*manifests.destination_rules, *rules))
