"""Which of somebody's subsets and Services is the canary: by what is told, or by names, or by weights."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from scripts.lab.translation.fields import ManifestError
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name
from scripts.lab.translation.services import Target, labels_of, routes_of, rule_of, targets

_VERSION: Final = re.compile(r"(?:.*[-_.])?v(?:ersion)?-?(\d+)(?:[-_.].*)?")


def canaries(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> frozenset[Target]:
    """Return the subsets and Services that are canaries: named by `manifests.canary`, by their names, or by weight.

    Raises:
        ManifestError: the name fits none, or it is unknown.
    """
    known = list(dict.fromkeys(targets(manifests, namespace)))
    if manifests.canary:
        return _named(manifests, known, manifests.canary)
    words = {target: _words(target, manifests, namespace) for target in known}
    for found in (_called_canary(words), _newest(words), _lightest(manifests, known, namespace)):
        if found:
            return found
    if len(known) < 2 or _is_alone(known):
        return frozenset()
    names = ", ".join(name_of(target) for target in known)
    raise ManifestError(
        f"{manifests.virtual_services[0].file}: which of {names} is the canary? Neither names nor weights tell: "
        f"say it, such as --canary {name_of(known[-1])}"
    )


def canary_name(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> str | None:
    """Return the name of the canary's subset, or of its Service; None without one. Raises as `canaries`."""
    return next((name_of(target) for target in sorted(canaries(manifests, namespace), key=str)), None)


def name_of(target: Target) -> str:
    """Return the name of a subset, or of a Service that is meant as a whole."""
    service, subset = target
    return subset or service.partition(".")[0]


def _named(manifests: Manifests, targets: Sequence[Target], name: str) -> frozenset[Target]:
    found = frozenset(target for target in targets if name_of(target) == name)
    if not found and targets:
        names = ", ".join(dict.fromkeys(map(name_of, targets)))
        file = manifests.virtual_services[0].file
        raise ManifestError(f"--canary {name}: no route of {file} leads there: they lead to {names}")
    return found


def _is_alone(targets: Sequence[Target]) -> bool:
    """Return whether no two targets are versions of one thing: each Service has one subset, or none."""
    return len({service for service, _ in targets}) == len(targets) and all(subset for _, subset in targets)


def _words(target: Target, manifests: Manifests, namespace: str) -> list[str]:
    """Return what a target is called: its subset, the values of its labels, its Service if it has no subset."""
    service, subset = target
    rule = rule_of(manifests, service, namespace)
    labels = labels_of(rule, subset)
    return [name_of(target), *labels.values()]


def _called_canary(words: Mapping[Target, Sequence[str]]) -> frozenset[Target]:
    found = {target for target, called in words.items() if any("canary" in word.lower() for word in called)}
    return frozenset(found) if len(found) < len(words) else frozenset()


def _newest(words: Mapping[Target, Sequence[str]]) -> frozenset[Target]:
    """Return the targets with the highest number of several versions of one thing, such as v2 of v1 and v2."""
    found: set[Target] = set()
    for thing in {service if subset else "" for service, subset in words}:
        numbers = {
            target: _number(called) for target, called in words.items() if thing == (target[0] if target[1] else "")
        }
        known = {number for number in numbers.values() if number is not None}
        if len(known) > 1:
            found |= {target for target, number in numbers.items() if number == max(known)}
    return frozenset(found)


def _number(words: Sequence[str]) -> int | None:
    found = (_VERSION.fullmatch(word.lower()) for word in words)
    return next((int(match[1]) for match in found if match), None)


def _lightest(manifests: Manifests, targets: Sequence[Target], namespace: str) -> frozenset[Target]:
    """Return the destination of the smallest weight above 0, of the first route with different weights."""
    for meta, route in routes_of(manifests):
        weights = {
            (full_host_name(one.host, meta.namespace or namespace), one.subset): one.weight
            for one in route.destinations
            if one.weight
        }
        weights = {target: weight for target, weight in weights.items() if target in targets}
        lightest = [target for target, weight in weights.items() if weight == min(weights.values())]
        if len(weights) > 1 and len(lightest) == 1:
            return frozenset(lightest)
    return frozenset()
