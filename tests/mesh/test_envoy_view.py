"""The view of what an Envoy has, on the shapes that `istioctl proxy-config` printed for a real gateway."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.mesh.envoy_view import NoRouteError, destinations, main, version, view

HOST = "micro-api.canary-mesh.svc.cluster.local"
V1, V2 = (f"outbound|19090|{subset}|{HOST}" for subset in ("v1", "v2"))
UNLIMITED = {"thresholds": [{"maxConnections": 4294967295, "maxPendingRequests": 4294967295}]}
OVERLOAD = {"thresholds": [{"maxConnections": 10, "maxPendingRequests": 1}]}
RETRIES = {"retryOn": "connect-failure,refused-stream", "numRetries": 2}


def named(name: str, action: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return a route that names itself on its answers."""
    header = {"header": {"key": "x-canary-route", "value": name}}
    return {"match": {"prefix": "/"}, "route": action, "responseHeadersToAdd": [header], **more}


def configuration(*routes: dict[str, Any], domain: str = HOST) -> dict[str, Any]:
    """Return a route configuration with one virtual host."""
    return {
        "name": "http.8080",
        "virtualHosts": [{"name": f"{domain}:80", "domains": [domain], "routes": list(routes)}],
    }


def weighted(stable: int, canary: int) -> dict[str, Any]:
    """Return the action of a route with weights."""
    return {"weightedClusters": {"clusters": [{"name": V1, "weight": stable}, {"name": V2, "weight": canary}]}}


def endpoint(address: str, requests: int, **health: object) -> dict[str, Any]:
    """Return an endpoint as Envoy reports it."""
    stats = [{"name": "rq_error"}, {"name": "rq_total", "value": str(requests)}]
    socket = {"socketAddress": {"address": address, "portValue": 9090}}
    return {"address": socket, "stats": stats, "healthStatus": {"edsHealthStatus": "HEALTHY", **health}}


CLUSTERS = [{"name": V1, "circuitBreakers": UNLIMITED}, {"name": V2, "circuitBreakers": OVERLOAD}]
ENDPOINTS = [
    {"name": V1, "hostStatuses": [endpoint("10.244.0.7", 70)]},
    {"name": V2, "hostStatuses": [endpoint("10.244.0.8", 30, failedOutlierCheck=True)]},
]


def test_a_split_is_shown_with_weights_limits_and_endpoints() -> None:
    """The whole of it, as a person reads it."""
    assert view(HOST, [configuration(named("70-30", weighted(70, 30)))], CLUSTERS, ENDPOINTS) == [
        f"host {HOST}",
        "route 70-30",
        "  requests   all that are left",
        "  lead to    70 % v1, 30 % v2",
        "version v1",
        "  balancer   ROUND_ROBIN",
        "  limits     connections none, pending requests none",
        "  endpoint   10.244.0.7:9090  healthy, 70 requests so far",
        "version v2",
        "  balancer   ROUND_ROBIN",
        "  limits     connections 10, pending requests 1",
        "  endpoint   10.244.0.8:9090  ejected, 30 requests so far",
    ]


def test_weights_are_shares_of_any_sum() -> None:
    """7 to 3 is 70 to 30."""
    assert destinations(named("7-3", weighted(7, 3))) == [(V1, 70), (V2, 30)]


ALL = {"defaultValue": {"numerator": 1000000, "denominator": "MILLION"}}
ABORT = {"abort": {"httpStatus": 503, "percentage": {"numerator": 10}}}
DELAY = {"delay": {"fixedDelay": "0.200s", "percentage": {"numerator": 125000, "denominator": "MILLION"}}}
TESTERS = {"prefix": "/", "headers": [{"name": "x-canary", "stringMatch": {"exact": "true"}}]}


