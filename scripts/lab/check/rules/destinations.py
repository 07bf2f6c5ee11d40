"""Destinations and subsets: what a route names and nothing defines, and pods that a subset does not choose."""

from collections.abc import Iterator
from typing import Final

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import Host, Object, World, host_of, labels_of, listed, rule_host
from scripts.lab.check.rules.values import Value
from scripts.lab.check.rules.weights import part, shares_of

FEW_REQUESTS: Final = 10  # that may wait or run at once: a load test has more, and so has a busy service
_LIMITS: Final = ("http1MaxPendingRequests", "http2MaxRequests")


def destinations(virtual_service: Object, world: World) -> Iterator[Finding]:
    """Yield the destinations of a VirtualService that lead nowhere, or elsewhere than they seem to."""
    unseen: dict[str, list[tuple[Value, str]]] = {}
    for route in virtual_service.list_of("http"):
        shares = shares_of(route)
        for share in shares:
            destination = share.place.get("destination")
            if destination is None:
                continue
            gets = (
                f"its share, {part(share, shares)} of the route's requests,"
                if len(shares) > 1
                else "each request of the route"
            )
            host = host_of(destination.text_of("host"), virtual_service.namespace)
            if not world.is_known(host):
                yield _unknown_host(destination, world, gets)
                continue
            yield from _port(destination, host, world, gets)
            subset = destination.get("subset")
            if subset is None:
                yield from _no_subset(destination, route, world.rules_for(host))
            elif world.destination_rules:
                yield from _undefined(subset, host, world, gets)
            else:
                unseen.setdefault(destination.text_of("host"), []).append((subset, gets))
    for name, places in unseen.items():
        yield _not_checked(name, places)


def _unknown_host(destination: Value, world: World, gets: str) -> Finding:
    place = destination.get("host") or destination
    names = listed([one.name for one in world.services])
    problem = f"{place.text}: no Service or ServiceEntry of these files has this name; Services: {names}"
    fix = "correct the name, or check the Service's file, too; elsewhere it is NAME.NAMESPACE.svc.cluster.local"
    return finding("unknown-host", place, problem, effect=f"{gets} gets 503", fix=fix)


def _port(destination: Value, host: Host, world: World, gets: str) -> Iterator[Finding]:
    service = world.service_for(host)
    if service is None:
        return
    ports = [one.text_of("port") for one in service.list_of("ports")]
    number = destination.get("port", "number")
    if number and number.text not in ports:
        problem = f"{number.text}: {service.place} has port {listed(ports)} only"
        fix = f"write {ports[0] if ports else 'one of its ports'}: the Service's port, not the pods'"
        yield finding("unknown-port", number, problem, effect=f"{gets} gets 503", fix=fix)
    elif number is None and len(ports) > 1:
        problem = f"no port, and {service.place} has several: {listed(ports)}"
        fix = f"add `port: {{number: {ports[0]}}}`"
        effect = f"Istio takes the port of the listener: unless the Service has it, {gets} gets 503"
        yield finding("port-missing", destination, problem, effect=effect, fix=fix)


def _no_subset(destination: Value, route: Value, rules: list[Object]) -> Iterator[Finding]:
    host = destination.text_of("host")
    others = [
        one.text_of("destination", "subset")
        for one in route.list_of("route")
        if one.text_of("destination", "host") == host and one.get("destination", "subset")
    ]
    if not others:
        return
    names = [one.text_of("name") for rule in rules for one in rule.list_of("subsets")]
    missing = [name for name in names if name not in others]
    problem = f"no `subset`, next to destinations of the same host with one ({listed(others)})"
    effect = "its share goes to the pods of all versions, so each version gets a part of it, by the number of its pods"
    fix = f"add `subset: {missing[0] if missing else 'NAME'}`"
    yield finding("subset-missing", destination, problem, effect=effect, fix=fix)


def _undefined(subset: Value, host: Host, world: World, gets: str) -> Iterator[Finding]:
    rules = world.rules_for(host)
    defined = [one for rule in rules for one in rule.list_of("subsets") if one.text_of("name") == subset.text]
    if not defined:
        names = listed([one.text_of("name") for rule in rules for one in rule.list_of("subsets")])
        where = (
            f"{listed([one.place for one in rules])} defines {names}" if rules else "no DestinationRule for its host"
        )
        problem = f"{subset.text}: this subset is not defined: {where}"
        fix = "correct the name, or add the subset to the DestinationRule of this host"
        yield finding("subset-undefined", subset, problem, effect=f"{gets} gets 503", fix=fix)


