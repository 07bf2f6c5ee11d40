"""The translation is Istio's own: it equals what a real istiod sent to its gateway for the same files."""

import json
from typing import Any

import pytest

from scripts.lab.translation import defaults, translate
from scripts.lab.translation.endpoints import Endpoint, HostPort
from scripts.lab.translation.manifests import ManifestError
from scripts.lab.translation.translate import clusters, route_configuration, route_names
from scripts.record.projection import projection
from tests.lab.states import ISTIO, ODD_CASES, resource, state
from tests.support.repository import ROOT

SERVICE = "micro-api.default.svc.cluster.local"
V1 = Endpoint({"app": "micro-api", "version": "v1"}, "/run/v1-0.sock")
V2 = Endpoint({"app": "micro-api", "version": "v2"}, "/run/v2-0.sock")
RECORDS = ROOT / "tests" / "data" / "istiod"
ODD = "tests/data/manifests"
DESTINATION_RULE = "istio/destination-rule.yaml"
SPLIT = "istio/virtual-service-70-30.yaml"
SHARE_OF_V1 = "its share, weight 70 of 100,"
SHARE_OF_V2 = "its share, weight 30 of 100,"


def record(path: str) -> dict[str, Any]:
    """Return what the real cluster made of a manifest."""
    stem = path.rpartition("/")[2].removesuffix(".yaml")
    content: dict[str, Any] = json.loads((RECORDS / f"{stem}.json").read_text(encoding="utf-8"))
    return content


def pipes(cluster: dict[str, Any]) -> list[str]:
    """Return the sockets of a cluster's endpoints."""
    (locality,) = cluster["load_assignment"]["endpoints"]
    return [one["endpoint"]["address"]["pipe"]["path"] for one in locality["lb_endpoints"]]


@pytest.mark.parametrize("path", [*ISTIO, *ODD_CASES])
def test_a_manifest_means_what_it_means_to_istio(path: str) -> None:
    """What Istio refuses is refused; of all else the translation equals the record, field by field."""
    recorded = record(path)
    if "refused" in recorded:
        with pytest.raises(ManifestError):
            resource(path)
    else:
        manifests = state(path)
        assert projection(route_configuration(manifests), clusters(manifests, [V1, V2])) == recorded["envoy"]


def test_every_record_belongs_to_a_manifest() -> None:
    """No record outlives its file, and none is of another version than the table of defaults names."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))]
    assert sorted(one["manifest"] for one in records) == sorted([*ISTIO, *ODD_CASES])
    assert all(one["istio_version"].startswith(f"{defaults.ISTIO_VERSION}.") for one in records)


def test_the_defaults_are_those_of_the_version_that_users_run() -> None:
    """The table of Istio's defaults names the version of versions.env."""
    lines = (ROOT / "versions.env").read_text(encoding="utf-8").splitlines()
    assert f"ISTIO_VERSION={defaults.ISTIO_VERSION}" in lines


def test_the_projection_hides_no_difference_that_clients_see() -> None:
    """A field that a later Istio adds, or a value that it changes, makes a difference at any depth."""
    manifests = state()
    routes = route_configuration(manifests)
    before = projection(routes, clusters(manifests, []))
    action = routes["virtual_hosts"][0]["routes"][0]["route"]
    for name, value in {"timeout": "1s", "hash_policy": [{"terminal": True}], "weighted_clusters": {}}.items():
        original = action.get(name)
        action[name] = value
        assert projection(routes, clusters(manifests, [])) != before
        action[name] = original


def test_the_projection_reads_both_spellings() -> None:
    """Envoy's fields mean the same in camelCase, as istioctl prints them, and in snake_case."""
    camel_case = {"name": "a|b", "commonLbConfig": {"healthyPanicThreshold": {}}, "connectTimeout": "1s"}
    snake_case = {"name": "a|b", "common_lb_config": {"healthy_panic_threshold": {"value": 0}}, "connect_timeout": "1s"}
    left, right = (projection({}, [cluster], service="b") for cluster in (camel_case, snake_case))
    assert left == right
    assert left["clusters"][0]["lb_policy"] == "ROUND_ROBIN"


def test_the_projection_leaves_out_other_services() -> None:
    """Only the clusters of the service are compared: a real gateway has many more."""
    assert projection({}, [{"name": "outbound|80||other.default.svc.cluster.local"}])["clusters"] == []


