"""What an Envoy of the mesh has for one host, in a few lines: routes, limits, endpoints.

    python3 -m scripts.mesh.envoy_view HOST routes.json clusters.json endpoints.json

The files are what `istioctl proxy-config` prints as JSON. It needs only Python's own library.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.mesh.route_stopwatch import ROUTE_HEADER

Json = Mapping[str, Any]
UNLIMITED: Final = 2**32 - 1  # what istiod writes for a limit that is not set
PERCENT_DIVISORS: Final = {"HUNDRED": 1, "TEN_THOUSAND": 100, "MILLION": 10_000}
SHOWN_HOSTS: Final = 10
FAULT: Final = "envoy.filters.http.fault"


class NoRouteError(Exception):
    """The proxy has no route for the host; `str()` says which hosts it has."""


def virtual_host(configurations: Iterable[Json], host: str) -> Json:
    """Return the virtual host for a request's host: the one of that name, or the one for all hosts.

    Args:
        configurations: what `istioctl proxy-config routes` prints.
        host: as in the request's Host header, without a port.

    Raises:
        NoRouteError: neither of them exists.
    """
    found: list[Json] = [one for configuration in configurations for one in configuration.get("virtualHosts", ())]
    candidates = [one for one in found if host in one["domains"]]
    # A sidecar has one for all hosts, too, which passes them through and names no route.
    candidates += [one for one in found if "*" in one["domains"] and any(map(route_name, one.get("routes", ())))]
    if not candidates:
        known = sorted({domain for one in found for domain in one["domains"]})
        raise NoRouteError(f"no route for {host}: its hosts are {', '.join(known[:SHOWN_HOSTS]) or 'none'}")
    return candidates[0]


def route_name(route: Json) -> str:
    """Return the name that a route puts on its answers, "" for none."""
    headers = [one["header"] for one in route.get("responseHeadersToAdd", ())]
    names: list[str] = [one["value"] for one in headers if one["key"] == ROUTE_HEADER]
    return names[0] if names else ""


def version(cluster: str) -> str:
    """Return the version of an Istio cluster: its subset, or its Service if it has no subset."""
    _, _, subset, host = cluster.split("|")
    return subset or host.partition(".")[0]


def _percent(fraction: Json) -> str:
    percent = fraction.get("numerator", 0) / PERCENT_DIVISORS[fraction.get("denominator", "HUNDRED")]
    return f"{percent:g} %"


def destinations(route: Json) -> list[tuple[str, float]]:
    """Return the clusters that a route leads to, each with its share of the requests in percent."""
    action = route.get("route", {})
    if "cluster" in action:
        return [(action["cluster"], 100.0)]
    weighted = action.get("weightedClusters", {}).get("clusters", ())
    total = sum(one.get("weight", 0) for one in weighted)
    return [(one["name"], 100 * one.get("weight", 0) / total) for one in weighted if total]


def mirrors(route: Json) -> list[tuple[str, str]]:
    """Return the clusters that get copies of a route's requests, each with the percentage that is copied."""
    policies = route.get("route", {}).get("requestMirrorPolicies", ())
    return [(one["cluster"], _percent(one["runtimeFraction"]["defaultValue"])) for one in policies]


def _condition(header: Json) -> str:
    match = header.get("stringMatch", {})
    pattern = match.get("exact") or match.get("prefix") or match.get("safeRegex", {}).get("regex", "(present)")
    return f"{header['name']}: {pattern}"


