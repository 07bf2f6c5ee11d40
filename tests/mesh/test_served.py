"""The routes that an Envoy serves, in words, and which of them a request gets."""

from typing import Any

import pytest

from scripts.proxy.matching import takes
from scripts.proxy.served import sentence, served, taking
from tests.mesh.envoy_json import HOST, V1, V2, configuration, named, virtual_host, weighted

TRUE = {"name": "x-canary", "stringMatch": {"exact": "true"}}


@pytest.mark.parametrize(
    ("name", "action", "disagrees"),
    [
        ("70-30", weighted(70, 30), False),
        ("gateway-api-70-30", weighted(70, 30), False),
        ("70-30", weighted(30, 70), True),
        ("70-30", weighted(20, 30), True),
        ("0-100", {"cluster": V2}, False),
        ("0-100", {"cluster": V1}, True),
        ("2-1", weighted(2, 1), False),
        ("release-2024-11", weighted(70, 30), False),
        ("header-canary", {"cluster": V2}, False),
    ],
)
def test_only_a_name_of_weights_can_disagree(name: str, action: dict[str, Any], *, disagrees: bool) -> None:
    """A name is of weights where its two numbers add up to 100."""
    (route,) = served([configuration(virtual_host(named(name, action)))])
    assert route.name_disagrees == disagrees
    assert ("Its name" in sentence([route])) == disagrees


def test_several_listeners_are_told_apart() -> None:
    """The same host may have other routes for a sidecar than at the gateway."""
    pair = [
        configuration(virtual_host(named(name, weighted(*weights))), name=listener)
        for name, weights, listener in (("70-30", (70, 30), "http.8080"), ("50-50", (50, 50), "19090"))
    ]
    assert sentence(served(pair)).splitlines() == [
        "Envoy serves 2 routes:",
        f"  host {HOST}, routes http.8080",
        "  v1 70 %, v2 30 % (70-30) for all that are left",
        f"  host {HOST}, routes 19090",
        "  v1 50 %, v2 50 % (50-50) for all that are left",
    ]


def test_what_the_proxy_answers_itself_is_said() -> None:
    """A redirect leads to no version."""
    route = {"match": {"prefix": "/"}, "redirect": {"pathRedirect": "/login"}}
    assert sentence(served([configuration(virtual_host(route))])) == (
        "Envoy serves redirected with 301, path /login (a route without a name)."
    )


def test_a_host_that_asks_for_tls_serves_no_weights() -> None:
    """A plain request gets 301 before any route, also for a host without routes."""
    weights = virtual_host(named("70-30", weighted(70, 30)), requireTls="ALL")
    without_routes = {"name": f"{HOST}:80", "domains": [HOST], "requireTls": "ALL"}
    for host in (weights, without_routes):
        (route,) = served([configuration(host)])
        assert sentence([route]) == "Envoy serves redirected with 301, scheme https (httpsRedirect)."
        assert route.shares == ()


@pytest.mark.parametrize(
    ("match", "headers", "is_taken"),
    [
        ({"prefix": "/"}, {}, True),
        ({"prefix": "/api"}, {}, False),
        ({"path": "/TEST/test", "caseSensitive": False}, {}, True),
        ({"pathSeparatedPrefix": "/test"}, {}, True),
        ({"pathSeparatedPrefix": "/tes"}, {}, False),
        ({"safeRegex": {"regex": "/test/.*"}}, {}, True),
        ({"safeRegex": {"regex": "/test"}}, {}, False),
        ({"prefix": "/", "headers": [TRUE]}, {}, False),
        ({"prefix": "/", "headers": [TRUE]}, {"X-Canary": "true"}, True),
        ({"prefix": "/", "headers": [TRUE]}, {"X-Canary": "True"}, False),
        ({"prefix": "/", "headers": [{**TRUE, "invertMatch": True}]}, {"x-canary": "no"}, True),
        ({"prefix": "/", "headers": [{**TRUE, "invertMatch": True}]}, {}, False),
        ({"prefix": "/", "headers": [{**TRUE, "invertMatch": True, "treatMissingHeaderAsEmpty": True}]}, {}, True),
        ({"prefix": "/", "headers": [{"name": "x-canary", "presentMatch": True}]}, {}, False),
        ({"prefix": "/", "headers": [{"name": "x-canary", "presentMatch": True, "invertMatch": True}]}, {}, True),
        ({"prefix": "/", "headers": [{"name": ":method", "stringMatch": {"exact": "POST"}}]}, {}, False),
        (
            {"prefix": "/", "headers": [{"name": "a", "stringMatch": {"safeRegex": {"regex": ".*x"}}}]},
            {"a": "xx"},
            True,
        ),
        ({"prefix": "/", "queryParameters": [{"name": "canary"}]}, {}, False),
    ],
)
def test_a_request_is_taken_as_envoy_takes_it(match: dict[str, Any], headers: dict[str, str], is_taken: object) -> None:
    """Path, headers and the lack of them, for a GET of /test/test."""
    sent = {name.lower(): value for name, value in headers.items()} | {":method": "GET"}
    assert takes(match, "/test/test", sent) is is_taken


def test_the_first_route_that_takes_a_request_is_its_route() -> None:
    """The header's route for a request with the header, the rest for one without, none for another path."""
    match = {"prefix": "/", "headers": [TRUE]}
    rest = {**named("rest", {"cluster": V1}), "match": {"prefix": "/test"}}
    routes = served([configuration(virtual_host({**named("canary", {"cluster": V2}), "match": match}, rest))])
    found = [
        taking(routes, HOST, path, headers)
        for path, headers in (("/test/test", {"x-canary": "true"}), ("/test/test", {}), ("/", {}))
    ]
    assert [route and route.name for route in found] == ["canary", "rest", None]
