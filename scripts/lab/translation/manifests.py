"""The resources of a canary release, read from the texts of files, and put together.

A field that the lab would not apply is refused with its file and path, because ignoring it would teach that the field
does nothing. What Istio itself refuses, such as weights that add up to 0, is refused here too. What Istio accepts and
serves broken is accepted, and `analysis` warns about it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from scripts.lab.translation import names
from scripts.lab.translation.destination_rules import destination_rule
from scripts.lab.translation.endpoints import HIGHEST_PORT
from scripts.lab.translation.fields import Field, Form, ManifestError, documents
from scripts.lab.translation.gateways import gateway
from scripts.lab.translation.resources import (
    Destination,
    DestinationRule,
    Gateway,
    HttpRoute,
    Meta,
    Resource,
    Service,
    Skipped,
    Subset,
    VirtualService,
)
from scripts.lab.translation.virtual_services import virtual_service

__all__ = [
    "Destination",
    "DestinationRule",
    "Gateway",
    "HttpRoute",
    "ManifestError",
    "Manifests",
    "Meta",
    "Resource",
    "Service",
    "Skipped",
    "Subset",
    "VirtualService",
    "combine",
    "kind_of",
    "parse",
]

API_VERSIONS: Final = tuple(f"networking.istio.io/{version}" for version in ("v1", "v1beta1", "v1alpha3"))
_ANY: Final = Form(r"(?s:.*)", "a text")
_METADATA: Final = (
    *("namespace", "labels", "annotations", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"),
    *("generateName", "ownerReferences", "finalizers", "managedFields", "deletionTimestamp"),
    "deletionGracePeriodSeconds",
)
_GATEWAY_API: Final = (
    "a kind of the Gateway API, and the lab reads Istio's own: write its twin, a VirtualService such as "
    "istio/virtual-service-90-10.yaml, or apply it to a cluster (scripts/mesh/set-state.sh)"
)
_CONTROLLER: Final = "its controller writes the weights into a VirtualService: name that one's file"
# Kinds that people take for what the lab reads, and the way out.
_OTHER_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HTTPRoute": _GATEWAY_API,
        "GRPCRoute": _GATEWAY_API,
        "TLSRoute": _GATEWAY_API,
        "Gateway": _GATEWAY_API,
        "GatewayClass": _GATEWAY_API,
        "Ingress": "write its twins, a Gateway and a VirtualService such as those below istio/",
        "Rollout": _CONTROLLER,
        "Canary": _CONTROLLER,
        "Kustomization": "write its manifests with `kubectl kustomize FOLDER > FILE`, and name that file",
    }
)
_LIKE_A_KIND: Final = 0.85
_KUSTOMIZATION_KEYS: Final = frozenset({"resources", "bases", "patches", "patchesStrategicMerge", "namePrefix"})


@dataclass(frozen=True)
class Manifests:
    """The resources of one traffic state, each kind in Istio's order: the oldest first, then by name.

    Attributes:
        gateways: what the gateway listens for.
        virtual_services: at least one.
        destination_rules: subsets and policies.
        services: those whose manifests are given.
        skipped: resources of kinds that the lab does not use.
        canary: the subset or the Service that is the canary, None to derive it from names and weights.
    """

    gateways: tuple[Gateway, ...]
    virtual_services: tuple[VirtualService, ...]
    destination_rules: tuple[DestinationRule, ...] = ()
    services: tuple[Service, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    canary: str | None = None

    def resources(self) -> tuple[Resource, ...]:
        """Return all of them, by kind."""
        return (
            *self.gateways,
            *self.virtual_services,
            *self.destination_rules,
            *self.services,
            *self.skipped,
        )


def parse(text: str, file: str, *, any_kind: bool = False) -> tuple[Resource, ...]:
    """Return the resources of one file: of all its documents, and of each `kind: List` in it.

    Args:
        text: the content of the file.
        file: its name, for errors and warnings.
        any_kind: whether the file may hold nothing that the lab uses, as in a folder.

    Raises:
        ManifestError: it is not YAML, or has a kind, field or value that the lab does not support.
    """
    found = tuple(_resource(field) for root in documents(text, file) for field in _flattened(root))
    if not any_kind and all(isinstance(one, Skipped) for one in found):
        raise ManifestError(_unknown_kind(found[0]) if found else f"{file}: the list is empty: it must hold a resource")
    return found


def combine(resources: Iterable[Resource], canary: str | None = None) -> Manifests:
    """Return resources together, in Istio's order.

    Raises:
        ManifestError: there is no VirtualService, or two resources have one name; the message names the files.
    """
    given = sorted(resources, key=lambda one: (one.meta.created or "~", one.meta.name, one.meta.namespace or ""))
    _refuse_twins(given)
    manifests = Manifests(
        gateways=tuple(one for one in given if isinstance(one, Gateway)),
        virtual_services=tuple(one for one in given if isinstance(one, VirtualService)),
        destination_rules=tuple(one for one in given if isinstance(one, DestinationRule)),
        services=tuple(one for one in given if isinstance(one, Service)),
        skipped=tuple(one for one in given if isinstance(one, Skipped)),
        canary=canary,
    )
    if not manifests.virtual_services:
        files = ", ".join(dict.fromkeys(one.meta.file for one in given)) or "no file"
        raise ManifestError(f"{files}: no VirtualService here: add the file that holds one")
    return manifests


def kind_of(resource: Resource) -> str:
    """Return the kind of a resource, as its manifest names it."""
    return resource.kind if isinstance(resource, Skipped) else type(resource).__name__


def _refuse_twins(given: Iterable[Resource]) -> None:
    seen: dict[tuple[str, str | None, str], Resource] = {}
    for one in given:
        if isinstance(one, Skipped):
            continue
        key = (kind_of(one), one.meta.namespace, one.meta.name)
        if key in seen:
            files = ", ".join(dict.fromkeys(sorted((seen[key].meta.file, one.meta.file))))
            raise ManifestError(f"{files}: 2 resources of kind {key[0]} have the name {key[2]}: keep one of them")
        seen[key] = one


def _unknown_kind(one: Resource) -> str:
    kind = kind_of(one)
    known = ", ".join(_READERS)
    reason = _OTHER_KINDS.get(kind, f"the lab reads these kinds: {known}")
    return f"{one.meta.file}: kind: {kind}: the lab does not apply this kind: {reason}"


def _flattened(root: Field) -> Iterator[Field]:
    """Yield a resource, or those of a list such as `kubectl get -o yaml` writes."""
    fields = root.entries()
    if "kind" not in fields and _KUSTOMIZATION_KEYS & fields.keys():
        raise root.error(f"this is a kustomization: {_OTHER_KINDS['Kustomization']}")
    kind = str(fields["kind"].node.value) if "kind" in fields else ""
    if "items" in fields and kind.endswith("List"):
        for item in [] if fields["items"].is_empty else fields["items"].items():
            yield from _flattened(item)
    else:
        yield root


def _resource(root: Field) -> Resource:
    found = root.entries()
    for name in ("apiVersion", "kind"):
        if name not in found:
            raise root.child(name, root.node).error("this field is missing")
    version, kind = found["apiVersion"].text(_ANY), found["kind"].text(_ANY)
    is_other = (kind == "Service" and version != "v1") or version.startswith("gateway.networking.k8s.io/")
    if kind not in _READERS or is_other:
        _refuse_misspelt(found["kind"], version)
        return Skipped(_meta(found.get("metadata"), root), kind)
    if kind == "Service":
        return _service(_meta(found.get("metadata"), root), found.get("spec", root))
    found["apiVersion"].one_of(API_VERSIONS)
    fields = root.record(("apiVersion", "kind", "metadata", "spec"), ["status"])
    return _READERS[kind](_strict_meta(fields["metadata"]), fields["spec"])


def _refuse_misspelt(kind: Field, version: str) -> None:
    """Refuse a kind of Istio's group that stands for one that the lab reads."""
    written = str(kind.node.value)
    known = {name.lower(): name for name in _READERS}
    near = get_close_matches(written.lower(), known, 1, _LIKE_A_KIND)
    if near and version in API_VERSIONS and written not in _READERS:
        raise kind.error(f"{written}: there is no such kind: did you mean {known[near[0]]}?")


