"""What the manifests of the mesh say fits together, and with those that they belong to."""

import re
from typing import Any

import pytest

from canary_loadtest.core.answer import ROUTE_HEADER
from scripts.lab.translation import translate
from scripts.lab.translation.fields import ManifestError
from scripts.lab.translation.manifests import parse
from scripts.proxy import route_names as mesh_routes
from tests.manifests.files import ISTIO, OPERATOR
from tests.support.repository import resource, resources, text_of

VIRTUAL_SERVICES = tuple(path for path in ISTIO if path.startswith("istio/mesh/virtual-service-"))
HTTP_ROUTES = tuple(path for path in ISTIO if "/http-route-" in path)
MESH_RULES = ("istio/mesh/peer-authentication-strict.yaml", "istio/mesh/authorization-policy.yaml")
WEIGHTED = tuple(path for path in HTTP_ROUTES if re.search(r"-\d+-\d+\.yaml$", path))


def twin_of(path: str) -> str:
    """Return the virtual service of which an HTTP route is the twin."""
    state = path.removeprefix("istio/gateway-api/http-route-")
    folder = "istio/mesh" if state == "mirror.yaml" else "istio"
    return f"{folder}/virtual-service-{state}"


def route_names(state: dict[str, Any]) -> list[str]:
    """Return the names that a virtual service's or an HTTP route's rules put on their answers, in their order."""
    if state["kind"] == "VirtualService":
        return [route["headers"]["response"]["set"][ROUTE_HEADER] for route in state["spec"]["http"]]
    changes = [
        entry
        for rule in state["spec"]["rules"]
        for one in rule["filters"]
        if one["type"] == "ResponseHeaderModifier"
        for entry in one["responseHeaderModifier"]["set"]
    ]
    assert {entry["name"] for entry in changes} == {ROUTE_HEADER}
    return [entry["value"] for entry in changes]


def account(path: str) -> str:
    """Return the name of the service account in a file."""
    found = resource(path)
    assert found["kind"] == "ServiceAccount"
    return str(found["metadata"]["name"])


@pytest.mark.parametrize("path", [*VIRTUAL_SERVICES, *HTTP_ROUTES])
def test_every_route_is_named_after_its_state(path: str) -> None:
    """Each answer names the file of its route: a route's name begins with the state's, and no two are alike."""
    state = re.sub(r".*/(virtual-service|http-route)-(.*)\.yaml", r"\2", path)
    prefix = f"gateway-api-{state}" if path in HTTP_ROUTES else state
    names = route_names(resource(path))
    assert len(set(names)) == len(names)
    assert {name.startswith(prefix) for name in names} == {True}


@pytest.mark.parametrize("path", VIRTUAL_SERVICES)
def test_a_virtual_service_replaces_the_labs_own(path: str) -> None:
    """It has their name, hosts and gateways, and the Service's port: applied in any order, each replaces the other."""
    ours, plain = resource(path), resource("istio/virtual-service-70-30.yaml")
    assert ours["metadata"] == plain["metadata"]
    assert {key: ours["spec"][key] for key in ("hosts", "gateways")} == {
        key: plain["spec"][key] for key in ("hosts", "gateways")
    }
    routes = ours["spec"]["http"]
    targets = [one["destination"] for route in routes for one in route["route"]]
    targets += [route["mirror"] for route in routes if "mirror" in route]
    assert {(one["host"], one["port"]["number"]) for one in targets} == {("micro-api", 19090)}
    assert {one["subset"] for one in targets} == {"v1", "v2"}


@pytest.mark.parametrize("path", MESH_RULES)
def test_the_lab_refuses_what_it_cannot_do(path: str) -> None:
    """The lab does not pass over what needs a mesh: it names the kind."""
    with pytest.raises(ManifestError, match="the lab does not apply this kind"):
        parse(text_of(path), path)


def test_the_outlier_rule_is_the_plain_one_otherwise() -> None:
    """It changes nothing but that a failing pod is left out, and half of a version's pods stay."""
    plain, lesson = resource("istio/destination-rule.yaml"), resource("istio/mesh/destination-rule-outlier.yaml")
    outliers = lesson["spec"]["trafficPolicy"].pop("outlierDetection")
    assert lesson == plain
    assert outliers["maxEjectionPercent"] == 50


def test_the_sticky_canary_sends_each_visitor_where_his_cookie_says() -> None:
    """A new visitor's answer sets the cookie by which the version that answered is found again; 70 to 30 at first."""
    canary, stable, new = resource("istio/mesh/virtual-service-cookie.yaml")["spec"]["http"]
    drawn = {one["destination"]["subset"]: one for one in new["route"]}
    assert {subset: one["weight"] for subset, one in drawn.items()} == {"v1": 70, "v2": 30}
    for subset, kept in (("v1", stable), ("v2", canary)):
        (only,) = kept["route"]
        assert only["destination"]["subset"] == subset
        cookie = drawn[subset]["headers"]["response"]["add"]["set-cookie"].partition(";")[0]
        pattern = re.compile(kept["match"][0]["headers"]["cookie"]["regex"])
        for header in (cookie, f"a=b; {cookie}", f"{cookie}; a=b", f"a=b;{cookie};c=d"):
            assert pattern.fullmatch(header), header
        for header in (f"x{cookie}", f"{cookie}x", "canary=", "a=b"):
            assert not pattern.fullmatch(header), header


@pytest.mark.parametrize("path", HTTP_ROUTES)
def test_an_http_route_names_its_routes_as_its_twin_does(path: str) -> None:
    """The names on the answers are the twin's with a mark, so that an answer shows which of both was served."""
    assert route_names(resource(path)) == [f"gateway-api-{name}" for name in route_names(resource(twin_of(path)))]