@pytest.mark.parametrize(
    ("action", "more", "line"),
    [
        ({"retryPolicy": RETRIES}, {}, "retries    2 on connect-failure,refused-stream"),
        (
            {"retryPolicy": {**RETRIES, "perTryTimeout": "0.500s"}},
            {},
            "retries    2 on connect-failure,refused-stream, each after 0.500s at most",
        ),
        ({"timeout": "2s"}, {}, "timeout    2s"),
        ({"requestMirrorPolicies": [{"cluster": V2, "runtimeFraction": ALL}]}, {}, "copied to  v2, 100 %"),
        ({}, {"typedPerFilterConfig": {"envoy.filters.http.fault": ABORT}}, "aborted    10 % with 503"),
        ({}, {"typedPerFilterConfig": {"envoy.filters.http.fault": DELAY}}, "delayed    12.5 % by 0.200s"),
        ({}, {"match": TESTERS}, "requests   x-canary: true"),
    ],
)
def test_what_else_a_route_does_is_shown(action: dict[str, Any], more: dict[str, Any], line: str) -> None:
    """Retries, limits in time, copies, faults and conditions have a line each."""
    route = named("any", {"cluster": V1, **action}, **more)
    assert f"  {line}" in view(HOST, [configuration(route)], CLUSTERS, ENDPOINTS)


def test_a_rule_for_outliers_is_shown() -> None:
    """After how many errors an endpoint is left out, for how long, and how many at most."""
    outliers = {"consecutive5xx": 3, "baseEjectionTime": "15s", "maxEjectionPercent": 50}
    clusters = [{**CLUSTERS[0], "outlierDetection": outliers}]
    lines = view(HOST, [configuration(named("100-0", {"cluster": V1}))], clusters, ENDPOINTS)
    assert "  ejects     after 3 errors in a row, for 15s, at most 50 %" in lines


def test_a_version_without_endpoints_and_an_unknown_one_are_reported() -> None:
    """What ends in 503 is said where one looks for the reason."""
    lines = view(HOST, [configuration(named("50-50", weighted(50, 50)))], CLUSTERS[:1], [])
    assert lines[lines.index("version v1") + 3] == "  endpoint   none: requests are answered with 503"
    assert lines[lines.index("version v2") + 1].startswith("  unknown    no such subset or Service")


def test_the_route_for_all_hosts_is_shown_when_no_other_names_the_host() -> None:
    """An HTTP route without hosts; the proxy's own route for what it knows nothing of is not taken for one."""
    passing = configuration({"match": {"prefix": "/"}, "route": {"cluster": "PassthroughCluster"}}, domain="*")
    twin = configuration(named("gateway-api-0-100", {"cluster": f"outbound|19090||micro-api-v2.{HOST}"}), domain="*")
    lines = view(HOST, [passing, twin], CLUSTERS, ENDPOINTS)
    assert lines[:2] == [f"host {HOST}, by the route for all hosts", "route gateway-api-0-100"]
    ours = configuration(named("70-30", weighted(70, 30)))
    assert view(HOST, [passing, twin, ours], CLUSTERS, ENDPOINTS)[1] == "route 70-30"
    with pytest.raises(NoRouteError, match=r"its hosts are \*$"):
        view(HOST, [passing], CLUSTERS, ENDPOINTS)


def test_a_version_is_a_subset_or_a_service() -> None:
    """Both kinds of routes lead to clusters, which are named differently."""
    assert version(V2) == "v2"
    assert version("outbound|19090||micro-api-v2.canary-mesh.svc.cluster.local") == "micro-api-v2"


def test_the_command_prints_the_view_or_says_that_there_is_no_route(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 with the lines, 1 with the hosts that are known."""
    files = []
    for name, content in (
        ("routes", [configuration(named("70-30", weighted(70, 30)))]),
        ("clusters", CLUSTERS),
        ("endpoints", ENDPOINTS),
    ):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        files.append(str(file))
    assert main([HOST, *files]) == 0
    assert capsys.readouterr().out.startswith(f"host {HOST}\nroute 70-30\n")
    assert main(["other.test", *files]) == 1
    assert capsys.readouterr().err == f"envoy_view: no route for other.test: its hosts are {HOST}\n"
