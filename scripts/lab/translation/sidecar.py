"""From VirtualServices and Services to Envoy's routes as istiod translates them for a sidecar: for clients in the mesh.

The functions have the order of steps of Istio's own, which their docstrings name: `BuildSidecarVirtualHostWrapper` in
pilot/pkg/networking/core/route/route.go, `BuildSidecarOutboundVirtualHosts` in pilot/pkg/networking/core/httproute.go.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final

from scripts.lab.translation import actions, defaults
from scripts.lab.translation.destination_rules import policy_of
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, MESH, full_host_name, is_within
from scripts.lab.translation.resources import VirtualService
from scripts.lab.translation.routes import Proxy, cluster_name, http_routes
from scripts.lab.translation.services import GATEWAY_PORT, SERVICE_NAME, Registry, services

Json = dict[str, Any]

_OF_CLUSTER: Final = ".svc.cluster.local"
_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
# A sidecar passes such requests on, to the address that the client asked (PassthroughCluster). Nothing here has one.
_UNKNOWN: Final = (
    "no Service and no VirtualService for the mesh has this host: a sidecar passes the request on to the address that "
    "the client asked, and the lab has none\n"
)


def inside_configuration(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> Json:
    """Return the RouteConfiguration of the lab's one listener for clients inside the mesh.

    A sidecar has one for each port. Here each host is served as at the first of its Service's ports, and a host without
    a Service as at port 80; 502 for any other.

    Args:
        manifests: the traffic state.
        namespace: the namespace that resources without one belong to, and the client.
    """
    known = [port for ports in Registry(manifests, namespace).services.values() for port in ports]
    hosts: dict[str, Json] = {}
    for port in dict.fromkeys((*known, GATEWAY_PORT)):
        here = {host: made for host, made in sidecar_hosts(manifests, port, namespace).items() if host not in hosts}
        hosts |= here
    hosts = _each_domain_once(hosts)
    unknown = {"match": {"prefix": "/"}, "direct_response": {"status": 502, "body": {"inline_string": _UNKNOWN}}}
    return {
        "name": defaults.INSIDE_CONFIGURATION_NAME,
        "virtual_hosts": [*hosts.values(), {"name": "allow_any", "domains": ["*"], "routes": [unknown]}],
        **deepcopy(dict(defaults.ROUTE_CONFIGURATION)),
    }


def inside_host(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> str:
    """Return the host that a client inside the mesh asks: the first Service, micro-api before all others."""
    own = full_host_name(SERVICE_NAME, namespace)
    known = services(manifests, namespace)
    if own in known:
        return own
    hosts = [host for service in manifests.virtual_services if _is_for_mesh(service) for host in service.hosts]
    return next(iter(known), hosts[0].replace("*", "www", 1) if hosts else own)


def _is_for_mesh(service: VirtualService) -> bool:
    return MESH in (service.gateways or (MESH,))


def sidecar_hosts(
    manifests: Manifests, port: int, namespace: str = DEFAULT_NAMESPACE, client: str = ""
) -> dict[str, Json]:
    """Return the virtual hosts of the routes that a sidecar has for one port, by host.

    Args:
        manifests: the traffic state.
        port: the port that the client asks.
        namespace: the namespace that resources without one belong to.
        client: the namespace of the client, if it is another one.
    """
    client = client or namespace
    registry = Registry(manifests, namespace).at(port)
    found: dict[str, Json] = {}
    routed: set[str] = set()
    for service in manifests.virtual_services:
        if not _is_for_mesh(service):
            continue
        routes = list(http_routes(service, Proxy(MESH, port, _NO_LABELS, client), registry))
        own, others = _hosts(service, registry, port)
        if not routes or not (own or others):
            continue
        for host in (*others, *own):  # the oldest virtual service wins
            found.setdefault(host, _virtual_host(host, port, _names(host, client) if host in own else [host], routes))
        routed.update(own)
    for host in registry.services:
        if host not in routed:
            found.setdefault(
                host, _virtual_host(host, port, _names(host, client), [_default_route(host, port, registry)])
            )
    return _each_domain_once(found)


def _each_domain_once(hosts: Mapping[str, Json]) -> dict[str, Json]:
    """Return virtual hosts without the domains that one before them has; mirrors `dedupeDomains`.

    Envoy refuses a configuration in which a domain stands twice.
    """
    seen: set[str] = set()
    found = {}
    for host, made in hosts.items():
        domains = [one for one in made["domains"] if one.lower() not in seen]
        seen.update(one.lower() for one in domains)
        if domains:
            found[host] = {**made, "domains": domains}
    return found


def _hosts(service: VirtualService, registry: Registry, port: int) -> tuple[list[str], list[str]]:
    """Return the Services with this port that a virtual service names, and its other hosts.

    Mirrors `buildSidecarVirtualHostsForVirtualService`: where no Service has the port, the hosts are served at port 80.
    """
    wanted = [full_host_name(host, service.meta.namespace or registry.namespace) for host in service.hosts]
    own = [host for host in registry.services if any(is_within(host, name) for name in wanted)]
    others = [name for name in wanted if not any(is_within(host, name) for host in own)]
    return own, others if own or port == GATEWAY_PORT else []


def _virtual_host(host: str, port: int, names: Sequence[str], routes: Sequence[Json]) -> Json:
    return {
        "name": f"{host}:{port}",
        "domains": list(names),
        "routes": list(routes),
        **deepcopy(dict(defaults.VIRTUAL_HOST)),
    }


def _names(host: str, client: str) -> list[str]:
    """Return the names of a Service for a client; mirrors `generateVirtualHostDomains`, without addresses."""
    name, _, namespace = host.removesuffix(_OF_CLUSTER).partition(".")
    names = [host, f"{host}.", f"{name}.{namespace}", f"{name}.{namespace}.svc"]
    return [*names, name] if namespace == client else names


def _default_route(host: str, port: int, registry: Registry) -> Json:
    """Mirrors `buildDefaultHTTPOutboundRoute`: all pods of the Service."""
    balancer = policy_of(registry.rule(host), None, port).get("loadBalancer", {})
    hashed = actions.hash_policy(balancer.get("consistentHash"))
    action = {
        "cluster": cluster_name(host, port, None),
        **actions.timeouts(None),
        "retry_policy": actions.retry_policy(None, is_hashed=False),
        **({"hash_policy": [hashed]} if hashed else {}),
    }
    return {"name": "default", "match": {"prefix": "/"}, "route": action}
