"""Somebody's own Services: which there are, which subset is the canary, and which replicas serve each."""

from collections.abc import Sequence
from typing import Any, Final

import pytest
import yaml

from scripts.lab.translation import analysis
from scripts.lab.translation.assumptions import Assumptions, assume
from scripts.lab.translation.canary import canary_name
from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.manifests import ManifestError, Manifests, combine, parse
from scripts.lab.translation.services import services
from scripts.lab.translation.stand_ins import groups_of, of_stable
from scripts.lab.translation.translate import browser_routes, clusters, host_to_ask, route_configuration
from tests.lab.states import V1, V2, resource

GATEWAY: Final = "istio/gateway.yaml"


def target(host: str, subset: str = "") -> dict[str, Any]:
    """Return a destination."""
    return {"host": host, **({"subset": subset} if subset else {})}


def virtual_service(*routes: dict[str, int], host: str = "shop.example.com", **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    """Return a VirtualService whose routes are weights by `SERVICE` or `SERVICE/SUBSET`."""
    http = [
        {"route": [{"destination": target(*name.split("/")), "weight": weight} for name, weight in route.items()]}
        for route in routes
    ]
    whole = {"hosts": [host], "gateways": ["micro-gateway"], "http": http, **spec}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "shop"},
        "spec": {name: value for name, value in whole.items() if value is not None},
    }


def rule(host: str, **subsets: dict[str, str]) -> dict[str, Any]:
    """Return a DestinationRule of subsets with labels."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": host},
        "spec": {"host": host, "subsets": [{"name": name, "labels": labels} for name, labels in subsets.items()]},
    }


def state(*documents: dict[str, Any], canary: str | None = None) -> Manifests:
    """Return the state of some documents at the lab's gateway."""
    return combine([resource(GATEWAY), *parse(yaml.safe_dump_all(documents), "shop.yaml")], canary)


def served_by(manifests: Manifests, endpoints: Sequence[Endpoint] = (V1, V2)) -> dict[str, str]:
    """Return which replicas of micro-api are in each cluster, such as `v1-0` or `v1-0 v2-0`."""
    return {
        one["name"].split("|", 1)[1].removesuffix(".default.svc.cluster.local"): " ".join(
            endpoint["endpoint"]["address"]["pipe"]["path"].removeprefix("/run/").removesuffix(".sock")
            for endpoint in one["load_assignment"]["endpoints"][0]["lb_endpoints"]
        )
        for one in clusters(manifests, endpoints)
    }


def groups(count: int) -> list[Endpoint]:
    """Return one replica of v1 in each of some groups, and one of v2."""
    return [*(Endpoint(V1.labels, f"/run/v1-{group}.sock", group) for group in range(count)), V2]


@pytest.mark.parametrize(
    ("weights", "canary"),
    [
        ({"shop/v1": 50, "shop/v2": 50}, "v2"),
        ({"shop/v1": 50, "shop/v3": 50}, "v3"),
        ({"shop/stable": 10, "shop/canary": 90}, "canary"),
        ({"shop-stable": 10, "shop-canary": 90}, "shop-canary"),
        ({"shop-v1": 10, "shop-v2": 90}, "shop-v2"),
        ({"shop/blue": 90, "shop/green": 10}, "green"),
        ({"shop": 100}, None),
    ],
)
def test_the_canary_is_known_by_its_name_or_by_its_weight(weights: dict[str, int], canary: str | None) -> None:
    """It is what is called canary, else the newest version, else what has the smallest weight."""
    assert canary_name(state(virtual_service(weights))) == canary


def test_a_label_names_the_canary_too() -> None:
    """A subset of any name is the canary if its label says so."""
    subsets = {"one": {"track": "stable"}, "two": {"track": "canary"}}
    assert canary_name(state(virtual_service({"shop/one": 50, "shop/two": 50}), rule("shop", **subsets))) == "two"