def _strict_meta(field: Field) -> Meta:
    """Read `metadata`: what Kubernetes writes there means nothing to a proxy, but for the namespace and the age."""
    fields = field.record(["name"], _METADATA)
    for name in ("labels", "annotations"):
        if name in fields and not fields[name].is_empty:
            fields[name].texts(_ANY, _ANY)
    created = fields.get("creationTimestamp")
    return Meta(
        field.file,
        fields["name"].text(names.OBJECT_NAME),
        fields["namespace"].text(names.NAME) if "namespace" in fields else None,
        str(created.node.value) if created and not created.is_empty else "",
    )


def _meta(field: Field | None, root: Field) -> Meta:
    """Read the names of a resource of another kind, of any form."""
    fields = field.entries() if field and not field.is_empty else {}
    texts = {name: str(fields[name].node.value) for name in ("name", "namespace") if name in fields}
    return Meta(root.file, texts.get("name", ""), texts.get("namespace"))


def _service(meta: Meta, spec: Field) -> Service:
    ports = spec.entries().get("ports")
    numbers = [one.entries()["port"].whole_number(1, HIGHEST_PORT) for one in ports.items()] if ports else []
    return Service(meta, tuple(numbers))


_READERS: Final[Mapping[str, Callable[[Meta, Field], Resource]]] = MappingProxyType(
    {
        "Gateway": gateway,
        "VirtualService": virtual_service,
        "DestinationRule": destination_rule,
        "Service": _service,
    },
)
