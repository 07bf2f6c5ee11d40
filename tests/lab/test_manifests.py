"""The lab reads the fields that the files under istio/ use, and refuses all else by file and field."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from scripts.lab.translation.manifests import (
    Destination,
    DestinationRule,
    Gateway,
    HttpRoute,
    ManifestError,
    Meta,
    Resource,
    Subset,
    VirtualService,
    combine,
    parse,
)
from scripts.record.routes import BASE
from tests.lab.states import ISTIO, resource
from tests.support.repository import text_of

FILE: Final = "istio/some.yaml"
HEADER_VALUE: Final = 'must be a header value of printable ASCII without "%"'
QUOTES: Final = "put it in quotes if it is one"
NAME: Final = "a name of lower-case letters, digits and hyphens"
HOST: Final = "a host name in lower case, without scheme, port and wildcard, whose last part is not a number"
WILDCARD_HOST: Final = (
    "a host name in lower case, * or *.example.com, without scheme and port, whose last part is not a number"
)
HEADER_NAME: Final = "must be a header name of letters, digits, hyphens and underscores"
WEIGHTED: Final = "istio/virtual-service-70-30.yaml"
HEADER: Final = "istio/virtual-service-header.yaml"
GATEWAY: Final = "istio/gateway.yaml"
OVERLOAD: Final = "istio/destination-rule-overload.yaml"


def refusal(text: str) -> str:
    """Return the error of a manifest that the lab refuses."""
    with pytest.raises(ManifestError) as caught:
        parse(text, FILE)
    return str(caught.value)


def changed(path: str, old: str, new: str) -> str:
    """Return a manifest with the first occurrence of a text replaced, which must be there."""
    text = text_of(path)
    assert old in text
    return text.replace(old, new, 1)


def places(value: object, path: str = "") -> Iterator[tuple[str, Any, str | int]]:
    """Yield every place of a JSON value: its path as errors write it, its container, its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(pairs):
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".removeprefix(".")
        yield here, value, key
        yield from places(child, here)


def parsed(text: str) -> Resource:
    """Return the one resource of a text."""
    (found,) = parse(text, FILE)
    return found


def adding(role: str) -> dict[str, Any]:
    """Return the headers of a destination that names its role on its answers."""
    return {"response": {"set": {"x-canary-subset": role}}}


def test_the_split_is_read_as_it_is_written() -> None:
    """Hosts, gateways, weights and the response headers of a virtual service arrive unchanged."""
    route = HttpRoute(
        matches=(),
        destinations=(
            Destination("micro-api", 19090, "v1", weight=70, headers=adding("stable")),
            Destination("micro-api", 19090, "v2", weight=30, headers=adding("canary")),
        ),
        options={"headers": {"response": {"set": {"x-canary-route": "70-30"}}}, "mirrors": ()},
    )
    assert resource(WEIGHTED) == VirtualService(
        Meta(WEIGHTED, "micro-api-route"), ("micro-api",), ("micro-gateway", "mesh"), (route,)
    )


def test_a_header_match_is_read_in_istios_names() -> None:
    """A match maps header names to what they must be."""
    service = resource(HEADER)
    assert isinstance(service, VirtualService)
    assert [route.matches for route in service.http] == [({"headers": {"x-canary": {"exact": "true"}}},), ()]


def test_the_limits_of_a_destination_rule_are_read() -> None:
    """Subsets, balancer and the three limits of the overload lesson arrive under Istio's names."""
    assert resource(OVERLOAD) == DestinationRule(
        Meta(OVERLOAD, "micro-api-destination"),
        host="micro-api",
        subsets={name: Subset({"version": name}) for name in ("v1", "v2")},
        policy={
            "connectionPool": {
                "tcp": {"maxConnections": 10},
                "http": {"http1MaxPendingRequests": 1, "maxRequestsPerConnection": 1},
            },
            "loadBalancer": {"simple": "ROUND_ROBIN"},
        },
    )


