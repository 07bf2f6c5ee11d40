"""Reading a VirtualService: its fields are tables, and few of them need code."""

from collections.abc import Mapping
from typing import Any, Final

from scripts.lab.translation import names
from scripts.lab.translation.endpoints import HIGHEST_PORT
from scripts.lab.translation.fields import Field, Form
from scripts.lab.translation.readers import (
    ANY_TEXT,
    HEADER_NAME,
    HEADER_VALUE,
    LABEL_KEY,
    LABEL_VALUE,
    PRINTABLE,
    RESPONSE_HEADER,
    Reader,
    duration,
    header_match,
    ignored,
    items,
    mapping,
    one_of,
    percent,
    record,
    regex,
    string_match,
    text,
    truth,
    whole,
)
from scripts.lab.translation.resources import Destination, HttpRoute, Meta, VirtualService

_MOST_UINT32: Final = 2**32 - 1  # Envoy's bound on the sum of the weights of one route
_ROUTE_NAME: Final = Form(r"[ -~]{1,253}", "a name of printable ASCII")
_MATCHED_HEADER: Final = Form(
    HEADER_NAME.pattern,
    f"{HEADER_NAME.meaning} (uri, method, authority and scheme are fields of their own; the lab reads no token)",
)

REFUSED: Final[Mapping[str, str]] = {
    "tls": "these routes pass encrypted connections on by their name, unseen: keep only `http`",
    "tcp": "these routes pass connections on, without requests that could be counted: keep only `http`",
}
REFUSED_IN_ROUTE: Final[Mapping[str, str]] = {
    "delegate": "put the routes of the other VirtualService here in its place",
}

_HEADERS: Final = record(
    {
        way: record(
            {
                "set": mapping(form, text(HEADER_VALUE)),
                "add": mapping(form, text(HEADER_VALUE)),
                "remove": items(text(HEADER_NAME)),
            }
        )
        for way, form in (("request", HEADER_NAME), ("response", RESPONSE_HEADER))
    }
)
_MATCH: Final = record(
    {
        "name": text(_ROUTE_NAME),
        "uri": string_match,
        "scheme": string_match,
        "method": string_match,
        "authority": string_match,
        "headers": mapping(_MATCHED_HEADER, header_match),
        "withoutHeaders": mapping(_MATCHED_HEADER, header_match),
        "queryParams": mapping(PRINTABLE, header_match),
        "ignoreUriCase": truth,
        "gateways": items(text(names.GATEWAY_NAME)),
        "port": whole(1, HIGHEST_PORT),
        "sourceLabels": mapping(LABEL_KEY, text(LABEL_VALUE)),
        "sourceNamespace": text(names.NAME),
        "statPrefix": text(PRINTABLE),
    }
)
_TARGET: Final = record(
    {
        "host": text(names.HOST),
        "port": record({"number": whole(1, HIGHEST_PORT)}, ["number"]),
        "subset": text(names.SUBSET_NAME),
    },
    ["host"],
)


def _target(field: Field) -> Destination:
    found = _TARGET(field)
    port = found["port"]["number"] if "port" in found else None
    return Destination(found["host"], port, found.get("subset"))


