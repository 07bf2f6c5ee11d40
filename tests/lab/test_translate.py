"""The translation is Istio's own: it equals what a real istiod sent to its gateway for the same files."""

import json
from typing import Any, Final

import pytest

from scripts.lab.translation import defaults
from scripts.lab.translation.endpoints import Endpoint, HostPort
from scripts.lab.translation.manifests import ManifestError
from scripts.lab.translation.translate import clusters, route_configuration, route_names
from scripts.record.projection import projection
from scripts.record.routes import manifests
from tests.lab.states import ODD, SERVICE, SPLIT, V1, V2, on_one_port, projected, state
from tests.support.repository import ROOT

RECORDS: Final = ROOT / "tests" / "data" / "istiod"


def record(path: str) -> dict[str, Any]:
    """Return what the real cluster made of a manifest."""
    stem = path.rpartition("/")[2].removesuffix(".yaml")
    content: dict[str, Any] = json.loads((RECORDS / f"{stem}.json").read_text(encoding="utf-8"))
    return content


def pipes(cluster: dict[str, Any]) -> list[str]:
    """Return the sockets of a cluster's endpoints."""
    (locality,) = cluster["load_assignment"]["endpoints"]
    return [one["endpoint"]["address"]["pipe"]["path"] for one in locality["lb_endpoints"]]


@pytest.mark.parametrize("path", manifests())
def test_a_manifest_means_what_it_means_to_istio(path: str) -> None:
    """What Istio refuses is refused; of all else the translation equals the record, field by field."""
    recorded = record(path)
    if "refused" in recorded:
        with pytest.raises(ManifestError):
            state(path)
    else:
        whole = state(path)
        assert projected(whole, recorded["envoy"]) == on_one_port(recorded["envoy"], whole)


def test_every_record_belongs_to_a_manifest() -> None:
    """No record outlives its file, and none is of another version than the table of defaults names."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))]
    assert sorted(one["manifest"] for one in records) == sorted(manifests())
    assert all(one["istio_version"].startswith(f"{defaults.ISTIO_VERSION}.") for one in records)


def test_the_defaults_are_those_of_the_version_that_users_run() -> None:
    """The table of Istio's defaults names the version of versions.env."""
    lines = (ROOT / "versions.env").read_text(encoding="utf-8").splitlines()
    assert f"ISTIO_VERSION={defaults.ISTIO_VERSION}" in lines


def test_the_projection_hides_no_difference_that_clients_see() -> None:
    """A field that a later Istio adds, or a value that it changes, makes a difference at any depth."""
    whole = state()
    routes = route_configuration(whole)
    before = projection(routes, clusters(whole, []))
    action = routes["virtual_hosts"][0]["routes"][0]["route"]
    for name, value in {"timeout": "1s", "hash_policy": [{"terminal": True}], "weighted_clusters": {}}.items():
        original = action.get(name)
        action[name] = value
        assert projection(routes, clusters(whole, [])) != before
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
    """A subset without replicas is a cluster without endpoints, for which Envoy answers 503."""
    made = clusters(state(), [V1])
    assert [pipes(cluster) for cluster in made] == [["/run/v1-0.sock"], ["/run/v1-0.sock"], []]
    assert {cluster["type"] for cluster in made} == {"STATIC"}


def test_an_endpoint_may_be_a_name_that_dns_knows() -> None:
    """Host and port become a socket address that Envoy resolves repeatedly; nothing else differs."""
    by_name = clusters(state(), [Endpoint(V1.labels, HostPort("micro-api-v1", 9090))])
    address = {"socket_address": {"address": "micro-api-v1", "port_value": 9090}}
    for cluster in by_name[:2]:
        assert cluster["load_assignment"]["endpoints"] == [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assert [cluster["type"] for cluster in by_name] == ["STRICT_DNS", "STRICT_DNS", "STATIC"]
    whole = state()
    routes = route_configuration(whole)
    assert projection(routes, by_name) == projection(routes, clusters(whole, [V1]))


def test_short_names_belong_to_the_namespace() -> None:
    """In another namespace the same files mean the service of that namespace."""
    names = [cluster["name"] for cluster in clusters(state(), [], "lab")]
    assert names[1] == "outbound|19090|v1|micro-api.lab.svc.cluster.local"
    (host,) = route_configuration(state(), "lab")["virtual_hosts"]
    assert host["domains"] == ["micro-api.lab.svc.cluster.local"]
    weighted = host["routes"][0]["route"]["weighted_clusters"]["clusters"]
    assert [cluster["name"] for cluster in weighted] == names[1:]


def test_a_full_name_stays_in_its_namespace() -> None:
    """The article's full host name means `default` in any namespace that the files are applied to."""
    (host,) = route_configuration(state(f"{ODD}/article-hosts.yaml"), "lab")["virtual_hosts"]
    assert host["domains"] == [SERVICE]


def test_what_is_returned_is_the_callers() -> None:
    """The objects are plain JSON, and a change to them reaches neither the defaults nor the next call."""
    whole = state("istio/destination-rule-overload.yaml", SPLIT)
    before = json.dumps([route_configuration(whole), clusters(whole, [V1, V2])])
    routes, made = route_configuration(whole), clusters(whole, [V1, V2])
    routes["virtual_hosts"][0]["routes"][0]["route"]["retry_policy"]["retry_host_predicate"].clear()
    made[0]["common_lb_config"]["healthy_panic_threshold"]["value"] = 50
    made[0]["circuit_breakers"]["thresholds"][0]["max_connections"] = 1
    assert json.dumps([route_configuration(whole), clusters(whole, [V1, V2])]) == before


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