@pytest.mark.parametrize("path", ISTIO)
def test_an_unknown_field_is_refused_wherever_it_stands(path: str) -> None:
    """A field added to any mapping of any file is refused by its path, never ignored."""
    whole = yaml.safe_load(text_of(path))
    mappings = [("", whole)] + [(here, box[key]) for here, box, key in places(whole) if isinstance(box[key], dict)]
    assert len(mappings) > 4
    for here, mapping in mappings:
        mapping["surprise"] = 1
        assert refusal(json.dumps(whole)).startswith(f"{FILE}: {here}.surprise: ".replace(": .", ": "))
        del mapping["surprise"]


@pytest.mark.parametrize("path", ISTIO)
@pytest.mark.parametrize("wrong", [None, True, 0.5, [], {}, ["a"], {"a": "b"}, "", " "], ids=repr)
def test_a_value_of_a_wrong_type_is_refused_wherever_it_stands(path: str, wrong: Any) -> None:  # noqa: ANN401 - any YAML
    """No value of any file can be replaced by one of another type; the error names the field or one within it."""
    whole = yaml.safe_load(text_of(path))
    for here, box, key in list(places(whole)):
        right, box[key] = box[key], wrong
        fits = (
            (wrong == {"a": "b"} and key in ("labels", "set", "selector"))
            or (wrong == ["a"] and key in ("hosts", "gateways"))
            or (wrong == {} and key == "x-canary")
        )
        if not fits:
            assert refusal(json.dumps(whole)).startswith(f"{FILE}: {here}")
        box[key] = right


@pytest.mark.parametrize("path", ISTIO)
def test_a_field_given_twice_is_refused(path: str) -> None:
    """YAML would silently use the last of two equal keys; the lab refuses both."""
    assert refusal(text_of(path) + "spec: {}\n") == f"{FILE}: spec: this field is given twice: keep one"


def test_the_error_of_an_unknown_field_lists_the_known_ones() -> None:
    """The reader finds the field that was meant."""
    text = changed(WEIGHTED, "    - route:", "    - retry: {attempts: 3}\n      route:")
    problem = "the lab does not support this field, only: name, match, route, headers, timeout, retries, fault,"
    assert refusal(text).startswith(f"{FILE}: spec.http[0].retry: {problem}")


def test_a_missing_host_is_named() -> None:
    """A destination needs its host."""
    whole = yaml.safe_load(text_of(WEIGHTED))
    del whole["spec"]["http"][0]["route"][1]["destination"]["host"]
    expected = f"{FILE}: spec.http[0].route[1].destination.host: this field is missing"
    assert refusal(json.dumps(whole)) == expected


@pytest.mark.parametrize("field", ["port", "subset"])
def test_a_port_and_a_subset_may_be_missing(field: str) -> None:
    """Without a subset all endpoints are meant, without a port the Service's only one."""
    whole = yaml.safe_load(text_of(WEIGHTED))
    del whole["spec"]["http"][0]["route"][1]["destination"][field]
    service = parsed(json.dumps(whole))
    assert isinstance(service, VirtualService)
    assert getattr(service.http[0].destinations[1], field) is None


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("70.5", "70.5: must be a whole number from 0 to 2147483647"),
        ("-1", "-1: must be a whole number from 0 to 2147483647"),
        ("2147483648", "2147483648: must be a whole number from 0 to 2147483647"),
        ('"70"', "'70': must be a whole number from 0 to 2147483647, without quotes"),
        ("0x46", "0x46: must be a whole number from 0 to 2147483647"),
        ("070", "070: must be a whole number from 0 to 2147483647"),
        ("7_0", "7_0: must be a whole number from 0 to 2147483647"),
        ("1:10", "1:10: must be a whole number from 0 to 2147483647"),
        ("70%", "70%: must be a whole number from 0 to 2147483647"),
        ("yes", "yes: must be a whole number from 0 to 2147483647"),
        (f"1{'0' * 5000}", f"'1{'0' * 58}: must be a whole number from 0 to 2147483647"),
    ],
)
def test_a_weight_must_be_a_plain_whole_number(written: str, problem: str) -> None:
    """A weight in any other notation is refused, even one that YAML would silently convert to a number."""
    text = changed(WEIGHTED, "weight: 70", f"weight: {written}")
    assert refusal(text) == f"{FILE}: spec.http[0].route[0].weight: {problem}"


