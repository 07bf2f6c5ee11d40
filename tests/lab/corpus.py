"""Made-up canaries with the frequencies of public ones: what people bring to the lab.

The figures are counts of files in 175 public VirtualServices with a weighted or header-routed canary, and of what
belongs to them. A document is a pure function of its number. Hosts contain `default`, so that a recorder can put each
state into a namespace of its own.
"""

from typing import Any, Final

import yaml

SIZE: Final = 175
# The least number that the lab is to take; `istioctl validate` takes 158 of the public ones.
LEAST_ACCEPTED: Final = 150
NUMBERS: Final = range(SIZE)

# Files of 175 with each field of a VirtualService.
FIELDS: Final = {
    "no port": 137,
    "v1alpha3": 116,
    "no gateways": 127,  # 114 of them are for the mesh alone, see below
    "several routes": 64,
    "namespace": 47,
    "route name": 29,
    "header exact": 35,
    "uri": 21,
    "any host": 17,
    "fault": 16,
    "header regex": 13,
    "header prefix": 13,
    "destination headers": 13,
    "request headers add": 11,
    "request headers set": 11,
    "several hosts": 11,
    "match gateways": 10,
    "gateway of a namespace": 9,
    "tls": 8,
    "labels": 6,
    "tcp": 5,
    "timeout": 5,
    "retries": 4,
    "weight missing": 4,
    "exportTo": 4,
    "annotations": 3,
    "ownerReferences": 2,
    "mirror": 2,
    "rewrite": 2,
    "creationTimestamp": 1,
    "corsPolicy": 1,
    "delegate": 1,
    "match port": 1,
    "withoutHeaders": 1,
    # DestinationRules: of 172, here of 175.
    "no rule": 26,
    "rule tls": 30,
    "rule outlierDetection": 13,
    "subset policy": 9,
    "rule labels": 5,
    "subset without labels": 5,
    "rule consistentHash": 2,
    "rule portLevelSettings": 2,
    "rule LEAST_CONN": 1,
    # Gateways: of 281, here of 175.
    "gateway of all hosts": 24,
    "gateway port": 22,
    "gateway selector": 13,
    "gateway tls": 12,
    "gateway servers": 9,
    # Made up: how `kubectl get -o yaml` writes several.
    "list": 9,
    "two services": 9,
    "redirect": 2,
    "query": 2,
    "second service": 9,
}
# v1beta1 is of 40 of the 59 that are not v1alpha3.
_V1BETA1: Final = 156
_NAMES: Final = ("shop", "reviews", "cart", "pay", "search", "account", "orders", "web")
_SPLITS: Final = ((90, 10), (80, 20), (75, 25), (50, 50), (95, 5), (99, 1), (100, 0), (0, 100), (70, 30))

Document = dict[str, Any]


def has(number: int, field: str) -> bool:
    """Return whether a document has a field: as many of the 175 have it as the table says."""
    return _place(number, list(FIELDS).index(field)) < FIELDS[field]


def is_of_mesh_alone(number: int) -> bool:
    """Return whether a document names no gateway; Istio refuses the host `*` there."""
    return has(number, "no gateways") and not has(number, "any host")


def documents(number: int) -> list[Document]:
    """Return the resources of one document, in the form that its number gives them."""
    name = f"{_NAMES[number % len(_NAMES)]}-{number}"
    made = [_virtual_service(number, name)]
    if has(number, "second service"):
        made.append(_second_service(number, made[0]))
    if not has(number, "no rule") and not has(number, "two services"):
        made.append(_destination_rule(number, name))
    if not is_of_mesh_alone(number):
        made.append(_gateway(number, name))
    return made


def text(number: int) -> str:
    """Return one document as the text of a file."""
    made = documents(number)
    if has(number, "list"):
        return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": made}, sort_keys=False)
    return yaml.safe_dump_all(made, sort_keys=False)


def _place(number: int, index: int) -> int:
    """Return where a number is in a shuffle of all: multiplied by what has no common factor with 175, and moved."""
    factors = [factor for factor in range(2, SIZE) if factor % 5 and factor % 7]
    return (number * factors[index] + 31 * index) % SIZE