def test_it_is_asked_where_neither_decides() -> None:
    """Two names that mean nothing, with one weight: the message names both and the option."""
    equal = virtual_service({"shop/blue": 50, "shop/green": 50})
    with pytest.raises(ManifestError, match=r"which of blue, green is the canary\? .* --canary green"):
        canary_name(state(equal))
    assert canary_name(state(equal, canary="blue")) == "blue"
    with pytest.raises(ManifestError, match=r"--canary red: no route of .* leads there: they lead to blue, green"):
        canary_name(state(equal, canary="red"))


def test_v2_stands_for_the_canary_and_v1_for_all_others() -> None:
    """Each subset has the replicas of one version, the Service as a whole those of both."""
    whole = state(
        virtual_service({"shop/v1": 90, "shop/v2": 10}),
        rule("shop", **{version: {"version": version} for version in ("v1", "v2")}),
    )
    assert groups_of(whole) == 1
    assert served_by(whole) == {"80||shop": "v1-0 v2-0", "80|v1|shop": "v1-0", "80|v2|shop": "v2-0"}


THREE: Final = (
    virtual_service({"shop/v1": 80, "shop/v3": 20}),
    rule("shop", **{version: {"version": version} for version in ("v1", "v2", "v3")}),
)


def test_each_subset_has_replicas_of_its_own() -> None:
    """Also one that no route leads to: the Service's pods are those of all that its rule defines."""
    assert groups_of(state(*THREE)) == 2
    assert served_by(state(*THREE), groups(2)) == {
        "80||shop": "v1-0 v1-1 v2-0",
        "80|v1|shop": "v1-0",
        "80|v2|shop": "v1-1",
        "80|v3|shop": "v2-0",
    }


def test_subsets_share_replicas_where_there_are_too_few() -> None:
    """A running lab keeps the replicas that it was started with; which subsets share some is known."""
    whole = state(virtual_service({"shop/v1": 50, "shop/v2": 40, "shop/v3": 10}), THREE[1])
    assert served_by(whole) == {
        "80||shop": "v1-0 v2-0",
        "80|v1|shop": "v1-0",
        "80|v2|shop": "v1-0",
        "80|v3|shop": "v2-0",
    }
    assert of_stable(whole, [V1, V2]) == {"v1": True, "v2": True}
    assert of_stable(whole, groups(2)) == {"v1": False, "v2": False}


def test_micro_api_has_two_versions_whatever_a_lab_was_started_with() -> None:
    """The replicas of a third subset serve nothing after a shift back: the pods' ratio is that of two versions."""
    own = combine(map(resource, (GATEWAY, "istio/destination-rule.yaml", "istio/virtual-service-70-30.yaml")))
    assert set(served_by(own, groups(3)).values()) == {"v1-0 v2-0", "v1-0", "v2-0"}


def test_services_stand_in_place_of_subsets() -> None:
    """Each Service has the replicas of one version, and none has another's."""
    two = state(virtual_service({"shop": 95, "shop-canary": 5}))
    assert served_by(two) == {"80||shop": "v1-0", "80||shop-canary": "v2-0"}
    three = state(virtual_service({"shop-v1": 60, "shop-v2": 30, "shop-v3": 10}))
    assert groups_of(three) == 2
    assert served_by(three, groups(2)) == {"80||shop-v1": "v1-0", "80||shop-v2": "v1-1", "80||shop-v3": "v2-0"}


def test_a_subset_selects_the_pods_that_have_its_labels() -> None:
    """A subset without labels, or with those that both have, is served by both versions, as on a cluster."""
    whole = state(
        virtual_service({"shop/all": 90, "shop/canary": 10}),
        rule("shop", all={"app": "shop"}, canary={"app": "shop", "version": "v2"}),
    )
    assert served_by(whole)["80|all|shop"] == "v1-0 v2-0"
    assert served_by(whole)["80|canary|shop"] == "v2-0"


