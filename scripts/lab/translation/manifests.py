"""The three Istio resources of a canary release, as far as the files under istio/ use them.

A field that the lab would not apply is refused with its file and path, because ignoring it would teach that the field
does nothing. What Istio itself refuses, such as weights that add up to 0, is refused here too. What Istio accepts and
serves broken is accepted, and `analysis` warns about it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from scripts.lab.translation.endpoints import HIGHEST_PORT
from scripts.lab.translation.fields import Field, Form, ManifestError, document

__all__ = [
    "Destination",
    "DestinationRule",
    "Gateway",
    "HttpRoute",
    "ManifestError",
    "Manifests",
    "Resource",
    "VirtualService",
    "combine",
    "parse",
]

API_VERSION: Final = "networking.istio.io/v1"
LOAD_BALANCERS: Final = ("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM")

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME: Final = Form(_LABEL, "a name of lower-case letters, digits and hyphens")
_GATEWAY_NAME: Final = Form(rf"(?![0-9]+$){_LABEL}", f"{_NAME.meaning}, not of digits alone")
# Istio refuses a number as the last of several parts, except in an IP address, which the lab does not support.
_HOST: Final = Form(
    rf"(?=.{{1,255}}$)(?!.*\.[0-9]+$){_LABEL}(\.{_LABEL})*",
    "a host name in lower case, without wildcard, whose last part is not a number",
)
_HEADER_NAME: Final = Form(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "a header name of lower-case letters, digits and hyphens")
_HEADER_TO_SET: Final = Form(rf"(?!host$){_HEADER_NAME.pattern}", f"{_HEADER_NAME.meaning}, other than host")
# Istio refuses a bare "%" here: in Envoy it starts a command such as %START_TIME%, which the lab does not support.
_HEADER_VALUE: Final = Form(r"[!-$&-~]([ -$&-~]*[!-$&-~])?", 'a header value of printable ASCII without "%"')
_PART: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_KEY: Final = Form(
    rf"((?=.{{1,253}}/){_PART}(\.{_PART})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?", "a label's key"
)
_LABEL_VALUE: Final = Form(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", "a label's value")
_MOST_INT32: Final = 2**31 - 1
_MOST_UINT32: Final = 2**32 - 1  # Envoy's bound on the sum of the weights of one route


@dataclass(frozen=True)
class Gateway:
    """The ingress gateway's HTTP listener on port 80, for every host; only its name can be chosen."""

    file: str
    name: str


@dataclass(frozen=True)
class Destination:
    """One destination of a route: a Service's host and port, and a subset of its endpoints (None: all of them).

    `weight` is relative to the route's other weights, not a percentage; None if the file gives none.
    """

    host: str
    port: int
    subset: str | None
    weight: int | None


@dataclass(frozen=True)
class HttpRoute:
    """One entry of `spec.http`: any of the matches (none: every request), its destinations, its response headers.

    A match maps request headers to the exact values that they must all have.
    """

    matches: tuple[Mapping[str, str], ...]
    destinations: tuple[Destination, ...]
    response_headers: Mapping[str, str]


@dataclass(frozen=True)
class VirtualService:
    """Which requests go where: its hosts and gateways as written, and its routes in order."""

    file: str
    name: str
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    http: tuple[HttpRoute, ...]


@dataclass(frozen=True)
class DestinationRule:
    """A Service's subsets (name to labels) and how the gateway connects to it; None where the file has no value."""

    file: str
    name: str
    host: str
    subsets: Mapping[str, Mapping[str, str]]
    load_balancer: str | None
    max_connections: int | None
    http1_max_pending_requests: int | None
    max_requests_per_connection: int | None


Resource = Gateway | VirtualService | DestinationRule


@dataclass(frozen=True)
class Manifests:
    """One resource of each kind."""

    gateway: Gateway
    virtual_service: VirtualService
    destination_rule: DestinationRule

    def resources(self) -> tuple[Resource, ...]:
        """Return the three resources."""
        return (self.gateway, self.virtual_service, self.destination_rule)


def parse(text: str, file: str) -> Resource:
    """Return the resource of one manifest.

    Args:
        text: the content of the file.
        file: its name, for errors and warnings.

    Raises:
        ManifestError: it is not YAML, not a known resource, or has a field or value that the lab does not support.
    """
    root = document(text, file).record(("apiVersion", "kind", "metadata", "spec"))
    root["apiVersion"].one_of([API_VERSION])
    read = _READERS[root["kind"].one_of(list(_READERS))]
    # Without a namespace: the manifests work in any namespace that they are applied to.
    name = root["metadata"].record(["name"])["name"].text(_NAME)
    return read(file, name, root["spec"])


def combine(resources: Iterable[Resource]) -> Manifests:
    """Return a Gateway, a VirtualService and a DestinationRule together.

    Raises:
        ManifestError: a kind is missing, or given more than once; the message names the files.
    """
    given = tuple(resources)
    return Manifests(_only(Gateway, given), _only(VirtualService, given), _only(DestinationRule, given))


_Kind = TypeVar("_Kind", Gateway, VirtualService, DestinationRule)


def _only(kind: type[_Kind], given: Sequence[Resource]) -> _Kind:
    """Return the one resource of a kind."""
    found = [resource for resource in given if isinstance(resource, kind)]
    if not found:
        files = ", ".join(resource.file for resource in given) or "no file"
        raise ManifestError(f"{files}: no {kind.__name__} here: add the file that holds one")
    if len(found) > 1:
        files = ", ".join(resource.file for resource in found)
        raise ManifestError(f"{files}: {len(found)} resources of kind {kind.__name__}: keep one of them")
    return found[0]


