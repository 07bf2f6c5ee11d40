"""The traffic states of the lab, istio/*.yaml: each differs from the others in what its name says alone."""

import re
from typing import Any

import pytest
import yaml

from scripts.lab.translation.manifests import DestinationRule, VirtualService
from tests.lab.states import ISTIO, resource
from tests.manifests.files import header
from tests.support.repository import text_of

STATES = tuple(path for path in ISTIO if re.fullmatch(r"istio/virtual-service-\d+-\d+\.yaml", path))
RULES = tuple(path for path in ISTIO if path.startswith("istio/destination-rule"))
VIRTUAL_SERVICES = tuple(path for path in ISTIO if path.startswith("istio/virtual-service"))


def virtual_service(path: str) -> VirtualService:
    """Return a file's virtual service."""
    found = resource(path)
    assert isinstance(found, VirtualService)
    return found


def without_state(path: str) -> dict[str, Any]:
    """Return a traffic state without what makes it this one: its weights and its route's name."""
    whole: dict[str, Any] = yaml.safe_load(text_of(path))
    (route,) = whole["spec"]["http"]
    del route["headers"]["response"]["set"]["x-canary-route"]
    for destination in route["route"]:
        del destination["weight"]
    return whole


def test_the_states_of_a_release_are_all_there() -> None:
    """A release goes from 100/0 to 0/100 by files that exist, and there is the header-routed canary."""
    names = {path.removeprefix("istio/virtual-service-").removesuffix(".yaml") for path in VIRTUAL_SERVICES}
    assert names == {"100-0", "90-10", "70-30", "50-50", "0-100", "header"}


@pytest.mark.parametrize("path", ISTIO)
def test_a_header_has_the_command_for_a_cluster_and_the_one_for_the_lab(path: str) -> None:
    """Each file can be applied to both, and says so."""
    commands = {line.removeprefix("#   ") for line in header(path)}
    assert f"kubectl apply -f {path}" in commands
    lab = ".venv/bin/python -m scripts.lab"
    assert (f"{lab} up" if path == "istio/gateway.yaml" else f"{lab} shift {path}") in commands


@pytest.mark.parametrize("path", STATES)
def test_the_weights_are_those_of_the_file_name(path: str) -> None:
    """In `A-B` the first figure is the weight of v1, the second of v2; they sum up to 100, and name the route."""
    stable_weight, canary_weight = map(int, re.findall(r"\d+", path))
    (route,) = virtual_service(path).http
    weights = {destination.subset: destination.weight for destination in route.destinations}
    assert weights == {"v1": stable_weight, "v2": canary_weight}
    assert stable_weight + canary_weight == 100
    assert route.response_headers == {"x-canary-route": f"{stable_weight}-{canary_weight}"}


@pytest.mark.parametrize("path", STATES)
def test_the_states_differ_only_in_weights_and_name(path: str) -> None:
    """Apart from the weights and the route's name each state is the 70/30 one."""
    assert without_state(path) == without_state("istio/virtual-service-70-30.yaml")


def test_the_header_routed_canary_sends_testers_to_v2() -> None:
    """Requests with x-canary: "true" go to v2 and all others to v1, each under its own route name."""
    testers, everybody = virtual_service("istio/virtual-service-header.yaml").http
    assert testers.matches == ({"headers": {"x-canary": {"exact": "true"}}},)
    assert [destination.subset for destination in testers.destinations] == ["v2"]
    assert testers.response_headers == {"x-canary-route": "header-canary"}
    assert everybody.matches == ()
    assert [destination.subset for destination in everybody.destinations] == ["v1"]
    assert everybody.response_headers == {"x-canary-route": "header-stable"}


@pytest.mark.parametrize("path", VIRTUAL_SERVICES)
def test_a_virtual_service_replaces_the_one_before(path: str) -> None:
    """All have one name, short hosts, both gateways and the Service's port: applied anywhere, in any order."""
    service = virtual_service(path)
    assert (service.meta.name, service.hosts) == ("micro-api-route", ("micro-api",))
    assert service.gateways == (resource("istio/gateway.yaml").meta.name, "mesh")
    destinations = [destination for route in service.http for destination in route.destinations]
    assert {(destination.host, destination.port) for destination in destinations} == {("micro-api", 19090)}


@pytest.mark.parametrize("path", RULES)
def test_a_destination_rule_defines_both_versions(path: str) -> None:
    """Each rule replaces the other, and defines every subset that a virtual service names."""
    rule = resource(path)
    assert isinstance(rule, DestinationRule)
    assert (rule.meta.name, rule.host) == ("micro-api-destination", "micro-api")
    assert {name: subset.labels for name, subset in rule.subsets.items()} == {
        name: {"version": name} for name in ("v1", "v2")
    }
    routes = [route for service in map(virtual_service, VIRTUAL_SERVICES) for route in service.http]
    assert {one.subset for route in routes for one in route.destinations} == set(rule.subsets)


def test_only_the_lesson_sheds_load() -> None:
    """The article's connection limits are in the overload file alone; the rest of its rule is the ordinary one."""
    plain, lesson = (yaml.safe_load(text_of(f"istio/destination-rule{name}.yaml")) for name in ("", "-overload"))
    assert lesson["spec"]["trafficPolicy"].pop("connectionPool") == {
        "tcp": {"maxConnections": 10},
        "http": {"http1MaxPendingRequests": 1, "maxRequestsPerConnection": 1},
    }
    assert lesson == plain
