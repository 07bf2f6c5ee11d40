"""What the view says of routes, for each thing that istiod writes; it names what it does not show."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.envoy import binary
from scripts.proxy.routes import NoRouteError, conditions, destinations, host_lines, route_name, serving, version
from tests.mesh.envoy_json import HOST, V1, V2, configuration, named, virtual_host, weighted
from tests.support.processes import run

FAULT = "envoy.filters.http.fault"
FILTERS = "type.googleapis.com/envoy.extensions.filters"
FAULT_TYPE = f"{FILTERS}.http.fault.v3.HTTPFault"
RETRIES = {"retryOn": "connect-failure,refused-stream", "numRetries": 2}
ALL = {"defaultValue": {"numerator": 1000000, "denominator": "MILLION"}}
IS_TRUE = {"name": "x-canary", "stringMatch": {"exact": "true"}}


def fault(**fields: object) -> dict[str, Any]:
    """Return what a route with a fault has in addition to its action."""
    return {"typedPerFilterConfig": {FAULT: {"@type": FAULT_TYPE, **fields}}}


MATCHES: list[tuple[dict[str, Any], list[str]]] = [
    ({"prefix": "/"}, []),
    ({"prefix": "/", "caseSensitive": True}, []),
    ({"prefix": "/api"}, ["path starts with /api"]),
    ({"path": "/api"}, ["path: /api"]),
    ({"pathSeparatedPrefix": "/api"}, ["path: /api, or below /api/"]),
    ({"safeRegex": {"regex": "/v[12]"}}, ["path matches as a whole /v[12]"]),
    ({"path": "/api", "caseSensitive": False}, ["path: /api, in any case"]),
    ({"connectMatcher": {}}, ["method: CONNECT"]),
    ({"prefix": "/", "headers": [IS_TRUE]}, ["x-canary: true"]),
    ({"prefix": "/", "headers": [{"name": "x-a", "stringMatch": {"prefix": "b"}}]}, ["x-a starts with b"]),
    ({"prefix": "/", "headers": [{"name": "x-a", "stringMatch": {"suffix": "b"}}]}, ["x-a ends with b"]),
    ({"prefix": "/", "headers": [{"name": "x-a", "stringMatch": {"contains": "b"}}]}, ["x-a contains b"]),
    (
        {"prefix": "/", "headers": [{"name": "x-a", "stringMatch": {"exact": "b", "ignoreCase": True}}]},
        ["x-a: b, in any case"],
    ),
    (
        {"prefix": "/", "headers": [{"name": "cookie", "stringMatch": {"safeRegex": {"regex": ".*a=b.*"}}}]},
        ["cookie matches as a whole .*a=b.*"],
    ),
    ({"prefix": "/", "headers": [{"name": "x-a", "presentMatch": True}]}, ["x-a is present"]),
    ({"prefix": "/", "headers": [{"name": "x-a", "presentMatch": False}]}, ["x-a is absent"]),
    ({"prefix": "/", "headers": [{"name": "x-a"}]}, ["x-a is present"]),
    (
        {"prefix": "/", "headers": [{**IS_TRUE, "invertMatch": True, "treatMissingHeaderAsEmpty": True}]},
        ["not x-canary: true"],
    ),
    ({"prefix": "/", "headers": [{"name": "x-a", "rangeMatch": {"end": "9"}}]}, ["x-a by rangeMatch (not shown)"]),
    ({"prefix": "/", "queryParameters": [{"name": "v", "stringMatch": {"exact": "2"}}]}, ["query v: 2"]),
    ({"prefix": "/", "queryParameters": [{"name": "v", "presentMatch": True}]}, ["query v is present"]),
    ({"prefix": "/", "grpc": {}}, ["grpc (not shown)"]),
    ({"prefix": "/api", "headers": [IS_TRUE]}, ["path starts with /api", "x-canary: true"]),
]
# What a route has besides its match, and the line that says so.
ACTIONS: list[tuple[dict[str, Any], str]] = [
    ({"route": weighted(70, 30)}, "lead to    70 % v1, 30 % v2"),
    ({"route": {"cluster": "UnknownService"}}, "lead to    100 % UnknownService"),
    ({"route": {"clusterHeader": "x-to"}}, "lead to    not shown"),
    ({"route": {"clusterHeader": "x-to"}}, "not shown  clusterHeader"),
    ({"route": {"cluster": V1, "retryPolicy": RETRIES}}, "retries    2 on connect-failure,refused-stream"),
    (
        {"route": {"cluster": V1, "retryPolicy": {**RETRIES, "perTryTimeout": "0.500s"}}},
        "retries    2 on connect-failure,refused-stream, each after 0.500s at most",
    ),
    ({"route": {"cluster": V1, "retryPolicy": {}}}, "lead to    100 % v1"),
    ({"route": {"cluster": V1, "timeout": "2s"}}, "timeout    2s"),
    (
        {"route": {"cluster": V1, "requestMirrorPolicies": [{"cluster": V2, "runtimeFraction": ALL}]}},
        "copied to  v2, 100 %",
    ),
    ({"route": {"cluster": V1, "requestMirrorPolicies": [{"cluster": V2}]}}, "copied to  v2, 100 %"),
    (
        {"route": {"cluster": V1, "prefixRewrite": "/v2"}, "requestHeadersToRemove": ["x-a"]},
        "not shown  prefixRewrite, requestHeadersToRemove",
    ),
    (
        {"route": {"weightedClusters": {"clusters": [{"name": V1, "weight": 1, "requestHeadersToRemove": ["x-a"]}]}}},
        "not shown  requestHeadersToRemove",
    ),
    ({"redirect": {"pathRedirect": "/login"}}, "redirected with 301, path /login"),
    (
        {"redirect": {"schemeRedirect": "https", "portRedirect": 443, "responseCode": "PERMANENT_REDIRECT"}},
        "redirected with 308, scheme https, port 443",
    ),
    ({"redirect": {"hostRedirect": "b.test", "prefixRewrite": "/b"}}, "not shown  prefixRewrite"),
    ({"directResponse": {"status": 500}}, "answered   with 500 by the proxy"),
    (
        {"route": {"cluster": V1}, **fault(abort={"httpStatus": 503, "percentage": {"numerator": 10}})},
        "aborted    10 % with 503",
    ),
    (
        {"route": {"cluster": V1}, **fault(abort={"grpcStatus": 14, "percentage": {"numerator": 10}})},
        "aborted    10 % with gRPC status 14",
    ),
    ({"route": {"cluster": V1}, **fault(abort={"httpStatus": 503, "percentage": {}})}, "aborted    0 % with 503"),
    (
        {
            "route": {"cluster": V1},
            **fault(delay={"fixedDelay": "0.200s", "percentage": {"numerator": 125000, "denominator": "MILLION"}}),
        },
        "delayed    12.5 % by 0.200s",
    ),
]


@pytest.mark.parametrize(("match", "sentences"), MATCHES, ids=json.dumps)
def test_what_a_request_has_to_be_is_said_for_each_kind_of_match(match: dict[str, Any], sentences: list[str]) -> None:
    """Nothing is said only where every request fits."""
    assert conditions(match) == sentences


@pytest.mark.parametrize(("fields", "line"), ACTIONS, ids=[line for _, line in ACTIONS])
def test_what_a_route_does_has_a_line(fields: dict[str, Any], line: str) -> None:
    """Where requests go, copies, faults, limits in time, and the names of what is not shown."""
    assert f"  {line}" in lines_of({"match": {"prefix": "/"}, **fields})


def test_envoy_knows_all_of_these_fields(tmp_path: Path) -> None:
    """The routes of these tests are of the shape that a real Envoy loads."""
    fields = [{"match": match, "route": {"cluster": V1}} for match, _ in MATCHES]
    fields += [{"match": {"prefix": "/"}, **action} for action, _ in ACTIONS]
    routes = {
        **configuration(virtual_host(*fields, requireTls="ALL"), virtual_host(domain="*.test", requireTls="ALL")),
        "validateClusters": False,
    }
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "statPrefix": "any",
        "routeConfig": routes,
        "httpFilters": [
            {"name": FAULT, "typedConfig": {"@type": FAULT_TYPE}},
            {
                "name": "envoy.filters.http.router",
                "typedConfig": {"@type": f"{FILTERS}.http.router.v3.Router"},
            },
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typedConfig": manager}]}
    address = {"socketAddress": {"address": "127.0.0.1", "portValue": 0}}
    bootstrap = {"staticResources": {"listeners": [{"name": "any", "address": address, "filterChains": [chain]}]}}
    file = tmp_path / "bootstrap.json"
    file.write_text(json.dumps(bootstrap), encoding="utf-8")
    done = run(binary(), "--mode", "validate", "--config-path", file)
    assert done.returncode == 0, done.stderr


def lines_of(*routes: Mapping[str, Any]) -> list[str]:
    """Return the lines of a virtual host with these routes."""
    return list(host_lines(virtual_host(*routes), HOST))


def test_only_the_first_route_without_a_condition_gets_what_is_left() -> None:
    """Two virtual services for one host are merged at a gateway; what comes after the first such route is not used."""
    lines = lines_of(
        named("testers", {"cluster": V2}, match={"prefix": "/", "headers": [IS_TRUE]}),
        named("70-30", weighted(70, 30)),
        named("0-100", {"cluster": V2}),
    )
    assert [line for line in lines if line.startswith("  requests")] == [
        "  requests   x-canary: true",
        "  requests   all that are left",
        "  requests   none: a route before it takes all",
    ]


def test_requests_that_no_route_takes_get_404() -> None:
    """A match without a route for the rest is the commonest 404 behind a virtual service that is bound."""
    lines = lines_of(named("testers", {"cluster": V2}, match={"prefix": "/", "headers": [IS_TRUE]}))
    assert lines[-3:] == ["no route", "  requests   all that are left", "  answered   with 404 by the proxy"]


def test_a_host_that_asks_for_tls_says_so_before_its_routes() -> None:
    """With `httpsRedirect`, no plain request gets as far as the weights; such a host may have no routes at all."""
    first = next(host_lines(virtual_host(named("70-30", weighted(70, 30)), requireTls="ALL"), HOST))
    assert first == "  over http  301 to https, before any route"
    redirecting = {"name": f"{HOST}:80", "domains": [HOST], "requireTls": "ALL"}
    assert next(host_lines(redirecting, HOST)) == first


def test_what_else_a_host_has_is_named() -> None:
    """A filter for all routes of a host may do anything with its requests."""
    first = next(host_lines(virtual_host(named("any", {"cluster": V1}), typedPerFilterConfig={FAULT: {}}), HOST))
    assert first == "  not shown  typedPerFilterConfig"


def test_a_route_is_named_by_its_header_or_by_itself() -> None:
    """Some virtual services name their routes and put no header on the answers."""
    assert route_name({**named("70-30", {}), "name": "primary"}) == "70-30"
    assert route_name({"name": "primary"}) == "primary"
    assert lines_of({"match": {"prefix": "/"}, "route": {"cluster": V1}})[0] == "route (without a name)"


def test_weights_are_shares_of_any_sum() -> None:
    """7 to 3 is 70 to 30."""
    assert destinations(named("7-3", weighted(7, 3))) == [(V1, 70), (V2, 30)]


@pytest.mark.parametrize(
    ("cluster", "name"),
    [
        (V2, "v2"),
        (f"outbound|19090||micro-api-v2.{HOST.partition('.')[2]}", "micro-api-v2"),
        ("outbound|80|v1|other.canary-mesh.svc.cluster.local", "v1 of other"),
        ("UnknownService", "UnknownService"),
        ("inbound|9090||", "inbound|9090||"),
    ],
)
def test_a_version_is_a_subset_or_a_service(cluster: str, name: str) -> None:
    """Both kinds of routes lead to clusters, which are named differently; a subset of another Service is not ours."""
    assert version(cluster, HOST) == name


@pytest.mark.parametrize(
    ("domains", "closest"),
    [
        ([HOST, "*"], HOST),
        (["*", "*.svc.cluster.local", "*.canary-mesh.svc.cluster.local"], "*.canary-mesh.svc.cluster.local"),
        (["*", "micro-api.*"], "micro-api.*"),
        (["micro-api.*", "*.local"], "*.local"),
        ([f"{HOST}:80"], f"{HOST}:80"),
        (["*"], "*"),
    ],
)
def test_the_domain_that_names_the_host_most_closely_answers(domains: list[str], closest: str) -> None:
    """As Envoy chooses: the name itself, then the longest wildcard in front, then one at the end, then `*`."""
    hosts = [virtual_host(named(domain, {"cluster": V1}), domain=domain) for domain in domains]
    ((_, domain, found),) = serving([configuration(*hosts)], HOST)
    assert (domain, route_name(found["routes"][0])) == (closest, closest)


def test_each_listener_that_has_the_host_is_found() -> None:
    """One for http, which redirects, and one for https, which splits."""
    redirecting = configuration(virtual_host(requireTls="ALL"))
    splitting = configuration(virtual_host(named("70-30", weighted(70, 30))), name="https.443.https.a.b")
    assert [one.configuration for one in serving([redirecting, splitting], HOST)] == [
        "http.8080",
        "https.443.https.a.b",
    ]


def test_what_istiod_adds_for_itself_is_nobodys_route() -> None:
    """A sidecar passes on or blocks what it does not know, a gateway without hosts has an empty one for all."""
    own = ("allow_any", "block_all", "blackhole:80", "inbound|http|19090", "backend", "agent")
    passing = [configuration({**virtual_host(domain="*"), "name": name}) for name in own]
    with pytest.raises(NoRouteError, match=f"^no route for {HOST}: its hosts are none$"):
        serving(passing, HOST)
    ours = configuration(virtual_host({"match": {"prefix": "/"}, "route": {"cluster": V1}}, domain="*"))
    assert len(serving([*passing, ours], HOST)) == 1


def test_hosts_that_are_not_listed_are_counted() -> None:
    """A message with ten of twelve hosts does not look like all of them."""
    hosts = [virtual_host(domain=f"{letter}.test") for letter in "abcdefghijkl"]
    with pytest.raises(NoRouteError, match=r"a\.test, .*, j\.test and 2 more$"):
        serving([configuration(*hosts)], HOST)