_CONDITIONS: Final = (
    *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited"),
    *("retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers", "http3-post-connect-failure"),
    *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable", "[1-5][0-9][0-9]"),
)
_RETRY_ON: Final = Form(
    rf"({'|'.join(_CONDITIONS)})(,({'|'.join(_CONDITIONS)}))*",
    "conditions of Envoy with commas and no spaces between, such as 5xx,reset,503",
)
_RETRY: Final = record(
    {
        "attempts": whole(),
        "perTryTimeout": duration,
        "retryOn": text(_RETRY_ON),
        "backoff": duration,
        "retryIgnorePreviousHosts": truth,
        "retryRemoteLocalities": truth,
    }
)
_FAULT: Final = record(
    {
        "delay": record(
            {"percentage": percent, "percent": whole(0, 100), "fixedDelay": duration},
            ["fixedDelay"],
            {"exponentialDelay": "Istio does not carry it out: give a fixedDelay"},
        ),
        "abort": record(
            {
                "percentage": percent,
                "httpStatus": whole(200, 599),
                "grpcStatus": text(Form("[A-Z_]+", "a status of gRPC such as UNAVAILABLE")),
            },
            refused={"http2Error": "Istio does not carry it out: give an httpStatus"},
        ),
    }
)
_REDIRECT: Final = record(
    {
        "uri": text(PRINTABLE),
        "authority": text(PRINTABLE),
        "scheme": one_of("http", "https"),
        "port": whole(1, HIGHEST_PORT),
        "derivePort": one_of("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
        "redirectCode": whole(300, 399),
    }
)
_REWRITE: Final = record(
    {
        "uri": text(PRINTABLE),
        "authority": text(PRINTABLE),
        "uriRegexRewrite": record({"match": regex, "rewrite": text(ANY_TEXT)}, ["match", "rewrite"]),
    }
)
_CORS: Final = record(
    {
        "allowOrigins": items(string_match),
        "allowOrigin": items(text(PRINTABLE)),
        "allowMethods": items(text(PRINTABLE)),
        "allowHeaders": items(text(PRINTABLE)),
        "exposeHeaders": items(text(PRINTABLE)),
        "maxAge": duration,
        "allowCredentials": truth,
        "unmatchedPreflights": one_of("UNSPECIFIED", "FORWARD", "IGNORE"),
    }
)
_ROUTE: Final[Mapping[str, Reader]] = {
    "name": text(_ROUTE_NAME),
    "match": items(_MATCH),
    "route": items(record({"destination": _target, "weight": whole(), "headers": _HEADERS}, ["destination"])),
    "headers": _HEADERS,
    "timeout": duration,
    "retries": _RETRY,
    "fault": _FAULT,
    "redirect": _REDIRECT,
    "directResponse": record(
        {"status": whole(200, 599), "body": record({"string": text(ANY_TEXT), "bytes": text(PRINTABLE)})}, ["status"]
    ),
    "rewrite": _REWRITE,
    "mirror": _target,
    "mirrorPercent": whole(0, 100),
    "mirrorPercentage": percent,
    "mirrors": items(record({"destination": _target, "percentage": percent}, ["destination"])),
    "corsPolicy": _CORS,
}
_READ_ROUTE: Final = record(_ROUTE, refused=REFUSED_IN_ROUTE)


def virtual_service(meta: Meta, spec: Field) -> VirtualService:
    """Return the VirtualService of a manifest; without `gateways` it is for clients in the mesh alone."""
    fields = spec.record(("hosts", "http"), ("gateways", "exportTo"), REFUSED)
    if "exportTo" in fields:
        ignored(fields["exportTo"])
    hosts = _distinct(fields["hosts"], names.WILDCARD_HOST)
    gateways = _distinct(fields["gateways"], names.GATEWAY_NAME) if "gateways" in fields else ()
    if "*" in hosts and names.MESH in (gateways or (names.MESH,)):
        raise fields["hosts"].error("*: is not allowed in the mesh: name a gateway in spec.gateways, and not `mesh`")
    return VirtualService(
        meta,
        hosts=hosts,
        gateways=gateways,
        http=tuple(_http_route(field) for field in fields["http"].items()),
        without_effect=("spec.exportTo",) if "exportTo" in fields else (),
    )


def _distinct(field: Field, form: Form) -> tuple[str, ...]:
    """Return a list of distinct names."""
    found: list[str] = []
    for item in field.items():
        name = item.text(form)
        if name in found:
            raise item.error(f"{name}: is in this list twice: keep one")
        found.append(name)
    return tuple(found)


def _http_route(field: Field) -> HttpRoute:
    options: dict[str, Any] = _READ_ROUTE(field)
    actions = [name for name in ("route", "redirect", "directResponse") if name in options]
    if len(actions) != 1:
        too_many = f"has {' and '.join(actions)}: keep one of them"
        raise field.error(too_many if actions else "must have `route`, or `redirect` or `directResponse`")
    matches = tuple(options.pop("match", ()))
    given = options.pop("route", None)
    destinations = () if given is None else _destinations(field.entries()["route"], given)
    options["mirrors"] = tuple(_mirrors(options))
    return HttpRoute(matches, destinations, options)


def _destinations(field: Field, given: list[Mapping[str, Any]]) -> tuple[Destination, ...]:
    total = sum(one.get("weight", 0) for one in given)
    # Istio's own rule: a single destination needs no weight, and gets every request with any weight.
    if len(given) > 1 and total == 0:
        raise field.error("the weights add up to 0: give one of the destinations a weight above 0")
    if total > _MOST_UINT32:
        raise field.error(f"the weights add up to {total}: Envoy takes {_MOST_UINT32} at most")
    return tuple(
        Destination(
            host=one["destination"].host,
            port=one["destination"].port,
            subset=one["destination"].subset,
            weight=one.get("weight"),
            headers=one.get("headers", {}),
        )
        for one in given
    )


def _mirrors(options: dict[str, Any]) -> list[tuple[Destination, float]]:
    """Take the mirrors out of a route's fields: each destination with its percentage."""
    percentage = options.pop("mirrorPercentage", options.pop("mirrorPercent", 100))
    first = [(options.pop("mirror"), percentage)] if "mirror" in options else []
    return [*first, *((one["destination"], one.get("percentage", 100)) for one in options.pop("mirrors", ()))]
