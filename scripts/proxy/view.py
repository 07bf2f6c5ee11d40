"""What an Envoy has for one host, in a few lines: routes, limits, endpoints.

Listeners, policies and filters are not looked at.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.proxy.routes import NOT_SHOWN, Json, destinations, host_lines, mirrors, serving, version

UNLIMITED: Final = 2**32 - 1  # what istiod writes for a limit that is not set
LIMITS: Final = ("maxConnections", "maxPendingRequests", "maxRequests")
ENVOY_LIMIT: Final = 1024  # Envoy's own default, where nothing is written
# How Envoy counts errors in a row, and which of these counts eject by its defaults.
OUTLIERS: Final = {
    "consecutive5xx": ("enforcingConsecutive5xx", 100, Message("errors")),
    "consecutiveGatewayFailure": ("enforcingConsecutiveGatewayFailure", 0, Message("errors 502, 503 or 504")),
}
OUTLIER_DEFAULTS: Final = {"baseEjectionTime": "30s", "maxEjectionPercent": 10}
OUTLIER_ERRORS: Final = 5  # the default of each count
OUTLIER_FIELDS: Final = {
    *(field for count, (enforcing, *_) in OUTLIERS.items() for field in (count, enforcing)),
    *OUTLIER_DEFAULTS,
    *("interval", "enforcingSuccessRate"),  # how often it sweeps; what istiod always switches off
}
HEALTH: Final = {"healthy": Message("healthy"), "unhealthy": Message("unhealthy"), "unknown": Message("unknown")}
MISSING: Final = {"SERVICE_UNAVAILABLE": 503, "NOT_FOUND": 404, "INTERNAL_SERVER_ERROR": 500}


def cluster_lines(cluster: Json, endpoints: Sequence[Json], host: str) -> Iterator[Message]:
    """Yield the lines that describe one version: its limits, and its endpoints with what was sent to each."""
    limits: Json = next(iter(cluster.get("circuitBreakers", {}).get("thresholds", ())), {})
    connections, pending, requests = (_limit(limits.get(field, ENVOY_LIMIT)) for field in LIMITS)
    balancer = NOT_SHOWN if "loadBalancingPolicy" in cluster else cluster.get("lbPolicy", "ROUND_ROBIN")
    yield _version(cluster["name"], host)
    yield Message("  balancer   {balancer}", balancer=balancer)
    yield Message(
        "  limits     connections {connections}, pending requests {pending}, requests {requests}",
        connections=connections,
        pending=pending,
        requests=requests,
    )
    if "outlierDetection" in cluster:
        yield Message("  ejects     {ejection}", ejection=_ejection(cluster["outlierDetection"]))
    for endpoint in endpoints:
        yield _endpoint(endpoint)
    if cluster.get("type") == "ORIGINAL_DST":
        yield Message("  endpoint   the address that the client asked for")
    elif not endpoints:
        yield Message("  endpoint   none: requests are answered with 503")


def _version(cluster: str, host: str) -> Message:
    return Message("version {version}", version=version(cluster, host))


def _limit(value: int) -> str:
    return Message("none") if value == UNLIMITED else str(value)


def _ejection(outliers: Json) -> Message:
    counts = [
        Message("{count} {errors} in a row", count=outliers.get(count, OUTLIER_ERRORS), errors=words)
        for count, (enforcing, percent, words) in OUTLIERS.items()
        if outliers.get(enforcing, percent)
    ]
    duration, percent = (outliers.get(field, default) for field, default in OUTLIER_DEFAULTS.items())
    ejects = (
        Message(
            "after {counts}, for {duration}, at most {percent} %",
            counts=joined(Message(" or "), counts),
            duration=duration,
            percent=percent,
        )
        if counts
        else Message("by nothing that is shown")
    )
    others = ", ".join(sorted(outliers.keys() - OUTLIER_FIELDS))
    return Message("{ejects}; not shown: {others}", ejects=ejects, others=others) if others else ejects


def _endpoint(endpoint: Json) -> Message:
    place = _place(endpoint["address"])
    status = endpoint.get("healthStatus", {})
    health = status.get("edsHealthStatus", "UNKNOWN").lower()
    state = Message("ejected") if status.get("failedOutlierCheck") else HEALTH.get(health, health)
    requests = {one["name"]: one.get("value", "0") for one in endpoint.get("stats", ())}.get("rq_total", "0")
    return Message("  endpoint   {place}  {state}, {count} requests so far", place=place, state=state, count=requests)


def _place(address: Json) -> str:
    if socket := address.get("socketAddress"):
        return f"{socket['address']}:{socket['portValue']}"
    if path := address.get("pipe", {}).get("path", ""):
        return str(path).rpartition("/")[-1]  # the lab's sockets have the names of the replicas
    return json.dumps(address)


def unknown_lines(cluster: str, routes: Sequence[Json], host: str) -> Iterator[Message]:
    """Yield the lines about a cluster that the proxy does not have: what those get whom a route leads there."""
    actions = [route["route"] for route in routes if cluster in dict(destinations(route))]
    codes = {MISSING[action.get("clusterNotFoundResponseCode", "SERVICE_UNAVAILABLE")] for action in actions}
    listed = joined(Message(" or "), [str(code) for code in sorted(codes)])
    answer = Message(": requests are answered with {codes}", codes=listed) if codes else ""
    yield _version(cluster, host)
    yield Message("  unknown    no such subset, port or Service{answer}", answer=answer)


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
    lines: list[str] = []
    routes: list[Json] = []
    for name, domain, virtual_host in serving(configurations, host):
        known_as = "" if domain == host else Message(", as {domain}", domain=domain)
        lines += [Message("host {host}, routes {name}{known_as}", host=host, name=name, known_as=known_as)]
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
