"""Reading a DestinationRule: its fields are tables."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from scripts.lab.translation import names
from scripts.lab.translation.endpoints import HIGHEST_PORT
from scripts.lab.translation.fields import Field
from scripts.lab.translation.readers import (
    HEADER_NAME,
    LABEL_KEY,
    LABEL_VALUE,
    PRINTABLE,
    Reader,
    duration,
    ignored,
    items,
    mapping,
    one_of,
    record,
    text,
    truth,
    whole,
)
from scripts.lab.translation.resources import DestinationRule, Meta, Subset

LOAD_BALANCERS: Final = ("ROUND_ROBIN", "LEAST_REQUEST", "LEAST_CONN", "RANDOM", "UNSPECIFIED")
# Read, and without effect here: the way to the pods is a socket of this machine, in plain, in one zone.
WITHOUT_EFFECT: Final = ("tls", "tcpKeepalive", "localityLbSetting", "h2UpgradePolicy", "exportTo")

_MOST_RING: Final = 2**23
_CONSISTENT_HASH: Final = record(
    {
        "httpHeaderName": text(HEADER_NAME),
        "httpCookie": record({"name": text(PRINTABLE), "path": text(PRINTABLE), "ttl": duration}, ["name"]),
        "useSourceIp": truth,
        "httpQueryParameterName": text(PRINTABLE),
        "minimumRingSize": whole(0, _MOST_RING),
        "ringHash": record({"minimumRingSize": whole(0, _MOST_RING)}),
        "maglev": record({"tableSize": whole(0, 5000011)}),
    }
)
_LOAD_BALANCER: Final = record(
    {
        "simple": one_of(*LOAD_BALANCERS),
        "consistentHash": _CONSISTENT_HASH,
        "warmupDurationSecs": duration,
        "localityLbSetting": ignored,
    },
    refused={"warmup": "give warmupDurationSecs instead"},
)
_CONNECTION_POOL: Final = record(
    {
        "tcp": record(
            {
                "maxConnections": whole(),
                "connectTimeout": duration,
                "idleTimeout": duration,
                "maxConnectionDuration": duration,
                "tcpKeepalive": ignored,
            }
        ),
        "http": record(
            {
                "http1MaxPendingRequests": whole(),
                "http2MaxRequests": whole(),
                "maxRequestsPerConnection": whole(),
                "maxRetries": whole(),
                "idleTimeout": duration,
                "maxConcurrentStreams": whole(),
                "h2UpgradePolicy": ignored,
            },
            refused={"useClientProtocol": "the replicas speak HTTP/1.1 only: leave it out"},
        ),
    }
)
_OUTLIER_DETECTION: Final = record(
    {
        "consecutiveErrors": whole(),
        "consecutive5xxErrors": whole(0, 2**32 - 1),
        "consecutiveGatewayErrors": whole(0, 2**32 - 1),
        "consecutiveLocalOriginFailures": whole(0, 2**32 - 1),
        "splitExternalLocalOriginErrors": truth,
        "interval": duration,
        "baseEjectionTime": duration,
        "maxEjectionPercent": whole(0, 100),
        "minHealthPercent": whole(0, 100),
    }
)
_COMPONENTS: Final[Mapping[str, Reader]] = {
    "loadBalancer": _LOAD_BALANCER,
    "connectionPool": _CONNECTION_POOL,
    "outlierDetection": _OUTLIER_DETECTION,
    "tls": ignored,
}
_REFUSED_IN_POLICY: Final[Mapping[str, str]] = {
    "tunnel": "the replicas are no proxies: leave it out",
    "proxyProtocol": "the replicas do not read it: leave it out",
    "retryBudget": "the lab has no record of what Istio makes of it: leave it out",
}
_POLICY: Final = record(
    {
        **_COMPONENTS,
        "portLevelSettings": items(
            record(
                {"port": record({"number": whole(1, HIGHEST_PORT)}, ["number"]), **_COMPONENTS},
                ["port"],
                _REFUSED_IN_POLICY,
            )
        ),
    },
    refused=_REFUSED_IN_POLICY,
)
_SUBSET: Final = record(
    {
        "name": text(names.SUBSET_NAME),
        "labels": mapping(LABEL_KEY, text(LABEL_VALUE)),
        "trafficPolicy": _POLICY,
    },
    ["name"],
)
REFUSED: Final[Mapping[str, str]] = {
    "workloadSelector": "it chooses among the clients inside a mesh, and the lab's client is its gateway: leave it out",
}


def destination_rule(meta: Meta, spec: Field) -> DestinationRule:
    """Return the DestinationRule of a manifest."""
    fields = spec.record(["host"], ("trafficPolicy", "subsets", "exportTo"), REFUSED)
    policy = _POLICY(fields["trafficPolicy"]) if "trafficPolicy" in fields else {}
    subsets = _subsets(fields["subsets"]) if "subsets" in fields else {}
    without_effect = list(_without_effect(policy, "spec.trafficPolicy"))
    for index, subset in enumerate(subsets.values()):
        without_effect += _without_effect(subset.policy, f"spec.subsets[{index}].trafficPolicy")
    if "exportTo" in fields:
        without_effect.append("spec.exportTo")
    return DestinationRule(
        meta,
        host=fields["host"].text(names.WILDCARD_HOST),
        subsets=subsets,
        policy=policy,
        without_effect=tuple(without_effect),
    )


def _subsets(field: Field) -> Mapping[str, Subset]:
    subsets: dict[str, Subset] = {}
    for item in field.items():
        found = _SUBSET(item)
        name = found["name"]
        if name in subsets:
            raise item.entries()["name"].error(f"{name}: this subset is defined twice: keep one")
        subsets[name] = Subset(found.get("labels", {}), found.get("trafficPolicy", {}))
    return subsets


def _without_effect(value: object, path: str) -> Iterator[str]:
    """Yield the paths of the fields of a policy that have no effect in the lab, those for a port among them."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            if name in WITHOUT_EFFECT:
                yield f"{path}.{name}"
            else:
                yield from _without_effect(child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _without_effect(child, f"{path}[{index}]")


def policy_of(rule: DestinationRule | None, subset: str | None, port: int) -> Mapping[str, Any]:
    """Return the policy of one port of a subset, as Istio's `MergeTrafficPolicy`: each component of one source."""
    if rule is None:
        return {}
    found = rule.subsets.get(subset or "")
    own = found.policy if found else {}
    policy = _at_port(rule.policy, port)
    policy = {**policy, **{name: value for name, value in own.items() if name != "portLevelSettings"}}
    return _at_port({**policy, "portLevelSettings": own.get("portLevelSettings", [])}, port)


def _at_port(policy: Mapping[str, Any], port: int) -> Mapping[str, Any]:
    """Return the settings of a port where a policy has some: they inherit nothing."""
    for settings in policy.get("portLevelSettings", ()):
        if settings["port"]["number"] == port:
            return {name: value for name, value in settings.items() if name != "port"}
    return {name: value for name, value in policy.items() if name != "portLevelSettings"}
