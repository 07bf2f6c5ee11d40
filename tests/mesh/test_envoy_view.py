"""The view of what an Envoy has: routes, versions and endpoints together."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.mesh.envoy_view import main
from scripts.proxy.view import view
from tests.mesh.envoy_json import HOST, V1, V2, cluster, configuration, endpoint, named, virtual_host, weighted
from tests.support.processes import run
from tests.support.repository import ROOT

CLUSTERS = [cluster(V1), cluster(V2, maxConnections=10, maxPendingRequests=1, maxRequests=11)]
ENDPOINTS = [
    {"name": V1, "hostStatuses": [endpoint("10.244.0.7", 70)]},
    {"name": V2, "hostStatuses": [endpoint("10.244.0.8", 30, failedOutlierCheck=True)]},
]
SPLIT = configuration(virtual_host(named("70-30", weighted(70, 30))))
WHOLE = [
    f"host {HOST}, routes http.8080",
    "route 70-30",
    "  requests   all that are left",
    "  lead to    70 % v1, 30 % v2",
    "version v1",
    "  balancer   ROUND_ROBIN",
    "  limits     connections none, pending requests none, requests none",
    "  endpoint   10.244.0.7:9090  healthy, 70 requests so far",
    "version v2",
    "  balancer   ROUND_ROBIN",
    "  limits     connections 10, pending requests 1, requests 11",
    "  endpoint   10.244.0.8:9090  ejected, 30 requests so far",
]


def test_a_split_is_shown_with_weights_limits_and_endpoints() -> None:
    """The whole of it, as a person reads it."""
    assert view(HOST, [SPLIT], CLUSTERS, ENDPOINTS) == WHOLE


def lines_of_v1(endpoints: list[dict[str, Any]] = ENDPOINTS, **fields: object) -> list[str]:
    """Return what is said where all requests go to v1, whose cluster has these fields, too."""
    one = configuration(virtual_host(named("100-0", {"cluster": V1})))
    return view(HOST, [one], [{**CLUSTERS[0], **fields}], endpoints)


@pytest.mark.parametrize(
    ("outliers", "line"),
    [
        (
            {
                "consecutive5xx": 3,
                "enforcingConsecutive5xx": 100,
                "interval": "1s",
                "baseEjectionTime": "15s",
                "maxEjectionPercent": 50,
            },
            "after 3 errors in a row, for 15s, at most 50 %",
        ),
        ({"consecutive5xx": 3, "enforcingConsecutive5xx": 100}, "after 3 errors in a row, for 30s, at most 10 %"),
        (
            {
                "consecutive5xx": 0,
                "enforcingConsecutive5xx": 0,
                "consecutiveGatewayFailure": 4,
                "enforcingConsecutiveGatewayFailure": 100,
            },
            "after 4 errors 502, 503 or 504 in a row, for 30s, at most 10 %",
        ),
        (
            {"consecutiveGatewayFailure": 4, "enforcingConsecutiveGatewayFailure": 100},
            "after 5 errors in a row or 4 errors 502, 503 or 504 in a row, for 30s, at most 10 %",
        ),
        ({"consecutive5xx": 0, "enforcingConsecutive5xx": 0}, "by nothing that is shown"),
        (
            {
                "consecutive5xx": 0,
                "enforcingConsecutive5xx": 0,
                "splitExternalLocalOriginErrors": True,
                "consecutiveLocalOriginFailure": 2,
            },
            "by nothing that is shown; not shown: consecutiveLocalOriginFailure, splitExternalLocalOriginErrors",
        ),
    ],
)
def test_a_rule_for_outliers_is_shown_with_the_defaults_of_what_is_not_written(
    outliers: dict[str, object], line: str
) -> None:
    """Only the fields that somebody has set are written; Envoy has a default for each other one."""
    assert f"  ejects     {line}" in lines_of_v1(outlierDetection={"enforcingSuccessRate": 0, **outliers})


def test_a_limit_that_is_not_written_is_envoys_own() -> None:
    """Envoy has limits where none is set; "none" is what istiod writes."""
    expected = "  limits     connections 1024, pending requests 1024, requests 1024"
    assert expected in lines_of_v1(circuitBreakers={})
    assert expected in lines_of_v1(circuitBreakers={"thresholds": []})


def test_a_balancer_of_another_form_is_not_taken_for_the_default() -> None:
    """A policy as an extension leaves the field for the policy at its default."""
    assert "  balancer   not shown" in lines_of_v1(loadBalancingPolicy={"policies": []})


def test_a_version_without_endpoints_and_an_unknown_one_are_reported() -> None:
    """What ends in 503 is said where one looks for the reason."""
    split = configuration(virtual_host(named("50-50", weighted(50, 50))))
    lines = view(HOST, [split], CLUSTERS[:1], [])
    assert lines[lines.index("version v1") + 3] == "  endpoint   none: requests are answered with 503"
    assert lines[lines.index("version v2") + 1] == (
        "  unknown    no such subset, port or Service: requests are answered with 503"
    )


def test_a_misspelt_backend_of_an_http_route_is_answered_as_its_route_says() -> None:
    """The Gateway API asks for 500 where a virtual service gets 503."""
    weights = {
        "clusters": [
            {"name": f"outbound|19090||micro-api-v1.{HOST.partition('.')[2]}", "weight": 70},
            {"name": "UnknownService", "weight": 30},
        ]
    }
    route = named("70-30", {"weightedClusters": weights, "clusterNotFoundResponseCode": "INTERNAL_SERVER_ERROR"})
    lines = view(HOST, [configuration(virtual_host(route))], [], [])
    assert "  lead to    70 % micro-api-v1, 30 % UnknownService" in lines
    assert lines[lines.index("version UnknownService") + 1] == (
        "  unknown    no such subset, port or Service: requests are answered with 500"
    )


def test_endpoints_of_other_kinds_are_shown() -> None:
    """A cluster that takes the client's address has no list of endpoints, and not every address is an IP address."""
    lines = lines_of_v1([], type="ORIGINAL_DST")
    assert lines[-1] == "  endpoint   the address that the client asked for"
    inner = {"envoyInternalAddress": {"serverListenerName": "connect_originate"}}
    lines = lines_of_v1([{"name": V1, "hostStatuses": [{"address": inner}]}])
    assert lines[-1] == f"  endpoint   {json.dumps(inner)}  unknown, 0 requests so far"


