"""The endpoints of the service, and the form of their addresses in Envoy's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

HIGHEST_PORT: Final = 65535


class HostPort(NamedTuple):
    """A TCP address: an IP address or a DNS name, and a port."""

    host: str
    port: int


@dataclass(frozen=True)
class Endpoint:
    """One replica of the service, or several behind one name.

    Attributes:
        labels: the labels that its pod would have.
        address: the path of its Unix socket, or its host and port; all endpoints of a cluster have the same form,
            because Envoy does not resolve names in a cluster with sockets.
        group: which of somebody's subsets it stands for, of those that its version stands for; 0 for the first.
    """

    labels: Mapping[str, str]
    address: str | HostPort
    group: int = 0


def envoy_address(address: str | HostPort) -> dict[str, Any]:
    """Return Envoy's `Address` of a Unix socket's path, or of host and port."""
    if isinstance(address, HostPort):
        return {"socket_address": {"address": address.host, "port_value": address.port}}
    return {"pipe": {"path": address}}