def test_a_test_can_draw_every_number_once() -> None:
    """With a header for the random value Envoy takes it from there, in weighted routes only."""
    routes = route_configuration(state(), random_value_header="x-random")["virtual_hosts"][0]["routes"]
    assert routes[0]["route"]["weighted_clusters"]["header_name"] == "x-random"
    plain = route_configuration(state())["virtual_hosts"][0]["routes"]
    assert "header_name" not in plain[0]["route"]["weighted_clusters"]
    header_routed = state("istio/virtual-service-header.yaml")
    assert route_configuration(header_routed, random_value_header="x-random") == route_configuration(header_routed)


def test_a_cluster_holds_the_endpoints_of_its_subset() -> None:
    """The Service's cluster has all endpoints, a subset's those with all of its labels, in their order."""
    second = Endpoint(V1.labels, "/run/v1-1.sock")
    unlabelled = Endpoint({}, "/run/none.sock")
    made = {cluster["name"]: pipes(cluster) for cluster in clusters(state(), [second, V1, V2, unlabelled])}
    assert made == {
        f"outbound|19090||{SERVICE}": ["/run/v1-1.sock", "/run/v1-0.sock", "/run/v2-0.sock", "/run/none.sock"],
        f"outbound|19090|v1|{SERVICE}": ["/run/v1-1.sock", "/run/v1-0.sock"],
        f"outbound|19090|v2|{SERVICE}": ["/run/v2-0.sock"],
    }


def test_a_cluster_without_endpoints_is_still_there() -> None:
    """A subset that nobody serves is a cluster without endpoints, which Envoy answers with 503."""
    made = clusters(state(), [V1])
    assert [pipes(cluster) for cluster in made] == [["/run/v1-0.sock"], ["/run/v1-0.sock"], []]
    assert {cluster["type"] for cluster in made} == {"STATIC"}


def test_an_endpoint_may_be_a_name_that_dns_knows() -> None:
    """Host and port become a socket address that Envoy resolves again and again; nothing else differs from a socket."""
    by_name = clusters(state(), [Endpoint(V1.labels, HostPort("micro-api-v1", 9090))])
    address = {"socket_address": {"address": "micro-api-v1", "port_value": 9090}}
    for cluster in by_name[:2]:
        assert cluster["load_assignment"]["endpoints"] == [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assert [cluster["type"] for cluster in by_name] == ["STRICT_DNS", "STRICT_DNS", "STATIC"]
    manifests = state()
    routes = route_configuration(manifests)
    assert projection(routes, by_name) == projection(routes, clusters(manifests, [V1]))


def test_short_names_belong_to_the_namespace() -> None:
    """In another namespace the same files mean the service of that namespace."""
    names = [cluster["name"] for cluster in clusters(state(), [], "lab")]
    assert names[1] == "outbound|19090|v1|micro-api.lab.svc.cluster.local"
    (host,) = route_configuration(state(), "lab")["virtual_hosts"]
    assert host["domains"] == ["micro-api.lab.svc.cluster.local"]
    weighted = host["routes"][0]["route"]["weighted_clusters"]["clusters"]
    assert [cluster["name"] for cluster in weighted] == names[1:]


def test_a_full_name_stays_in_its_namespace() -> None:
    """The article's full host name means `default`, whichever namespace the files are applied to."""
    (host,) = route_configuration(state(f"{ODD}/article-hosts.yaml"), "lab")["virtual_hosts"]
    assert host["domains"] == [SERVICE]


def test_what_is_returned_is_the_callers() -> None:
    """The objects are plain JSON, and a change to them reaches neither the defaults nor the next call."""
    manifests = state("istio/destination-rule-overload.yaml", SPLIT)
    before = json.dumps([route_configuration(manifests), clusters(manifests, [V1, V2])])
    routes, made = route_configuration(manifests), clusters(manifests, [V1, V2])
    routes["virtual_hosts"][0]["routes"][0]["route"]["retry_policy"]["retry_host_predicate"].clear()
    made[0]["common_lb_config"]["healthy_panic_threshold"]["value"] = 50
    made[0]["circuit_breakers"]["thresholds"][0]["max_connections"] = 1
    assert json.dumps([route_configuration(manifests), clusters(manifests, [V1, V2])]) == before


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (SPLIT, ("70-30",)),
        ("istio/virtual-service-header.yaml", ("header-canary", "header-stable")),
        (f"{ODD}/matches-several.yaml", ("several",)),
        (f"{ODD}/unbound.yaml", ()),
    ],
)
def test_the_routes_are_named_by_their_response_header(path: str, names: tuple[str, ...]) -> None:
    """The names of a state's routes are the values of x-canary-route, and no other header's."""
    assert route_names(state(path)) == names


