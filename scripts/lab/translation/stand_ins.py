"""Which replicas of micro-api stand for the pods of which Service: v2 for somebody's canary, v1 for all others."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from scripts.lab.translation.canary import canaries, name_of
from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.manifests import Manifests
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name
from scripts.lab.translation.services import SERVICE_NAME, Target, labels_of, rule_of, services, targets

_STABLE: Final = "v1"
_CANARY: Final = "v2"


def endpoints_of(
    target: Target,
    manifests: Manifests,
    endpoints: Sequence[Endpoint],
    namespace: str = DEFAULT_NAMESPACE,
) -> list[Endpoint]:
    """Return the replicas that serve a Service or one of its subsets.

    Args:
        target: the Service, and the subset or None.
        manifests: the traffic state.
        endpoints: the replicas of micro-api. Where they have fewer groups than a Service needs, its subsets share them.
        namespace: the namespace that short host names belong to.

    Raises:
        ManifestError: it is unknown which subset is the canary.
    """
    service, subset = target
    labels = labels_of(rule_of(manifests, service, namespace), subset)
    if service == full_host_name(SERVICE_NAME, namespace):
        return [one for one in endpoints if one.group == 0 and labels.items() <= one.labels.items()]
    groups = 1 + max((one.group for one in endpoints), default=0)
    wanted = {
        (pods.version, pods.group % groups)
        for pods in _pods(service, manifests, namespace)
        if labels.items() <= pods.labels.items()
    }
    return [one for one in endpoints if (one.labels.get("version"), one.group) in wanted]


class _Pods(NamedTuple):
    """Some pods of somebody's Service: their labels, and which replicas stand for them."""

    labels: Mapping[str, str]
    version: str
    group: int = 0


def _pods(service: str, manifests: Manifests, namespace: str) -> list[_Pods]:
    """Return the pods of somebody's Service: those of each subset that its rule defines by labels.

    Where Services stand in place of subsets, one version stands for all pods of each. v1 stands for the pods that no
    subset names, where none is stable.
    """
    chosen = canaries(manifests, namespace)
    rule = rule_of(manifests, service, namespace)
    found: list[_Pods] = []
    for name, subset in rule.subsets.items() if rule else ():
        if subset.labels:
            _add(found, subset.labels, is_canary=(service, name) in chosen)
    if not found and any(subset is None for _, subset in chosen):
        return [_whole(service, chosen, manifests, namespace)]
    versions = {pods.version for pods in found}
    if _STABLE not in versions:
        found.append(_Pods({}, _STABLE))
    if not versions or (_CANARY not in versions and (service, None) in chosen):
        found.append(_Pods({}, _CANARY))
    return found


def _whole(service: str, chosen: frozenset[Target], manifests: Manifests, namespace: str) -> _Pods:
    """Return the pods of one of several Services that stand in place of subsets."""
    if (service, None) in chosen:
        return _Pods({}, _CANARY)
    stable = [one for one in dict.fromkeys(targets(manifests, namespace)) if one[1] is None and one not in chosen]
    return _Pods({}, _STABLE, stable.index((service, None)) if (service, None) in stable else 0)


def _add(found: list[_Pods], labels: Mapping[str, str], *, is_canary: bool) -> None:
    """Add the pods that have some labels; two subsets with the same ones have the same pods."""
    version = _CANARY if is_canary else _STABLE
    if not any((pods.labels, pods.version) == (labels, version) for pods in found):
        stable = [pods for pods in found if pods.version == _STABLE]
        found.append(_Pods(labels, version, 0 if is_canary else len(stable)))


def groups_of(manifests: Manifests, namespace: str = DEFAULT_NAMESPACE) -> int:
    """Return how many groups of replicas of v1 give the subsets of each Service, but its canary, some of their own.

    Raises:
        ManifestError: it is unknown which subset is the canary.
    """
    own = full_host_name(SERVICE_NAME, namespace)
    others = [service for service in services(manifests, namespace) if service != own]
    return 1 + max((pods.group for service in others for pods in _pods(service, manifests, namespace)), default=0)


def of_stable(
    manifests: Manifests, endpoints: Sequence[Endpoint], namespace: str = DEFAULT_NAMESPACE
) -> dict[str, bool]:
    """Return somebody's subsets and Services that v1 alone serves; arguments as `endpoints_of`.

    Returns:
        For each by its name, whether it shares its replicas with another one of them.
    """
    found: dict[Target, tuple[int, ...]] = {}
    for target in dict.fromkeys(targets(manifests, namespace)):
        own = endpoints_of(target, manifests, endpoints, namespace)
        if {one.labels.get("version") for one in own} == {_STABLE}:
            found[target] = tuple(sorted({one.group for one in own}))
    return {
        name_of(target): any(
            other != target and used == groups and _is_of_one_thing(target, other) for other, used in found.items()
        )
        for target, groups in found.items()
    }


def _is_of_one_thing(target: Target, other: Target) -> bool:
    """Return whether two targets may be versions of one thing: subsets of one Service, or Services as a whole."""
    return target[0] == other[0] if target[1] and other[1] else not (target[1] or other[1])