def _not_checked(host: str, places: list[tuple[Value, str]]) -> Finding:
    names = listed([place.text for place, _ in places])
    problem = f"no DestinationRule is among these files: subsets {names} of {host} were not looked up"
    fix = "check the DestinationRule's file, too"
    effect = "without one in the cluster that defines them, their share gets 503"
    return finding("rule-not-given", places[0][0], problem, effect=effect, fix=fix)


def subsets(rule: Object, world: World) -> Iterator[Finding]:
    """Yield what is wrong with the host, the subsets and the limits of a DestinationRule."""
    host = rule.value.get("spec", "host")
    if host and not world.is_known(rule_host(rule)) and "*" not in host.text:
        problem = f"{host.text}: no Service or ServiceEntry of these files has this name"
        effect = "the rule applies to nothing: its subsets do not exist, and requests to them get 503"
        fix = f"correct the name; Services: {listed([one.name for one in world.services])}"
        yield finding("unknown-host", host, problem, effect=effect, fix=fix)
    found = rule.list_of("subsets")
    pods = world.pods_of(rule_host(rule))
    for number, subset in enumerate(found):
        yield from _subset(subset, found[:number])
        yield from _swapped(subset, found)
        yield from _no_pods(subset, pods)
    yield from _limits(rule)


def _subset(subset: Value, before: list[Value]) -> Iterator[Finding]:
    name, labels = subset.text_of("name"), labels_of(subset, "labels")
    if not labels:
        problem = f"subset {name} has no labels: it is every pod of the service"
        effect = "its share goes to the pods of all versions"
        fix = f"add `labels: {{version: {name}}}`, the label of its pods"
        yield finding("subset-without-labels", subset, problem, effect=effect, fix=fix)
    for one in before:
        if one.text_of("name") == name:
            problem = f"subset {name} is defined twice, first in line {one.line}"
            fix = "rename or remove one"
            yield finding("subset-twice", subset, problem, effect="Istio refuses the file", fix=fix)
        elif labels and labels_of(one, "labels") == labels:
            problem = f"subsets {one.text_of('name')} and {name} have the same labels"
            effect = "both are the same pods: the weights between them change nothing"
            fix = "correct the labels of one"
            yield finding("subset-labels-same", subset, problem, effect=effect, fix=fix)


def _swapped(subset: Value, subsets_of_rule: list[Value]) -> Iterator[Finding]:
    name = subset.text_of("name")
    others = {one.text_of("name") for one in subsets_of_rule} - {name}
    labels = labels_of(subset, "labels")
    for key, value in labels.items():
        if value not in others or name in labels.values():
            continue
        place = subset.fields["labels"]
        problem = f"subset {name} is the pods with {key}: {value}, which is the name of another subset"
        effect = f"what is meant for {name} goes to {value}"
        fix = f"write `{key}: {name}`, or rename the subsets"
        yield finding("subset-labels-swapped", place, problem, effect=effect, fix=fix)


def _no_pods(subset: Value, pods: list[dict[str, str]] | None) -> Iterator[Finding]:
    labels = labels_of(subset, "labels")
    if pods is None or any(labels.items() <= one.items() for one in pods):
        return
    wanted = ", ".join(f"{key}: {value}" for key, value in labels.items())
    problem = f"no Deployment behind the Service has pods with {wanted}"
    effect = f"requests to subset {subset.text_of('name')} get 503"
    fix = "correct the labels here, in the pod template, or in the Service's selector"
    yield finding("subset-without-pods", subset.get("labels") or subset, problem, effect=effect, fix=fix)


def _limits(rule: Object) -> Iterator[Finding]:
    for value in (rule.value.get("spec") or rule.value).walk():
        name = value.path.rpartition(".")[2]
        if name in _LIMITS and value.number is not None and 0 < value.number < FEW_REQUESTS:
            problem = f"{value.number}: at most {value.number} requests may {'wait' if name == _LIMITS[0] else 'run'}"
            effect = "each further one gets 503 as soon as load arrives"
            fix = "raise it above what the service gets, or remove it"
            yield finding("low-limit", value, problem, effect=effect, fix=fix)
