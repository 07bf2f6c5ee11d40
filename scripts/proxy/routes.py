"""What an Envoy does with the requests for one host, in lines of text.

What a line cannot say is named in a line "not shown", so that silence never means "all" or "none".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from canary_loadtest.core.message import Message, joined
from scripts.proxy.route_names import ROUTE_HEADER, VERSIONS, disagreement

Json = Mapping[str, Any]
SHOWN_HOSTS: Final = 10
FAULT: Final = "envoy.filters.http.fault"
PERCENT_DIVISORS: Final = {"HUNDRED": 1, "TEN_THOUSAND": 100, "MILLION": 10_000}
STRING_MATCHES: Final = ("exact", "prefix", "suffix", "contains", "safeRegex")
PATH_MATCHES: Final = ("prefix", "path", "pathSeparatedPrefix", "safeRegex", "connectMatcher")
REDIRECTS: Final = {
    "schemeRedirect": Message("scheme"),
    "hostRedirect": Message("host"),
    "portRedirect": Message("port"),
    "pathRedirect": Message("path"),
}
REST: Final = Message("all that are left")
IN_ANY_CASE: Final = Message(", in any case")
NOT_SHOWN: Final = Message("not shown")
BY_A_HEADER: Final = Message("what a header says")
COMMA: Final = Message(", ")
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
        more = Message(" and {count} more", count=len(known) - SHOWN_HOSTS) if len(known) > SHOWN_HOSTS else ""
        hosts = ", ".join(sorted(known)[:SHOWN_HOSTS]) or Message("none")
        raise NoRouteError(
            Message("no route for {host}: its hosts are {hosts}{more}", host=host, hosts=hosts, more=more)
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


def conditions(match: Json) -> list[Message]:
    """Return what a request has to be for a route, a sentence for each condition; no sentence: anything."""
    found = [_path(match, kind) for kind in PATH_MATCHES if kind in match and (kind, match[kind]) != ("prefix", "/")]
    found += [_condition(header["name"], header) for header in match.get("headers", ())]
    found += [_condition(Message("query {name}", name=one["name"]), one) for one in match.get("queryParameters", ())]
    return found + [Message("{field} (not shown)", field=field) for field in sorted(match.keys() - MATCH_FIELDS)]


def host_lines(virtual_host: Json, host: str) -> Iterator[Message]:
    """Yield the lines that describe a virtual host: what it does with every request, then each route."""
    if virtual_host.get("requireTls", "NONE") != "NONE":
        yield Message("  over http  301 to https, before any route")
    yield from _not_shown(virtual_host.keys() - HOST_FIELDS)
    is_taken = False
    for route in virtual_host.get("routes", ()):
        found = conditions(route["match"])
        requests = joined(COMMA, found) or REST
        yield Message("route {name}", name=route_name(route) or Message("(without a name)"))
        yield _requests(Message("none: a route before it takes all") if is_taken else requests)
        yield from action_lines(route, host)
        shares = dict.fromkeys(VERSIONS, 0.0) | {version(name, host): share for name, share in destinations(route)}
        if warning := disagreement(route_name(route), [shares[one] for one in VERSIONS]):
            yield Message("  warning    {warning}", warning=warning)
        is_taken = is_taken or not found
    if not is_taken:
        yield Message("no route")
        yield _requests(REST)
        yield _answered(404)


def _requests(which: str) -> Message:
    return Message("  requests   {which}", which=which)


def _answered(status: int) -> Message:
    return Message("  answered   with {status} by the proxy", status=status)


def action_lines(route: Json, host: str) -> Iterator[Message]:
    """Yield what a route does with its requests."""
    action, redirect = route.get("route", {}), route.get("redirect", {})
    filters = route.get("typedPerFilterConfig", {})
    if "redirect" in route:
        words = [
            Message(", {part} {value}", part=word, value=redirect[field])
            for field, word in REDIRECTS.items()
            if field in redirect
        ]
        status = STATUSES[redirect.get("responseCode", "MOVED_PERMANENTLY")]
        yield Message("  redirected with {status}{target}", status=status, target=joined("", words))
    elif "directResponse" in route:
        yield _answered(route["directResponse"].get("status", 0))
    else:
        shares = ", ".join(f"{share:g} % {version(cluster, host)}" for cluster, share in destinations(route))
        yield Message("  lead to    {shares}", shares=shares or NOT_SHOWN)
    for cluster, percent in mirrors(route):
        yield Message("  copied to  {version}, {percent}", version=version(cluster, host), percent=percent)
    yield from _fault_lines(filters.get(FAULT, {}))
    if action.get("timeout", "0s") != "0s":
        yield Message("  timeout    {seconds}", seconds=action["timeout"])
    if retry := action.get("retryPolicy"):
        yield _retries(retry)
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


def _retries(policy: Json) -> Message:
    each = Message(", each after {most} at most", most=policy["perTryTimeout"]) if "perTryTimeout" in policy else ""
    when = policy.get("retryOn") or Message("nothing")
    return Message("  retries    {count} on {when}{each}", count=policy.get("numRetries", 1), when=when, each=each)


def _path(match: Json, kind: str) -> Message:
    value = str(match[kind].get("regex") if isinstance(match[kind], dict) else match[kind])
    said = Message("method: CONNECT") if kind == "connectMatcher" else _compared(Message("path"), kind, value)
    return said if match.get("caseSensitive", True) else joined("", [said, IN_ANY_CASE])


def _compared(name: str, kind: str, value: str) -> Message:
    """Return what a kind of match asks of something that has a name."""
    if kind == "prefix":
        return Message("{name} starts with {value}", name=name, value=value)
    if kind == "suffix":
        return Message("{name} ends with {value}", name=name, value=value)
    if kind == "contains":
        return Message("{name} contains {value}", name=name, value=value)
    if kind == "safeRegex":
        return Message("{name} matches as a whole {value}", name=name, value=value)
    if kind == "pathSeparatedPrefix":
        return Message("{name}: {value}, or below {value}/", name=name, value=value)
    return Message("{name}: {value}", name=name, value=value)


def _condition(name: str, matcher: Json) -> Message:
    """Return what a HeaderMatcher or a QueryParameterMatcher asks for: presence, where it has no kind of match."""
    value = matcher.get("stringMatch", {})
    kind = next((kind for kind in STRING_MATCHES if kind in value), None)
    others = sorted(matcher.keys() - {"name", "presentMatch", "invertMatch", "treatMissingHeaderAsEmpty"})
    if kind:
        said = _compared(name, kind, value[kind]["regex"] if kind == "safeRegex" else value[kind])
        if value.get("ignoreCase"):
            said = joined("", [said, IN_ANY_CASE])
    elif others:
        said = Message("{name} by {others} (not shown)", name=name, others=", ".join(others))
    elif matcher.get("presentMatch", True):
        said = Message("{name} is present", name=name)
    else:
        said = Message("{name} is absent", name=name)
    return Message("not {said}", said=said) if matcher.get("invertMatch") else said


def _fault_lines(fault: Json) -> Iterator[Message]:
    if delay := fault.get("delay"):
        time = delay.get("fixedDelay") or BY_A_HEADER
        yield Message("  delayed    {percent} by {time}", percent=_percent(delay.get("percentage", {})), time=time)
    if abort := fault.get("abort"):
        grpc = Message("gRPC status {status}", status=abort["grpcStatus"]) if "grpcStatus" in abort else BY_A_HEADER
        status = str(abort["httpStatus"]) if "httpStatus" in abort else grpc
        yield Message(
            "  aborted    {percent} with {status}", percent=_percent(abort.get("percentage", {})), status=status
        )


def _percent(fraction: Json) -> str:
    percent = fraction.get("numerator", 0) / PERCENT_DIVISORS[fraction.get("denominator", "HUNDRED")]
    return f"{percent:g} %"


def _not_shown(fields: Iterable[str]) -> Iterator[Message]:
    names: Sequence[str] = sorted(fields)
    if names:
        yield Message("  not shown  {names}", names=", ".join(names))
