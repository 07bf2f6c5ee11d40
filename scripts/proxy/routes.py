"""What an Envoy does with the requests for one host, in lines of text.

What a line cannot say is named in a line "not shown", so that silence never means "all" or "none".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from scripts.proxy.route_names import ROUTE_HEADER, VERSIONS, disagreement

Json = Mapping[str, Any]
SHOWN_HOSTS: Final = 10
FAULT: Final = "envoy.filters.http.fault"
PERCENT_DIVISORS: Final = {"HUNDRED": 1, "TEN_THOUSAND": 100, "MILLION": 10_000}
STRING_MATCHES: Final = {
    "exact": ": ",
    "prefix": " starts with ",
    "suffix": " ends with ",
    "contains": " contains ",
    "safeRegex": " matches as a whole ",
}
PATH_MATCHES: Final = {
    "prefix": "path starts with {}",
    "path": "path: {}",
    "pathSeparatedPrefix": "path: {0}, or below {0}/",
    "safeRegex": "path matches as a whole {}",
    "connectMatcher": "method: CONNECT",
}
REDIRECTS: Final = {"schemeRedirect": "scheme", "hostRedirect": "host", "portRedirect": "port", "pathRedirect": "path"}
STATUSES: Final = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
# What istiod adds for itself, next to the hosts that a user asked for.
OWN_HOSTS: Final = re.compile(r"allow_any|block_all|backend|agent|blackhole:\d+|inbound\|.*")
# What is shown, and what says nothing about where requests go.
HOST_FIELDS: Final = {"name", "domains", "routes", "requireTls", "includeRequestAttemptCount"}
MATCH_FIELDS: Final = {*PATH_MATCHES, "headers", "queryParameters", "caseSensitive"}
ROUTE_FIELDS: Final = {
    *("name", "match", "route", "redirect", "directResponse", "responseHeadersToAdd", "typedPerFilterConfig"),
    *("metadata", "decorator", "statPrefix"),
}
ACTION_FIELDS: Final = {
    *("cluster", "weightedClusters", "clusterNotFoundResponseCode", "requestMirrorPolicies", "timeout", "retryPolicy"),
    "maxGrpcTimeout",
}
DESTINATION_FIELDS: Final = {"name", "weight", "responseHeadersToAdd"}


class NoRouteError(Exception):
    """The proxy has no route for the host; `str()` says which hosts it has."""


class Serving(NamedTuple):
    """A virtual host that answers for the host asked about.

    Attributes:
        configuration: the name of the route configuration, which stands for a listener.
        domain: the name under which it has the host, such as `*.example.com`.
        virtual_host: its routes.
    """

    configuration: str
    domain: str
    virtual_host: Json


def serving(configurations: Iterable[Json], host: str) -> list[Serving]:
    """Return the virtual host of each listener for a host: the one of that name, or of the longest wildcard.

    Args:
        configurations: what `istioctl proxy-config routes` prints.
        host: as in the request's Host header, without a port.

    Raises:
        NoRouteError: there is none.
    """
    found: list[Serving] = []
    known: set[str] = set()
    for configuration in configurations:
        virtual_hosts = [one for one in configuration.get("virtualHosts", ()) if not OWN_HOSTS.fullmatch(one["name"])]
        domains = [(domain, one) for one in virtual_hosts for domain in one["domains"]]
        known.update(domain for domain, _ in domains)
        if matching := [(domain, one) for domain, one in domains if precedence(domain, host)]:
            best = max(matching, key=lambda pair: precedence(pair[0], host))
            found.append(Serving(configuration.get("name", ""), *best))
    if not found:
        more = f" and {len(known) - SHOWN_HOSTS} more" if len(known) > SHOWN_HOSTS else ""
        raise NoRouteError(
            f"no route for {host}: its hosts are {', '.join(sorted(known)[:SHOWN_HOSTS]) or 'none'}{more}"
        )
    return found


def precedence(domain: str, host: str) -> tuple[int, ...]:
    """Return how closely a domain names a host, () for not at all; Envoy takes the closest."""
    domain = re.sub(r":\d+$", "", domain)
    if domain == host:
        return 4, 0
    if domain == "*":
        return 1, 0
    if len(host) >= len(domain):
        if domain.startswith("*") and host.endswith(domain[1:]):
            return 3, len(domain)
        if domain.endswith("*") and host.startswith(domain[:-1]):
            return 2, len(domain)
    return ()


def route_name(route: Json) -> str:
    """Return the name that a route puts on its answers, or the one of its own, "" for none."""
    headers = [one["header"] for one in route.get("responseHeadersToAdd", ())]
    names = [str(one.get("value", "")) for one in headers if one["key"] == ROUTE_HEADER]
    return names[0] if names else str(route.get("name", ""))


def version(cluster: str, host: str) -> str:
    """Return the version of an Istio cluster: its subset, or its Service if it has none, as seen from a host.

    A cluster that is named otherwise, such as `UnknownService`, is its own name.
    """
    _, _, subset, destination = parts if len(parts := cluster.split("|")) == 4 else ("", "", "", "")
    service = destination.partition(".")[0]
    if not subset:
        return service or cluster
    return subset if destination == host else f"{subset} of {service}"


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
    all_of_them = {"defaultValue": {"numerator": 100}}
    return [(one["cluster"], _percent(one.get("runtimeFraction", all_of_them)["defaultValue"])) for one in policies]


def conditions(match: Json) -> list[str]:
    """Return what a request has to be for a route, a sentence for each condition; no sentence: anything."""
    found = [_path(match, kind) for kind in PATH_MATCHES if kind in match and (kind, match[kind]) != ("prefix", "/")]
    found += [_condition(header["name"], header) for header in match.get("headers", ())]
    found += [_condition(f"query {one['name']}", one) for one in match.get("queryParameters", ())]
    return found + [f"{field} (not shown)" for field in sorted(match.keys() - MATCH_FIELDS)]


def host_lines(virtual_host: Json, host: str) -> Iterator[str]:
    """Yield the lines that describe a virtual host: what it does with every request, then each route."""
    if virtual_host.get("requireTls", "NONE") != "NONE":
        yield "  over http  301 to https, before any route"
    yield from _not_shown(virtual_host.keys() - HOST_FIELDS)
    is_taken = False
    for route in virtual_host.get("routes", ()):
        found = conditions(route["match"])
        requests = ", ".join(found) or "all that are left"
        yield f"route {route_name(route) or '(without a name)'}"
        yield f"  requests   {'none: a route before it takes all' if is_taken else requests}"
        yield from action_lines(route, host)
        shares = dict.fromkeys(VERSIONS, 0.0) | {version(name, host): share for name, share in destinations(route)}
        if warning := disagreement(route_name(route), [shares[one] for one in VERSIONS]):
            yield f"  warning    {warning}"
        is_taken = is_taken or not found
    if not is_taken:
        yield "no route"
        yield "  requests   all that are left"
        yield "  answered   with 404 by the proxy"


def action_lines(route: Json, host: str) -> Iterator[str]:
    """Yield what a route does with its requests."""
    action, redirect = route.get("route", {}), route.get("redirect", {})
    filters = route.get("typedPerFilterConfig", {})
    if "redirect" in route:
        target = "".join(f", {word} {redirect[field]}" for field, word in REDIRECTS.items() if field in redirect)
        yield f"  redirected with {STATUSES[redirect.get('responseCode', 'MOVED_PERMANENTLY')]}{target}"
    elif "directResponse" in route:
        yield f"  answered   with {route['directResponse'].get('status', 0)} by the proxy"
    else:
        shares = ", ".join(f"{share:g} % {version(cluster, host)}" for cluster, share in destinations(route))
        yield f"  lead to    {shares or 'not shown'}"
    for cluster, percent in mirrors(route):
        yield f"  copied to  {version(cluster, host)}, {percent}"
    yield from _fault_lines(filters.get(FAULT, {}))
    if action.get("timeout", "0s") != "0s":
        yield f"  timeout    {action['timeout']}"
    if retry := action.get("retryPolicy"):
        each = f", each after {retry['perTryTimeout']} at most" if "perTryTimeout" in retry else ""
        yield f"  retries    {retry.get('numRetries', 1)} on {retry.get('retryOn') or 'nothing'}{each}"
    per_destination = [
        one.keys() - DESTINATION_FIELDS for one in action.get("weightedClusters", {}).get("clusters", ())
    ]
    yield from _not_shown(
        (route.keys() - ROUTE_FIELDS)
        | (action.keys() - ACTION_FIELDS)
        | (redirect.keys() - REDIRECTS.keys() - {"responseCode"})
        | (filters.keys() - {FAULT})
        | set().union(*per_destination)
    )


def _path(match: Json, kind: str) -> str:
    value = match[kind].get("regex") if isinstance(match[kind], dict) else match[kind]
    return PATH_MATCHES[kind].format(value) + ("" if match.get("caseSensitive", True) else ", in any case")


def _condition(name: str, matcher: Json) -> str:
    """Return what a HeaderMatcher or a QueryParameterMatcher asks for: presence, where it has no kind of match."""
    value = matcher.get("stringMatch", {})
    kind = next((kind for kind in STRING_MATCHES if kind in value), None)
    others = sorted(matcher.keys() - {"name", "presentMatch", "invertMatch", "treatMissingHeaderAsEmpty"})
    if kind:
        text = value[kind]["regex"] if kind == "safeRegex" else value[kind]
        said = f"{name}{STRING_MATCHES[kind]}{text}{', in any case' if value.get('ignoreCase') else ''}"
    elif others:
        said = f"{name} by {', '.join(others)} (not shown)"
    else:
        said = f"{name} is {'present' if matcher.get('presentMatch', True) else 'absent'}"
    return f"not {said}" if matcher.get("invertMatch") else said


def _fault_lines(fault: Json) -> Iterator[str]:
    if delay := fault.get("delay"):
        yield f"  delayed    {_percent(delay.get('percentage', {}))} by {delay.get('fixedDelay', 'what a header says')}"
    if abort := fault.get("abort"):
        grpc = f"gRPC status {abort['grpcStatus']}" if "grpcStatus" in abort else "what a header says"
        yield f"  aborted    {_percent(abort.get('percentage', {}))} with {abort.get('httpStatus', grpc)}"


def _percent(fraction: Json) -> str:
    percent = fraction.get("numerator", 0) / PERCENT_DIVISORS[fraction.get("denominator", "HUNDRED")]
    return f"{percent:g} %"


def _not_shown(fields: Iterable[str]) -> Iterator[str]:
    names: Sequence[str] = sorted(fields)
    if names:
        yield f"  not shown  {', '.join(names)}"
