"""The routes that an Envoy serves, in a line each: which requests, and which version gets how much of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from canary_loadtest.core.message import Message, joined
from scripts.proxy.matching import takes
from scripts.proxy.routes import (
    COMMA,
    OWN_HOSTS,
    REST,
    Json,
    action_lines,
    conditions,
    destinations,
    precedence,
    route_name,
    version,
)

# What a virtual host with `requireTls` does with plain requests, before any route.
HTTPS_REDIRECT: Final[Json] = {
    "name": "httpsRedirect",
    "match": {"prefix": "/"},
    "redirect": {"schemeRedirect": "https"},
}
# How a traffic state is named after its weights: 70-30, gateway-api-0-100.
WEIGHTS: Final = re.compile(r"(?:.*-)?(\d{1,3})-(\d{1,3})")


class Share(NamedTuple):
    """A destination of a route.

    Attributes:
        cluster: its name in Envoy.
        version: its subset, or its Service if it has none.
        weight_percent: its share of the route's requests.
    """

    cluster: str
    version: str
    weight_percent: float


class Served(NamedTuple):
    """A route that Envoy serves.

    Attributes:
        hosts: the domains of its virtual host.
        configuration: the name of its route configuration, which stands for a listener.
        name: the name that it puts on its answers, or its own, "" for none.
        requests: which requests it takes, in words.
        shares: where it leads them, empty where the proxy answers.
        action: what it does, in words.
        match: its match, as Envoy has it.
        name_on_answers: the name that it puts on its answers, "" for none.
    """

    hosts: tuple[str, ...]
    configuration: str
    name: str
    requests: str
    shares: tuple[Share, ...]
    action: str
    match: Json
    name_on_answers: str = ""

    @property
    def name_disagrees(self) -> bool:
        """Whether the name is one of weights, such as 70-30, and the weights are others."""
        found = WEIGHTS.fullmatch(self.name)
        if not found or sum(named := [float(one) for one in found.groups()]) != 100:
            return False
        percent = dict.fromkeys(("v1", "v2"), 0.0)
        for _, name, weight_percent in self.shares:
            percent[name] = percent.get(name, 0.0) + weight_percent
        if len(percent) == 2:
            return [round(one) for one in percent.values()] != named
        weights = [round(share.weight_percent) for share in self.shares]
        return sorted(weights if len(weights) > 1 else [0, *weights]) != sorted(named)


def served(configurations: Iterable[Json]) -> list[Served]:
    """Return the routes that an Envoy serves to plain requests, in its order.

    Args:
        configurations: its route configurations, in protobuf's JSON form in camelCase.
    """
    return [
        _served(route, virtual_host["domains"], configuration.get("name", ""))
        for configuration in configurations
        for virtual_host in configuration.get("virtualHosts", ())
        if not OWN_HOSTS.fullmatch(virtual_host["name"])
        for route in _routes(virtual_host)
    ]


def _routes(virtual_host: Json) -> Sequence[Json]:
    if virtual_host.get("requireTls", "NONE") != "NONE":
        return [HTTPS_REDIRECT]
    routes: Sequence[Json] = virtual_host.get("routes", ())
    return routes


def _served(route: Json, hosts: Sequence[str], configuration: str) -> Served:
    host = hosts[0]
    services = {cluster.rpartition("|")[2] for cluster, _ in destinations(route)}
    seen_from = services.pop() if len(services) == 1 else host  # one Service need not be named
    shares = tuple(Share(cluster, version(cluster, seen_from), percent) for cluster, percent in destinations(route))
    words = ", ".join(f"{share.version} {share.weight_percent:g} %" for share in shares)
    return Served(
        hosts=tuple(hosts),
        configuration=configuration,
        name=route_name(route),
        requests=joined(COMMA, conditions(route["match"])) or REST,
        shares=shares,
        action=words or " ".join(next(iter(action_lines(route, host))).split()),
        match=route["match"],
        name_on_answers=route_name({**route, "name": ""}),
    )


def taking(routes: Iterable[Served], host: str, path: str, headers: Mapping[str, str]) -> Served | None:
    """Return the first route that takes a GET request, None for no route.

    Args:
        routes: the routes that are served.
        host: the request's host.
        path: its path.
        headers: its headers.
    """
    closest = [(max(precedence(domain, host) for domain in route.hosts), route) for route in routes]
    best = max((closeness for closeness, _ in closest), default=())
    own = [route for closeness, route in closest if closeness == best != ()]
    pseudo = {":authority": host, ":path": path, ":method": "GET"}
    sent = {name.lower(): value for name, value in headers.items()} | pseudo
    return next((route for route in own if takes(route.match, path, sent)), None)


def sentence(routes: Sequence[Served], extra: str = "", usual_host: str = "") -> str:
    """Return what Envoy serves as one sentence, or as a sentence with a line for each route.

    Args:
        routes: the routes.
        extra: what to add to the first line, such as how long it took.
        usual_host: the host that need not be named.
    """
    ends = [Message(" {extra}", extra=extra)] if extra else []
    hosts = list(dict.fromkeys(host for route in routes for host in route.hosts))
    if routes and usual_host and usual_host not in hosts:
        ends.append(Message(", for {hosts} only", hosts=", ".join(hosts)))
    end = joined("", ends)
    if not routes:
        return Message("Envoy serves no route{end}: every request gets 404.", end=end)
    if len(routes) == 1 and routes[0].requests == REST:
        only = Message("Envoy serves {action}{end}.", action=_action(routes[0]), end=end)
        return joined("\n", [only, *_disagreement(routes[0])])
    head = Message("Envoy serves {count} route{_s}{end}:", count=len(routes), _s="s" * (len(routes) > 1), end=end)
    return joined("\n", [head, *_lines(routes)])


def _lines(routes: Sequence[Served]) -> Iterator[str]:
    """Yield a line for each route, and one for requests that none takes."""
    groups = list(dict.fromkeys((route.configuration, route.hosts) for route in routes))
    for group in groups:
        own = [route for route in routes if (route.configuration, route.hosts) == group]
        if len(groups) > 1:
            hosts, configuration = ", ".join(own[0].hosts), own[0].configuration
            yield Message("  host {hosts}, routes {configuration}", hosts=hosts, configuration=configuration)
        for route in own:
            yield Message("  {action} for {requests}", action=_action(route), requests=route.requests)
            yield from (joined("", ["  ", line]) for line in _disagreement(route))
        if REST not in {route.requests for route in own}:
            yield Message("  404 for {rest}: no route takes them", rest=REST)


def _action(route: Served) -> str:
    if route.name_disagrees:
        return route.action
    return Message("{action} ({name})", action=route.action, name=route.name or Message("a route without a name"))


def _disagreement(route: Served) -> Iterator[str]:
    if route.name_disagrees:
        yield Message("Its name, {name}, says something else: a name changes no weight.", name=route.name)