@pytest.mark.parametrize("stable", ["shop", "shop/stable"])
def test_pods_that_no_subset_names_are_stable(stable: str) -> None:
    """A rule may have labels for the canary alone: the Service as a whole has other pods, too."""
    made = rule("shop", stable={}, canary={"track": "canary"})
    del made["spec"]["subsets"][0]["labels"]
    whole = state(virtual_service({stable: 90, "shop/canary": 10}), made)
    assert served_by(whole) == {"80||shop": "v1-0 v2-0", "80|stable|shop": "v1-0 v2-0", "80|canary|shop": "v2-0"}


def test_the_ports_of_a_service_come_from_its_manifest() -> None:
    """A Service that is given is known with its ports, and then any other name is a mistake."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"port": 8080}]}}
    whole = state(service, virtual_service({"shop": 90, "shopp": 10}))
    assert services(whole) == {"shop.default.svc.cluster.local": (8080,)}
    (warning,) = analysis.warnings(whole, [V1, V2])
    assert "host: shopp: matches no Service: its share, weight 10 of 100, gets 503" in warning


def test_a_rule_without_a_destination_rule_gets_503_unless_its_subsets_are_assumed() -> None:
    """Each undefined subset is reported with the way out, which defines it by the label `version`."""
    whole = state(virtual_service({"shop/v1": 90, "shop/v2": 10}))
    found = analysis.warnings(whole, [V1, V2])
    assert [one.endswith("gets 503") and "--assume-subsets" in one for one in found] == [True, True]
    assumed = assume(whole, Assumptions(subsets=True))
    assert analysis.warnings(assumed, [V1, V2]) == ()
    assert served_by(assumed) == {"80||shop": "v1-0 v2-0", "80|v1|shop": "v1-0", "80|v2|shop": "v2-0"}


@pytest.mark.parametrize("gateways", [None, ["shop-gateway"], ["mesh"]])
def test_a_rule_that_is_bound_to_no_gateway_gets_404_unless_that_is_assumed(gateways: list[str] | None) -> None:
    """The warning names the gateway that is there; with the assumption the route is served."""
    whole = state(virtual_service({"shop": 1}, host="shop", gateways=gateways))
    (warning,) = analysis.warnings(whole, [V1, V2])
    assert "the gateway answers 404 to everything" in warning
    assert "micro-gateway" in warning
    assumed = assume(whole, Assumptions(gateway=True))
    assert analysis.warnings(assumed, [V1, V2]) == ()
    assert host_to_ask(assumed) == "shop.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("shop.example.com", "shop.example.com"),
        ("*.example.com", "www.example.com"),
        ("*", "shop.default.svc.cluster.local"),
        ("shop", "shop.default.svc.cluster.local"),
    ],
)
def test_the_host_to_ask_leads_to_a_route(host: str, asked: str) -> None:
    """The Host of the printed command is one of the file's, or stands for its wildcard; browsers may send any."""
    whole = state(virtual_service({"shop": 1}, host=host))
    assert host_to_ask(whole) == asked
    (virtual_host,) = browser_routes(whole)["virtual_hosts"]
    assert virtual_host["domains"] == ["*"]
    assert virtual_host["routes"] == route_configuration(whole)["virtual_hosts"][0]["routes"]


def test_a_server_with_tls_is_served_in_plain_and_said() -> None:
    """What a cluster has at port 443 is at the lab's port, and its redirect from port 80 is left out."""
    hosts = ["*.example.com"]
    servers = [
        {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": hosts, "tls": {"httpsRedirect": True}},
        {
            "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
            "hosts": hosts,
            "tls": {"mode": "SIMPLE", "credentialName": "certificate"},
        },
        {"port": {"number": 31400, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]},
    ]
    gateway = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "Gateway",
        "metadata": {"name": "shop-gateway"},
        "spec": {"selector": {"app": "public"}, "servers": servers},
    }
    service = virtual_service({"shop": 1}, gateways=["shop-gateway"])
    whole = combine(parse(yaml.safe_dump_all([gateway, service]), "shop.yaml"))
    (virtual_host,) = route_configuration(whole)["virtual_hosts"]
    assert virtual_host["domains"] == ["shop.example.com"]
    assert "require_tls" not in virtual_host
    fields = [warning.split(": ")[1] for warning in analysis.warnings(whole, [V1, V2])]
    assert fields == [
        "spec.servers[0].tls.httpsRedirect",
        "spec.servers[1].tls",
        "spec.servers[2].port.protocol",
        "spec.selector",
    ]