def _resource(number: int, kind: str, name: str, spec: Document, prefix: str) -> Document:
    place = _place(number, list(FIELDS).index("v1alpha3"))
    version = "v1alpha3" if place < FIELDS["v1alpha3"] else "v1beta1" if place < _V1BETA1 else "v1"
    metadata: Document = {"name": name}
    if has(number, "namespace"):
        metadata["namespace"] = "default"
    if f"{prefix}labels" in FIELDS and has(number, f"{prefix}labels"):
        metadata["labels"] = {"app": name, "team": "pay"}
    if prefix == "":
        extra: Document = {
            "annotations": {"owner": "pay@example.com"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Owner", "name": "a", "uid": "1"}],
            "creationTimestamp": "2024-05-01T10:00:00Z",
        }
        metadata |= {field: value for field, value in extra.items() if has(number, field)}
    return {"apiVersion": f"networking.istio.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def _second_service(number: int, first: Document) -> Document:
    """Return another VirtualService for the hosts of the first one; in every second document it is the older one."""
    name = first["metadata"]["name"]
    spec = {field: [*first["spec"][field]] for field in ("hosts", "gateways") if field in first["spec"]}
    routes = [
        {"match": [{"uri": {"prefix": "/second"}}], "route": [{"destination": _target(number, name, "v2")}]},
        {"route": [{"destination": _target(number, name, "v1")}]},
    ]
    second = _resource(number, "VirtualService", f"{name}-second", {**spec, "http": routes}, "second ")
    second["metadata"]["creationTimestamp"] = f"2024-05-01T10:00:{'00' if number % 2 else '02'}Z"
    first["metadata"]["creationTimestamp"] = "2024-05-01T10:00:01Z"
    return second


def _target(number: int, name: str, subset: str) -> Document:
    port = {} if has(number, "no port") else {"port": {"number": 8080}}
    if has(number, "two services"):
        return {"host": name if subset == "v1" else f"{name}-canary", **port}
    return {"host": name, "subset": subset, **port}


def _virtual_service(number: int, name: str) -> Document:
    hosts = ["*"] if has(number, "any host") else [name if is_of_mesh_alone(number) else f"{name}.default.example.com"]
    if has(number, "several hosts"):
        hosts = [*[host for host in hosts if host != "*"], f"www.{name}.default.example.com"]
    spec: Document = {"hosts": hosts}
    if not is_of_mesh_alone(number):
        prefix = "default/" if has(number, "gateway of a namespace") else ""
        spec["gateways"] = [f"{prefix}{name}-gateway"]
    if has(number, "exportTo"):
        spec["exportTo"] = ["*"]
    if has(number, "delegate"):
        spec["http"] = [{"match": [{"uri": {"prefix": "/"}}], "delegate": {"name": "other"}}]
        return _resource(number, "VirtualService", name, spec, "")
    spec["http"] = [*_matched_routes(number, name), _weighted_route(number, name)]
    destination = {"destination": _target(number, name, "v1")}
    if has(number, "tls"):
        spec["tls"] = [{"match": [{"port": 443, "sniHosts": [f"{name}.default.example.com"]}], "route": [destination]}]
    if has(number, "tcp"):
        spec["tcp"] = [{"match": [{"port": 9000}], "route": [destination]}]
    return _resource(number, "VirtualService", name, spec, "")


def _matched_routes(number: int, name: str) -> list[Document]:
    match = _match(number)
    if not match and not has(number, "several routes"):
        return []
    route: Document = {"match": [match or {"uri": {"prefix": "/canary"}}]}
    if has(number, "redirect"):
        return [{**route, "redirect": {"uri": "/new", "redirectCode": 302}}]
    route["route"] = [{"destination": _target(number, name, "v2")}]
    if has(number, "fault"):
        route["fault"] = (
            {"delay": {"percentage": {"value": 100.0}, "fixedDelay": "7s"}}
            if number % 2
            else {"abort": {"percentage": {"value": 12.5}, "httpStatus": 500}}
        )
    if has(number, "rewrite"):
        route["rewrite"] = {"uri": "/v2"}
    return [route]


def _match(number: int) -> Document:
    headers: Document = {}
    if has(number, "header exact"):
        headers["end-user" if number % 2 else "X-Canary"] = {"exact": "jason" if number % 3 else "true"}
    if has(number, "header regex"):
        headers["cookie"] = {"regex": "^(.*?;)?(user=dev)(;.*)?$"}
    if has(number, "header prefix"):
        headers["user-agent"] = {"prefix": "Mozilla"}
    match: Document = {"headers": headers} if headers else {}
    extra: dict[str, Document] = {
        "uri": {"uri": {"prefix": "/api"} if number % 20 else {"exact": "/login"}},
        "match gateways": {"gateways": ["mesh" if is_of_mesh_alone(number) else _gateway_name(number)]},
        "match port": {"port": 80},
        "withoutHeaders": {"withoutHeaders": {"x-stable": {"exact": "true"}}},
        "query": {"queryParams": {"canary": {"exact": "1"}}},
    }
    for field, part in extra.items():
        if has(number, field):
            match |= part
    return match


def _gateway_name(number: int) -> str:
    return f"{_NAMES[number % len(_NAMES)]}-{number}-gateway"


def _weighted_route(number: int, name: str) -> Document:
    stable, canary = _SPLITS[number % len(_SPLITS)]
    both: list[Document] = [
        {"destination": _target(number, name, "v1"), "weight": stable or (1 if has(number, "weight missing") else 0)},
        {"destination": _target(number, name, "v2"), "weight": canary},
    ]
    if has(number, "weight missing"):
        del both[1]["weight"]
    if has(number, "destination headers"):
        both[1]["headers"] = {"response": {"set": {"x-served-by": "canary"}, "remove": ["server"]}}
    route: Document = {"route": both}
    extra: dict[str, Document] = {
        "route name": {"name": "primary"},
        "timeout": {"timeout": "2.5s"},
        "retries": {"retries": {"attempts": 3, "perTryTimeout": "500ms", "retryOn": "5xx,reset,503"}},
        "mirror": {"mirror": _target(number, name, "v2"), "mirrorPercentage": {"value": 50.0}},
        "corsPolicy": {"corsPolicy": {"allowOrigins": [{"exact": "https://example.com"}], "allowMethods": ["GET"]}},
    }
    for field, part in extra.items():
        if has(number, field):
            route |= part
    request: Document = {}
    if has(number, "request headers add"):
        request["add"] = {"x-canary-split": "yes"}
    if has(number, "request headers set"):
        request["set"] = {"X-Env": "prod"}
    return {**route, "headers": {"request": request}} if request else route


def _destination_rule(number: int, name: str) -> Document:
    policy: Document = {}
    extra: dict[str, Document] = {
        "rule tls": {"tls": {"mode": "ISTIO_MUTUAL"}},
        "rule outlierDetection": {
            "outlierDetection": {"consecutive5xxErrors": 7, "interval": "5m", "baseEjectionTime": "15m"}
        },
        "rule consistentHash": {"loadBalancer": {"consistentHash": {"httpCookie": {"name": "user", "ttl": "0s"}}}},
        "rule LEAST_CONN": {"loadBalancer": {"simple": "LEAST_CONN"}},
        "rule portLevelSettings": {
            "portLevelSettings": [{"port": {"number": 8080}, "loadBalancer": {"simple": "RANDOM"}}]
        },
    }
    for field, part in extra.items():
        if has(number, field):
            policy |= part
    subsets: list[Document] = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    if has(number, "subset without labels"):
        del subsets[0]["labels"]
    if has(number, "subset policy"):
        subsets[1]["trafficPolicy"] = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
    spec = {"host": name, **({"trafficPolicy": policy} if policy else {}), "subsets": subsets}
    return _resource(number, "DestinationRule", name, spec, "rule ")


def _gateway(number: int, name: str) -> Document:
    hosts = ["*"] if has(number, "any host") or has(number, "gateway of all hosts") else ["*.default.example.com"]
    port: Document = {"number": 8081 if has(number, "gateway port") else 80, "name": "http", "protocol": "HTTP"}
    servers: list[Document] = [{"port": port, "hosts": hosts}]
    if has(number, "gateway tls"):
        tls = {"mode": "SIMPLE", "credentialName": "certificate"}
        servers = [{"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": hosts, "tls": tls}]
    if has(number, "gateway servers"):
        redirect = {"port": {**port, "number": 80, "name": "plain"}, "hosts": hosts, "tls": {"httpsRedirect": True}}
        servers = [redirect, *servers]
    selector = {"app": "public-gateway"} if has(number, "gateway selector") else {"istio": "ingressgateway"}
    return _resource(number, "Gateway", f"{name}-gateway", {"selector": selector, "servers": servers}, "gateway ")
