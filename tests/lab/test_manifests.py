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
    Manifests,
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
HOST: Final = "a host name in lower case, without wildcard, whose last part is not a number"
HEADER_NAME: Final = "must be a header name of lower-case letters, digits and hyphens"
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


def test_the_split_is_read_as_it_is_written() -> None:
    """Hosts, gateways, weights and the response header of a virtual service arrive unchanged."""
    route = HttpRoute(
        matches=(),
        destinations=(
            Destination(host="micro-api", port=19090, subset="v1", weight=70),
            Destination(host="micro-api", port=19090, subset="v2", weight=30),
        ),
        response_headers={"x-canary-route": "70-30"},
    )
    expected = VirtualService(WEIGHTED, "micro-api-route", ("micro-api",), ("micro-gateway", "mesh"), (route,))
    assert parse(text_of(WEIGHTED), WEIGHTED) == expected


def test_a_header_match_is_read_as_exact_values() -> None:
    """A match maps header names to the values that they must have."""
    service = resource(HEADER)
    assert isinstance(service, VirtualService)
    assert [route.matches for route in service.http] == [({"x-canary": "true"},), ()]


def test_the_limits_of_a_destination_rule_are_read() -> None:
    """Subsets, balancer and the three limits of the overload lesson arrive under their own names."""
    assert resource(OVERLOAD) == DestinationRule(
        file=OVERLOAD,
        name="micro-api-destination",
        host="micro-api",
        subsets={"v1": {"version": "v1"}, "v2": {"version": "v2"}},
        load_balancer="ROUND_ROBIN",
        max_connections=10,
        http1_max_pending_requests=1,
        max_requests_per_connection=1,
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
        fits = (wrong == {"a": "b"} and key in ("labels", "set")) or (wrong == ["a"] and key in ("hosts", "gateways"))
        if not fits or path == GATEWAY:
            assert refusal(json.dumps(whole)).startswith(f"{FILE}: {here}")
        box[key] = right


@pytest.mark.parametrize("path", ISTIO)
def test_a_field_given_twice_is_refused(path: str) -> None:
    """YAML would silently use the last of two equal keys; the lab refuses both."""
    assert refusal(text_of(path) + "spec: {}\n") == f"{FILE}: spec: this field is given twice: keep one"


def test_the_error_of_an_unknown_field_lists_the_known_ones() -> None:
    """The reader finds the field that was meant."""
    text = changed(WEIGHTED, "    - route:", "    - retries: {attempts: 3}\n      route:")
    problem = "the lab does not support this field, only: route, match, headers"
    assert refusal(text) == f"{FILE}: spec.http[0].retries: {problem}"


@pytest.mark.parametrize("field", ["host", "port", "subset"])
def test_a_missing_field_is_named(field: str) -> None:
    """A destination needs its host and port, while without a subset it means all endpoints."""
    whole = yaml.safe_load(text_of(WEIGHTED))
    del whole["spec"]["http"][0]["route"][1]["destination"][field]
    if field == "subset":
        service = parse(json.dumps(whole), FILE)
        assert isinstance(service, VirtualService)
        assert service.http[0].destinations[1].subset is None
    else:
        expected = f"{FILE}: spec.http[0].route[1].destination.{field}: this field is missing"
        assert refusal(json.dumps(whole)) == expected


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
    service = parse(text, FILE)
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
        (WEIGHTED, "io/v1", "io/v1alpha3", "apiVersion: networking.istio.io/v1alpha3: must be networking.istio.io/v1"),
        (
            WEIGHTED,
            "VirtualService",
            "Deployment",
            "kind: Deployment: must be Gateway or VirtualService or DestinationRule",
        ),
        (WEIGHTED, "- mesh", "- micro-gateway", "spec.gateways[1]: micro-gateway: is in this list twice: keep one"),
        (WEIGHTED, "- mesh", '- "1"', f"spec.gateways[1]: 1: must be {NAME}, not of digits alone"),
        (WEIGHTED, "- micro-api", '- "*"', f"spec.hosts[0]: *: must be {HOST}"),
        (WEIGHTED, "- micro-api", '- "10.0.0.1"', f"spec.hosts[0]: 10.0.0.1: must be {HOST}"),
        (
            WEIGHTED,
            "host: micro-api",
            "host: v1.0.1",
            f"spec.http[0].route[0].destination.host: v1.0.1: must be {HOST}",
        ),
        (
            WEIGHTED,
            "x-canary-route:",
            "X-Canary:",
            f"spec.http[0].headers.response.set: X-Canary: {HEADER_NAME}, other than host",
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
        (GATEWAY, "number: 80", "number: 443", "spec.servers[0].port.number: 443: must be 80"),
        (GATEWAY, "protocol: HTTP", "protocol: HTTPS", "spec.servers[0].port.protocol: HTTPS: must be HTTP"),
        (
            GATEWAY,
            '- "*"',
            '- "*"\n        - micro-api',
            "spec.servers[0].hosts[1]: the lab supports only one element here",
        ),
        (OVERLOAD, "version: v1", "a..b/c: v1", "spec.subsets[0].labels: a..b/c: must be a label's key"),
        (OVERLOAD, "name: v2", "name: v1", "spec.subsets[1].name: v1: this subset is defined twice: keep one"),
        (
            OVERLOAD,
            "ROUND_ROBIN",
            "PASSTHROUGH",
            "spec.trafficPolicy.loadBalancer.simple: PASSTHROUGH: must be ROUND_ROBIN or LEAST_REQUEST or RANDOM",
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


def test_a_state_is_one_resource_of_each_kind() -> None:
    """The three kinds are combined in any order."""
    gateway, rule, service = map(resource, BASE)
    assert isinstance(gateway, Gateway)
    assert isinstance(rule, DestinationRule)
    assert isinstance(service, VirtualService)
    assert combine([service, gateway, rule]) == Manifests(gateway, service, rule)


def test_a_missing_kind_is_named() -> None:
    """A state without a destination rule is refused by the files that were given."""
    gateway, _, service = map(resource, BASE)
    with pytest.raises(ManifestError) as caught:
        combine([gateway, service])
    files = "istio/gateway.yaml, istio/virtual-service-70-30.yaml"
    assert str(caught.value) == f"{files}: no DestinationRule here: add the file that holds one"


def test_a_kind_given_twice_is_named() -> None:
    """A state with two virtual services is refused by their two files."""
    with pytest.raises(ManifestError) as caught:
        combine(map(resource, [*BASE, HEADER]))
    assert str(caught.value) == f"{WEIGHTED}, {HEADER}: 2 resources of kind VirtualService: keep one of them"


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
