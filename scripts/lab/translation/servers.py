"""Which servers of the Gateways the lab serves, and how its one port stands for all of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_gateway_name, is_within
from scripts.lab.translation.resources import Gateway, Server, VirtualService
from scripts.lab.translation.services import GATEWAY_PORT

_HTTP: Final = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_PASSED_ON: Final = frozenset({"PASSTHROUGH", "AUTO_PASSTHROUGH"})


@dataclass(frozen=True)
class Listening:
    """A server of a gateway that the lab serves; `full_name` is the gateway's."""

    gateway: Gateway
    server: Server
    full_name: str

    @property
    def configuration_name(self) -> str:
        """Mirrors `gatewayRDSRouteName`: servers for plain HTTP share the routes of a port, any other has its own."""
        if self.server.protocol in _HTTP:
            return f"http.{self.server.port}"
        return f"https.{self.server.port}.{self.server.port_name}.{self.full_name}"

    @property
    def hosts(self) -> list[str]:
        """The hosts of the server, without the namespaces that may use them."""
        return [host.rpartition("/")[2] for host in self.server.hosts]


def listening(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> list[Listening]:
    """Return the servers for HTTP and HTTPS in the order in which the lab asks them: those of port 80 first."""
    found = [
        Listening(gateway, server, f"{gateway.meta.namespace or namespace}/{gateway.meta.name}")
        for gateway in manifests.gateways
        for server in gateway.servers
        if is_served(server)
    ]
    return sorted(found, key=lambda one: (one.server.port != GATEWAY_PORT, one.server.port))


def is_served(server: Server) -> bool:
    """Return whether a server carries requests that the gateway reads: not one for TCP, or that passes TLS on."""
    return server.protocol in _HTTP or (server.protocol == "HTTPS" and server.tls_mode not in _PASSED_ON)


def is_replaced(host: str, one: Listening, servers: Sequence[Listening]) -> bool:
    """Return whether the lab leaves out a server's redirect to https for a host.

    It does where a server of another port has the host: it serves there what clients get after the redirect.
    """
    return one.server.https_redirect and any(
        is_within(host, name)
        for other in servers
        if not other.server.https_redirect and other.configuration_name != one.configuration_name
        for name in other.hosts
    )


def is_bound(service: VirtualService, manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> bool:
    """Return whether a virtual service is bound to one of the gateways."""
    own = service.meta.namespace or namespace
    names = {full_gateway_name(name, own) for name in service.gateways}
    return any(f"{one.meta.namespace or namespace}/{one.meta.name}" in names for one in manifests.gateways)