@pytest.mark.parametrize("weights", [(7, 3), (50, 20), (200, 100), (0, 1), (2147483647, 2147483647)])
def test_weights_need_not_sum_up_to_100(weights: tuple[int, int]) -> None:
    """Weights are relative, as in Istio: they pass as they are."""
    text = changed(WEIGHTED, "weight: 70", f"weight: {weights[0]}").replace("weight: 30", f"weight: {weights[1]}")
    service = parsed(text)
    assert isinstance(service, VirtualService)
    assert tuple(destination.weight for destination in service.http[0].destinations) == weights


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ((0, 0), "the weights add up to 0: give one of the destinations a weight above 0"),
        ((None, None), "the weights add up to 0: give one of the destinations a weight above 0"),
        ((2**31 - 1, 2**31 - 1, 2), "the weights add up to 4294967296: Envoy takes 4294967295 at most"),
    ],
)
def test_a_sum_of_weights_that_cannot_be_served_is_refused(weights: tuple[int | None, ...], problem: str) -> None:
    """Weights that add up to 0, or to more than Envoy can hold, are refused together."""
    whole = yaml.safe_load(text_of(WEIGHTED))
    destination = whole["spec"]["http"][0]["route"][0]["destination"]
    whole["spec"]["http"][0]["route"] = [
        {"destination": destination} if weight is None else {"destination": destination, "weight": weight}
        for weight in weights
    ]
    assert refusal(json.dumps(whole)) == f"{FILE}: spec.http[0].route: {problem}"


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        (
            WEIGHTED,
            "io/v1",
            "io/v2",
            (
                "apiVersion: networking.istio.io/v2: must be networking.istio.io/v1 or networking.istio.io/v1beta1 "
                "or networking.istio.io/v1alpha3"
            ),
        ),
        (
            WEIGHTED,
            "kind: VirtualService",
            "kind: Sidecar",
            (
                "kind: Sidecar: the lab does not apply this kind: the lab reads these kinds: Gateway, "
                "VirtualService, DestinationRule, Service"
            ),
        ),
        (WEIGHTED, "- mesh", "- micro-gateway", "spec.gateways[1]: micro-gateway: is in this list twice: keep one"),
        (
            WEIGHTED,
            "- mesh",
            '- "1"',
            f"spec.gateways[1]: 1: must be {NAME}, perhaps NAMESPACE/NAME, not of digits alone",
        ),
        (
            WEIGHTED,
            "- micro-api",
            '- "*"',
            "spec.hosts: *: is not allowed in the mesh: name a gateway in spec.gateways, and not `mesh`",
        ),
        (WEIGHTED, "- micro-api", '- "10.0.0.1"', f"spec.hosts[0]: 10.0.0.1: must be {WILDCARD_HOST}"),
        (
            WEIGHTED,
            "host: micro-api",
            "host: v1.0.1",
            f"spec.http[0].route[0].destination.host: v1.0.1: must be {HOST}",
        ),
        (
            WEIGHTED,
            "x-canary-route:",
            "X Canary:",
            f"spec.http[0].headers.response.set: X Canary: {HEADER_NAME}, other than host",
        ),
        (
            WEIGHTED,
            "x-canary-route:",
            "host:",
            f"spec.http[0].headers.response.set: host: {HEADER_NAME}, other than host",
        ),
        (
            WEIGHTED,
            '"70-30"',
            "70%",
            f"spec.http[0].headers.response.set.x-canary-route: 70%: {HEADER_VALUE}",
        ),
        (
            HEADER,
            'exact: "true"',
            "exact: true",
            f"spec.http[0].match[0].headers.x-canary.exact: true: {HEADER_VALUE}; {QUOTES}",
        ),
        (
            HEADER,
            'exact: "true"',
            'exact: "true"\n              prefix: t',
            "spec.http[0].match[0].headers.x-canary: has exact and prefix: keep one of them",
        ),
        (
            HEADER,
            'x-canary:\n              exact: "true"',
            'x-canary: "true"',
            'spec.http[0].match[0].headers.x-canary: must be a mapping such as `exact: "v"`, or `prefix` or `regex`',
        ),
        (
            HEADER,
            'exact: "true"',
            "regex: (?!x)",
            "spec.http[0].match[0].headers.x-canary.regex: (?!x): Envoy's regular expressions (RE2) know no `(?!`",
        ),
        (
            HEADER,
            'exact: "true"',
            "regex: (a",
            (
                "spec.http[0].match[0].headers.x-canary.regex: (a: is not a regular expression: "
                "missing ), unterminated subpattern"
            ),
        ),
        (
            WEIGHTED,
            "    - route:",
            "    - delegate: {name: a}\n      route:",
            (
                "spec.http[0].delegate: the lab does not serve this field: "
                "put the routes of the other VirtualService here in its place"
            ),
        ),
        (
            WEIGHTED,
            "  http:",
            "  tcp: []\n  http:",
            (
                "spec.tcp: the lab does not serve this field: these routes pass connections on, without requests that "
                "could be counted: keep only `http`"
            ),
        ),
        (
            WEIGHTED,
            "    - route:",
            "    - timeout: 10\n      route:",
            "spec.http[0].timeout: 10: must be a duration such as 10s, 1.5s or 250ms; put it in quotes if it is one",
        ),
        (GATEWAY, "number: 80", "number: 0", "spec.servers[0].port.number: 0: must be a whole number from 1 to 65535"),
        (OVERLOAD, "version: v1", "a..b/c: v1", "spec.subsets[0].labels: a..b/c: must be a label's key"),
        (OVERLOAD, "name: v2", "name: v1", "spec.subsets[1].name: v1: this subset is defined twice: keep one"),
        (
            OVERLOAD,
            "ROUND_ROBIN",
            "PASSTHROUGH",
            (
                "spec.trafficPolicy.loadBalancer.simple: PASSTHROUGH: must be ROUND_ROBIN or LEAST_REQUEST "
                "or LEAST_CONN or RANDOM or UNSPECIFIED"
            ),
        ),
        (
            OVERLOAD,
            "maxConnections: 10",
            "maxConnections: ten",
            "spec.trafficPolicy.connectionPool.tcp.maxConnections: ten: must be a whole number from 0 to 2147483647",
        ),
    ],
)
def test_a_value_that_the_lab_would_not_serve_is_refused(path: str, old: str, new: str, problem: str) -> None:
    """The error names file, field, value, and what is allowed."""
    assert refusal(changed(path, old, new)) == f"{FILE}: {problem}"