@pytest.mark.parametrize("path", HTTP_ROUTES)
def test_an_http_route_belongs_to_the_gateway_and_to_the_service(path: str) -> None:
    """As a virtual service is bound to the gateway and `mesh`: both kinds of clients get the same split."""
    gateway = resource("istio/gateway-api/gateway.yaml")["metadata"]
    service = resource("k8s/base/service.yaml")["metadata"]["name"]
    state = resource(path)
    assert state["metadata"] == resource(twin_of(path))["metadata"]
    assert state["spec"]["parentRefs"] == [gateway, {"kind": "Service", "group": "", "name": service}]


@pytest.mark.parametrize("path", WEIGHTED)
def test_an_http_route_has_the_weights_of_its_twin(path: str) -> None:
    """The Service of each version gets what the subset of its name gets."""
    (rule,), (route,) = resource(path)["spec"]["rules"], resource(twin_of(path))["spec"]["http"]
    weights = {one["name"].removeprefix("micro-api-"): one["weight"] for one in rule["backendRefs"]}
    assert weights == {one["destination"]["subset"]: one["weight"] for one in route["route"]}


def test_the_header_and_mirror_twins_lead_to_the_same_versions() -> None:
    """Testers by the same header to v2 and all others to v1; and a copy of all for v2."""
    testers, everybody = resource("istio/gateway-api/http-route-header.yaml")["spec"]["rules"]
    (match,) = resource(twin_of("istio/gateway-api/http-route-header.yaml"))["spec"]["http"][0]["match"]
    headers = {one["name"]: {"exact": one["value"]} for one in testers["matches"][0]["headers"]}
    assert headers == match["headers"]
    assert [one["name"] for one in testers["backendRefs"]] == ["micro-api-v2"]
    assert [one["name"] for one in everybody["backendRefs"]] == ["micro-api-v1"]
    (rule,) = resource("istio/gateway-api/http-route-mirror.yaml")["spec"]["rules"]
    copied, _ = rule["filters"]
    assert copied["requestMirror"]["backendRef"]["name"] == "micro-api-v2"
    assert [one["name"] for one in rule["backendRefs"]] == ["micro-api-v1"]


def test_a_version_of_the_gateway_api_is_a_subset_of_the_destination_rule() -> None:
    """Each version's Service selects the pods of the subset, and leads to the same ports as the Service of all."""
    subsets = {one["name"]: one["labels"] for one in resource("istio/destination-rule.yaml")["spec"]["subsets"]}
    everybody = resource("k8s/base/service.yaml")["spec"]
    for service in resources("istio/gateway-api/services.yaml"):
        version = service["metadata"]["name"].removeprefix("micro-api-")
        assert service["spec"]["selector"] == {**everybody["selector"], **subsets.pop(version)}
        assert service["spec"]["ports"] == everybody["ports"]
    assert subsets == {}


@pytest.mark.parametrize(("version", "tag"), [("v1", "1.1-SNAPSHOT"), ("v2", "1.3-SNAPSHOT")])
def test_a_version_has_its_label_and_its_image(version: str, tag: str) -> None:
    """The label is what the destination rule's subset selects by; the images are the plain flows' stable and canary."""
    overlay = resource(f"istio/workloads/{version}/kustomization.yaml")
    assert overlay["labels"] == [{"pairs": {"version": version}, "includeSelectors": True}]
    assert overlay["nameSuffix"] == f"-{version}"
    assert overlay["images"] == [{"name": "micro-api", "newTag": tag}]


def test_the_policy_admits_identities_that_exist() -> None:
    """The gateway's, the load test's and Prometheus's service accounts, the last for the metrics alone."""
    everything, metrics = resource("istio/mesh/authorization-policy.yaml")["spec"]["rules"]
    accounts = [account("k8s/load/service-account.yaml"), account("monitoring/kubernetes/service-account.yaml")]
    (gateway,) = resource(OPERATOR)["spec"]["components"]["ingressGateways"]
    ingress = f"istio-system/{gateway['name']}-service-account"
    assert everything == {"from": [{"source": {"serviceAccounts": [ingress, accounts[0]]}}]}
    assert metrics["from"] == [{"source": {"serviceAccounts": [accounts[1]]}}]
    assert metrics["to"] == [{"operation": {"methods": ["GET"], "paths": ["/metrics"]}}]


def test_the_gateway_listens_where_the_cluster_publishes_it() -> None:
    """Port 80 of the gateway is the node port that the cluster publishes, and istio/gateway.yaml listens on it."""
    (gateway,) = resource(OPERATOR)["spec"]["components"]["ingressGateways"]
    ports = {port["port"]: port.get("nodePort") for port in gateway["k8s"]["service"]["ports"]}
    mappings = resource("scripts/cluster/kind.yaml")["nodes"][0]["extraPortMappings"]
    assert ports[80] in {mapping["containerPort"] for mapping in mappings if mapping["hostPort"] == 19080}
    (listener,) = resource("istio/gateway-api/gateway.yaml")["spec"]["listeners"]
    (server,) = resource("istio/gateway.yaml")["spec"]["servers"]
    assert (listener["port"], listener["protocol"]) == (server["port"]["number"], server["port"]["protocol"])
    address = f"{gateway['name']}.istio-system.svc.cluster.local"
    assert [one["value"] for one in resource("istio/gateway-api/gateway.yaml")["spec"]["addresses"]] == [address]


def test_the_parts_agree_on_the_header_of_the_route() -> None:
    """The load test, the lab's translation and the scripts for the mesh run alone, each with its own definition."""
    assert translate.ROUTE_HEADER == mesh_routes.ROUTE_HEADER == ROUTE_HEADER
