"""All rules on all objects of all files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from scripts.lab.check.rules.bindings import bindings, conflicts, gateway
from scripts.lab.check.rules.destinations import destinations, subsets
from scripts.lab.check.rules.documents import Source, read
from scripts.lab.check.rules.fields import METADATA, misspelt, nearest, unknown, whole
from scripts.lab.check.rules.findings import Finding, finding, in_order
from scripts.lab.check.rules.http_routes import http_route
from scripts.lab.check.rules.indentation import indented
from scripts.lab.check.rules.matches import matches
from scripts.lab.check.rules.objects import GATEWAY_API, ISTIO, Object, World, kind_of
from scripts.lab.check.rules.refused import refused
from scripts.lab.check.rules.services import ports, selectors
from scripts.lab.check.rules.values import Value
from scripts.lab.check.rules.weights import weights

_KUSTOMIZE: Final = "kustomize.config.k8s.io/"
_OF_KUSTOMIZE: Final = frozenset({"resources", "bases", "patches", "patchesStrategicMerge", "namePrefix", "components"})
# The name of an object, as Kubernetes takes it.
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LIKE_A_KIND: Final = 0.85  # so that TCPRoute is not taken for HTTPRoute
_VERSIONS: Final = {
    ISTIO: ("v1", "v1beta1", "v1alpha3"),
    GATEWAY_API: ("v1", "v1beta1", "v1alpha2"),
    "apps": ("v1",),
    "": ("v1",),
}


class Result(NamedTuple):
    """What was found, and in how many objects."""

    findings: list[Finding]
    objects: int


def check(sources: Sequence[Source], known: Mapping[str, Any]) -> Result:
    """Return all findings of all files.

    Args:
        sources: the files.
        known: the known fields of `spec` by group and kind, as scripts/record/check_fields.py writes them.
    """
    findings: list[Finding] = []
    objects: list[Object] = []
    for source in sources:
        documents, unreadable = read(source)
        findings += unreadable
        for document in documents:
            made, found = _object(document, known)
            findings += found
            objects += [made] if made else []
    world = World(objects)
    findings += _objects(world)
    names = {source.file: number for number, source in enumerate(sources)}
    return Result(sorted(in_order(findings), key=lambda one: names[one.file]), len(objects))


def _objects(world: World) -> Iterator[Finding]:
    for one in world.virtual_services:
        yield from weights(one)
        yield from matches(one, world)
        yield from destinations(one, world)
        yield from bindings(one, world)
    for one in [*world.virtual_services, *world.destination_rules, *world.gateways]:
        yield from refused(one)
    for one in world.destination_rules:
        yield from subsets(one, world)
    for one in world.gateways:
        yield from gateway(one)
    for one in world.http_routes:
        yield from http_route(one, world)
    for one in world.services:
        yield from ports(one, world)
    for one in world.deployments:
        yield from selectors(one)
    yield from conflicts(world)


def _object(document: Value, known: Mapping[str, Any]) -> tuple[Object | None, list[Finding]]:
    """Return a document as an object with its fields in place; None where it is not one that is checked."""
    kind = kind_of(document)
    if not document.text_of("kind") or not document.text_of("apiVersion"):
        is_kustomization = not document.text_of("kind") and _OF_KUSTOMIZE & document.fields.keys()
        return None, [_kustomization(document) if is_kustomization else _no_kind(document)]
    if kind not in known:
        other = Object(document, kind)
        return other, [_not_checked(document, kind, known)]
    spec = known[kind]
    value, wrong = indented(document, spec)
    made = Object(value, kind)
    findings = [*_version(document, kind), *wrong, *unknown(value, whole(spec))]
    return made, [*findings, *_named(made)]


def _named(found: Object) -> Iterator[Finding]:
    """Yield what is wrong with the name of an object."""
    name = found.value.get("metadata", "name")
    if not found.name and not found.value.text_of("metadata", "generateName"):
        fix = "add `metadata` with `name` below it"
        place = found.value.get("metadata") or found.value
        yield finding("no-name", place, "the object has no name", effect="kubectl refuses it", fix=fix)
    elif name and found.name and not _NAME.fullmatch(found.name):
        problem = f"{found.name[:60]}: cannot be the name of an object"
        fix = "write up to 253 lower-case letters, digits, hyphens and dots, a letter or digit at both ends"
        yield finding("refused-value", name, problem, effect="kubectl refuses it", fix=fix)


def _version(document: Value, kind: str) -> Iterator[Finding]:
    group, _, name = kind.rpartition("/")
    place = document.fields["apiVersion"]
    if place.text.rpartition("/")[2] not in _VERSIONS[group]:
        fix = f"write `{f'{group}/v1'.removeprefix('/')}`"
        problem = f"{place.text}: there is no such version of {name}"
        yield finding("wrong-version", place, problem, effect="kubectl refuses the file", fix=fix)


def _no_kind(document: Value) -> Finding:
    missing = [name for name in ("apiVersion", "kind") if not document.text_of(name)]
    for key, child in document.fields.items():
        near = nearest(key, dict.fromkeys(missing))
        if near:
            return misspelt(key, child, document, whole(METADATA))
    problem = f"no `{'` and `'.join(missing)}`: this is not an object of Kubernetes, or only a part of one"
    effect = "kubectl refuses it, and nothing of it was checked"
    return finding("no-kind", document, problem, effect=effect, fix="add them, or leave the file out")


def _kustomization(place: Value) -> Finding:
    problem = "a kustomization changes other files before they are applied"
    fix = "write what it makes to a file, `kubectl kustomize FOLDER > made.yaml`, and check that"
    return finding("kustomization", place, problem, effect="what it makes of them was not checked", fix=fix)


def _not_checked(document: Value, kind: str, known: Mapping[str, Any]) -> Finding:
    place = document.fields["kind"]
    group, _, name = kind.rpartition("/")
    if group.startswith(_KUSTOMIZE.rstrip("/")):
        return _kustomization(place)
    same = [one for one in known if one.rpartition("/")[2].lower() == name.lower()]
    near = nearest(name, dict.fromkeys(one.rpartition("/")[2] for one in known), _LIKE_A_KIND)
    if (same or near) and group in _VERSIONS:
        right = same[0] if same else next(one for one in known if one.rpartition("/")[2] == near)
        fix = f"did you mean kind `{right.rpartition('/')[2]}` of `{right.rpartition('/')[0] or 'v1'}`?"
        problem = f"{document.text_of('apiVersion')} has no kind {name}"
        return finding("unknown-kind", place, problem, effect="kubectl refuses the file", fix=fix)
    names = ", ".join(sorted({one.rpartition("/")[2] for one in known}))
    problem = f"{name}: this kind is not checked; checked are {names}"
    return finding("not-checked", place, problem, effect="its fields may be wrong", fix="none needed")
