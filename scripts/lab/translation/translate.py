"""From Istio's resources to Envoy's configuration, as istiod translates them for its ingress gateway.

The results are tested against records of a real istiod. Envoy's objects are v3 API in protobuf's JSON form, in
snake_case.

The functions have the order of steps of Istio's own, which their docstrings name: `buildGatewayHTTPRouteConfig` in
pilot/pkg/networking/core/gateway.go, route/route.go for routes, cluster_builder.go and cluster_traffic_policy.go for
clusters.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from scripts.lab.translation import defaults
from scripts.lab.translation.endpoints import Endpoint, HostPort, envoy_address
from scripts.lab.translation.manifests import Destination, DestinationRule, HttpRoute, Manifests

ROUTE_HEADER: Final = "x-canary-route"
SERVICE_NAME: Final = "micro-api"
SERVICE_PORT: Final = 19090
GATEWAY_PORT: Final = 80

_HTTP_PROTOCOL_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def route_configuration(manifests: Manifests, namespace: str = "default") -> dict[str, Any]:
    """Return the RouteConfiguration of the gateway's port 80, as Istio's `buildGatewayHTTPRouteConfig` makes it.

    Args:
        manifests: the traffic state.
        namespace: the namespace that short host names belong to.
    """
    virtual_service = manifests.virtual_service
    hosts = virtual_service.hosts if is_bound(manifests) else ()
    routes = _http_routes(virtual_service.http, namespace)
    return {
        "name": defaults.ROUTE_CONFIGURATION_NAME,
        "virtual_hosts": _virtual_hosts([full_host_name(host, namespace) for host in hosts], routes),
        **deepcopy(dict(defaults.ROUTE_CONFIGURATION)),
    }


def clusters(manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str = "default") -> list[dict[str, Any]]:
    """Return the service's Clusters: one of all endpoints, then one for each subset, as Istio's `BuildClusters` does.

    A destination rule for another host leaves only the first one, with Istio's defaults.

    Args:
        manifests: the traffic state.
        endpoints: the replicas of the service; a cluster holds those whose labels include all of its subset's.
        namespace: the namespace that the service and short host names belong to.
    """
    rule = manifests.destination_rule
    service = full_host_name(SERVICE_NAME, namespace)
    if full_host_name(rule.host, namespace) != service:
        return [_cluster(_cluster_name(service, SERVICE_PORT, None), None, endpoints)]
    subsets: list[tuple[str | None, Mapping[str, str]]] = [(None, {}), *rule.subsets.items()]
    return [
        _cluster(
            _cluster_name(service, SERVICE_PORT, subset),
            rule,
            matching(labels, endpoints),
        )
        for subset, labels in subsets
    ]


def route_names(manifests: Manifests) -> tuple[str, ...]:
    """Return the values of the response header `x-canary-route` that the virtual service sets, in order, each once."""
    headers = (route.response_headers for route in manifests.virtual_service.http)
    return tuple(dict.fromkeys(header[ROUTE_HEADER] for header in headers if ROUTE_HEADER in header))


def full_host_name(host: str, namespace: str) -> str:
    """Return the full name of a host, as Istio's `ResolveShortnameToFQDN`: a short name is of the namespace."""
    return host if "." in host else f"{host}.{namespace}.svc.cluster.local"


