"""The resources that the lab reads, each as its manifest has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Meta:
    """Where a resource comes from, and what it is called.

    Attributes:
        file: the name of its file.
        name: `metadata.name`.
        namespace: `metadata.namespace`, None if it is of the namespace that the lab stands for.
        created: `metadata.creationTimestamp`, "" if it has none; the older of two resources goes first.
    """

    file: str
    name: str
    namespace: str | None = None
    created: str = ""


@dataclass(frozen=True)
class Server:
    """One server of a Gateway.

    Attributes:
        port: number of its port.
        port_name: the name of its port, "" without one.
        protocol: such as `HTTP` or `HTTPS`, in capitals.
        hosts: its hosts as written, each perhaps with a namespace before a slash.
        tls_mode: its `tls.mode`, "" without `tls`.
        https_redirect: whether it answers 301 to the same URL with https.
    """

    port: int
    port_name: str
    protocol: str
    hosts: tuple[str, ...]
    tls_mode: str = ""
    https_redirect: bool = False


@dataclass(frozen=True)
class Gateway:
    """What an ingress gateway listens for."""

    meta: Meta
    servers: tuple[Server, ...]
    selector: Mapping[str, str]


@dataclass(frozen=True)
class Destination:
    """One destination of a route: a Service's host and port, and a subset of its endpoints (None: all of them).

    `port` is None if the file gives none; `weight` is relative to the route's other weights, not a percentage, and None
    if the file gives none; `headers` is the file's `headers` in its own names.
    """

    host: str
    port: int | None = None
    subset: str | None = None
    weight: int | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HttpRoute:
    """One entry of `spec.http`.

    Attributes:
        matches: any of these must be met (none: every request), each a match in Istio's own names.
        destinations: where its requests go; none for a redirect or a direct response.
        options: its other fields in Istio's own names: `headers`, `timeout`, `retries`, `fault`, ...
    """

    matches: tuple[Mapping[str, Any], ...]
    destinations: tuple[Destination, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The response headers that the route sets."""
        headers: Mapping[str, str] = self.options.get("headers", {}).get("response", {}).get("set", {})
        return headers

    @property
    def mirrors(self) -> tuple[tuple[Destination, float], ...]:
        """Where copies of its requests go, each with the percentage of requests that are copied."""
        found: tuple[tuple[Destination, float], ...] = self.options.get("mirrors", ())
        return found


@dataclass(frozen=True)
class VirtualService:
    """Which requests go where: its hosts and gateways as written, and its routes in order."""

    meta: Meta
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    http: tuple[HttpRoute, ...]
    without_effect: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.meta.file


@dataclass(frozen=True)
class Subset:
    """The labels of some of a Service's endpoints, and the traffic policy that they have in addition to the rule's."""

    labels: Mapping[str, str]
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DestinationRule:
    """A Service's subsets by name, and how the gateway connects to it, in Istio's own names."""

    meta: Meta
    host: str
    subsets: Mapping[str, Subset]
    policy: Mapping[str, Any] = field(default_factory=dict)
    without_effect: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.meta.file


@dataclass(frozen=True)
class Service:
    """The ports of a Kubernetes Service."""

    meta: Meta
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Skipped:
    """A resource of a kind that the lab does not use, in the company of those that it does."""

    meta: Meta
    kind: str


Resource = Gateway | VirtualService | DestinationRule | Service | Skipped