def test_a_state_holds_the_resources_by_kind() -> None:
    """The kinds are combined in any order."""
    gateway, rule, service = map(resource, BASE)
    assert isinstance(gateway, Gateway)
    assert combine([service, gateway, rule]).resources() == (gateway, service, rule)


def test_a_state_needs_a_virtual_service() -> None:
    """A state without one is refused by the files that were given."""
    gateway, rule, _ = map(resource, BASE)
    with pytest.raises(ManifestError) as caught:
        combine([gateway, rule])
    files = "istio/destination-rule.yaml, istio/gateway.yaml"
    assert str(caught.value) == f"{files}: no VirtualService here: add the file that holds one"


def test_a_name_given_twice_is_named() -> None:
    """Two virtual services of one name are refused by their two files."""
    with pytest.raises(ManifestError) as caught:
        combine(map(resource, [*BASE, HEADER]))
    problem = "2 resources of kind VirtualService have the name micro-api-route: keep one of them"
    assert str(caught.value) == f"{WEIGHTED}, {HEADER}: {problem}"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (WEIGHTED, "- micro-api", "- {}.example.org"),
        (OVERLOAD, "version: v1", "{}: v1"),
        (OVERLOAD, "version: v1", "example.org/{}: v1"),
    ],
)
def test_a_part_of_a_name_has_63_characters_at_most(path: str, old: str, new: str) -> None:
    """That is what Istio takes, for the parts of a host and for a label's key after its slash."""
    assert parse(changed(path, old, new.format("a" * 63)), FILE)
    assert "a" * 40 in refusal(changed(path, old, new.format("a" * 64)))