def matching(labels: Mapping[str, str], endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the endpoints that have all of a subset's labels."""
    return [endpoint for endpoint in endpoints if labels.items() <= endpoint.labels.items()]


def is_bound(manifests: Manifests) -> bool:
    """Return whether the virtual service is bound to the gateway."""
    return manifests.gateway.name in manifests.virtual_service.gateways


def _virtual_hosts(hosts: Iterable[str], routes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one virtual host for all the hosts, named by the longest; mirrors `collapseDuplicateRoutes`.

    A short and a full name can mean the same domain, and Envoy refuses one that is given twice.
    """
    domains = sorted(set(hosts), key=lambda host: (-len(host), host))
    if not domains:
        return []
    name = f"{domains[0]}:{GATEWAY_PORT}"
    return [{"name": name, "domains": domains, "routes": list(routes), **deepcopy(dict(defaults.VIRTUAL_HOST))}]


def _http_routes(http: Sequence[HttpRoute], namespace: str) -> list[dict[str, Any]]:
    """Return one Envoy route for each match; mirrors `BuildHTTPRoutesForVirtualService`."""
    routes: list[dict[str, Any]] = []
    for route in http:
        routes += [_route(route, match, namespace) for match in route.matches or ({},)]
        if not route.matches:
            break  # it matches every request, so Istio leaves out the routes after it
    return routes


def _route(route: HttpRoute, match: Mapping[str, str], namespace: str) -> dict[str, Any]:
    """Mirrors `translateRoute`."""
    translated: dict[str, Any] = {
        "match": _route_match(match),
        "route": {
            **_cluster_specifier(route.destinations, namespace),
            **deepcopy(dict(defaults.ROUTE_ACTION)),
        },
    }
    if route.response_headers:
        translated["response_headers_to_add"] = _headers_to_set(route.response_headers)
    return translated


def _route_match(match: Mapping[str, str]) -> dict[str, Any]:
    """Mirrors `TranslateRouteMatch` and its `translateHeaderMatch`; headers come sorted by name."""
    if not match:
        return {"prefix": "/"}
    headers = [{"name": name, "string_match": {"exact": value}} for name, value in sorted(match.items())]
    return {"prefix": "/", "case_sensitive": True, "headers": headers}


def _cluster_specifier(destinations: Sequence[Destination], namespace: str) -> dict[str, Any]:
    """Mirrors `applyHTTPRouteDestination`: a single destination gets all; of several, weight 0 is left out."""
    if len(destinations) == 1:
        return {"cluster": _destination_cluster(destinations[0], namespace)}
    weighted = [
        {"name": _destination_cluster(destination, namespace), "weight": destination.weight}
        for destination in destinations
        if destination.weight
    ]
    return {"weighted_clusters": {"clusters": weighted}}


def _destination_cluster(destination: Destination, namespace: str) -> str:
    """Mirrors `GetDestinationCluster`: the name is made even if there is no such cluster."""
    return _cluster_name(full_host_name(destination.host, namespace), destination.port, destination.subset)


def _cluster_name(host: str, port: int, subset: str | None) -> str:
    """Mirrors `BuildSubsetKey`."""
    return f"outbound|{port}|{subset or ''}|{host}"


def _headers_to_set(headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Mirrors `TranslateHeadersOperations` for `set`: the value replaces an existing one; sorted by name."""
    return [
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in sorted(headers.items())
    ]


def _cluster(name: str, rule: DestinationRule | None, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Mirrors `buildCluster` and `applyTrafficPolicy`; the endpoints are in it, while Istio sends them by EDS."""
    addresses = [{"endpoint": {"address": envoy_address(endpoint.address)}} for endpoint in endpoints]
    has_names = any(isinstance(endpoint.address, HostPort) for endpoint in endpoints)
    cluster = {
        "name": name,
        "type": "STRICT_DNS" if has_names else "STATIC",  # STRICT_DNS resolves names repeatedly and uses every answer
        **deepcopy(dict(defaults.CLUSTER)),
        "lb_policy": (rule and rule.load_balancer) or defaults.LOAD_BALANCER,
        "circuit_breakers": {"thresholds": [_thresholds(rule)]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": addresses}]},
    }
    if rule and rule.max_requests_per_connection:
        cluster["typed_extension_protocol_options"] = _http_protocol_options(rule.max_requests_per_connection)
    return cluster


def _thresholds(rule: DestinationRule | None) -> dict[str, int]:
    """Mirrors `applyConnectionPool`: 0 means no limit."""
    limits = {
        "max_connections": rule.max_connections if rule else None,
        "max_pending_requests": rule.http1_max_pending_requests if rule else None,
    }
    return {**defaults.CIRCUIT_BREAKER_THRESHOLDS, **{name: limit for name, limit in limits.items() if limit}}


def _http_protocol_options(max_requests_per_connection: int) -> dict[str, Any]:
    return {
        _HTTP_PROTOCOL_OPTIONS: {
            "@type": f"type.googleapis.com/{_HTTP_PROTOCOL_OPTIONS}",
            "common_http_protocol_options": {"max_requests_per_connection": max_requests_per_connection},
            "explicit_http_config": {"http_protocol_options": {}},
        },
    }
