"""Services and Deployments, as far as they decide about routes: protocols, ports, selectors."""

from collections.abc import Iterator
from typing import Final

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import Object, World, host_of, is_same_namespace, is_selected, labels_of, listed
from scripts.lab.check.rules.values import Value

HTTP: Final = frozenset({"http", "http2", "grpc", "grpc-web"})
OTHER: Final = frozenset({"https", "tls", "tcp", "mongo", "mysql", "redis", "udp"})
_BY_APP_PROTOCOL: Final = {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}


def protocol_of(port: Value) -> str:
    """Return the protocol that Istio takes for a port of a Service; "" where it guesses from the first bytes."""
    if port.text_of("protocol") == "UDP":
        return "udp"
    chosen = port.text_of("appProtocol").lower()
    chosen = _BY_APP_PROTOCOL.get(chosen, chosen)
    if chosen in HTTP | OTHER:
        return chosen
    name = port.text_of("name").lower()
    found = [one for one in HTTP | OTHER if name == one or name.startswith(f"{one}-")]
    return max(found, key=len, default="")


def ports(service: Object, world: World) -> Iterator[Finding]:
    """Yield the ports of a Service that Istio does not take for HTTP although routes lead there."""
    routed = _routed(service, world)
    for port in service.list_of("ports"):
        protocol = protocol_of(port)
        number = port.text_of("port")
        used = number in routed or "" in routed
        if protocol in OTHER - {"udp"} and used:
            place = port.get("appProtocol") or port.get("name") or port
            problem = f"{place.text}: Istio takes port {number} for {protocol.upper()}, not for HTTP"
            effect = "inside the mesh no HTTP route applies to it: the pods are chosen by their number, not by weights"
            fix = "name it `http` or `http-...`, or add `appProtocol: http`"
            yield finding("port-protocol", place, problem, effect=effect, fix=fix)
        elif not protocol and used:
            name = port.text_of("name") or "no name"
            problem = f"{name}: neither the name of port {number} nor `appProtocol` states the protocol"
            effect = "inside the mesh Istio guesses it from the first bytes of each connection"
            fix = "name it `http` or `http-...`, or add `appProtocol: http`"
            yield finding("port-protocol-guessed", port, problem, effect=effect, fix=fix)
        yield from _target(port, service, world)


def _routed(service: Object, world: World) -> set[str]:
    """Return the ports of a Service that HTTP routes of these files lead to; "" for a destination without a port."""
    destinations = [
        (host_of(share.text_of("destination", "host"), one.namespace), share.text_of("destination", "port", "number"))
        for one in world.virtual_services
        for route in one.list_of("http")
        for share in route.list_of("route")
    ]
    return {port for host, port in destinations if world.service_for(host) is service}


def _target(port: Value, service: Object, world: World) -> Iterator[Finding]:
    selector = labels_of(service.value, "spec", "selector")
    target = port.get("targetPort") or port.get("port")
    if target is None or not selector:
        return
    others = []
    numbers: list[str] = []
    for deployment in world.deployments:
        labels = labels_of(deployment.value, "spec", "template", "metadata", "labels")
        if not is_same_namespace(service.namespace, deployment.namespace) or not is_selected(labels, selector):
            continue
        containers = deployment.list_of("template", "spec", "containers")
        stated = [one for container in containers for one in container.list_of("ports")]
        if stated and target.text not in {one.text_of(key) for one in stated for key in ("name", "containerPort")}:
            others.append(deployment.place)
            numbers += [one.text_of("containerPort") for one in stated]
    if others:
        problem = f"{target.text}: the pods state port {listed(numbers)}: Deployment {listed(others)}"
        effect = "unless the program listens there all the same, each connection is refused: 503"
        fix = "write the port that the program listens on in both places"
        rule = "target-port-unknown" if target.number is None else "target-port"
        yield finding(rule, target, problem, effect=effect, fix=fix)


def selectors(deployment: Object) -> Iterator[Finding]:
    """Yield the selector of a Deployment that does not select the pods of its own template."""
    wanted = labels_of(deployment.value, "spec", "selector", "matchLabels")
    labels = labels_of(deployment.value, "spec", "template", "metadata", "labels")
    if deployment.value.get("spec", "template") and not is_selected(labels, wanted):
        place = deployment.value.get("spec", "selector") or deployment.value
        problem = "the selector does not select the pods of the template"
        fix = "write the same labels in both places"
        yield finding("selector", place, problem, effect="Kubernetes refuses the file", fix=fix)
