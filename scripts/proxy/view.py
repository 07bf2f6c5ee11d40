"""What an Envoy has for one host, in a few lines: routes, limits, endpoints.

Listeners, policies and filters are not looked at.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from scripts.proxy.routes import Json, destinations, host_lines, mirrors, serving, version

UNLIMITED: Final = 2**32 - 1  # what istiod writes for a limit that is not set
LIMITS: Final = {"maxConnections": "connections", "maxPendingRequests": "pending requests", "maxRequests": "requests"}
ENVOY_LIMIT: Final = 1024  # Envoy's own default, where nothing is written
# How Envoy counts errors in a row, and which of these counts eject by its defaults.
OUTLIERS: Final = {
    "consecutive5xx": ("enforcingConsecutive5xx", 100, "errors"),
    "consecutiveGatewayFailure": ("enforcingConsecutiveGatewayFailure", 0, "errors 502, 503 or 504"),
}
OUTLIER_DEFAULTS: Final = {"baseEjectionTime": "30s", "maxEjectionPercent": 10}
OUTLIER_ERRORS: Final = 5  # the default of each count
OUTLIER_FIELDS: Final = {
    *(field for count, (enforcing, *_) in OUTLIERS.items() for field in (count, enforcing)),
    *OUTLIER_DEFAULTS,
    *("interval", "enforcingSuccessRate"),  # how often it sweeps; what istiod always switches off
}
MISSING: Final = {"SERVICE_UNAVAILABLE": 503, "NOT_FOUND": 404, "INTERNAL_SERVER_ERROR": 500}


def cluster_lines(cluster: Json, endpoints: Sequence[Json], host: str) -> Iterator[str]:
    """Yield the lines that describe one version: its limits, and its endpoints with what was sent to each."""
    limits: Json = next(iter(cluster.get("circuitBreakers", {}).get("thresholds", ())), {})
    shown = ", ".join(f"{words} {_limit(limits.get(field, ENVOY_LIMIT))}" for field, words in LIMITS.items())
    yield f"version {version(cluster['name'], host)}"
    yield f"  balancer   {'not shown' if 'loadBalancingPolicy' in cluster else cluster.get('lbPolicy', 'ROUND_ROBIN')}"
    yield f"  limits     {shown}"
    if "outlierDetection" in cluster:
        yield f"  ejects     {_ejection(cluster['outlierDetection'])}"
    for endpoint in endpoints:
        yield f"  endpoint   {_endpoint(endpoint)}"
    if cluster.get("type") == "ORIGINAL_DST":
        yield "  endpoint   the address that the client asked for"
    elif not endpoints:
        yield "  endpoint   none: requests are answered with 503"


def _limit(value: int) -> str:
    return "none" if value == UNLIMITED else str(value)


def _ejection(outliers: Json) -> str:
    counts = [
        f"{outliers.get(count, OUTLIER_ERRORS)} {words} in a row"
        for count, (enforcing, percent, words) in OUTLIERS.items()
        if outliers.get(enforcing, percent)
    ]
    duration, percent = (outliers.get(field, default) for field, default in OUTLIER_DEFAULTS.items())
    ejects = (
        f"after {' or '.join(counts)}, for {duration}, at most {percent} %" if counts else "by nothing that is shown"
    )
    others = sorted(outliers.keys() - OUTLIER_FIELDS)
    return f"{ejects}; not shown: {', '.join(others)}" if others else ejects


def _endpoint(endpoint: Json) -> str:
    place = _place(endpoint["address"])
    status = endpoint.get("healthStatus", {})
    state = "ejected" if status.get("failedOutlierCheck") else status.get("edsHealthStatus", "UNKNOWN").lower()
    requests = {one["name"]: one.get("value", "0") for one in endpoint.get("stats", ())}.get("rq_total", "0")
    return f"{place}  {state}, {requests} requests so far"


def _place(address: Json) -> str:
    if socket := address.get("socketAddress"):
        return f"{socket['address']}:{socket['portValue']}"
    if path := address.get("pipe", {}).get("path", ""):
        return str(path).rpartition("/")[-1]  # the lab's sockets have the names of the replicas
    return json.dumps(address)


def unknown_lines(cluster: str, routes: Sequence[Json], host: str) -> Iterator[str]:
    """Yield the lines about a cluster that the proxy does not have: what those get whom a route leads there."""
    actions = [route["route"] for route in routes if cluster in dict(destinations(route))]
    codes = {MISSING[action.get("clusterNotFoundResponseCode", "SERVICE_UNAVAILABLE")] for action in actions}
    answer = f": requests are answered with {' or '.join(map(str, sorted(codes)))}" if codes else ""
    yield f"version {version(cluster, host)}"
    yield f"  unknown    no such subset, port or Service{answer}"


def view(host: str, configurations: Sequence[Json], clusters: Sequence[Json], endpoints: Sequence[Json]) -> list[str]:
    """Return the lines that describe what a proxy has for a host.

    Args:
        host: as in the request's Host header.
        configurations: what `istioctl proxy-config routes` prints.
        clusters: what `istioctl proxy-config clusters` prints.
        endpoints: what `istioctl proxy-config endpoints` prints.

    Raises:
        NoRouteError: the proxy has no route for the host.
    """
    lines, routes = [], []
    for name, domain, virtual_host in serving(configurations, host):
        lines += [f"host {host}, routes {name}{'' if domain == host else f', as {domain}'}"]
        lines += host_lines(virtual_host, host)
        routes += virtual_host.get("routes", ())
    named = [cluster for route in routes for cluster, _ in (*destinations(route), *mirrors(route))]
    by_name = {one["name"]: one for one in clusters}
    hosts = {one.get("name"): one.get("hostStatuses", ()) for one in endpoints}
    for cluster in sorted(set(named)):
        if cluster in by_name:
            lines += cluster_lines(by_name[cluster], hosts.get(cluster, ()), host)
        else:
            lines += unknown_lines(cluster, routes, host)
    return lines