def _gateway(file: str, name: str, spec: Field) -> Gateway:
    """Read a Gateway; the lab supports one form of it, and refuses any other."""
    fields = spec.record(("selector", "servers"))
    fields["selector"].record(["istio"])["istio"].one_of(["ingressgateway"])
    server = _single(fields["servers"]).record(("port", "hosts"))
    port = server["port"].record(("number", "name", "protocol"))
    port["number"].whole_number(80, 80)
    port["name"].text(_NAME)
    port["protocol"].one_of(["HTTP"])
    _single(server["hosts"]).one_of(["*"])
    return Gateway(file, name)


def _single(field: Field) -> Field:
    """Return the only element of a list."""
    first, *others = field.items()
    if others:
        raise others[0].error("the lab supports only one element here")
    return first


def _virtual_service(file: str, name: str, spec: Field) -> VirtualService:
    fields = spec.record(("hosts", "gateways", "http"))
    return VirtualService(
        file=file,
        name=name,
        hosts=_distinct(fields["hosts"], _HOST),
        gateways=_distinct(fields["gateways"], _GATEWAY_NAME),
        http=tuple(_http_route(field) for field in fields["http"].items()),
    )


def _distinct(field: Field, form: Form) -> tuple[str, ...]:
    """Return a list of distinct names."""
    names: list[str] = []
    for item in field.items():
        name = item.text(form)
        if name in names:
            raise item.error(f"{name}: is in this list twice: keep one")
        names.append(name)
    return tuple(names)


def _http_route(field: Field) -> HttpRoute:
    fields = field.record(["route"], ("match", "headers"))
    return HttpRoute(
        matches=tuple(_match(match) for match in fields["match"].items()) if "match" in fields else (),
        destinations=_destinations(fields["route"]),
        response_headers=_response_headers(fields["headers"]) if "headers" in fields else {},
    )


def _match(field: Field) -> Mapping[str, str]:
    headers = field.record(["headers"])["headers"].entries(_HEADER_NAME)
    return {name: condition.record(["exact"])["exact"].text(_HEADER_VALUE) for name, condition in headers.items()}


def _response_headers(field: Field) -> Mapping[str, str]:
    return field.record(["response"])["response"].record(["set"])["set"].texts(_HEADER_TO_SET, _HEADER_VALUE)


def _destinations(field: Field) -> tuple[Destination, ...]:
    destinations = tuple(_destination(item) for item in field.items())
    total = sum(destination.weight or 0 for destination in destinations)
    # Istio's own rule: a single destination needs no weight, and gets every request with any weight.
    if len(destinations) > 1 and total == 0:
        raise field.error("the weights add up to 0: give one of the destinations a weight above 0")
    if total > _MOST_UINT32:
        raise field.error(f"the weights add up to {total}: Envoy takes {_MOST_UINT32} at most")
    return destinations


def _destination(field: Field) -> Destination:
    fields = field.record(["destination"], ["weight"])
    # Without a port, clients inside the mesh that use the gateway's Service get 503.
    target = fields["destination"].record(("host", "port"), ["subset"])
    return Destination(
        host=target["host"].text(_HOST),
        port=target["port"].record(["number"])["number"].whole_number(1, HIGHEST_PORT),
        subset=target["subset"].text(_NAME) if "subset" in target else None,
        weight=_optional_number(fields, "weight"),
    )


def _optional_number(fields: Mapping[str, Field], name: str) -> int | None:
    return fields[name].whole_number(0, _MOST_INT32) if name in fields else None


def _destination_rule(file: str, name: str, spec: Field) -> DestinationRule:
    fields = spec.record(["host"], ("trafficPolicy", "subsets"))
    policy = fields["trafficPolicy"].record((), ("loadBalancer", "connectionPool")) if "trafficPolicy" in fields else {}
    pool = policy["connectionPool"].record((), ("tcp", "http")) if "connectionPool" in policy else {}
    tcp = pool["tcp"].record((), ["maxConnections"]) if "tcp" in pool else {}
    http = pool["http"].record((), ("http1MaxPendingRequests", "maxRequestsPerConnection")) if "http" in pool else {}
    return DestinationRule(
        file=file,
        name=name,
        host=fields["host"].text(_HOST),
        subsets=_subsets(fields["subsets"]) if "subsets" in fields else {},
        load_balancer=_load_balancer(policy["loadBalancer"]) if "loadBalancer" in policy else None,
        max_connections=_optional_number(tcp, "maxConnections"),
        http1_max_pending_requests=_optional_number(http, "http1MaxPendingRequests"),
        max_requests_per_connection=_optional_number(http, "maxRequestsPerConnection"),
    )


def _load_balancer(field: Field) -> str:
    return field.record(["simple"])["simple"].one_of(LOAD_BALANCERS)


def _subsets(field: Field) -> Mapping[str, Mapping[str, str]]:
    subsets: dict[str, Mapping[str, str]] = {}
    for item in field.items():
        fields = item.record(("name", "labels"))
        name = fields["name"].text(_NAME)
        if name in subsets:
            raise fields["name"].error(f"{name}: this subset is defined twice: keep one")
        subsets[name] = fields["labels"].texts(_LABEL_KEY, _LABEL_VALUE)
    return subsets


_READERS: Final[Mapping[str, Callable[[str, str, Field], Resource]]] = MappingProxyType(
    {"Gateway": _gateway, "VirtualService": _virtual_service, "DestinationRule": _destination_rule},
)