def test_a_host_on_several_listeners_has_a_block_for_each() -> None:
    """The versions are described once, however many listeners lead to them."""
    plain = configuration(virtual_host(requireTls="ALL", domain="*.canary-mesh.svc.cluster.local"))
    lines = view(HOST, [plain, {**SPLIT, "name": "https.443.https.a.b"}], CLUSTERS, ENDPOINTS)
    assert [line for line in lines if line.startswith("host")] == [
        f"host {HOST}, routes http.8080, as *.canary-mesh.svc.cluster.local",
        f"host {HOST}, routes https.443.https.a.b",
    ]
    assert lines.count("version v1") == 1


def test_the_command_prints_the_view_or_says_that_there_is_no_route(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 with the lines, 1 with the hosts that are known."""
    files = written(tmp_path)
    assert main([HOST, *files]) == 0
    assert capsys.readouterr().out.splitlines() == WHOLE
    assert main(["other.test", *files]) == 1
    assert capsys.readouterr().err == f"envoy_view: no route for other.test: its hosts are {HOST}\n"


def test_the_command_needs_no_more_than_python(tmp_path: Path) -> None:
    """It runs with the system's Python, in which nothing is installed, once that knows where the load test lies."""
    done = run("python3", "-I", "-S", "-c", ISOLATED, HOST, *written(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == WHOLE


PATHS = [str(ROOT), str(ROOT / "loadtest")]
ISOLATED = f"import sys; sys.path[:0] = {PATHS}; from scripts.mesh.envoy_view import main; sys.exit(main())"


def written(folder: Path) -> list[str]:
    """Return the files that `istioctl proxy-config` would have written."""
    files = []
    for name, content in (("routes", [SPLIT]), ("clusters", CLUSTERS), ("endpoints", ENDPOINTS)):
        file = folder / f"{name}.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        files.append(str(file))
    return files


def test_a_name_that_does_not_fit_the_weights_is_told() -> None:
    """A route that was edited and kept its name says one thing, and does another."""
    edited = configuration(virtual_host(named("70-30", weighted(60, 40))))
    lines = view(HOST, [edited], CLUSTERS, ENDPOINTS)
    assert lines[3] == "  lead to    60 % v1, 40 % v2"
    assert lines[4].startswith("  warning    the route is named 70-30, and its weights are v1 60 %, v2 40 %")
