"""Where the replicas of the service are, and how Envoy is told an address.

`translate` puts endpoints into clusters, `xds` addresses into what Envoy reads at its start; `control` and `render`
say which there are. All is pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

HIGHEST_PORT: Final = 65535


class HostPort(NamedTuple):
    """A TCP address: an IP address or a name that DNS knows, and a port."""

    host: str
    port: int


@dataclass(frozen=True)
class Endpoint:
    """One replica of the service, or several behind one name.

    Attributes:
        labels: the labels that its pod would have.
        address: the path of the Unix socket that it listens on, or its host and port; all endpoints of a state are of
            one sort, since Envoy resolves no names beside sockets.
    """

    labels: Mapping[str, str]
    address: str | HostPort


def envoy_address(address: str | HostPort) -> dict[str, Any]:
    """Return Envoy's `Address` of a Unix socket's path, or of host and port."""
    if isinstance(address, HostPort):
        return {"socket_address": {"address": address.host, "port_value": address.port}}
    return {"pipe": {"path": address}}
