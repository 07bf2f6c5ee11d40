"""From DestinationRules to Envoy's clusters, as istiod translates them for its ingress gateway.

The functions have the order of steps of Istio's own, which their docstrings name: cluster_builder.go and
cluster_traffic_policy.go below pilot/pkg/networking/core. What Istio and Envoy merely call by other names is a table.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final

from scripts.lab.translation import defaults
from scripts.lab.translation.actions import renamed, same
from scripts.lab.translation.destination_rules import policy_of
from scripts.lab.translation.endpoints import Endpoint, HostPort, envoy_address
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE
from scripts.lab.translation.routes import cluster_name
from scripts.lab.translation.services import rule_of, services
from scripts.lab.translation.stand_ins import endpoints_of

Json = dict[str, Any]

_HTTP_PROTOCOL_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# 0 means no limit: it is left out.
_TCP_LIMITS: Final = {"maxConnections": ("max_connections", same)}
_HTTP_LIMITS: Final = {
    "http1MaxPendingRequests": ("max_pending_requests", same),
    "http2MaxRequests": ("max_requests", same),
    "maxRetries": ("max_retries", same),
}
_OUTLIERS: Final = MappingProxyType(
    {
        "interval": ("interval", same),
        "baseEjectionTime": ("base_ejection_time", same),
        "splitExternalLocalOriginErrors": ("split_external_local_origin_errors", same),
    }
)
# Each count of errors, and whether Envoy acts on it: a count of 0 turns it off.
_OUTLIER_COUNTS: Final = MappingProxyType(
    {
        "consecutive5xxErrors": ("consecutive_5xx", "enforcing_consecutive_5xx"),
        "consecutiveGatewayErrors": ("consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
        "consecutiveLocalOriginFailures": (
            "consecutive_local_origin_failure",
            "enforcing_consecutive_local_origin_failure",
        ),
    }
)
_BALANCERS: Final = MappingProxyType({"ROUND_ROBIN": "ROUND_ROBIN", "RANDOM": "RANDOM"})
_SLOW_START: Final = MappingProxyType(
    {"ROUND_ROBIN": "round_robin_lb_config", "LEAST_REQUEST": "least_request_lb_config"}
)


def clusters(manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str = DEFAULT_NAMESPACE) -> list[Json]:
    """Return each Service's Clusters: one of all endpoints, then one for each subset, as Istio's `BuildClusters` does.

    Args:
        manifests: the traffic state.
        endpoints: the replicas of micro-api, which stand for those of other Services, too.
        namespace: the namespace that resources without one belong to.

    Raises:
        ManifestError: it is unknown which subset of somebody's Service is the canary.
    """
    found = []
    for service, ports in services(manifests, namespace).items():
        rule = rule_of(manifests, service, namespace)
        for port in ports:
            for subset in (None, *(rule.subsets if rule else ())):
                own = endpoints_of((service, subset), manifests, endpoints, namespace)
                found.append(_cluster(cluster_name(service, port, subset), policy_of(rule, subset, port), own))
    return found


def _cluster(name: str, policy: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> Json:
    """Mirrors `buildCluster` and `applyTrafficPolicy`; the endpoints are in it, while Istio sends them by EDS."""
    addresses = [{"endpoint": {"address": envoy_address(endpoint.address)}} for endpoint in endpoints]
    has_names = any(isinstance(endpoint.address, HostPort) for endpoint in endpoints)
    pool = policy.get("connectionPool", {})
    cluster = {
        "name": name,
        "type": "STRICT_DNS" if has_names else "STATIC",  # STRICT_DNS resolves names repeatedly and uses every answer
        **deepcopy(dict(defaults.CLUSTER)),
        **_load_balancer(policy.get("loadBalancer", {})),
        "circuit_breakers": {"thresholds": [_thresholds(pool)]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": addresses}]},
        **renamed(pool.get("tcp", {}), {"connectTimeout": ("connect_timeout", same)}),
    }
    options = _protocol_options(pool)
    if options:
        cluster["typed_extension_protocol_options"] = _http_protocol_options(options)
    if "outlierDetection" in policy:
        _detect_outliers(cluster, policy["outlierDetection"])
    return cluster


def _load_balancer(given: Mapping[str, Any]) -> Json:
    """Mirrors `applyLoadBalancer` and `ApplyRingHashLoadBalancer`."""
    policy = _BALANCERS.get(given.get("simple", ""), defaults.LOAD_BALANCER)
    found: Json = {"lb_policy": policy}
    if "warmupDurationSecs" in given and policy in _SLOW_START:
        found[_SLOW_START[policy]] = {"slow_start_config": {"slow_start_window": given["warmupDurationSecs"]}}
    consistent = given.get("consistentHash")
    if consistent is None:
        return found
    if "maglev" in consistent:
        size = consistent["maglev"].get("tableSize")
        return {"lb_policy": "MAGLEV", **({"maglev_lb_config": {"table_size": str(size)}} if size else {})}
    size = consistent.get("ringHash", consistent).get("minimumRingSize") or defaults.MINIMUM_RING_SIZE
    return {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": str(size)}}


def _thresholds(pool: Mapping[str, Any]) -> Json:
    """Mirrors `applyConnectionPool`: 0 means no limit."""
    limits = {**renamed(pool.get("tcp", {}), _TCP_LIMITS), **renamed(pool.get("http", {}), _HTTP_LIMITS)}
    return {**defaults.CIRCUIT_BREAKER_THRESHOLDS, **{name: limit for name, limit in limits.items() if limit}}


def _protocol_options(pool: Mapping[str, Any]) -> Json:
    """Return what the connections to the pods are limited to; the idle time of `http` goes before that of `tcp`."""
    tcp, http = pool.get("tcp", {}), pool.get("http", {})
    found = {
        "idle_timeout": http.get("idleTimeout", tcp.get("idleTimeout")),
        "max_requests_per_connection": http.get("maxRequestsPerConnection"),
        "max_connection_duration": tcp.get("maxConnectionDuration"),
    }
    return {name: value for name, value in found.items() if value}


def _http_protocol_options(options: Json) -> Json:
    return {
        _HTTP_PROTOCOL_OPTIONS: {
            "@type": f"type.googleapis.com/{_HTTP_PROTOCOL_OPTIONS}",
            "common_http_protocol_options": options,
            "explicit_http_config": {"http_protocol_options": {}},
        },
    }


def _detect_outliers(cluster: Json, given: Mapping[str, Any]) -> None:
    """Mirrors `applyOutlierDetection`."""
    found = {"enforcing_success_rate": 0, **renamed(given, _OUTLIERS)}
    for name, (count, enforcing) in _OUTLIER_COUNTS.items():
        if name in given:
            found |= {count: given[name], enforcing: 100 if given[name] else 0}
    if given.get("splitExternalLocalOriginErrors"):
        found["enforcing_local_origin_success_rate"] = 0
    if given.get("maxEjectionPercent"):
        found["max_ejection_percent"] = given["maxEjectionPercent"]
    cluster["outlier_detection"] = found
    cluster["common_lb_config"] = {"healthy_panic_threshold": {"value": given.get("minHealthPercent", 0)}}