def test_a_redirect_to_what_no_server_has_is_served_as_on_a_cluster() -> None:
    """Without a server for https the hosts get 301, those without a VirtualService too, and that is said."""
    gateway = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "shop-gateway"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [
                {
                    "port": {"number": 80, "name": "http", "protocol": "HTTP"},
                    "hosts": ["*.example.com", "*.example.org"],
                    "tls": {"httpsRedirect": True},
                },
                {
                    "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                    "hosts": ["*.example.org"],
                    "tls": {"mode": "SIMPLE", "credentialName": "certificate"},
                },
            ],
        },
    }
    service = virtual_service({"shop": 1}, gateways=["shop-gateway"])
    whole = combine(parse(yaml.safe_dump_all([gateway, service]), "shop.yaml"))
    hosts = {tuple(one["domains"]): one for one in route_configuration(whole)["virtual_hosts"]}
    assert {domains: one["require_tls"] for domains, one in hosts.items()} == {
        ("shop.example.com",): "ALL",
        ("*.example.com",): "ALL",
    }
    first, _ = analysis.warnings(whole, [V1, V2])
    assert first == (
        "shop.yaml: spec.servers[0].tls.httpsRedirect: *.example.com: each request gets 301 to https, as on a "
        "cluster, and nothing here serves that"
    )


def test_what_has_no_effect_here_is_said() -> None:
    """Fields that are read and change nothing in the lab are named, and kinds that are passed over."""
    with_tls = rule("shop", v1={"version": "v1"})
    with_tls["spec"] |= {"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}, "exportTo": ["."]}
    policy = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "only-me"}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}}
    whole = state(virtual_service({"shop/v1": 1}), with_tls, policy, deployment)
    assert analysis.warnings(whole, [V1, V2]) == (
        "shop.yaml: spec.trafficPolicy.tls, spec.exportTo: read, and without effect in the lab",
        "shop.yaml: kind: AuthorizationPolicy: only-me: the lab does not apply this kind",
    )


def test_what_has_no_effect_in_a_subset_or_at_a_port_is_said() -> None:
    """A policy has the same fields at each of its places, and the warning names the place."""
    found = rule("shop", v1={"version": "v1"})
    keepalive = {"connectionPool": {"tcp": {"tcpKeepalive": {"time": "10s"}}}}
    at_port = {"port": {"number": 80}, "tls": {"mode": "DISABLE"}, **keepalive}
    found["spec"]["trafficPolicy"] = {"portLevelSettings": [at_port]}
    found["spec"]["subsets"][0]["trafficPolicy"] = {
        "loadBalancer": {"localityLbSetting": {"enabled": True}},
        "portLevelSettings": [at_port],
    }
    (warning,) = analysis.warnings(state(virtual_service({"shop/v1": 1}), found), [V1, V2])
    fields, _, rest = warning.removeprefix("shop.yaml: ").partition(": ")
    assert rest == "read, and without effect in the lab"
    ports = ("portLevelSettings[0].connectionPool.tcp.tcpKeepalive", "portLevelSettings[0].tls")
    assert fields.split(", ") == [
        *(f"spec.trafficPolicy.{port}" for port in ports),
        "spec.subsets[0].trafficPolicy.loadBalancer.localityLbSetting",
        *(f"spec.subsets[0].trafficPolicy.{port}" for port in ports),
    ]
