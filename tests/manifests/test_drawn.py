"""Every route under istio/ names on its answers the destination that was drawn, by its role."""

from typing import Any, Final

import pytest

from tests.manifests.files import ISTIO
from tests.support.repository import resource

HEADER: Final = "x-canary-subset"
ROLES: Final = {"v1": "stable", "v2": "canary"}
VIRTUAL_SERVICES: Final = tuple(path for path in ISTIO if "/virtual-service-" in path)
HTTP_ROUTES: Final = tuple(path for path in ISTIO if "/http-route-" in path)


def changes(backend: dict[str, Any]) -> list[dict[str, str]]:
    """Return the headers that a backend of an HTTP route sets on its answers."""
    filters = [one for one in backend.get("filters", ()) if one["type"] == "ResponseHeaderModifier"]
    return [header for one in filters for header in one["responseHeaderModifier"]["set"]]


@pytest.mark.parametrize("path", VIRTUAL_SERVICES)
def test_a_destination_names_the_role_of_its_subset(path: str) -> None:
    """By a header of the destination, so that it is on an error that the proxy itself answers for it, too."""
    destinations = [one for route in resource(path)["spec"]["http"] for one in route["route"]]
    assert destinations
    for one in destinations:
        assert one["headers"]["response"]["set"] == {HEADER: ROLES[one["destination"]["subset"]]}


@pytest.mark.parametrize("path", HTTP_ROUTES)
def test_a_backend_names_the_role_of_its_service(path: str) -> None:
    """As a destination of its twin does."""
    backends = [one for rule in resource(path)["spec"]["rules"] for one in rule["backendRefs"]]
    assert backends
    for one in backends:
        assert changes(one) == [{"name": HEADER, "value": ROLES[one["name"].removeprefix("micro-api-")]}]