@pytest.mark.parametrize("path", ISTIO)
def test_the_files_under_istio_need_no_warning(path: str) -> None:
    """With both versions running, each state serves every request."""
    assert translate.warnings(state(path), [V1, V2]) == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "unknown-subset",
            f"spec.http[0].route[1].destination.subset: v9: {DESTINATION_RULE} defines v1, v2: {SHARE_OF_V2} gets 503",
        ),
        (
            "unknown-service",
            f"spec.http[0].route[1].destination.host: micro-apis: matches no Service: {SHARE_OF_V2} gets 503",
        ),
        (
            "unknown-port",
            (
                "spec.http[0].route[0].destination.port.number: 8080: the Service has port 19090 only: "
                f"{SHARE_OF_V1} gets 503"
            ),
        ),
        (
            "unbound",
            "spec.gateways: mesh: micro-gateway is not among them: the gateway answers 404 to everything",
        ),
        ("unknown-host", f"spec.hosts: micro-apis: matches no Service: requests to {SERVICE} get 404"),
        (
            "weight-missing",
            "spec.http[0].route[1].weight: missing, so it counts as 0: no request goes there",
        ),
        ("catch-all-first", "spec.http[1]: never used: spec.http[0] matches every request"),
        ("rule-other-host", "spec.host: micro-apis: matches no Service: the subsets do not exist, requests get 503"),
    ],
)
def test_what_istio_serves_broken_is_told(path: str, expected: str) -> None:
    """Each state that Istio accepts and serves broken has one warning: file, field, and what clients will see."""
    file = f"{ODD}/{path}.yaml"
    assert translate.warnings(state(file), [V1, V2]) == (f"{file}: {expected}",)


def test_a_rule_without_subsets_is_told_for_each_share() -> None:
    """Every destination whose subset does not exist is named, with the file that should define it."""
    rule = f"{ODD}/rule-without-subsets.yaml"
    fields = {"v1": ("spec.http[0].route[0]", 70), "v2": ("spec.http[0].route[1]", 30)}
    assert translate.warnings(state(rule), [V1, V2]) == tuple(
        f"{SPLIT}: {field}.destination.subset: {subset}: {rule} defines no subset: "
        f"its share, weight {weight} of 100, gets 503"
        for subset, (field, weight) in fields.items()
    )


@pytest.mark.parametrize(
    ("path", "place", "share"),
    [
        (SPLIT, "spec.http[0].route[1]", SHARE_OF_V2),
        ("istio/virtual-service-0-100.yaml", "spec.http[0].route[1]", "its share, weight 100 of 100,"),
        ("istio/virtual-service-header.yaml", "spec.http[0].route[0]", "every request of this route"),
    ],
)
def test_a_version_that_does_not_run_is_told(path: str, place: str, share: str) -> None:
    """A subset without endpoints is named with its labels and with the share of the requests that it fails."""
    reason = "destination.subset: v2: no endpoint has the labels version: v2"
    assert translate.warnings(state(path), [V1]) == (f"{path}: {place}.{reason}: {share} gets 503",)


def test_a_version_that_is_sent_nothing_need_not_run() -> None:
    """At 100/0 the canary may be missing: no warning."""
    assert translate.warnings(state("istio/virtual-service-100-0.yaml"), [V1]) == ()


def test_a_destination_without_weight_is_told_once() -> None:
    """Nothing is sent to a destination that lacks its weight: it matters no more whether its version runs."""
    assert len(translate.warnings(state(f"{ODD}/weight-missing.yaml"), [V1])) == 1


def test_a_service_without_endpoints_is_told() -> None:
    """A destination without subset means the whole Service, whose name the warning gives."""
    file = f"{ODD}/no-subset.yaml"
    expected = "spec.http[0].route[0].destination.host: micro-api: the Service has no endpoint"
    assert translate.warnings(state(file), []) == (f"{file}: {expected}: every request of this route gets 503",)


def test_warnings_know_the_namespace() -> None:
    """The article's full host name is another namespace's Service elsewhere: nobody there is served."""
    file = f"{ODD}/article-hosts.yaml"
    assert translate.warnings(state(file), [V1, V2], "default") == ()
    other = "micro-api.lab.svc.cluster.local"
    expected = f"{file}: spec.hosts: {SERVICE}: matches no Service: requests to {other} get 404"
    assert translate.warnings(state(file), [V1, V2], "lab") == (expected,)
