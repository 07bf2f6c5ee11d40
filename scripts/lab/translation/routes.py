"""From VirtualServices and Gateways to Envoy's routes, as istiod translates them for its ingress gateway.

The functions have the order of steps of Istio's own, which their docstrings name: `buildGatewayHTTPRouteConfig` in
pilot/pkg/networking/core/gateway.go, route/route.go for routes. What Istio and Envoy merely call by other names is in
`actions`.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from scripts.lab.translation import actions, defaults
from scripts.lab.translation.destination_rules import policy_of
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import (
    DEFAULT_NAMESPACE,
    MESH,
    full_gateway_name,
    full_host_name,
    intersection,
)
from scripts.lab.translation.resources import Destination, HttpRoute, VirtualService
from scripts.lab.translation.servers import Listening, is_replaced, listening
from scripts.lab.translation.services import GATEWAY_PORT, Registry, port_of

Json = dict[str, Any]


def route_configuration(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> Json:
    """Return the RouteConfiguration of the gateway's port 80, as Istio's `buildGatewayHTTPRouteConfig` makes it.

    The lab has one port. What a real gateway serves on others is added, for the hosts that port 80 does not serve.

    Args:
        manifests: the traffic state.
        namespace: the namespace that resources without one belong to.
    """
    hosts: dict[str, _VirtualHost] = {}
    servers = listening(manifests, namespace)
    registry = Registry(manifests, namespace)
    for name in dict.fromkeys(one.configuration_name for one in servers):
        here: dict[str, _VirtualHost] = {}
        for one in servers:
            if one.configuration_name == name:
                _add_hosts(here, one, servers, registry)
        hosts = {**here, **hosts}
    return {
        "name": defaults.ROUTE_CONFIGURATION_NAME,
        "virtual_hosts": list(_collapsed(hosts)),
        **deepcopy(dict(defaults.ROUTE_CONFIGURATION)),
    }


@dataclass
class _VirtualHost:
    """What is collected for one host: its routes, by the virtual services that they come from."""

    port: int
    sources: tuple[tuple[str, str], ...] = ()
    routes: list[Json] = field(default_factory=list)
    requires_tls: bool = False


def _add_hosts(
    hosts: dict[str, _VirtualHost], one: Listening, servers: Sequence[Listening], registry: Registry
) -> None:
    """Add what one server of a gateway serves."""
    is_tls = bool(one.server.tls_mode) or one.server.https_redirect
    proxy = Proxy(one.full_name, one.server.port, defaults.GATEWAY_LABELS, defaults.GATEWAY_NAMESPACE, is_tls)
    for service in registry.manifests.virtual_services:
        own = service.meta.namespace or registry.namespace
        if one.full_name not in {full_gateway_name(name, own) for name in service.gateways}:
            continue
        routes = list(http_routes(service, proxy, registry))
        if not routes:
            continue
        wanted = [full_host_name(host, own) for host in service.hosts]
        for host in intersection(_hosts_for(one, own, registry.namespace), wanted):
            if is_replaced(host, one, servers):
                continue
            found = hosts.setdefault(host, _VirtualHost(one.server.port))
            found.sources = (*found.sources, (one.full_name, f"{own}/{service.meta.name}"))
            found.routes = [*found.routes, *routes]
            found.requires_tls |= one.server.https_redirect
    for host in one.hosts if one.server.https_redirect else ():
        if not is_replaced(host, one, servers):  # even without a virtual service
            hosts.setdefault(host, _VirtualHost(one.server.port)).requires_tls = True


def _hosts_for(one: Listening, namespace: str, default: str) -> list[str]:
    """Return the hosts of a server that a namespace may use; mirrors `NamesForNamespace`."""
    found = []
    for written in one.server.hosts:
        admitted, slash, host = written.rpartition("/")
        admitted = (one.gateway.meta.namespace or default) if admitted == "." else admitted
        if not slash or admitted in ("*", namespace):
            found.append(host)
    return found


def _collapsed(hosts: Mapping[str, _VirtualHost]) -> Iterator[Json]:
    """Yield one virtual host for all hosts with the same routes, named by the longest; `collapseDuplicateRoutes`.

    A wildcard comes after all others.
    """
    groups: dict[tuple[object, ...], list[str]] = {}
    for host, found in hosts.items():
        groups.setdefault((found.sources, found.port, found.requires_tls), []).append(host)
    for names in groups.values():
        domains = sorted(names, key=lambda host: (host.startswith("*"), -len(host), host))
        found = hosts[domains[0]]
        yield {
            "name": f"{domains[0]}:{found.port}",
            "domains": domains,
            "routes": _catch_alls_last(found.routes),
            **deepcopy(dict(defaults.VIRTUAL_HOST)),
            **({"require_tls": "ALL"} if found.requires_tls else {}),
        }


def _catch_alls_last(routes: Sequence[Json]) -> list[Json]:
    """Mirrors `SortVHostRoutes`: the routes that match every request come last."""
    return sorted(routes, key=_is_catch_all)


def _is_catch_all(route: Mapping[str, Any]) -> bool:
    match = route["match"]
    is_any_path = match.get("prefix") == "/" or match.get("safe_regex", {}).get("regex") == ".*"
    return is_any_path and "headers" not in match and "query_parameters" not in match


@dataclass(frozen=True)
class Proxy:
    """Whose routes are made: a server of a gateway, or a sidecar.

    Attributes:
        gateway: the gateway's full name, or `mesh`.
        port: the port that its clients ask.
        labels: those of its pod.
        namespace: that of its pod.
        is_tls: whether the server has TLS, or redirects to it.
    """

    gateway: str
    port: int
    labels: Mapping[str, str]
    namespace: str
    is_tls: bool = False


def http_routes(service: VirtualService, proxy: Proxy, registry: Registry) -> Iterator[Json]:
    """Yield one Envoy route for each match; mirrors `BuildHTTPRoutesForVirtualService`."""
    port = proxy.port if proxy.gateway == MESH else GATEWAY_PORT
    context = _Context(registry, service.meta.namespace or registry.namespace, port)
    for route in service.http:
        for match in route.matches or ({},):
            if _is_for(match, proxy, context.own):
                translated = _route(route, match, context, proxy)
                yield translated
                if _is_catch_all(translated):
                    return  # Istio leaves out the matches and routes after it
        if not route.matches:
            return


@dataclass(frozen=True)
class _Context:
    """What the destinations of a virtual service are looked up in.

    Attributes:
        registry: the Services and rules.
        own: the namespace of the virtual service.
        port: the one that is meant where neither the destination nor its Service says another.
    """

    registry: Registry
    own: str
    port: int

    def cluster(self, destination: Destination) -> str:
        """Mirrors `GetDestinationCluster`: the name is made even if there is no such cluster."""
        host = full_host_name(destination.host, self.own)
        port = port_of(destination, self.registry.services.get(host, ()), self.port)
        return cluster_name(host, port, destination.subset)

    def hash_policy(self, destination: Destination) -> Json | None:
        """Mirrors `hashForHTTPDestination`."""
        rule = self.registry.rule(full_host_name(destination.host, self.own))
        policy = policy_of(rule, destination.subset, destination.port or 0)
        return actions.hash_policy(policy.get("loadBalancer", {}).get("consistentHash"))


def cluster_name(host: str, port: int, subset: str | None) -> str:
    """Mirrors `BuildSubsetKey`."""
    return f"outbound|{port}|{subset or ''}|{host}"


def _is_for(match: Mapping[str, Any], proxy: Proxy, namespace: str) -> bool:
    """Return whether a match counts at this proxy and port; mirrors `sourceMatchHTTP`."""
    if match.get("port", proxy.port) != proxy.port:
        return False
    if "gateways" in match:
        return proxy.gateway in {full_gateway_name(name, namespace) for name in match["gateways"]}
    labels = match.get("sourceLabels", {})
    return labels.items() <= proxy.labels.items() and match.get("sourceNamespace") in (None, proxy.namespace)


def _route(route: HttpRoute, match: Mapping[str, Any], context: _Context, proxy: Proxy) -> Json:
    """Mirrors `translateRoute`."""
    options = route.options
    operations = actions.header_operations(options.get("headers", {}))
    translated: Json = {"match": actions.route_match(match), **operations.fields}
    name = ".".join(part for part in (options.get("name"), match.get("name")) if part)
    if name:
        translated["name"] = name if options.get("name") else f".{name}"
    if "statPrefix" in match:
        translated["stat_prefix"] = match["statPrefix"]
    if "redirect" in options:
        translated["redirect"] = actions.redirect(options["redirect"], proxy.port, is_tls=proxy.is_tls)
    elif "directResponse" in options:
        translated["direct_response"] = actions.direct_response(options["directResponse"])
    else:
        _lead_to_destinations(translated, route, context, operations.authority)
    filters = actions.filters(options)
    return {**translated, **({"typed_per_filter_config": filters} if filters else {})}


def _lead_to_destinations(translated: Json, route: HttpRoute, context: _Context, authority: str) -> None:
    """Mirrors `applyHTTPRouteDestination`: a single destination gets all; of several, weight 0 is left out."""
    options = route.options
    action = {**actions.timeouts(options.get("timeout")), **actions.rewrite(options.get("rewrite", {}), authority)}
    if route.mirrors:
        action["request_mirror_policies"] = [
            actions.mirror(context.cluster(destination), percentage)
            for destination, percentage in route.mirrors
            if percentage
        ]
    used = [one for one in route.destinations if one.weight or len(route.destinations) == 1]
    hashes = [found for found in map(context.hash_policy, used) if found]
    if len(route.destinations) == 1:
        action["cluster"] = context.cluster(used[0])
        operations = actions.header_operations(used[0].headers)
        for name, values in operations.fields.items():
            translated[name] = [*translated.get(name, ()), *values]
        if operations.authority:
            action.setdefault("host_rewrite_literal", operations.authority)
    else:
        action["weighted_clusters"] = {"clusters": [_weighted(one, context) for one in used]}
    if hashes:
        action["hash_policy"] = hashes
    retries = actions.retry_policy(options.get("retries"), is_hashed=bool(hashes) and len(route.destinations) == 1)
    translated["route"] = {key: value for key, value in {**action, "retry_policy": retries}.items() if value}


def _weighted(destination: Destination, context: _Context) -> Json:
    """Mirrors `processWeightedDestination`."""
    operations = actions.header_operations(destination.headers)
    host = {"host_rewrite_literal": operations.authority} if operations.authority else {}
    return {"name": context.cluster(destination), "weight": destination.weight, **operations.fields, **host}