def route_lines(route: Json) -> Iterator[str]:
    """Yield the lines that describe one route, the first with its name."""
    yield f"route {route_name(route) or '(without a name)'}"
    headers = route["match"].get("headers", ())
    yield f"  requests   {', '.join(map(_condition, headers)) or 'all that are left'}"
    yield f"  lead to    {', '.join(f'{share:g} % {version(cluster)}' for cluster, share in destinations(route))}"
    for cluster, percent in mirrors(route):
        yield f"  copied to  {version(cluster)}, {percent}"
    fault = route.get("typedPerFilterConfig", {}).get(FAULT, {})
    if "delay" in fault:
        yield f"  delayed    {_percent(fault['delay']['percentage'])} by {fault['delay']['fixedDelay']}"
    if "abort" in fault:
        yield f"  aborted    {_percent(fault['abort']['percentage'])} with {fault['abort']['httpStatus']}"
    action = route.get("route", {})
    if action.get("timeout", "0s") != "0s":
        yield f"  timeout    {action['timeout']}"
    if retry := action.get("retryPolicy"):
        each = f", each after {retry['perTryTimeout']} at most" if "perTryTimeout" in retry else ""
        yield f"  retries    {retry.get('numRetries', 1)} on {retry['retryOn']}{each}"


def _limit(value: int | None) -> str:
    return "none" if value in {None, UNLIMITED} else str(value)


def cluster_lines(cluster: Json, endpoints: Sequence[Json]) -> Iterator[str]:
    """Yield the lines that describe one version: its limits, and its endpoints with what was sent to each."""
    (limits, *_) = cluster.get("circuitBreakers", {}).get("thresholds", ({},))
    yield f"version {version(cluster['name'])}"
    yield f"  balancer   {cluster.get('lbPolicy', 'ROUND_ROBIN')}"
    yield (
        f"  limits     connections {_limit(limits.get('maxConnections'))},"
        f" pending requests {_limit(limits.get('maxPendingRequests'))}"
    )
    if outliers := cluster.get("outlierDetection"):
        yield (
            f"  ejects     after {outliers['consecutive5xx']} errors in a row, for {outliers['baseEjectionTime']},"
            f" at most {outliers['maxEjectionPercent']} %"
        )
    for endpoint in endpoints:
        yield f"  endpoint   {_endpoint(endpoint)}"
    if not endpoints:
        yield "  endpoint   none: requests are answered with 503"


def _endpoint(endpoint: Json) -> str:
    address = endpoint["address"]["socketAddress"]
    status = endpoint.get("healthStatus", {})
    state = "ejected" if status.get("failedOutlierCheck") else status.get("edsHealthStatus", "UNKNOWN").lower()
    requests = {one["name"]: one.get("value", "0") for one in endpoint.get("stats", ())}.get("rq_total", "0")
    return f"{address['address']}:{address['portValue']}  {state}, {requests} requests so far"


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
    found = virtual_host(configurations, host)
    lines = [f"host {host}" if host in found["domains"] else f"host {host}, by the route for all hosts"]
    routes = found["routes"]
    for route in routes:
        lines += route_lines(route)
    named = [cluster for route in routes for cluster, _ in (*destinations(route), *mirrors(route))]
    by_name = {one["name"]: one for one in clusters}
    hosts = {one.get("name"): one.get("hostStatuses", ()) for one in endpoints}
    for name in sorted(set(named)):
        if name in by_name:
            lines += cluster_lines(by_name[name], hosts.get(name, ()))
        else:
            lines += [
                f"version {version(name)}",
                "  unknown    no such subset or Service: requests are answered with 503",
            ]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the view of the files named on the command line; return the exit code, 1 if there is no route."""
    parser = argparse.ArgumentParser(prog="python3 -m scripts.mesh.envoy_view", description="Show what an Envoy has.")
    parser.add_argument("host", metavar="HOST", help="as in the request's Host header")
    for kind in ("routes", "clusters", "endpoints"):
        parser.add_argument(kind, type=Path, metavar=f"{kind}.json", help=f"what istioctl proxy-config {kind} printed")
    options = parser.parse_args(arguments)
    files = (options.routes, options.clusters, options.endpoints)
    try:
        lines = view(options.host, *(json.loads(file.read_text(encoding="utf-8")) for file in files))
    except NoRouteError as error:
        print(f"envoy_view: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
