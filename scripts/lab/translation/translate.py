"""From Istio's resources to Envoy's configuration, as istiod translates them for its ingress gateway.

The results are tested against records of a real istiod. Envoy's objects are v3 API in protobuf's JSON form, in
snake_case: routes are in `routes`, clusters in `clusters`.
"""

from typing import Any, Final

from scripts.lab.translation import defaults
from scripts.lab.translation.clusters import clusters
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name, is_within
from scripts.lab.translation.routes import route_configuration
from scripts.lab.translation.servers import is_bound
from scripts.lab.translation.services import SERVICE_NAME, SERVICE_PORT, services

__all__ = [
    "ROUTE_HEADER",
    "SERVICE_NAME",
    "SERVICE_PORT",
    "browser_routes",
    "clusters",
    "full_host_name",
    "host_to_ask",
    "is_bound",
    "route_configuration",
    "route_names",
]

ROUTE_HEADER: Final = "x-canary-route"


def route_names(manifests: Manifests) -> tuple[str, ...]:
    """Return the values of the response header `x-canary-route` that the virtual services set, in order, each once."""
    found = [
        value
        for service in manifests.virtual_services
        for route in service.http
        for name, value in route.response_headers.items()
        if name.lower() == ROUTE_HEADER
    ]
    return tuple(dict.fromkeys(found))


def host_to_ask(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> str:
    """Return a Host that leads to a route with destinations, of the virtual services that are bound to the gateway.

    A wildcard is answered by a name that it stands for.
    """
    return _host_to_ask(manifests, namespace, route_configuration(manifests, namespace))


def _host_to_ask(manifests: Manifests, namespace: str, configuration: dict[str, Any]) -> str:
    own = full_host_name(SERVICE_NAME, namespace)
    domains = [host for one in configuration["virtual_hosts"] for host in one["domains"]]
    if own in domains or not domains:
        return own
    known = services(manifests, namespace)
    named = [
        full_host_name(host, service.meta.namespace or namespace)
        for service in manifests.virtual_services
        if is_bound(service, manifests, namespace)
        for host in service.hosts
    ]
    wanted = [host for host in named if host in domains] or domains
    first = wanted[0]
    if own in known and first.endswith(".svc.cluster.local"):
        return own  # another Service's name that leads to micro-api is a mistake, which the warning is about
    if first == "*":
        return next(iter(known), own)
    return first.replace("*", "www", 1)


def browser_routes(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> dict[str, Any]:
    """Return the RouteConfiguration for browsers: the routes of the host to ask, for any Host that a browser sends.

    A route that looks at the Host itself sees the browser's.
    """
    configuration = route_configuration(manifests, namespace)
    host = _host_to_ask(manifests, namespace, configuration)
    of_host = [one for one in configuration["virtual_hosts"] if any(is_within(host, name) for name in one["domains"])]
    of_host.sort(key=lambda one: max(len(name) for name in one["domains"] if is_within(host, name)))
    hosts = [{**of_host[-1], "name": "browser", "domains": ["*"]}] if of_host else []
    return {**configuration, "name": defaults.BROWSER_CONFIGURATION_NAME, "virtual_hosts": hosts}
