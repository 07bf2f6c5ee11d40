"""A route's name that claims shares is held against its weights, in both kinds of routes."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from scripts.mesh.set_state import shares_of
from scripts.proxy.route_names import declared_weights, disagreement, route_name
from tests.manifests.files import ISTIO
from tests.support.processes import run
from tests.support.repository import resource

STATES = [path for path in ISTIO if "/virtual-service-" in path or "/http-route-" in path]
V1, V2 = ({"destination": {"subset": version}} for version in ("v1", "v2"))
OTHER = {"destination": {"host": "other"}}
ALONE = {"route": [{**V2, "weight": 10}]}
SIXTY_THIRTY = {
    "route": [{**V1, "weight": 60}, {**V2, "weight": 30}],
    "headers": {"response": {"set": {"x-canary-route": "70-30"}}},
}


@pytest.mark.parametrize("path", STATES)
def test_no_state_of_ours_has_a_name_that_misleads(path: str) -> None:
    """Names such as 70-30 tell the weights, of virtual services and of HTTP routes."""
    for name, shares in shares_of(resource(path)):
        assert name
        assert disagreement(name, shares) == ""


@pytest.mark.parametrize(
    ("route", "shares"),
    [
        (ALONE, (0, 100)),
        ({"route": [V1, {**V2, "weight": 1}]}, (0, 100)),
        ({"backendRefs": [{"name": "micro-api-v1"}, {"name": "micro-api-v2"}]}, (50, 50)),
        (
            {"route": [{"destination": {"host": "other"}, "weight": 10}, {**V1, "weight": 60}, {**V2, "weight": 30}]},
            (60, 30),
        ),
        ({"redirect": {"uri": "/login"}}, (0, 0)),
    ],
)
def test_weights_are_shares_of_their_sum(route: Mapping[str, Any], shares: tuple[float, float]) -> None:
    """One destination alone has all; a missing weight is 0 in a virtual service, and 1 in an HTTP route."""
    assert declared_weights(route) == pytest.approx(shares)


def test_a_name_that_does_not_tell_the_weights_is_named() -> None:
    """60 and 30 are 66.67 and 33.33 %, with any name; a name without figures claims nothing."""
    shares = declared_weights(SIXTY_THIRTY)
    assert "named 70-30, and its weights are v1 66.67 %, v2 33.33 %" in disagreement(route_name(SIXTY_THIRTY), shares)
    assert disagreement("gateway-api-70-30", shares)
    assert disagreement("header-stable", shares) == ""
    assert disagreement("70-30", (0, 0)) == ""  # of somebody else's versions, blue and green


def test_the_last_route_is_what_the_mesh_declares() -> None:
    """The command prints the share and the route's name, and warns of a name that misleads."""
    text = json.dumps({"spec": {"http": [ALONE, SIXTY_THIRTY]}})
    done = run(sys.executable, "-m", "scripts.mesh.declared_share", stdin=text)
    assert done.stdout == "33.33333333 70-30\n"
    assert done.stderr.startswith("warning: the route is named 70-30, and its weights")
