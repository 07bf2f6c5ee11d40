"""What Istio's own validation refuses, beyond the types of fields: missing fields, and values out of their range."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import ISTIO, Object, is_within, listed
from scripts.lab.check.rules.values import Value

_HIGHEST: Final = 2**31 - 1  # istiod decodes these numbers as int32
_LONGEST_HOST: Final = 255
_LONGEST_LABEL: Final = 63
_NUMBER_AT_END: Final = re.compile(r"(^|\.)\d+$")
_LABEL: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?")
_COMMAND: Final = re.compile(r"%[A-Z0-9_]+(\([^)]*\))?(:\d+)?%")
_REQUIRED: Final = {
    f"{ISTIO}/VirtualService": (),
    f"{ISTIO}/DestinationRule": ("host",),
    f"{ISTIO}/Gateway": ("servers",),
}
_ACTIONS: Final = ("route", "redirect", "directResponse", "delegate")
_ROUTES: Final = ("http", "tcp", "tls")


def refused(found: Object) -> Iterator[Finding]:
    """Yield what Istio refuses about an object of its own."""
    spec = found.value.get("spec")
    if spec is None or not isinstance(spec.content, dict):
        if found.kind in _REQUIRED:
            yield _missing(found.value, "spec", "it")
        return
    for name in _REQUIRED.get(found.kind, ()):
        if not (spec.text_of(name) or spec.list_of(name)):
            yield _missing(spec, name, "it")
    yield from _numbers(spec)
    yield from _virtual_service(found, spec)
    yield from _rule(found, spec)
    for server in spec.list_of("servers"):
        yield from _server(server)


def _missing(place: Value, name: str, what: str) -> Finding:
    effect = "Istio refuses the file"
    return finding("missing-field", place, f"`{name}` is missing", effect=effect, fix=f"add {what}")


def _wrong(place: Value, problem: str, fix: str) -> Finding:
    return finding("refused-value", place, problem, effect="Istio refuses the file", fix=fix)


def _numbers(spec: Value) -> Iterator[Finding]:
    for value in spec.walk():
        is_weight = value.path.endswith(".weight")
        if value.number is not None and (value.number > _HIGHEST or (value.number < 0 and not is_weight)):
            yield _wrong(value, f"{value.number}: out of range", f"write a number from 0 to {_HIGHEST}")


def _virtual_service(found: Object, spec: Value) -> Iterator[Finding]:
    if not found.kind.endswith("/VirtualService"):
        return
    if not any(spec.list_of(name) for name in _ROUTES):
        yield _missing(spec, "http", "at least one route")
    hosts = spec.list_of("hosts")
    if not hosts and spec.list_of("gateways"):
        yield _missing(spec, "hosts", "the hosts that clients call")
    gateways = spec.list_of("gateways")
    yield from _hosts(hosts, gateways)
    targets = [value for value in spec.walk() if value.path.endswith(("destination.host", "mirror.host"))]
    for name in [*hosts, *gateways, *targets]:
        yield from _name(name)
    for route in spec.list_of("http"):
        yield from _route(route)
    for route in spec.list_of("tls"):
        yield from _tls(route, [host.text for host in hosts])


def _hosts(hosts: Sequence[Value], gateways: Sequence[Value]) -> Iterator[Finding]:
    for number, host in enumerate(hosts):
        if host.text in [other.text for other in hosts[:number]]:
            yield _wrong(host, f"{host.text}: this host is given twice", "remove one")
        if host.text == "*" and "mesh" in [gateway.text for gateway in gateways]:
            yield _wrong(host, "*: the mesh needs the names of hosts", "name them, or bind the rule to a gateway alone")


def _tls(route: Value, hosts: Sequence[str]) -> Iterator[Finding]:
    for match in route.list_of("match"):
        for host in match.list_of("sniHosts"):
            if not any(is_within(host.text, other) for other in hosts):
                fix = "name one of them, or add this one to `hosts`"
                yield _wrong(host, f"{host.text}: is none of the hosts {listed(hosts)}", fix)


def _route(route: Value) -> Iterator[Finding]:
    if not any(action in route.fields for action in _ACTIONS):
        yield _missing(route, "route", f"one of {', '.join(_ACTIONS)}")
    conditions = route.get("retries", "retryOn")
    if conditions and " " in conditions.text:
        yield _wrong(conditions, f"{conditions.text[:60]}: a space is no part of a condition", "write commas alone")
    for share in route.list_of("route"):
        if not share.text_of("destination", "host"):
            yield _missing(share, "destination.host", "the name of the Service")
    for part in [route, *route.list_of("route")]:
        yield from _headers(part)


def _name(name: Value) -> Iterator[Finding]:
    """Yield what is wrong with a host or a gateway, which may have its namespace before a slash."""
    plain = name.text.rpartition("/")[2] if "://" not in name.text else name.text
    labels = plain.removeprefix("*.").removesuffix(".").split(".")
    if not plain or plain == "*" or _is_address(name.text):
        return
    if len(plain) > _LONGEST_HOST:
        yield _wrong(name, f"{plain[:40]}...: a name has at most {_LONGEST_HOST} characters", "write a shorter one")
    elif _NUMBER_AT_END.search(plain):
        yield _wrong(name, f"{plain}: the last part of a name cannot be a number", "write another name")
    elif any(len(label) > _LONGEST_LABEL for label in labels):
        yield _wrong(name, f"{plain[:60]}: a part of a name has at most {_LONGEST_LABEL} characters", "shorten it")
    elif not all(map(_LABEL.fullmatch, labels)):
        odd = next((f": `{sign}` cannot be in one" for sign in plain if not re.match(r"[-.A-Za-z0-9]", sign)), "")
        host = re.sub(r"^[a-z]*://|[:/][^/].*|/$", "", plain)
        fix = (
            f"write `{host}`: a host has neither a scheme nor a port"
            if ":" in plain
            else "write letters, digits, hyphens and dots"
        )
        yield _wrong(name, f"{plain[:60]}: is not the name of a host{odd}", fix)


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_interface(text))
    except ValueError:
        return False


def _headers(part: Value) -> Iterator[Finding]:
    for direction in ("request", "response"):
        for way in ("set", "add"):
            found = part.get("headers", direction, way)
            for name, value in (found.fields if found else {}).items():
                if name.lower() == "host" and direction == "response":
                    yield _wrong(value, "the header host cannot be set", "remove it")
                elif "%" in _COMMAND.sub("", value.text).replace("%%", ""):
                    yield _wrong(value, f"{value.text[:60]}: % begins a command of Envoy", "write %% for the character")


def _server(server: Value) -> Iterator[Finding]:
    for name in ("port", "hosts"):
        if name not in server.fields:
            yield _missing(server, name, "it")
    for host in server.list_of("hosts"):
        yield from _name(host)
    port = server.get("port")
    if port and not port.text_of("name"):
        yield _missing(port, "name", "one, such as `http`")


def _rule(found: Object, spec: Value) -> Iterator[Finding]:
    host = spec.get("host")
    if host and found.kind.endswith("/DestinationRule"):
        yield from _name(host)
    for part in [spec, *spec.list_of("subsets")]:
        policy = part.get("trafficPolicy")
        if policy and policy.content == {}:
            yield _wrong(policy, "trafficPolicy is empty", "remove it, or write a policy below it")
    for subset in spec.list_of("subsets"):
        if not subset.text_of("name"):
            yield _missing(subset, "name", "it")
        labels = subset.get("labels")
        for key, value in (labels.fields if labels else {}).items():
            if max(len(key.rpartition("/")[2]), len(value.text)) > _LONGEST_LABEL:
                fix = "write a shorter one"
                yield _wrong(value, f"{key[:40]}: a label has at most {_LONGEST_LABEL} characters", fix)
