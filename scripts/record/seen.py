"""What a proxy's configuration has of one namespace, written as for the namespace `default`.

Many states stand side by side on a cluster, each in a namespace of its own, and one gateway serves all of them.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from scripts.lab.translation.defaults import ROUTE_CONFIGURATION_NAME
from scripts.record.projection import projection, virtual_hosts_projection

Document = Mapping[str, Any]

# The route configurations of a gateway, one for each port, and for each server with TLS.
_OF_SERVERS: Final = re.compile(r"https?\..+")


def renamed(document: Document, namespace: str, other: str) -> dict[str, Any]:
    """Return a document whose host names, and gateways such as `default/name`, are in another namespace."""
    text = in_namespace(namespace).sub(f".{other}", json.dumps(document))
    return dict(json.loads(text.replace(f'"{namespace}/', f'"{other}/')))


def in_namespace(namespace: str) -> re.Pattern[str]:
    """Return the pattern of a namespace in host names such as `micro-api.default` and `micro-api.default.svc`."""
    return re.compile(rf"\.{namespace}(?![-\w])")


def has_host(nonce: str) -> Callable[[Document], bool]:
    """Return a test whether a route configuration has a virtual host whose name begins with a nonce."""
    return lambda routes: any(host["name"].startswith(nonce) for host in routes.get("virtualHosts", ()))


def of_gateway(configurations: Sequence[Document], clusters: Sequence[Document], namespace: str) -> dict[str, Any]:
    """Return the projection of what a gateway has of a namespace.

    Args:
        configurations: its route configurations.
        clusters: its clusters.
        namespace: the namespace.

    Returns:
        The `routes` of port 80, and the `clusters`; where it has more, under `other_ports` the virtual hosts of each
        other route configuration by its name.
    """
    own_name = in_namespace(namespace).search
    of_servers = {one["name"]: one for one in configurations if _OF_SERVERS.fullmatch(one.get("name", ""))}
    of_namespace = [cluster for cluster in clusters if own_name(cluster["name"])]
    whole = renamed(
        {
            "routes": {name: {**one, "virtualHosts": _own_hosts(one, namespace)} for name, one in of_servers.items()},
            "clusters": of_namespace,
        },
        namespace,
        "default",
    )
    routes = whole["routes"].pop(ROUTE_CONFIGURATION_NAME)
    others = {
        name: virtual_hosts_projection(one["virtualHosts"])
        for name, one in whole["routes"].items()
        if one["virtualHosts"]
    }
    found = projection(routes, whole["clusters"], service=None)
    return {**found, "other_ports": others} if others else found


def of_sidecar(configurations: Sequence[Document], namespace: str) -> dict[str, Any]:
    """Return the projection of what a sidecar has for the Services of a namespace, by port.

    Other hosts are left out: of two states that name one, a sidecar has the older, while a gateway has both.
    """
    found = {}
    is_within = in_namespace(namespace).search
    for configuration in (one for one in configurations if one.get("name", "").isdecimal()):
        hosts = [host for host in configuration.get("virtualHosts", ()) if is_within(host["name"])]
        if hosts:
            named = [{**host, "domains": [name for name in host["domains"] if not _is_address(name)]} for host in hosts]
            own = renamed({"virtualHosts": named}, namespace, "default")
            found[configuration["name"]] = virtual_hosts_projection(own["virtualHosts"])
    return found


def _is_address(domain: str) -> bool:
    """Return whether a domain is the address that a cluster gave to a Service."""
    with suppress(ValueError):
        return bool(ipaddress.ip_address(domain.strip("[]")))
    return False


def _own_hosts(configuration: Document, namespace: str) -> list[Document]:
    return [own for host in configuration.get("virtualHosts", ()) if (own := _own(host, namespace))]


def _own(host: Document, namespace: str) -> Document | None:
    """Return a virtual host with what one namespace has of it, None without any.

    The host `*` has routes of several. A host without routes redirects to https, for the domains of several.
    """
    mark = f"/namespaces/{namespace}/"
    routes = [route for route in host.get("routes", []) if mark in json.dumps(route.get("metadata", {}))]
    domains = list(filter(in_namespace(namespace).search, host["domains"]))
    if not host.get("routes") and domains:
        port = host["name"].rpartition(":")[2]
        return {**host, "name": f"{domains[0]}:{port}", "domains": domains}
    return {**host, "routes": routes} if routes or domains else None
