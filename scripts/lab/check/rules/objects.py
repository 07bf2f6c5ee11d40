"""The objects of all files, and how they name each other: kinds, namespaces, hosts.

An object without a namespace gets the one that it is applied to, so it may be in any: it matches all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from scripts.lab.check.rules.values import Value

ISTIO: Final = "networking.istio.io"
GATEWAY_API: Final = "gateway.networking.k8s.io"
_SERVICE: Final = ".svc"


@dataclass(frozen=True)
class Object:
    """One Kubernetes object: its document, with the names that others know it by."""

    value: Value
    kind: str  # with the group: `networking.istio.io/Gateway`, `/Service`

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return self.value.text_of("metadata", "name")

    @property
    def namespace(self) -> str:
        """`metadata.namespace`; "" where it is not given."""
        return self.value.text_of("metadata", "namespace")

    @property
    def place(self) -> str:
        """Where it is, for messages about another object."""
        return f"{self.name} ({self.value.file}:{self.value.line})"

    def list_of(self, *keys: str) -> list[Value]:
        """Return the elements of a list below `spec`."""
        return self.value.list_of("spec", *keys)


class Host(NamedTuple):
    """A host as Istio knows it: a Service with its namespace ("" for any), or another name with None."""

    name: str
    namespace: str | None


def kind_of(value: Value) -> str:
    """Return the kind of a document with its group, without the version: any version has the same fields."""
    group, slash, _ = value.text_of("apiVersion").rpartition("/")
    return f"{group if slash else ''}/{value.text_of('kind')}"


def host_of(text: str, namespace: str) -> Host:
    """Return the host that a name means in a namespace: Istio completes only names without a dot."""
    name, _, rest = text.partition(".")
    if not rest and text != "*":
        return Host(text, namespace)
    if _SERVICE in f".{rest}" and name != "*":
        return Host(name, rest.partition(_SERVICE)[0])
    return Host(text, None)


def is_same_namespace(one: str, other: str) -> bool:
    """Return whether two namespaces are the same, as far as they are given."""
    return not one or not other or one == other


def is_same_host(one: Host, other: Host) -> bool:
    """Return whether two hosts are the same Service, or the same other name."""
    if one.namespace is None or other.namespace is None:
        return one == other
    return one.name == other.name and is_same_namespace(one.namespace, other.namespace)


def is_within(name: str, pattern: str) -> bool:
    """Return whether a host is one of a pattern such as `*`, `*.example.com` or a name; both can be patterns."""
    if pattern == "*" or name == "*":
        return True
    if pattern.startswith("*"):
        return name.lstrip("*").endswith(pattern[1:])
    return pattern.endswith(name[1:]) if name.startswith("*") else name == pattern


class World:
    """All objects of all files, by kind."""

    def __init__(self, objects: Iterable[Object]) -> None:
        """Sort the objects by kind."""
        self.objects = list(objects)
        self.virtual_services = self._of(f"{ISTIO}/VirtualService")
        self.destination_rules = self._of(f"{ISTIO}/DestinationRule")
        self.gateways = self._of(f"{ISTIO}/Gateway")
        self.service_entries = self._of(f"{ISTIO}/ServiceEntry")
        self.http_routes = self._of(f"{GATEWAY_API}/HTTPRoute")
        self.gateway_api_gateways = self._of(f"{GATEWAY_API}/Gateway")
        self.services = self._of("/Service")
        self.deployments = self._of("apps/Deployment")

    def _of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one.kind == kind]

    def rules_for(self, host: Host) -> list[Object]:
        """Return the DestinationRules for a host."""
        return [one for one in self.destination_rules if is_same_host(rule_host(one), host)]

    def service_for(self, host: Host) -> Object | None:
        """Return the Service that a host means, None where it is not among the files."""
        found = [one for one in self.services if is_same_host(Host(one.name, one.namespace), host)]
        return found[0] if found else None

    def is_known(self, host: Host) -> bool:
        """Return whether a host can be reached as far as the files say: True where they have no Service at all."""
        if not self.services and not self.service_entries:
            return True
        if host.namespace is not None:
            return not self.services or self.service_for(host) is not None
        hosts = [name.text for one in self.service_entries for name in one.list_of("hosts")]
        return any(is_within(host.name, name) for name in hosts)

    def pods_of(self, host: Host) -> list[dict[str, str]] | None:
        """Return the labels of the pods of each Deployment behind a host; None where the files do not say."""
        service = self.service_for(host)
        if service is None or not self.deployments:
            return None
        selector = labels_of(service.value, "spec", "selector")
        labels = [labels_of(one.value, "spec", "template", "metadata", "labels") for one in self.deployments]
        return [one for one in labels if is_selected(one, selector)] if selector else None


def rule_host(rule: Object) -> Host:
    """Return the host of a DestinationRule."""
    return host_of(rule.value.text_of("spec", "host"), rule.namespace)


def labels_of(value: Value, *keys: str) -> dict[str, str]:
    """Return the labels under keys."""
    found = value.get(*keys)
    return found.texts() if found else {}


def is_selected(labels: dict[str, str], selector: dict[str, str]) -> bool:
    """Return whether labels have all those of a selector."""
    return selector.items() <= labels.items()


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence: `none` where there is none."""
    return ", ".join(dict.fromkeys(names)) or "none"
